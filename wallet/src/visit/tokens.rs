//! Choosing tokens that pay a price: of one key, and exactly, because a site gives no change.

use farthing_api::MAX_TOKENS_PER_REDEMPTION;
use farthing_protocol::{Day, IssuerName};

use super::offer::Offer;
use crate::held_token::HeldKey;
use crate::money::{Amount, format_micros};
use crate::plural::counted;
use crate::wallet_state::WalletState;

/// Tokens that pay a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice {
    /// Position of their key in the wallet.
    pub(super) position: usize,
    /// How many.
    pub(super) count: usize,
}

/// Why the wallet cannot pay a price. Nothing was marked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the page costs {price}, and {}. Nothing was paid. {advice}", .lack)]
pub struct NoTokens {
    /// What the page costs.
    pub price: Amount,
    /// What is lacking.
    lack: Lack,
    /// What to buy.
    advice: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Lack {
    #[error("the wallet has no tokens of a key that the site takes")]
    Keys,
    #[error("the wallet's tokens of {0} cannot make up that price exactly")]
    Exact(String),
    #[error("the wallet has {} of {value} under one key, where {wanted} are needed", counted(*.left as u64, "token"))]
    TooFew { left: usize, wanted: u64, value: String },
    #[error("that would take {} of {value}, where a site takes {MAX_TOKENS_PER_REDEMPTION} at most", counted(*.wanted, "token"))]
    TooMany { wanted: u64, value: String },
}

/// The tokens that pay one of `offers` on the day `today`: those that end first.
///
/// # Errors
///
/// [`NoTokens`], unless there are no offers at all, which have no price.
pub(super) fn choose(state: &WalletState, offers: &[Offer], today: Day) -> Result<Choice, Option<NoTokens>> {
    let mut best: Option<(Day, usize, Choice)> = None;
    let mut lack = Lack::Keys;
    for offer in offers {
        for (position, held) in state.keys().iter().enumerate() {
            if !is_asked_for(held, offer) || !held.is_spendable(today) {
                continue;
            }
            match count_for(held, offer.price) {
                Ok(count) => {
                    let redeem_until = held.key.epoch().redeem_until();
                    let found = (redeem_until, count, Choice { position, count });
                    if best.is_none_or(|best| (found.0, found.1) < (best.0, best.1)) {
                        best = Some(found);
                    }
                }
                Err(closer) => lack = closer,
            }
        }
    }
    if let Some((_, _, choice)) = best {
        return Ok(choice);
    }
    let Some(offer) = offers.first() else { return Err(None) };
    let (price, advice) = (offer.price, advice(state, &offer.issuer_name));
    Err(Some(NoTokens { price, lack, advice }))
}

fn is_asked_for(held: &HeldKey, offer: &Offer) -> bool {
    held.issuer_name == offer.issuer_name && held.key.public_key().to_bytes()[..] == offer.token_key[..]
}

/// How many tokens of a key pay a price.
fn count_for(held: &HeldKey, price: Amount) -> Result<usize, Lack> {
    let denomination = held.key.denomination();
    let (micros, currency) = (denomination.value_micros().get(), denomination.currency());
    let value = format_micros(micros, currency.code());
    if currency != price.currency || !price.micros.is_multiple_of(micros) {
        return Err(Lack::Exact(value));
    }
    let (wanted, left) = (price.micros / micros, held.left());
    match usize::try_from(wanted) {
        Ok(count) if count > MAX_TOKENS_PER_REDEMPTION => Err(Lack::TooMany { wanted, value }),
        Ok(count) if count <= left => Ok(count),
        Err(_) => Err(Lack::TooMany { wanted, value }),
        Ok(_) => Err(Lack::TooFew { left, wanted, value }),
    }
}

fn advice(state: &WalletState, issuer: &IssuerName) -> String {
    let name = crate::service_answer::tame(issuer.as_str());
    match state.issuers().get(issuer.as_str()) {
        Some(known) => format!(
            "Buy tokens of {name}: `farthing packs --issuer {}` shows what it sells, and `farthing buy` buys it",
            known.issuer
        ),
        None => format!("The site takes tokens of {name}: buy some of it with `farthing buy`"),
    }
}

#[cfg(test)]
mod tests {
    use farthing_protocol::Denomination;

    use super::*;
    use crate::fake_services::{FakeKey, ISSUER_NAME, cent, epoch, key, today};
    use crate::payment::tests::add;
    use crate::seed::Seed;

    fn offer(key: &FakeKey, micros: u64) -> Offer {
        Offer {
            issuer_name: IssuerName::new(ISSUER_NAME).unwrap(),
            token_key: key.facts.public_key().to_bytes().to_vec(),
            price: Amount { micros, currency: "EUR".parse().unwrap() },
        }
    }

    fn refusal(state: &WalletState, offers: &[Offer]) -> String {
        choose(state, offers, today()).unwrap_err().unwrap().to_string()
    }

    #[test]
    fn the_tokens_that_end_first_and_are_enough_pay_exactly() {
        let five = Denomination::from_parts(50_000, "EUR").unwrap();
        let (later, sooner, worth_five) =
            (key(1, epoch(3), cent()), key(2, epoch(40), cent()), key(3, epoch(3), five));
        let mut state = WalletState::new(Seed::from_bytes([1; 32]));
        add(&mut state, &later.facts, 20, 1);
        add(&mut state, &sooner.facts, 3, 2);
        add(&mut state, &worth_five.facts, 2, 3);
        let all = |micros| [offer(&later, micros), offer(&sooner, micros), offer(&worth_five, micros)];
        let chosen = |offers: &[Offer]| choose(&state, offers, today()).unwrap();
        assert_eq!(chosen(&all(30_000)), Choice { position: 1, count: 3 });
        assert_eq!(chosen(&all(40_000)), Choice { position: 0, count: 4 }, "the first to end has too few");
        assert_eq!(chosen(&all(100_000)), Choice { position: 2, count: 2 }, "of the same day, the fewer");
        assert_eq!(
            chosen(&[offer(&later, 30_000)]),
            Choice { position: 0, count: 3 },
            "only what is asked for"
        );

        for (offers, wanted) in [
            (&all(15_000)[..], "cannot make up that price exactly"),
            (
                &[offer(&sooner, 40_000)],
                "the wallet has 3 tokens of 0.01 EUR under one key, where 4 are needed",
            ),
            (
                &[offer(&later, 20_000_000)],
                "would take 2000 tokens of 0.01 EUR, where a site takes 1000 at most",
            ),
            (&[offer(&key(9, epoch(3), cent()), 10_000)], "no tokens of a key that the site takes"),
        ] {
            let text = refusal(&state, offers);
            assert!(text.contains(wanted) && text.contains("Nothing was paid"), "{text}");
            assert!(text.contains("takes tokens of issuer.example: buy some"), "{text}");
        }
        assert_eq!(choose(&state, &[], today()), Err(None));
    }

    #[test]
    fn another_issuers_challenge_and_ended_or_void_tokens_do_not_count() {
        let cents = key(1, epoch(3), cent());
        let mut state = WalletState::new(Seed::from_bytes([1; 32]));
        add(&mut state, &cents.facts, 5, 1);
        let elsewhere =
            Offer { issuer_name: IssuerName::new("other.example").unwrap(), ..offer(&cents, 10_000) };
        assert!(refusal(&state, &[elsewhere]).contains("tokens of other.example"));
        let end = cents.facts.epoch().redeem_until();
        assert!(choose(&state, &[offer(&cents, 10_000)], end).is_err());
        state.keys_mut()[0].void_since = Some(today());
        assert!(choose(&state, &[offer(&cents, 10_000)], today()).is_err());
    }
}
