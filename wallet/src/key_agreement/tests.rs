use farthing_protocol::Day;

use super::*;
use crate::fake_services::{FakeServices, ISSUER, NOW, cent, epoch, key};
use crate::held_token::HeldKey;

fn compare(
    directory: &IssuerDirectory,
    listing: &KeyListing,
    held: &[HeldKey],
) -> Result<AgreedKey, KeyDisagreement> {
    let issuer = ServiceUrl::parse(ISSUER).unwrap();
    agree(&issuer, directory, listing, &FakeServices::new().pack, held, NOW)
}

fn lists() -> (IssuerDirectory, KeyListing) {
    let services = FakeServices::new();
    (services.directory(), services.key_listing())
}

#[test]
fn equal_lists_give_the_issuing_key_and_the_request_url() {
    let services = FakeServices::new();
    let (directory, listing) = lists();
    let agreed = compare(&directory, &listing, &[]).unwrap();
    assert_eq!(agreed.key, services.keys[0].facts);
    assert_eq!(agreed.request_url, "https://issuer.example/token-request");
}

#[test]
fn a_future_key_may_be_missing_on_either_side() {
    let (mut directory, listing) = lists();
    directory.token_keys.pop();
    assert!(compare(&directory, &listing, &[]).is_ok());
    let (directory, mut listing) = lists();
    listing.keys.pop();
    assert!(compare(&directory, &listing, &[]).is_ok());
}

#[test]
fn any_fact_that_differs_on_a_key_of_both_lists_is_refused() {
    let changes: [fn(&mut farthing_api::KeyEntry); 5] = [
        |key| key.value_micros = 20_000,
        |key| key.currency = "USD".into(),
        |key| key.not_before -= 86_400,
        |key| key.issue_until += 86_400,
        |key| key.redeem_until += 86_400,
    ];
    for index in [0, 1] {
        for change in changes {
            let (directory, mut listing) = lists();
            change(&mut listing.keys[index]);
            let error = compare(&directory, &listing, &[]).unwrap_err();
            assert!(matches!(error, KeyDisagreement::Facts { .. }), "{error}");
        }
    }
}

#[test]
fn an_issuing_key_that_one_side_lacks_is_refused() {
    let (mut directory, listing) = lists();
    directory.token_keys.remove(0);
    let error = compare(&directory, &listing, &[]).unwrap_err();
    assert!(matches!(error, KeyDisagreement::NoneIssuing { service: "issuer", .. }), "{error}");
    let (directory, mut listing) = lists();
    listing.keys.remove(0);
    let error = compare(&directory, &listing, &[]).unwrap_err();
    assert!(matches!(error, KeyDisagreement::NoneIssuing { service: "redeemer", .. }), "{error}");

    let (directory, _) = lists();
    let mut other = FakeServices::new();
    other.keys[0] = key(7, epoch(3), cent());
    let error = compare(&directory, &other.key_listing(), &[]).unwrap_err();
    assert!(matches!(error, KeyDisagreement::OtherKey { .. }), "{error}");
}

#[test]
fn several_issuing_keys_of_one_denomination_are_refused_on_either_side() {
    let mut services = FakeServices::new();
    services.keys.push(key(7, epoch(1), cent()));
    let (directory, listing) = lists();
    let error = compare(&services.directory(), &listing, &[]).unwrap_err();
    assert!(matches!(error, KeyDisagreement::SeveralIssuing { service: "issuer", count: 2, .. }), "{error}");
    let error = compare(&directory, &services.key_listing(), &[]).unwrap_err();
    assert!(matches!(error, KeyDisagreement::SeveralIssuing { service: "redeemer", .. }), "{error}");
}

#[test]
fn other_denominations_and_token_types_do_not_matter() {
    let mut services = FakeServices::new();
    services.keys.push(key(7, epoch(1), Denomination::from_parts(50_000, "EUR").unwrap()));
    let mut directory = services.directory();
    let mut foreign = directory.token_keys[0].clone();
    foreign.token_type = 2;
    foreign.token_key = vec![1; 300];
    directory.token_keys.insert(0, foreign);
    assert!(compare(&directory, &services.key_listing(), &[]).is_ok());
}

#[test]
fn keys_that_make_no_sense_are_refused() {
    let (directory, mut listing) = lists();
    listing.keys[1].issue_until += 1;
    let error = compare(&directory, &listing, &[]).unwrap_err();
    assert!(error.to_string().contains("midnight"), "{error}");
    let (directory, mut listing) = lists();
    listing.keys[0].token_key_id.0[0] ^= 1;
    let error = compare(&directory, &listing, &[]).unwrap_err();
    assert!(error.to_string().contains("token_key_id"), "{error}");
    let (mut directory, listing) = lists();
    directory.token_keys[0].redeem_until = None;
    let error = compare(&directory, &listing, &[]).unwrap_err();
    assert!(matches!(error, KeyDisagreement::Nonsense { service: "issuer", .. }), "{error}");
    let (mut directory, listing) = lists();
    let twice = directory.token_keys[0].clone();
    directory.redeem_only_keys.push(twice);
    let error = compare(&directory, &listing, &[]).unwrap_err();
    assert!(matches!(error, KeyDisagreement::Ambiguous { service: "issuer", .. }), "{error}");
}

#[test]
fn a_request_uri_of_another_origin_is_refused() {
    let (mut directory, listing) = lists();
    directory.issuer_request_uri = "https://elsewhere.example/token-request".into();
    let error = compare(&directory, &listing, &[]).unwrap_err();
    assert!(matches!(error, KeyDisagreement::RequestUri(_)), "{error}");
}

#[test]
fn a_key_that_changed_since_tokens_were_bought_under_it_is_refused() {
    let services = FakeServices::new();
    let (directory, listing) = lists();
    let facts = &services.keys[0].facts;
    let epoch = facts.epoch();
    let other = farthing_protocol::KeyEpoch::new(
        epoch.not_before(),
        epoch.issue_until(),
        Day::from_number(epoch.redeem_until().number() - 1).unwrap(),
    )
    .unwrap();
    let held = HeldKey {
        issuer_name: IssuerName::new("issuer.example").unwrap(),
        key: KeyFacts::new(facts.public_key().clone(), facts.denomination(), other),
        tokens: Vec::new(),
        void_since: None,
    };
    let error = compare(&directory, &listing, &[held]).unwrap_err();
    assert!(matches!(error, KeyDisagreement::Changed { .. }), "{error}");
}

#[test]
fn a_name_of_ones_own_is_refused() {
    let (directory, mut listing) = lists();
    listing.issuer_name = "issuer.example-17".to_owned();
    let error = compare(&directory, &listing, &[]).unwrap_err();
    assert!(matches!(error, KeyDisagreement::IssuerName { .. }), "the redeemer alone: {error}");
    let (mut directory, _) = lists();
    directory.issuer_name = Some(IssuerName::new("issuer.example-17").unwrap());
    let error = compare(&directory, &listing, &[]).unwrap_err();
    assert!(matches!(error, KeyDisagreement::NotItsName { .. }), "both together: {error}");
    directory.issuer_name = None;
    let error = compare(&directory, &listing, &[]).unwrap_err();
    assert!(matches!(error, KeyDisagreement::IssuerName { .. }), "a directory without a name: {error}");
}
