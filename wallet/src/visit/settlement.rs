//! What an answer to a payment means for the visit.

use super::repetition::Repetitions;
use super::step::{Ending, SavePoint};
use super::verdict::{Verdict, stage_of_refusal};
use super::{Aim, Task, Visit, failed, is_posted};
use crate::http_message::HttpResponse;
use crate::page_payment::{PagePayment, PaymentStage};
use crate::wallet_state::WalletState;

impl Visit {
    /// Goes on with showing the tokens of a payment.
    pub(super) fn show(&mut self, number: u64, sent_before: bool, aim: Aim) {
        self.task = Task::Pay { number, sent_before, aim };
        self.repetitions = Repetitions::default();
    }

    /// An answer to a payment.
    pub(super) fn settle(
        &mut self,
        state: &mut WalletState,
        number: u64,
        sent_before: bool,
        aim: Aim,
        answer: &HttpResponse,
        now: u64,
    ) {
        let posted = is_posted(state, number);
        let page = state.page_payment(number).and_then(PagePayment::page);
        let verdict = Verdict::of(page.as_ref().unwrap_or(&self.page), answer, posted, now);
        let is_free = matches!(verdict, Verdict::Free);
        let (stage, ending) = match verdict {
            Verdict::Unsure { reason } if matches!(answer.status, 429 | 503) => {
                let retry_after = answer.header("Retry-After").and_then(|value| value.trim().parse().ok());
                self.repeat_or_leave(number, aim, reason, retry_after, now);
                return;
            }
            Verdict::Unsure { reason } => {
                self.ending = Some(Ending::InFlight { number, reason });
                return;
            }
            Verdict::Paid(passes) => {
                state.keep_passes(passes, now);
                (PaymentStage::Spent, Ending::Settled)
            }
            Verdict::Free => {
                let reason = "the page costs nothing any more".to_owned();
                (stage_of_refusal(None, sent_before), Ending::Refused { number, reason })
            }
            Verdict::Refused { kind, reason } => match stage_of_refusal(kind, sent_before) {
                PaymentStage::Spent => (PaymentStage::Spent, Ending::SpentEarlier { number }),
                stage => (stage, Ending::Refused { number, reason }),
            },
        };
        state.settle_payment(number, stage);
        self.to_save = Some(SavePoint::Settled);
        self.task = Task::Look;
        match (aim, ending) {
            (Aim::WordFirst, _) => self.settled_first.push(number),
            (Aim::Page, Ending::Settled) => self.after_payment(answer, posted),
            // Without tokens it can be had.
            (Aim::Page, Ending::Refused { .. }) if is_free => self.was_free = true,
            (Aim::Page | Aim::Word, ending) => self.ending = Some(ending),
        }
    }

    /// Shows the same tokens again after a pause, or leaves them in flight.
    pub(super) fn repeat_or_leave(
        &mut self,
        number: u64,
        aim: Aim,
        reason: String,
        retry_after: Option<u64>,
        now: u64,
    ) {
        let may_wait = aim != Aim::Word;
        let pause = if may_wait { self.repetitions.next_pause(retry_after, now) } else { None };
        if let Some(seconds) = pause {
            // They may have been taken the first time, whatever is said of them the next.
            self.task = Task::Pay { number, sent_before: true, aim };
            self.pause = Some((seconds, reason));
        } else {
            self.ending = Some(Ending::InFlight { number, reason });
        }
    }

    /// What comes after tokens were taken: the page, with the answer or by the pass.
    fn after_payment(&mut self, answer: &HttpResponse, posted: bool) {
        if !posted && !self.is_redirected(answer) {
            let is_shown = (200..300).contains(&answer.status);
            self.ending = Some(if is_shown { Ending::Page { preview_of: None } } else { failed(answer) });
        }
    }
}
