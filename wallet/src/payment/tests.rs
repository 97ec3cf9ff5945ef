use farthing_protocol::{IssuerName, KeyEpoch, Token};

use super::*;
use crate::fake_services::{NOW, cent, epoch, key};
use crate::key_facts::KeyFacts;
use crate::seed::Seed;

fn today() -> Day {
    Day::from_unix(NOW)
}

/// Adds tokens that nobody signed.
pub(crate) fn add(state: &mut WalletState, key: &KeyFacts, count: usize, tag: u8) {
    let issuer = IssuerName::new("issuer.example").unwrap();
    let token = |index: usize| {
        let mut bytes = [tag; Token::LENGTH];
        bytes[..2].copy_from_slice(&[0, 5]);
        bytes[2] = u8::try_from(index).unwrap();
        TokenBytes::of(&Token::decode(&bytes).unwrap())
    };
    state.add_tokens(&issuer, key, (0..count).map(token).collect());
}

/// Three tokens of a key that ends sooner, five of one that ends later, both of one cent.
fn wallet() -> WalletState {
    let mut state = WalletState::new(Seed::from_bytes([1; 32]));
    add(&mut state, &key(1, epoch(3), cent()).facts, 5, 1);
    add(&mut state, &key(2, epoch(40), cent()).facts, 3, 2);
    state
}

fn tags(state: &WalletState, number: u64) -> Vec<u8> {
    exported_tokens(state, number).iter().map(|token| token.as_bytes()[100]).collect()
}

#[test]
fn the_key_that_ends_first_and_has_enough_pays() {
    let mut state = wallet();
    assert_eq!(export_tokens(&mut state, None, 2, false, today()), Ok(1));
    assert_eq!(tags(&state, 1), [2, 2]);
    assert_eq!(export_tokens(&mut state, Some(cent()), 2, false, today()), Ok(2));
    assert_eq!(tags(&state, 2), [1, 1], "the other key has one left, which is too few");
    assert_eq!(state.keys()[0].left(), 3);
    assert_eq!(state.keys()[1].left(), 1);
    assert_eq!(state.exports()[1].count, 2);
    let json = state.to_json().unwrap();
    assert_eq!(
        tags(&WalletState::from_json(&json).unwrap(), 2),
        [1, 1],
        "the marks are part of what is saved"
    );
}

#[test]
fn several_keys_pay_together_only_when_allowed() {
    let mut state = wallet();
    assert_eq!(
        export_tokens(&mut state, None, 6, false, today()),
        Err(SelectionError::SeveralKeys { wanted: 6, most: 5, available: 8 })
    );
    assert_eq!(state.keys()[0].left() + state.keys()[1].left(), 8, "a refusal marks nothing");
    assert_eq!(export_tokens(&mut state, None, 6, true, today()), Ok(1));
    assert_eq!(tags(&state, 1), [1, 1, 1, 2, 2, 2]);
}

#[test]
fn nothing_is_exported_twice_and_too_few_are_refused() {
    let mut state = wallet();
    assert_eq!(export_tokens(&mut state, None, 0, true, today()), Err(SelectionError::None));
    assert_eq!(
        export_tokens(&mut state, None, 9, true, today()),
        Err(SelectionError::TooFew { denomination: cent(), wanted: 9, available: 8 })
    );
    export_tokens(&mut state, None, 8, true, today()).unwrap();
    assert_eq!(export_tokens(&mut state, None, 1, true, today()), Err(SelectionError::Empty));
}

#[test]
fn the_value_must_be_said_when_there_are_several() {
    let mut state = wallet();
    let five = Denomination::from_parts(50_000, "EUR").unwrap();
    add(&mut state, &key(3, epoch(3), five).facts, 1, 3);
    assert_eq!(
        export_tokens(&mut state, None, 1, false, today()),
        Err(SelectionError::WhichValue { available: vec![cent(), five] })
    );
    assert_eq!(export_tokens(&mut state, Some(five), 1, false, today()), Ok(1));
    assert_eq!(tags(&state, 1), [3]);
}

#[test]
fn tokens_that_are_no_longer_taken_are_not_handed_on() {
    let mut state = WalletState::new(Seed::from_bytes([1; 32]));
    let ended = KeyEpoch::new(Day::from_number(1).unwrap(), Day::from_number(2).unwrap(), today()).unwrap();
    add(&mut state, &key(1, ended, cent()).facts, 5, 1);
    assert_eq!(export_tokens(&mut state, None, 1, false, today()), Err(SelectionError::Empty));
}
