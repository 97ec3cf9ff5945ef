//! What happens while the store does not answer.

use super::*;

#[test]
fn a_store_that_is_gone_is_503_and_repeating_is_safe() {
    let cent = TestKey::new(1);
    let running = Running::start(&[&cent]);
    assert_eq!(running.get("/readyz").status(), 200);
    let path = running.directory.path().join("data/redeemer.db");
    let elsewhere = running.directory.path().join("elsewhere");
    std::fs::rename(&path, &elsewhere).unwrap();
    for answer in [
        running.redeem("a", &[&cent.token(1)], true),
        running.get("/v1/redemptions/a"),
        running.get("/v1/balance"),
        running.get("/v1/totals"),
        running.get("/readyz"),
    ] {
        assert_eq!(answer.problem(), (ProblemKind::Unavailable, None));
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    assert_eq!(running.get("/healthz").status(), 200);
    assert_eq!(running.get("/v1/keys").status(), 200);
    std::fs::rename(&elsewhere, &path).unwrap();
    running.redeem("a", &[&cent.token(1)], true).results(200, &["accepted"]);
}
