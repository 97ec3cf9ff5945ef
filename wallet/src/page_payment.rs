//! Payments for pages, as the wallet remembers them. From before the tokens leave until it is known what became of them
//! they are in flight: they are then shown again to the same page, and nowhere else.

use farthing_protocol::Day;
use serde::{Deserialize, Serialize};

use crate::held_token::TokenBytes;
use crate::page_url::PageUrl;
use crate::pass::Pass;
use crate::service_url::ServiceUrl;
use crate::wallet_state::WalletState;

/// Tokens shown to a site for a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PagePayment {
    /// Its number in this wallet, from 1.
    pub number: u64,
    /// The day on which the tokens were first shown.
    pub day: Day,
    /// Who was paid.
    pub origin: ServiceUrl,
    /// How many tokens.
    pub count: u64,
    /// Value of one token, in millionths of the currency's unit.
    pub value_micros: u64,
    /// ISO 4217 code.
    pub currency: String,
    /// What became of it.
    pub stage: PaymentStage,
}

/// What is known to have become of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PaymentStage {
    /// The tokens may have left, and no answer told what became of them.
    InFlight {
        /// Path and query of the page. It is forgotten when the payment is settled: what somebody reads is nobody's
        /// business, also not of whoever opens the wallet later.
        page: String,
    },
    /// The tokens are spent.
    Spent,
    /// The site refused them and spent none: they are back.
    Refused,
    /// The tokens are not used again by themselves.
    SetAside {
        /// Why.
        reason: SetAside,
    },
    /// The owner took the tokens back without knowing whether they are spent.
    Released,
}

/// Why tokens are not used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SetAside {
    /// The site said, when it first saw them, that one was spent before.
    Spent,
    /// The site said that one is too old.
    Expired,
    /// The site said that the key of one was revoked.
    Revoked,
    /// They were refused now, and an earlier attempt, whose answer is not known, may have spent them.
    Unsure,
}

/// Why a payment's tokens were not taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// There is none of that number.
    #[error("there is no payment {0}; `farthing history` lists them")]
    Unknown(u64),
    /// It is settled.
    #[error("payment {0} has no tokens to take back: they are spent, or in the wallet already")]
    Settled(u64),
}

impl PagePayment {
    /// What was paid, in millionths of the currency's unit.
    pub const fn micros(&self) -> u64 {
        self.count.saturating_mul(self.value_micros)
    }

    /// The page, while the payment is in flight.
    pub fn page(&self) -> Option<PageUrl> {
        match &self.stage {
            PaymentStage::InFlight { page } => Some(PageUrl::at(self.origin.clone(), page.clone())),
            PaymentStage::Spent
            | PaymentStage::Refused
            | PaymentStage::SetAside { .. }
            | PaymentStage::Released => None,
        }
    }
}

impl WalletState {
    /// The payments in flight, oldest first.
    pub fn payments_in_flight(&self) -> Vec<&PagePayment> {
        self.page_payments().iter().filter(|payment| payment.page().is_some()).collect()
    }

    /// The tokens of a payment, always in the same order: a site recognizes a repeated payment by it.
    pub(crate) fn tokens_of_payment(&self, number: u64) -> Vec<&TokenBytes> {
        let tokens = self.keys().iter().flat_map(|key| &key.tokens);
        tokens.filter(|held| held.payment == Some(number)).map(|held| &held.token).collect()
    }

    /// Puts `count` free tokens of the key at `position` in flight to a page, and returns the payment's number. To be
    /// saved before any is sent.
    ///
    /// Tokens that this site has seen are taken first, and those that another has seen last: a token that two sites see
    /// tells them that they have one reader.
    pub(crate) fn begin_payment(
        &mut self,
        position: usize,
        count: usize,
        page: &PageUrl,
        today: Day,
    ) -> Option<u64> {
        let number = self.page_payments().last().map_or(1, |payment| payment.number + 1);
        let held = self.keys_mut().get_mut(position)?;
        let denomination = held.key.denomination();
        let mut free: Vec<_> = held.tokens.iter_mut().filter(|token| token.is_free()).collect();
        free.sort_by_key(|token| match &token.shown_to {
            Some(origin) if origin == page.origin() => 0,
            None => 1,
            Some(_) => 2,
        });
        let chosen = free.get_mut(..count)?;
        for token in chosen {
            token.payment = Some(number);
        }
        self.page_payments_mut().push(PagePayment {
            number,
            day: today,
            origin: page.origin().clone(),
            count: count as u64,
            value_micros: denomination.value_micros().get(),
            currency: denomination.currency().code().to_owned(),
            stage: PaymentStage::InFlight { page: page.path_and_query().to_owned() },
        });
        Some(number)
    }

    /// Records what became of a payment in flight. Tokens that were refused are free again, and known to the site.
    pub(crate) fn settle_payment(&mut self, number: u64, stage: PaymentStage) {
        let Some(payment) = self.page_payments_mut().iter_mut().find(|payment| payment.number == number)
        else {
            return;
        };
        let frees = matches!(stage, PaymentStage::Refused | PaymentStage::Released);
        payment.stage = stage;
        let origin = payment.origin.clone();
        if frees {
            let tokens = self.keys_mut().iter_mut().flat_map(|key| &mut key.tokens);
            for token in tokens.filter(|token| token.payment == Some(number)) {
                token.payment = None;
                token.shown_to = Some(origin.clone());
            }
        }
    }

    /// Takes the tokens of a payment back that is in flight or was set aside, whatever became of them. If they are spent,
    /// whatever is paid with them later is refused.
    ///
    /// # Errors
    ///
    /// [`ReleaseError`].
    pub fn release_payment(&mut self, number: u64) -> Result<(), ReleaseError> {
        let payment = self.page_payment(number).ok_or(ReleaseError::Unknown(number))?;
        match payment.stage {
            PaymentStage::InFlight { .. } | PaymentStage::SetAside { .. } => {
                self.settle_payment(number, PaymentStage::Released);
                Ok(())
            }
            PaymentStage::Spent | PaymentStage::Refused | PaymentStage::Released => {
                Err(ReleaseError::Settled(number))
            }
        }
    }

    /// Keeps passes, in place of earlier ones, and forgets those whose time is over.
    pub(crate) fn keep_passes(&mut self, newer: Vec<Pass>, now: u64) {
        self.forget_ended_passes(now);
        let passes = self.passes_mut();
        passes.retain(|pass| !newer.iter().any(|newer| pass.is_replaced_by(newer)));
        passes.extend(newer);
    }

    /// Forgets the passes whose time is over at the unix second `now`, and with them which pages they opened.
    pub fn forget_ended_passes(&mut self, now: u64) {
        self.passes_mut().retain(|pass| now < pass.expires);
    }

    /// The passes that open a page, the one of the longest path first, as a header `Cookie` has them.
    pub(crate) fn cookies_for(&self, page: &PageUrl, now: u64) -> Option<String> {
        let mut opening: Vec<_> = self.passes().iter().filter(|pass| pass.opens(page, now)).collect();
        opening.sort_by_key(|pass| std::cmp::Reverse(pass.path.len()));
        let pairs: Vec<_> = opening.into_iter().map(Pass::pair).collect();
        if pairs.is_empty() { None } else { Some(pairs.join("; ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_services::{NOW, cent, epoch, key, today};
    use crate::http_message::HttpResponse;
    use crate::payment::tests::add;
    use crate::seed::Seed;

    fn page(text: &str) -> PageUrl {
        PageUrl::parse(text).unwrap()
    }

    fn wallet() -> WalletState {
        let mut state = WalletState::new(Seed::from_bytes([1; 32]));
        add(&mut state, &key(1, epoch(3), cent()).facts, 4, 1);
        state
    }

    /// Which of the four tokens a payment has.
    fn tags(state: &WalletState, number: u64) -> Vec<u8> {
        state.tokens_of_payment(number).iter().map(|token| token.as_bytes()[2]).collect()
    }

    #[test]
    fn tokens_that_one_site_has_seen_are_shown_to_another_last() {
        let mut state = wallet();
        let (news, blog) = (page("https://news.example/a"), page("https://blog.example/a"));
        assert_eq!(state.begin_payment(0, 2, &news, today()), Some(1));
        assert_eq!((tags(&state, 1), state.keys()[0].left()), (vec![0, 1], 2));
        state.settle_payment(1, PaymentStage::Refused);
        assert_eq!(state.keys()[0].left(), 4);
        assert_eq!(state.begin_payment(0, 3, &blog, today()), Some(2));
        assert_eq!(tags(&state, 2), [0, 2, 3], "two that nobody saw, and one that had to be");
        state.settle_payment(2, PaymentStage::Spent);
        assert_eq!(state.begin_payment(0, 1, &news, today()), Some(3));
        assert_eq!(tags(&state, 3), [1]);
        assert_eq!(state.begin_payment(0, 1, &news, today()), None, "there are no more");
    }

    #[test]
    fn what_is_in_flight_is_saved_and_the_page_is_forgotten_when_it_is_settled() {
        let mut state = wallet();
        state.begin_payment(0, 2, &page("https://news.example/secret?x"), today()).unwrap();
        let mut read = WalletState::from_json(&state.to_json().unwrap()).unwrap();
        assert_eq!(tags(&read, 1), [0, 1]);
        assert_eq!(read.page_payment(1).unwrap().page(), Some(page("https://news.example/secret?x")));
        read.settle_payment(1, PaymentStage::Spent);
        let json = read.to_json().unwrap();
        assert!(!json.contains("secret?x"));
        assert_eq!(WalletState::from_json(&json).unwrap().payments_in_flight(), Vec::<&PagePayment>::new());
    }

    #[test]
    fn passes_are_forgotten_when_they_end() {
        let mut state = wallet();
        let article = page("https://news.example/a");
        let given = |value: &str| {
            let cookie = format!("__Secure-farthing-pass={value}; Path=/a; Max-Age=60");
            let headers = vec![("Set-Cookie".to_owned(), cookie)];
            Pass::of_answer(&article, &HttpResponse { status: 200, headers, body: Vec::new() }, NOW)
        };
        state.keep_passes(given("first"), NOW);
        state.keep_passes(given("second"), NOW);
        let mut state = WalletState::from_json(&state.to_json().unwrap()).unwrap();
        assert_eq!(state.cookies_for(&article, NOW + 59).as_deref(), Some("__Secure-farthing-pass=second"));
        assert_eq!(state.cookies_for(&article, NOW + 60), None);
        state.forget_ended_passes(NOW + 59);
        assert_eq!(state.passes().len(), 1);
        state.forget_ended_passes(NOW + 60);
        assert!(state.passes().is_empty());
    }

    #[test]
    fn the_owner_may_take_tokens_back_that_are_not_settled() {
        let mut state = wallet();
        state.begin_payment(0, 2, &page("https://news.example/a"), today()).unwrap();
        state.release_payment(1).unwrap();
        assert_eq!(state.keys()[0].left(), 4);
        assert_eq!(state.release_payment(1), Err(ReleaseError::Settled(1)));
        assert_eq!(state.release_payment(2), Err(ReleaseError::Unknown(2)));
        state.begin_payment(0, 2, &page("https://news.example/a"), today()).unwrap();
        state.settle_payment(2, PaymentStage::SetAside { reason: SetAside::Unsure });
        assert_eq!(state.keys()[0].left(), 2);
        state.release_payment(2).unwrap();
        assert_eq!(state.keys()[0].left(), 4);
    }
}
