//! What publishers and the operator take into their own books.

use farthing_protocol::Day;

use super::statements::{adjust, obey};
use super::*;
use crate::admin::RecordPayout;
use crate::exports::{Days, Export, Form};
use crate::ledger::EntryId;
use crate::publishers::{NewPayoutReference, Owed, PublisherId};

/// A redeemer with redemptions of two days, an entry, a statement and a payout; and its publisher.
fn with_books() -> (Running, PublisherId) {
    let key = TestKey::starting(1, 0, "EUR-10000");
    let running = Running::start(&[&key]);
    running.redeem("a", &[&key.token(1), &key.token(2), &key.token(3)], true).results(200, &["accepted"; 3]);
    adjust(&running, EntryId::random().unwrap(), 0, -1).unwrap();
    running.clock.0.store(NOW + SECONDS_PER_DAY, Ordering::Relaxed);
    running.redeem("b", &[&key.token(4)], true).results(200, &["accepted"]);
    let through = Day::from_unix(NOW);
    let closed =
        obey(&running, Command::CloseStatements { through: Some(through), after_restore: false }).unwrap();
    let publisher = closed[0]["publisher"].as_str().unwrap().parse().unwrap();
    running.clock.0.store(NOW + 40 * SECONDS_PER_DAY, Ordering::Relaxed);
    pay_at(&running, publisher, "+49 7");
    let pay = RecordPayout {
        publisher,
        id: "AQEBAQEBAQEBAQEBAQEBAQ".parse().unwrap(),
        statement: format!("EUR.{through}").parse().unwrap(),
        amount_minor: Some(1),
        reference: "=transfer, 7".parse().unwrap(),
        payout_reference: None,
        after_restore: false,
    };
    obey(&running, Command::RecordPayout(pay)).unwrap();
    (running, publisher)
}

/// Where the publisher is paid from now on.
fn pay_at(running: &Running, publisher: PublisherId, reference: &str) {
    let payout_reference = Some(NewPayoutReference::Set(reference.parse().unwrap()));
    obey(running, Command::DescribePublisher { publisher, name: None, payout_reference }).unwrap();
}

#[test]
fn a_publisher_takes_its_tables_as_csv_and_json() {
    let (running, _) = with_books();
    let csv = |path: &str| {
        let answer = running.get(path);
        assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        String::from_utf8(answer.body).unwrap()
    };
    assert_eq!(
        csv("/v1/exports/redemptions.csv"),
        "day,currency,value,value_micros,tokens,amount,amount_micros\r\n\
         2026-11-21,EUR,0.01,10000,3,0.03,30000\r\n\
         2026-11-22,EUR,0.01,10000,1,0.01,10000\r\n"
    );
    assert_eq!(
        csv("/v1/exports/statements.csv"),
        "statement,currency,from,through,closed,carried_in,carried_in_micros,gross,gross_micros,\
         commission_basis_points,fee,fee_micros,net,net_micros,carried,carried_micros\r\n\
         EUR.2026-11-21,EUR,2026-11-21,2026-11-21,2026-11-22,0.00,0,0.02,20000,0,0.00,0,0.02,20000,0.00,0\r\n"
    );
    assert_eq!(
        csv("/v1/exports/payouts.csv"),
        "payout,made,statement,currency,amount,amount_micros,reference,payout_reference,reverses\r\n\
         AQEBAQEBAQEBAQEBAQEBAQ,2026-12-31,EUR.2026-11-21,EUR,0.01,10000,\"'=transfer, 7\",'+49 7,\r\n"
    );
    let answer = running.get("/v1/exports/redemptions.json?from=2026-11-22");
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"redemptions.json\""));
    assert_eq!(
        String::from_utf8(answer.body).unwrap(),
        r#"[{"day":"2026-11-22","currency":"EUR","value":"0.01","value_micros":10000,"tokens":1,"amount":"0.01","amount_micros":10000}]"#
    );
    assert_eq!(running.get("/v1/exports/payouts.json").json()[0]["reference"], "=transfer, 7");
    assert_eq!(running.get("/v1/exports/statements.json?through=2026-11-20").json(), json!([]));
    let nothing = csv("/v1/exports/payouts.csv?from=2026-12-01&through=2026-12-30");
    assert_eq!(nothing.lines().count(), 1);
}

#[test]
fn what_is_no_table_and_no_day_is_told_so() {
    let running = Running::start(&[]);
    for path in ["x.csv", "statements", "statements.xml", "statements.csv.csv", ".csv", ""] {
        assert_eq!(running.get(&format!("/v1/exports/{path}")).problem().0, ProblemKind::NotFound, "{path}");
    }
    for (query, field) in [
        ("from=yesterday", Some("from")),
        ("through=2026-02-30", Some("through")),
        ("from=2026-11-02&through=2026-11-01", Some("from")),
    ] {
        let answer = running.get(&format!("/v1/exports/statements.csv?{query}"));
        assert_eq!(answer.problem(), (ProblemKind::BadRequest, field.map(str::to_owned)), "{query}");
    }
    let answer = running.get("/v1/exports/statements.csv?form=2026-11-01");
    assert_eq!(answer.problem().0, ProblemKind::BadRequest);
    for path in ["/v1/exports/statements.csv", "/v1/publisher"] {
        let request = Request::get(format!("{}{path}", running.url)).body(Vec::new()).unwrap();
        assert_eq!(send(request).problem().0, ProblemKind::ApiKeyUnknown);
    }
}

#[test]
fn the_operator_takes_everybodys_tables() {
    let (running, publisher) = with_books();
    pay_at(&running, publisher, "elsewhere");
    let export = |export, publisher, form| {
        let days = Days::new(Some("2026-11-01".parse().unwrap()), None).unwrap();
        obey(&running, Command::Export { export, publisher, days, form })
    };
    assert_eq!(
        export(Export::Payouts, None, Form::Csv).unwrap().as_str().unwrap(),
        format!(
            "publisher,name,payout,made,statement,currency,amount,amount_micros,reference,payout_reference,reverses\r\n\
             {},Daily,AQEBAQEBAQEBAQEBAQEBAQ,2026-12-31,EUR.2026-11-21,EUR,0.01,10000,\"'=transfer, 7\",'+49 7,\r\n",
            // Of 64 ids one begins with a dash.
            publisher.to_string().replacen('-', "'-", usize::from(publisher.to_string().starts_with('-')))
        )
    );
    let rows = export(Export::Redemptions, Some(publisher), Form::Json).unwrap();
    assert_eq!((&rows[0]["publisher"], &rows[0]["name"]), (&json!(publisher), &json!("Daily")));
    assert_eq!((&rows[1]["day"], &rows[1]["tokens"]), (&json!("2026-11-22"), &json!(1)));
    let unknown = export(Export::Statements, Some(PublisherId::from_bytes([9; 16])), Form::Csv).unwrap_err();
    assert!(unknown.starts_with("there is no publisher"), "{unknown}");
}

#[test]
fn a_publisher_reads_all_that_is_kept_of_it_until_it_is_erased() {
    let (running, publisher) = with_books();
    pay_at(&running, publisher, "IBAN 7");
    let data = running.get("/v1/publisher").json();
    let listed = obey(&running, Command::ListPublishers).unwrap();
    assert_eq!(
        ["publisher", "name", "payout_reference", "created"].map(|name| &data[name]),
        [&json!(publisher), &json!("Daily"), &json!("IBAN 7"), &json!("2026-11-21")]
    );
    assert_eq!(data["keys"], listed[0]["keys"]);
    assert_eq!((&data["credit"][0]["tokens"], &data["balance"][0]["tokens"]), (&json!(4), &json!(3)));
    assert_eq!(
        data["credits"][0],
        json!({ "day": "2026-11-21", "currency": "EUR", "value_micros": 10_000, "tokens": 3 })
    );
    assert_eq!(data["adjustments"][0]["reason"], "a page that was empty");
    assert_eq!(
        (&data["statements"][0]["net_minor"], &data["payouts"][0]["amount_minor"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(data["payouts"][0]["payout_reference"], "+49 7", "where it was paid then");
    let secret = running.api_key.trim_start_matches("fpk_");
    assert!(!data.to_string().contains(secret));

    let refused = obey(&running, Command::ErasePublisher { publisher, owed: None }).unwrap_err();
    assert!(
        refused.starts_with("0.02 EUR is open"),
        "one cent stated and not paid, one not stated: {refused}"
    );
    obey(&running, Command::ErasePublisher { publisher, owed: Some(Owed::Paid) }).unwrap();
    for path in ["/v1/publisher", "/v1/balance", "/v1/exports/statements.csv"] {
        assert_eq!(running.get(path).problem().0, ProblemKind::ApiKeyUnknown, "{path}");
    }
    let due = obey(&running, Command::DuePayouts { after_restore: false }).unwrap();
    assert_eq!(due, json!([]));
    // As a redemption brings it that was under way when the publisher was erased, on 2026-12-31.
    let late = Command::Adjust {
        publisher,
        id: EntryId::random().unwrap(),
        day: "2026-12-31".parse().unwrap(),
        denomination: "EUR-10000".parse().unwrap(),
        tokens: 3.try_into().unwrap(),
        reason: "the last moment".parse().unwrap(),
    };
    obey(&running, late).unwrap();
    running.clock.0.store(NOW + 41 * SECONDS_PER_DAY, Ordering::Relaxed);
    let close = Command::CloseStatements { through: None, after_restore: false };
    assert_eq!(obey(&running, close).unwrap()[0]["statement"]["id"], "EUR.2026-12-31");
    let due = obey(&running, Command::DuePayouts { after_restore: false }).unwrap();
    let line = ["statement", "erased", "owed", "unpaid_minor", "name"].map(|name| &due[0][name]);
    let expected = [json!("EUR.2026-12-31"), json!("2026-12-31"), json!("paid"), json!(4), Value::Null];
    assert_eq!((line, due.as_array().unwrap().len()), (expected.each_ref(), 1));

    let (payout, reason) = ("AQEBAQEBAQEBAQEBAQEBAQ".parse().unwrap(), "it came back".parse().unwrap());
    obey(&running, Command::ReversePayout { publisher, payout, reason }).unwrap();
    let due = obey(&running, Command::DuePayouts { after_restore: false }).unwrap();
    let line = ["statement", "unpaid_minor"].map(|name| &due[0][name]);
    assert_eq!((line, due.as_array().unwrap().len()), ([&json!("EUR.2026-11-21"), &json!(2)], 2));

    let days = Days::default();
    let export = Command::Export { export: Export::Payouts, publisher: None, days, form: Form::Json };
    let row = &obey(&running, export).unwrap()[0];
    assert_eq!(
        (&row["publisher"], &row["name"], &row["amount_micros"]),
        (&json!(publisher), &Value::Null, &json!(10_000))
    );
    assert_eq!(row["payout_reference"], "+49 7", "the operator's books go on saying where money went");
}
