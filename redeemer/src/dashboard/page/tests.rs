use super::*;
use crate::ledger::{Adjustment, CreditLine, Entries, EntryId};
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
    let shown = Shown {
        publisher,
        own_key: publisher.keys[0].id,
        account,
        today: "2026-11-22".parse().unwrap(),
        commission: BasisPoints::default(),
        hold_days: 30,
        new_key: None,
        notice: None,
    };
    Page::new(language).dashboard(&shown).unwrap()
}

#[test]
fn the_policy_is_that_of_the_pages_own_style() {
    for html in [
        Page::new(Language::English).sign_in(true).unwrap(),
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
