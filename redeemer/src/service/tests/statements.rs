//! What publishers are owed: from the operator's commands to the signed statement.

use super::*;
use crate::admin::RecordPayout;
use crate::ledger::EntryId;

pub(super) fn obey(running: &Running, command: Command) -> Result<Value, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(running.redeemer.obey(command)).map_err(|error| program::one_line(&error))
}

pub(super) fn adjust(running: &Running, id: EntryId, days_ahead: u32, tokens: i64) -> Result<Value, String> {
    let publisher = running.balance()["publisher"].as_str().unwrap().parse().unwrap();
    obey(
        running,
        Command::Adjust {
            publisher,
            id,
            day: farthing_protocol::Day::from_unix(NOW).plus(days_ahead),
            denomination: "EUR-10000".parse().unwrap(),
            tokens: tokens.try_into().unwrap(),
            reason: "a page that was empty".parse().unwrap(),
        },
    )
}

#[test]
fn an_entry_is_made_once_and_the_balance_may_be_below_zero() {
    let key = TestKey::starting(1, 0, "EUR-10000");
    let running = Running::start(&[&key]);
    running.redeem("a", &[&key.token(1), &key.token(2)], true).results(200, &["accepted"; 2]);
    let id = EntryId::random().unwrap();
    let made = adjust(&running, id, 0, -3).unwrap();
    running.clock.0.store(NOW + SECONDS_PER_DAY, Ordering::Relaxed);
    assert_eq!(adjust(&running, id, 0, -3).unwrap(), made, "a day later it is the same entry");
    let other = adjust(&running, id, 0, 3).unwrap_err();
    assert!(other.contains("has another entry with the id"), "{other}");
    let future = adjust(&running, EntryId::random().unwrap(), 2, 3).unwrap_err();
    assert!(future.contains("has not begun"), "{future}");

    let balance = running.balance();
    let sum = json!([{ "currency": "EUR", "micros": -10_000, "tokens": -1 }]);
    assert_eq!((&balance["credit"][0]["tokens"], &balance["balance"]), (&json!(2), &sum));
    let publisher = balance["publisher"].as_str().unwrap().parse().unwrap();
    let listed = obey(&running, Command::ListLedger { publisher }).unwrap();
    assert_eq!(listed[0]["credit"]["tokens"], 2);
    assert_eq!(listed[1]["adjustment"]["reason"], "a page that was empty");
    assert_eq!(listed[2]["balance"], sum[0]);
}

#[test]
fn a_statement_is_closed_signed_and_keeps_its_commission() {
    let key = TestKey::starting(1, 0, "EUR-10000");
    let running = Running::start(&[&key]);
    running.redeem("a", &[&key.token(1), &key.token(2), &key.token(3)], true).results(200, &["accepted"; 3]);
    let close = |days: u32| {
        let through = farthing_protocol::Day::from_unix(NOW).plus(days);
        obey(&running, Command::CloseStatements { through: Some(through), after_restore: false })
    };
    let unfinished = close(0).unwrap_err();
    assert!(unfinished.contains("the day has not ended"), "{unfinished}");
    running.clock.0.store(NOW + SECONDS_PER_DAY, Ordering::Relaxed);

    let file = running.redeemer.config.current().file().to_owned();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("commission_basis_points = 0", "commission_basis_points = 2500"))
        .unwrap();
    obey(&running, Command::Reload).unwrap();
    let closed = close(0).unwrap();
    assert_eq!(closed[0]["statement"]["net_minor"], 2);
    std::fs::write(&file, text).unwrap();
    obey(&running, Command::Reload).unwrap();
    adjust(&running, EntryId::random().unwrap(), 0, -1).unwrap();
    assert_eq!(
        close(0).unwrap(),
        json!([
            "nothing to close through 2026-11-21; what came late for a stated day waits for the next statement"
        ])
    );
    assert_eq!(obey(&running, Command::ListStatements { publisher: None }).unwrap(), closed);

    let listing = running.payload("/v1/statements", farthing_api::STATEMENTS_PAYLOAD_TYPE);
    assert_eq!(listing["statements"][0], closed[0]["statement"]);
    let id = listing["statements"][0]["id"].as_str().unwrap();
    let path = format!("/v1/statements/{id}");
    let statement = running.payload(&path, farthing_api::STATEMENT_PAYLOAD_TYPE);
    assert_eq!(statement["credits"], json!([{ "day": "2026-11-21", "value_micros": 10_000, "tokens": 3 }]));
    let [gross, fee, carried] = ["gross_micros", "fee_micros", "carried_micros"].map(|name| &statement[name]);
    assert_eq!((gross, fee, carried), (&json!(30_000), &json!(7_500), &json!(2_500)));
    assert_eq!(statement["commission_basis_points"], 2_500);

    for unknown in ["EUR.2026-11-20", "USD.2026-11-21", "x"] {
        let answer = running.get(&format!("/v1/statements/{unknown}"));
        assert_eq!(answer.problem(), (ProblemKind::StatementUnknown, Some("id".to_owned())));
    }
    let other = Command::AddPublisher { name: "Weekly".parse().unwrap(), payout_reference: None };
    let other = obey(&running, other).unwrap()[0]["api_key"].as_str().unwrap().to_owned();
    let request =
        Request::get(format!("{}{path}", running.url)).header("Authorization", format!("Bearer {other}"));
    assert_eq!(send(request.body(Vec::new()).unwrap()).status(), 404);
}

#[test]
fn the_balance_is_a_signed_account_of_what_no_statement_has() {
    let key = TestKey::starting(1, 0, "EUR-10000");
    let running = Running::start(&[&key]);
    let line = |day: u64, tokens: u64| {
        let day = farthing_protocol::Day::from_unix(NOW + day * SECONDS_PER_DAY).to_string();
        json!({ "day": day, "currency": "EUR", "value_micros": 10_000, "tokens": tokens })
    };
    let on_day = |day: u64| running.clock.0.store(NOW + day * SECONDS_PER_DAY + 7, Ordering::Relaxed);
    on_day(0);
    let balance = running.balance();
    assert_eq!((&balance["unstated"], &balance["last_statements"]), (&json!([]), &json!([])));
    running.redeem("a", &[&key.token(1), &key.token(2)], true).results(200, &["accepted"; 2]);
    on_day(1);
    running.redeem("b", &[&key.token(3)], true).results(200, &["accepted"]);
    let balance = running.balance();
    assert_eq!(balance["unstated"], json!([line(0, 2), line(1, 1)]));
    assert_eq!(balance["at"], NOW + SECONDS_PER_DAY + 7);
    let through = Some(farthing_protocol::Day::from_unix(NOW));
    obey(&running, Command::CloseStatements { through, after_restore: false }).unwrap();
    running.redeem("c", &[&key.token(4)], true).results(200, &["accepted"]);
    let balance = running.balance();
    assert_eq!(balance["unstated"], json!([line(1, 2)]));
    assert_eq!(balance["last_statements"], json!(["EUR.2026-11-21"]));
    on_day(2);
    let through = Some(farthing_protocol::Day::from_unix(NOW + SECONDS_PER_DAY));
    obey(&running, Command::CloseStatements { through, after_restore: false }).unwrap();
    let after = running.balance();
    assert_eq!(
        (&after["unstated"], &after["last_statements"]),
        (&json!([]), &json!(["EUR.2026-11-22"])),
        "whoever has the older balance and both statements sees that the second states what is in both"
    );
    assert_eq!(balance["credit"], json!([{ "currency": "EUR", "micros": 40_000, "tokens": 4 }]));
}

#[test]
fn the_last_month_is_closed_unless_said_otherwise() {
    let key = TestKey::starting(1, 0, "EUR-10000");
    let running = Running::start(&[&key]);
    running.redeem("a", &[&key.token(1)], true).results(200, &["accepted"]);
    let nothing = obey(&running, Command::CloseStatements { through: None, after_restore: false }).unwrap();
    assert!(nothing[0].as_str().unwrap().starts_with("nothing to close through 2026-10-31;"), "{nothing}");
    running.clock.0.store(NOW + 11 * SECONDS_PER_DAY, Ordering::Relaxed);
    let closed = obey(&running, Command::CloseStatements { through: None, after_restore: false }).unwrap();
    assert_eq!(closed[0]["statement"]["id"], "EUR.2026-11-30");
}

#[test]
fn a_payout_is_recorded_once_the_hold_is_over_and_the_publisher_sees_it() {
    let key = TestKey::starting(1, 0, "EUR-10000");
    let running = Running::start(&[&key]);
    running.redeem("a", &[&key.token(1), &key.token(2)], true).results(200, &["accepted"; 2]);
    running.clock.0.store(NOW + SECONDS_PER_DAY, Ordering::Relaxed);
    let through = farthing_protocol::Day::from_unix(NOW);
    let closed =
        obey(&running, Command::CloseStatements { through: Some(through), after_restore: false }).unwrap();
    let publisher = closed[0]["publisher"].as_str().unwrap().parse().unwrap();
    let id = EntryId::random().unwrap();
    let pay = |id, publisher, amount_minor| {
        let statement = format!("EUR.{through}").parse().unwrap();
        let reference = "transfer 7".parse().unwrap();
        let (payout_reference, after_restore) = (None, false);
        let asked = RecordPayout {
            publisher,
            id,
            statement,
            amount_minor,
            reference,
            payout_reference,
            after_restore,
        };
        obey(&running, Command::RecordPayout(asked))
    };
    let held = pay(id, publisher, None).unwrap_err();
    assert!(held.contains(&format!("held until {}", through.plus(31))), "{held}");
    let due = obey(&running, Command::DuePayouts { after_restore: false }).unwrap();
    assert_eq!((&due[0]["unpaid_minor"], &due[0]["payable_minor"]), (&json!(2), &json!(0)));

    running.clock.0.store(NOW + 31 * SECONDS_PER_DAY, Ordering::Relaxed);
    assert_eq!(obey(&running, Command::DuePayouts { after_restore: false }).unwrap()[0]["payable_minor"], 2);
    let paid = pay(id, publisher, None).unwrap();
    assert_eq!(paid[0]["amount_minor"], 2);
    assert_eq!(pay(id, publisher, Some(2)).unwrap(), paid);
    let other = pay(id, publisher, Some(1)).unwrap_err();
    assert!(other.contains("another payout with the id"), "{other}");
    let again = pay(EntryId::random().unwrap(), publisher, None).unwrap_err();
    assert!(again.contains("nothing is due of the statement"), "{again}");
    let stranger = pay(id, "AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap(), None).unwrap_err();
    assert!(stranger.contains("there is no publisher"), "{stranger}");
    assert_eq!(obey(&running, Command::DuePayouts { after_restore: false }).unwrap(), json!([]));

    let seen = running.payload("/v1/payouts", farthing_api::PAYOUTS_PAYLOAD_TYPE);
    assert_eq!(seen["payouts"][0]["reference"], "transfer 7");
    let listed = obey(&running, Command::ListPayouts { publisher: None }).unwrap();
    assert_eq!((&listed[0]["payout"], listed.as_array().unwrap().len()), (&seen["payouts"][0], 1));

    let reverse = |payout, reason: &str| {
        let reason = reason.parse().unwrap();
        obey(&running, Command::ReversePayout { publisher, payout, reason })
    };
    let unknown = reverse(EntryId::random().unwrap(), "it came back").unwrap_err();
    assert!(unknown.contains("has no payout") && unknown.ends_with("nothing was recorded"), "{unknown}");
    let back = reverse(id, "it came back").unwrap();
    assert_eq!((&back[0]["amount_minor"], &back[0]["reverses"]), (&json!(-2), &json!(id)));
    running.clock.0.store(NOW + 32 * SECONDS_PER_DAY, Ordering::Relaxed);
    assert_eq!(reverse(id, "it came back").unwrap(), back, "a day later it is the same entry");
    let other = reverse(id, "another reason").unwrap_err();
    assert!(other.contains("was reversed on 2026-12-22 with another reason"), "{other}");
    assert_eq!(obey(&running, Command::DuePayouts { after_restore: false }).unwrap()[0]["payable_minor"], 2);
    let seen = running.payload("/v1/payouts", farthing_api::PAYOUTS_PAYLOAD_TYPE);
    let sum: i64 =
        [0, 1].iter().map(|line: &usize| seen["payouts"][line]["amount_minor"].as_i64().unwrap()).sum();
    assert_eq!((sum, &seen["payouts"][1]["reference"]), (0, &json!("it came back")));
    let csv = String::from_utf8(running.get("/v1/exports/payouts.csv").body).unwrap();
    assert!(
        csv.contains(&format!(",EUR,-0.02,-20000,it came back,,{id}\r\n")) || id.to_string().starts_with('-'),
        "{csv}"
    );
    let is_id = pay(back[0]["id"].as_str().unwrap().parse().unwrap(), publisher, None).unwrap_err();
    assert!(is_id.contains("another payout with the id"), "{is_id}");
}
