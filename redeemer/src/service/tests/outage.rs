//! What happens while the store does not answer.

use super::statements::obey;
use super::*;
use crate::ledger::EntryId;
use crate::publishers::PublisherId;

fn adjust(running: &Running, publisher: PublisherId, id: EntryId) -> Result<Value, String> {
    let (day, denomination) = ("2026-11-21".parse().unwrap(), "EUR-10000".parse().unwrap());
    let (tokens, reason) = (1.try_into().unwrap(), "a gift".parse().unwrap());
    obey(running, Command::Adjust { publisher, id, day, denomination, tokens, reason })
}

#[test]
fn a_store_that_is_gone_is_503_and_repeating_is_safe() {
    let cent = TestKey::new(1);
    let running = Running::start(&[&cent]);
    assert_eq!(running.get("/readyz").status(), 200);
    let publisher = running.get("/v1/publisher").json()["publisher"].as_str().unwrap().parse().unwrap();
    let id = EntryId::random().unwrap();
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
    let unknown = adjust(&running, publisher, id).unwrap_err();
    let how =
        format!("not known to be recorded; to repeat it safely add --id {id}: the store is unavailable");
    assert!(unknown.starts_with(&how), "{unknown}");
    assert_eq!(running.get("/healthz").status(), 200);
    assert_eq!(running.get("/v1/keys").status(), 200);
    std::fs::rename(&elsewhere, &path).unwrap();
    running.redeem("a", &[&cent.token(1)], true).results(200, &["accepted"]);
    adjust(&running, publisher, id).unwrap();
}
