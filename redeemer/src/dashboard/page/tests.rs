use super::*;
use crate::ledger::{Adjustment, Closing, CreditLine, Entries, EntryId, close};
use crate::publishers::{ApiKey, Identity, PublisherId};

fn publisher(name: &str) -> Publisher {
    let created = Day::from_unix(0);
    let keys = vec![ApiKeyRecord::new(&ApiKey::random().unwrap(), created)];
    let payout_reference = Some("<b>IBAN</b> 7".parse().unwrap());
    let identity = Identity::Known { name: name.parse().unwrap(), payout_reference };
    Publisher { id: PublisherId::from_bytes([1; 16]), identity, created, keys }
}

fn account() -> Account {
    let credit = CreditLine {
        day: "2026-11-21".parse().unwrap(),
        denomination: "EUR-10000".parse().unwrap(),
        tokens: 120,
    };
    let adjustment = Adjustment {
        id: EntryId::random().unwrap(),
        publisher: PublisherId::from_bytes([1; 16]),
        day: credit.day,
        denomination: credit.denomination,
        tokens: (-20).try_into().unwrap(),
        reason: "x".parse().unwrap(),
        made: credit.day,
    };
    Account { entries: Entries::of([credit], vec![adjustment]).unwrap(), ..Account::default() }
}

fn rendered(language: Language, publisher: &Publisher, account: &Account) -> String {
    shown(language, publisher, account, true)
}

fn shown(language: Language, publisher: &Publisher, account: &Account, payouts_known: bool) -> String {
    let shown = Shown {
        publisher,
        own_key: publisher.keys[0].id,
        account,
        today: "2026-11-22".parse().unwrap(),
        commission: BasisPoints::default(),
        hold_days: 30,
        payouts_known,
        new_key: None,
        notice: None,
    };
    Page::new(language).dashboard(&shown).unwrap()
}

#[test]
fn the_policy_is_that_of_the_pages_own_style() {
    for html in [
        Page::new(Language::English).sign_in(Some(Notice::KeyRefused)).unwrap(),
        rendered(Language::English, &publisher("Daily"), &account()),
    ] {
        let style = html.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let digest = BASE64.encode(&Sha256::digest(style));
        assert!(Page::policy().contains(&format!("style-src 'sha256-{digest}'")));
        assert!(!html.contains("<script") && !html.contains("style=") && !html.contains("http"), "{html}");
    }
    assert!(Page::policy().starts_with("default-src 'none'; "));
    assert!(Page::policy().ends_with("frame-ancestors 'none'"));
}

#[test]
fn the_page_says_what_was_earned_in_the_readers_language() {
    let (publisher, account) = (publisher("Daily"), account());
    let english = rendered(Language::English, &publisher, &account);
    for text in [
        "<html lang=\"en\">",
        "<title>Daily: Overview · Farthing</title>",
        "aria-label=\"Income by day, EUR: 1.20\u{a0}EUR in the last 30 days (UTC), at most in a day 1.20\u{a0}EUR\"",
        "<title>2026-11-21: 1.20\u{a0}EUR</title>",
        "<tr><td>2026-11-21</td><td class=\"number\">1.20\u{a0}EUR</td></tr>",
        "<th scope=\"row\">EUR</th><td class=\"number\">1.20\u{a0}EUR</td><td class=\"number\">1.00\u{a0}EUR</td><td class=\"number\">1.00\u{a0}EUR</td>",
        "None was closed yet.",
    ] {
        assert!(english.contains(text), "{text} is not in {english}");
    }
    assert_eq!(english.matches("class=\"bar\"").count(), 1);
    assert!(!english.contains("/dashboard/keys/revoke"), "the only key cannot be revoked");
    let german = rendered(Language::German, &publisher, &account);
    for text in
        ["<html lang=\"de\">", "<title>Daily: Übersicht · Farthing</title>", "1,20\u{a0}EUR", "API-Schlüssel"]
    {
        assert!(german.contains(text), "{text} is not in {german}");
    }
    assert!(rendered(Language::English, &publisher, &Account::default()).contains("There is no income yet."));
}

#[test]
fn no_words_of_people_are_markup() {
    let html = rendered(Language::English, &publisher("<script>Daily & Co</script>"), &account());
    assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
    assert!(html.contains("&#60;b&#62;IBAN") || html.contains("&lt;b&gt;IBAN"), "{html}");
}

fn paid() -> Payout {
    Payout {
        id: EntryId::random().unwrap(),
        publisher: PublisherId::from_bytes([1; 16]),
        statement: "EUR.2026-11-21".parse().unwrap(),
        amount_minor: 30,
        reference: "transfer <7>".parse().unwrap(),
        payout_reference: None,
        reverses: None,
        made: "2026-11-22".parse().unwrap(),
    }
}

/// An account with a statement of one euro, of which these payouts were made.
fn stated(payouts: Vec<Payout>) -> Account {
    let account = account();
    let closing = Closing {
        publisher: PublisherId::from_bytes([1; 16]),
        through: "2026-11-21".parse().unwrap(),
        closed: "2026-11-22".parse().unwrap(),
        commission: BasisPoints::default(),
    };
    let statements = close(&closing, &account.entries, &[]).unwrap();
    Account { statements, payouts, ..account }
}

/// What may have been paid would look open.
#[test]
fn nothing_is_said_to_be_open_where_payouts_may_be_missing() {
    let (publisher, account) = (publisher("Daily"), stated(vec![paid()]));
    let whole = [
        (Language::English, ["Open", "Unpaid", "Payable from", "has the operator's share taken off"]),
        (
            Language::German,
            ["Offen", "Nicht ausgezahlt", "Auszahlbar ab", "ist der Anteil des Betreibers abgezogen"],
        ),
    ];
    for (language, texts) in whole {
        let (known, unknown) =
            (shown(language, &publisher, &account, true), shown(language, &publisher, &account, false));
        let unescaped = |html: &str| html.replace("&#39;", "'");
        for text in texts {
            assert!(unescaped(&known).contains(text), "{text} is not in {known}");
            assert!(!unescaped(&unknown).contains(&format!(">{text}<")), "{text} is in {unknown}");
        }
        let amount = if language == Language::German { "0,70" } else { "0.70" };
        assert!(known.contains(amount) && !unknown.contains(amount), "{unknown}");
        let why = Texts::of(language).payouts_unknown;
        assert!(unknown.contains(why) && !known.contains(why), "{unknown}");
        assert!(unknown.contains("EUR.2026-11-21") && unknown.contains("transfer "), "{unknown}");
    }
}

#[test]
fn a_reversal_is_shown_as_what_it_is() {
    let paid = paid();
    let back = paid.reversal("the account is closed".parse().unwrap(), paid.made);
    let html = rendered(Language::English, &publisher("Daily"), &stated(vec![paid, back]));
    for text in [
        "-0.30\u{a0}EUR",
        "Reversed: the account is closed",
        "<td class=\"number\">1.00\u{a0}EUR</td><td>2026-12-22</td>",
    ] {
        assert!(html.contains(text), "{text} is not in {html}");
    }
}
