use farthing_api::{BalanceEntry, Base64Url, RECEIPT_PAYLOAD_TYPE, Receipt};
use farthing_service::signing_key::SigningKey;
use serde_json::Value;
use tempfile::TempDir;

use super::*;

fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn public(seed: u8) -> String {
    signing_key(seed).jwk_set().keys[0].x.to_string()
}

/// A receipt of 3 tokens of 2026-11-21.
fn receipt(redemption: u8, seed: u8) -> Envelope {
    let receipt = Receipt {
        redemption: Base64Url([redemption; 16]),
        publisher: "P".to_owned(),
        day: "2026-11-21".to_owned(),
        credited: vec![BalanceEntry { currency: "EUR".to_owned(), micros: 30_000, tokens: 3 }],
    };
    signing_key(seed).sign_envelope(RECEIPT_PAYLOAD_TYPE, &receipt).unwrap()
}

/// A statement of a month that credits so many tokens of 2026-11-21.
fn statement(month: u8, tokens: u64, seed: u8) -> Envelope {
    let (from, through) = (format!("2026-{month}-01"), format!("2026-{month}-30"));
    let statement = json!({
        "publisher": "P", "id": format!("EUR.{through}"), "currency": "EUR", "from": from,
        "through": through, "closed": "2027-01-01", "commission_basis_points": 0,
        "carried_in_micros": 0, "gross_micros": 0, "fee_micros": 0, "net_minor": 0, "carried_micros": 0,
        "credits": [{ "day": "2026-11-21", "value_micros": 10_000, "tokens": tokens }], "adjustments": [],
    });
    signing_key(seed).sign_envelope(STATEMENT_PAYLOAD_TYPE, &statement).unwrap()
}

fn write(directory: &TempDir, name: &str, documents: &[Envelope]) -> PathBuf {
    let file = directory.path().join(name);
    let lines = documents.iter().map(|document| serde_json::to_string(document).unwrap() + "\n");
    std::fs::write(&file, lines.collect::<String>()).unwrap();
    file
}

/// A directory with a receipt of 3 tokens, and a statement that credits so many.
fn setting(stated: u64) -> (TempDir, Verify) {
    let directory = tempfile::tempdir().unwrap();
    let verify = Verify {
        key: vec![public(1)],
        statement: vec![write(&directory, "statement", &[statement(11, stated, 1)])],
        files: vec![write(&directory, "receipt", &[receipt(1, 1)])],
    };
    (directory, verify)
}

/// What is printed, and the error with its status.
fn run(verify: Verify) -> (String, Option<(u8, String)>) {
    let mut out = Vec::new();
    let error = verify.run(&mut out).err().map(|error| {
        let status = error.downcast_ref::<EndsWith>().map_or(1, |ends| ends.status);
        (status, one_line(&error))
    });
    (String::from_utf8(out).unwrap(), error)
}

/// The members of the one sum that is printed.
#[track_caller]
fn sum<const N: usize>(printed: &str, members: [&str; N]) -> [Value; N] {
    let mut sums = printed.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let sum = sums.next().unwrap();
    assert!(sums.next().is_none(), "{printed}");
    members.map(|member| sum[member].clone())
}

#[test]
fn a_statement_that_credits_less_is_told() {
    let (_directory, verify) = setting(3);
    let (printed, error) = run(verify);
    assert_eq!(error, None);
    assert_eq!(sum(&printed, ["micros", "stated_micros"]), [30_000, 30_000]);

    let (_directory, verify) = setting(2);
    let (printed, error) = run(verify);
    let (status, error) = error.unwrap();
    assert_eq!(status, SHORT);
    assert!(
        error.starts_with("SHORT: a statement credits less than the receipts of 2026-11-21; "),
        "{error}"
    );
    assert!(error.contains("--statement again"), "{error}");
    assert_eq!(sum(&printed, ["stated_micros"]), [20_000]);
}

#[test]
fn a_day_is_judged_by_the_statement_of_its_own_period() {
    // Two tokens were credited in time, and one so late that the next statement has it.
    let (directory, mut verify) = setting(2);
    let december = write(&directory, "december", &[statement(12, 1, 1)]);
    let november = std::mem::replace(&mut verify.statement, vec![december.clone()]);
    let (key, files) = (verify.key.clone(), verify.files.clone());
    let (printed, error) = run(verify);
    assert_eq!((sum(&printed, ["stated_micros"]), error), ([10_000.into()], None));
    assert_eq!(sum(&printed, ["in_period"]), [false]);
    let last = printed.lines().last().unwrap();
    let told = "NOT JUDGED, because no given statement is of their period: 2026-11-21; ";
    assert!(last.starts_with(told), "{printed}");
    let (printed, error) = run(Verify { key: key.clone(), statement: Vec::new(), files: files.clone() });
    assert!(!printed.contains("NOT JUDGED") && error.is_none(), "nothing was to be judged: {printed}");
    let (printed, error) = run(Verify { key, statement: [november, vec![december]].concat(), files });
    assert_eq!((sum(&printed, ["stated_micros"]), error), ([30_000.into()], None));
    assert_eq!(sum(&printed, ["in_period"]), [true]);
    assert!(!printed.contains("NOT JUDGED"), "{printed}");
}

#[test]
fn after_the_key_was_replaced_both_are_believed() {
    let (directory, mut verify) = setting(6);
    verify.statement = vec![write(&directory, "fetched-again", &[statement(11, 6, 2)])];
    verify.files = vec![write(&directory, "a-day-of-both", &[receipt(1, 1), receipt(2, 2)])];
    verify.key.push(public(2));
    let (printed, error) = run(verify);
    assert_eq!(error, None, "{printed}");
    assert_eq!(sum(&printed, ["micros", "stated_micros"]), [60_000, 60_000]);
}

#[test]
fn what_does_not_count_is_told_and_hides_nothing() {
    let (directory, mut verify) = setting(3);
    let stranger = write(&directory, "stranger", &[receipt(2, 2), receipt(1, 1)]);
    let torn = write(&directory, "torn", &[receipt(3, 1)]);
    let text = std::fs::read_to_string(&torn).unwrap();
    std::fs::write(&torn, format!("{}{text}{{}}\n", &text[..text.len() / 2])).unwrap();
    let gone = directory.path().join("gone");
    verify.files.extend([stranger, torn, gone.clone()]);
    verify.statement.push(gone);
    let (printed, error) = run(verify);
    for told in [
        "gone does not count: No such file",
        "stranger: document 1 is no receipt that counts: it has no valid signature by a pinned key\n",
        "torn: document 1 is no JSON, at line 1\n",
        "torn: document 2 is neither a receipt nor the answer to a redemption\n",
        "gone: No such file",
        "1 receipts are in order, 1 given again\n",
    ] {
        assert!(printed.contains(told), "{told} is not in {printed}");
    }
    assert_eq!(sum(&printed, ["micros", "stated_micros"]), [30_000, 30_000]);
    let (status, error) = error.unwrap();
    assert!(status == 1 && error.starts_with("5 of what was given does not count"), "{error}");

    let (directory, mut verify) = setting(2);
    verify.files.push(write(&directory, "stranger", &[receipt(2, 2)]));
    let (status, error) = run(verify).1.unwrap();
    assert!(status == SHORT && error.contains("; 1 of what was given does not count"), "{error}");
}

#[test]
fn half_a_receipt_at_the_end_is_told_and_hinders_nothing() {
    let (_directory, verify) = setting(3);
    let whole = std::fs::read_to_string(&verify.files[0]).unwrap();
    std::fs::write(&verify.files[0], format!("{whole}{}", &whole[..whole.len() / 2])).unwrap();
    let (printed, error) = run(verify);
    assert_eq!(error, None);
    assert!(printed.contains("receipt: its last document is cut off and does not count\n"), "{printed}");
    assert!(printed.ends_with("1 receipts are in order\n"), "{printed}");
}

#[test]
fn what_is_no_key_or_another_document_is_named() {
    let (_directory, mut verify) = setting(3);
    verify.key.push("x".to_owned());
    let (printed, error) = run(verify);
    assert!(printed.is_empty() && error.unwrap().1.starts_with("--key: not a public signing key"));
    let (_directory, mut verify) = setting(3);
    std::mem::swap(&mut verify.files, &mut verify.statement);
    let (printed, error) = run(verify);
    assert_eq!(error.unwrap().0, 1);
    assert!(printed.contains("receipt does not count: it is not a signed"), "{printed}");
    assert!(printed.contains("document 1 is no receipt that counts: it is not a signed"), "{printed}");
}
