//! The state machine of a visit to a page: ask for it, pay what it costs with tokens if that is allowed, and keep the pass.
//!
//! It never sends or saves anything itself. The caller asks for the [`Step`] and takes it: saves the state, or sends a
//! request and hands the answer to [`Visit::receive`]. A step that saves must be durable before the next one is asked for:
//! then a stop at any point loses no token. Tokens that were on their way are shown to the same page again, and nowhere
//! else. A payment whose answer did not come, or was "not now", is shown again a few times before the visit ends. A site is
//! paid nothing new before it has said what became of all that was on its way to it: it may have been paid for this page
//! under another address.

mod offer;
mod payment_request;
mod repetition;
mod settlement;
mod step;
mod tokens;
mod verdict;

use farthing_protocol::Day;

use crate::http_message::{HttpRequest, HttpResponse, TransportFailure};
use crate::money::Amount;
use crate::page_payment::PagePayment;
use crate::page_url::PageUrl;
use crate::service_answer::{problem_of, tame};
use crate::wallet_state::WalletState;

pub use step::{Ending, SavePoint, Step, VisitError};
pub use tokens::NoTokens;

use offer::Offers;
use payment_request::{is_posted, payment_request};
use repetition::Repetitions;
use tokens::choose;

/// The most redirects that are followed.
const MAX_REDIRECTS: u8 = 5;

/// What may be paid for a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Nothing: the price is told.
    Nothing,
    /// At most so much.
    UpTo(Amount),
    /// Whatever it costs.
    Anything,
}

impl Limit {
    fn allows(self, price: Amount) -> bool {
        match self {
            Self::Nothing => false,
            Self::UpTo(most) => price.currency == most.currency && price.micros <= most.micros,
            Self::Anything => true,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    /// Ask for the page, with what passes there are.
    Look,
    /// Show the tokens of a payment.
    Pay { number: u64, sent_before: bool, aim: Aim },
}

/// What a payment is shown for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aim {
    /// To have the page.
    Page,
    /// Only to learn what became of it.
    Word,
    /// To learn what became of it, because the site is to be paid again: for the page, which may be another.
    WordFirst,
}

/// One attempt to have a page, or to learn what became of a payment.
#[derive(Debug)]
pub struct Visit {
    page: PageUrl,
    limit: Limit,
    task: Task,
    to_save: Option<SavePoint>,
    ending: Option<Ending>,
    is_awaited: bool,
    redirects: u8,
    paid: Option<u64>,
    /// Whether the site said of these tokens that the page costs nothing.
    was_free: bool,
    settled_first: Vec<u64>,
    repetitions: Repetitions,
    /// What to wait for before the payment is shown again.
    pause: Option<(u64, String)>,
}

impl Visit {
    /// A visit to a page.
    pub fn to(page: PageUrl, limit: Limit) -> Self {
        Self {
            page,
            limit,
            task: Task::Look,
            to_save: None,
            ending: None,
            is_awaited: false,
            redirects: 0,
            paid: None,
            was_free: false,
            settled_first: Vec::new(),
            repetitions: Repetitions::default(),
            pause: None,
        }
    }

    /// Shows the tokens of a payment in flight again, only to learn what became of them. It is shown once: whoever settles
    /// several must not wait long for the first while the others grow too old.
    ///
    /// # Errors
    ///
    /// [`VisitError::NoPayment`].
    pub fn settling(state: &WalletState, number: u64) -> Result<Self, VisitError> {
        let page = state.page_payment(number).and_then(PagePayment::page);
        let page = page.ok_or(VisitError::NoPayment(number))?;
        let task = Task::Pay { number, sent_before: true, aim: Aim::Word };
        Ok(Self { task, paid: Some(number), ..Self::to(page, Limit::Nothing) })
    }

    /// The page, after redirects.
    pub const fn page(&self) -> &PageUrl {
        &self.page
    }

    /// The number of the payment whose tokens this visit showed for its page.
    pub const fn payment(&self) -> Option<u64> {
        self.paid
    }

    /// The numbers of earlier payments to the same site that were settled before it was paid again.
    pub fn settled_first(&self) -> &[u64] {
        &self.settled_first
    }

    /// What to do next, at the unix second `now`.
    ///
    /// # Errors
    ///
    /// [`VisitError`].
    pub fn next(&mut self, state: &WalletState, now: u64) -> Result<Step, VisitError> {
        if let Some(point) = self.to_save.take() {
            return Ok(Step::Save(point));
        }
        if let Some(ending) = &self.ending {
            return Ok(Step::Finished(ending.clone()));
        }
        if let Some((seconds, reason)) = self.pause.take() {
            return Ok(Step::Wait { seconds, reason });
        }
        // What is on its way to this page comes before anything new.
        if self.task == Task::Look && self.paid.is_none() {
            let earlier = state.payments_in_flight();
            if let Some(earlier) = earlier.iter().find(|payment| payment.page().as_ref() == Some(&self.page))
            {
                self.paid = Some(earlier.number);
                self.task = Task::Pay { number: earlier.number, sent_before: true, aim: Aim::Page };
            }
        }
        self.is_awaited = true;
        match self.task {
            Task::Look => {
                let request = HttpRequest::get(self.page.to_string(), "*/*");
                let request = match state.cookies_for(&self.page, now) {
                    Some(cookies) => request.with_header("Cookie", cookies),
                    None => request,
                };
                Ok(Step::Send { request, pays: false })
            }
            Task::Pay { number, .. } => {
                let request = payment_request(state, number)?;
                self.repetitions.sent(now);
                Ok(Step::Send { request, pays: true })
            }
        }
    }

    /// Takes the answer to the request that was sent last, at the unix second `now`.
    ///
    /// # Errors
    ///
    /// [`VisitError`].
    pub fn receive(
        &mut self,
        state: &mut WalletState,
        answer: Result<HttpResponse, TransportFailure>,
        now: u64,
    ) -> Result<(), VisitError> {
        if !std::mem::take(&mut self.is_awaited) {
            return Err(VisitError::NoQuestion);
        }
        match (self.task, answer) {
            (Task::Look, Ok(answer)) => self.look(state, &answer, now),
            (Task::Look, Err(failure)) => {
                let reason = format!("cannot reach {}: {}", self.page.origin(), tame(&failure.0));
                self.ending = Some(Ending::Unfinished { reason });
            }
            (Task::Pay { number, sent_before, aim }, Ok(answer)) => {
                self.settle(state, number, sent_before, aim, &answer, now);
            }
            (Task::Pay { number, aim, .. }, Err(failure)) => {
                let reason = format!("no answer from {}: {}", self.page.origin(), tame(&failure.0));
                self.repeat_or_leave(number, aim, reason, None, now);
            }
        }
        Ok(())
    }

    /// An answer to a request without tokens.
    fn look(&mut self, state: &mut WalletState, answer: &HttpResponse, now: u64) {
        if self.is_redirected(answer) {
            return;
        }
        let status = answer.status;
        let is_shown = (200..300).contains(&status);
        let asked = Offers::of(answer);
        if !is_shown && !matches!(status, 401 | 402) || !asked.ask_for_tokens() {
            self.ending = Some(if is_shown { Ending::Page { preview_of: None } } else { failed(answer) });
            return;
        }
        if self.paid.is_some() && !is_shown {
            // The limit is for the whole visit: who says "free" and asks again may have taken the tokens.
            let said = if self.was_free { "said that nothing is due" } else { "was paid" };
            let reason = format!("{} {said}, and asks for tokens again", self.page.origin());
            self.ending = Some(Ending::Stopped { reason });
            return;
        }
        let (allowed, over): (Vec<_>, Vec<_>) =
            asked.offers.into_iter().partition(|offer| self.limit.allows(offer.price) && self.paid.is_none());
        if is_shown && allowed.is_empty() {
            self.ending = Some(Ending::Page { preview_of: over.first().map(|offer| offer.price) });
            return;
        }
        if allowed.is_empty()
            && let Some(offer) = over.first()
        {
            self.ending = Some(Ending::Price { price: offer.price });
            return;
        }
        let earlier = state.payments_in_flight();
        if let Some(earlier) = earlier.iter().find(|payment| payment.origin == *self.page.origin()) {
            self.show(earlier.number, true, Aim::WordFirst);
            return;
        }
        let today = Day::from_unix(now);
        let begun = choose(state, &allowed, today)
            .map(|choice| state.begin_payment(choice.position, choice.count, &self.page, today));
        match begun {
            Ok(Some(number)) => {
                self.paid = Some(number);
                self.show(number, false, Aim::Page);
                self.to_save = Some(SavePoint::Payment);
            }
            Err(Some(lacking)) => self.ending = Some(Ending::NoTokens(lacking)),
            Ok(None) | Err(None) => {
                let fault = asked.fault.unwrap_or_else(|| "it asks for tokens".to_owned());
                let reason =
                    format!("{} cannot be paid: {}. Nothing was paid", self.page.origin(), tame(&fault));
                self.ending = Some(Ending::Stopped { reason });
            }
        }
    }

    /// Follows a redirect, if the answer is one, or ends there.
    fn is_redirected(&mut self, answer: &HttpResponse) -> bool {
        let location = answer.header("Location").filter(|_| (300..400).contains(&answer.status));
        let Some(location) = location else { return false };
        self.redirects += 1;
        match self.page.redirected(location) {
            Ok(page) if self.redirects <= MAX_REDIRECTS => self.page = page,
            Ok(_) => {
                let reason = format!("{} redirects again and again", self.page.origin());
                self.ending = Some(Ending::Stopped { reason });
            }
            Err(error) => self.ending = Some(Ending::Stopped { reason: tame(&error.to_string()) }),
        }
        true
    }
}

/// A page that was not had, in the site's words if it has any.
fn failed(answer: &HttpResponse) -> Ending {
    let words = problem_of(answer).map(|problem| tame(&problem.detail)).filter(|words| !words.is_empty());
    let status = answer.status;
    let reason = match words {
        Some(words) => format!("the site answered {status}: {words}"),
        None => format!("the site answered {status}"),
    };
    if matches!(status, 408 | 429 | 500..) {
        Ending::Unfinished { reason }
    } else {
        Ending::Stopped { reason }
    }
}

#[cfg(test)]
mod tests;
