//! The state machine that takes one purchase from its intent to its tokens, as far as the services let it.
//!
//! It never sends or saves anything itself. The caller asks for the [`Step`] and takes it: saves the state, or sends
//! a request and hands the answer to [`PurchaseRun::receive`]. A step that saves must be durable before the next one
//! is asked for: then a stop at any point loses no paid token.

mod settlement;
mod step;

use farthing_api::{OrderView, ProblemKind};
use farthing_protocol::{Day, IssuerDirectory, TokenKeyId};

use crate::derivation::ClaimSecret;
use crate::http_message::{HttpResponse, TransportFailure};
use crate::issuer_client as issuer;
use crate::key_agreement::{AgreedKey, agree};
use crate::purchase::{OrderId, Payment, Purchase, Stage, Stopped};
use crate::redeemer_client as redeemer;
use crate::service_answer::ServiceError;
use crate::token_batch::TokenBatch;
use crate::wallet_state::{PurchasePosition, WalletState};

pub use step::{Call, Ending, RunError, SavePoint, Step};

/// A refusal that is only understood by looking at the order.
#[derive(Debug)]
struct Refusal {
    call: Call,
    kind: ProblemKind,
    text: String,
}

#[derive(Debug)]
enum Task {
    /// What the stage asks for.
    Proceed,
    /// Ask the issuer how the order stands, after a refusal.
    LookAtOrder(Refusal),
    /// Ask the issuer for its keys.
    AskDirectory,
    /// Ask the redeemer for its keys, to compare.
    AskKeys(IssuerDirectory),
}

/// One attempt to bring a purchase to its end.
#[derive(Debug)]
pub struct PurchaseRun {
    position: PurchasePosition,
    task: Task,
    to_save: Option<SavePoint>,
    ending: Option<Ending>,
    awaited: Option<(Call, String)>,
    agreed: Option<AgreedKey>,
    batch: Option<TokenBatch>,
    refused_key: Option<TokenKeyId>,
    rebuilds: u8,
    paid_again: bool,
}

impl PurchaseRun {
    /// Continues a purchase from where the saved state has it.
    pub const fn resume(position: PurchasePosition) -> Self {
        Self {
            position,
            task: Task::Proceed,
            to_save: None,
            ending: None,
            awaited: None,
            agreed: None,
            batch: None,
            refused_key: None,
            rebuilds: 0,
            paid_again: false,
        }
    }

    /// Begins a purchase that was just intended, with the key that both services agreed on a moment ago. Its first
    /// step saves the intent.
    pub fn begin(position: PurchasePosition, agreed: AgreedKey) -> Self {
        Self { to_save: Some(SavePoint::Intent), agreed: Some(agreed), ..Self::resume(position) }
    }

    /// What to do next.
    ///
    /// # Errors
    ///
    /// [`RunError`].
    pub fn next(&mut self, state: &mut WalletState) -> Result<Step, RunError> {
        if let Some(point) = self.to_save.take() {
            return Ok(Step::Save(point));
        }
        if let Some(ending) = &self.ending {
            return Ok(Step::Finished(ending.clone()));
        }
        let purchase = state.purchase(self.position).ok_or(RunError::NoPurchase)?;
        let secret = ClaimSecret::derive(state.seed(), purchase.issuer_name.as_str(), purchase.order_index)?;
        let (call, request) = match (&self.task, &purchase.stage) {
            (Task::LookAtOrder(_), _) => (Call::Order, issuer::order_request(&purchase.issuer, &secret)),
            (Task::AskDirectory, _) => (Call::Directory, issuer::directory_request(&purchase.issuer)),
            (Task::AskKeys(_), _) => (Call::Keys, redeemer::keys_request(&purchase.redeemer)),
            (Task::Proceed, Stage::Intended) => {
                (Call::NewOrder, issuer::new_order_request(purchase, secret.claim()))
            }
            (Task::Proceed, Stage::Ordered { order }) => match &purchase.payment {
                Payment::Voucher { code } => {
                    (Call::Payment, issuer::voucher_request(&purchase.issuer, order, code))
                }
            },
            (Task::Proceed, Stage::Paid { order }) => {
                let order = order.clone();
                return self.make_request(state, order);
            }
            (Task::Proceed, Stage::Requested { key, url, digest, .. }) => {
                let batch = match self.batch.take() {
                    Some(batch) => batch,
                    None => derive_batch(state, purchase, key)?,
                };
                if batch.digest() != digest.0 {
                    return Err(RunError::RequestChanged);
                }
                let body = batch.body().to_vec();
                self.batch = Some(batch);
                (Call::Tokens, issuer::token_request(url, &secret, key.token_key_id(), body))
            }
            (Task::Proceed, Stage::Done { .. }) => return Ok(Step::Finished(Ending::Bought)),
        };
        self.awaited = Some((call, request.to_string()));
        Ok(Step::Send { call, service: call.service(), request })
    }

    /// Takes the answer to the request of the last [`Step::Send`], or the lack of one, at the unix second `now`.
    ///
    /// # Errors
    ///
    /// [`RunError`]. Whatever a service does wrong is no error here: it is an [`Ending`].
    pub fn receive(
        &mut self,
        state: &mut WalletState,
        answer: Result<HttpResponse, TransportFailure>,
        now: u64,
    ) -> Result<(), RunError> {
        let (call, name) = self.awaited.take().ok_or(RunError::NoQuestion)?;
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => {
                self.leave_unfinished(&ServiceError::unreachable(call.service(), &name, &failure));
                return Ok(());
            }
        };
        match call {
            Call::Directory => match issuer::read_directory(&name, &answer) {
                Ok(directory) => self.task = Task::AskKeys(directory),
                Err(error) => self.leave_unfinished(&error),
            },
            Call::Keys => self.compare_keys(state, &name, &answer, now)?,
            Call::NewOrder => match issuer::read_order(&name, &answer) {
                Ok(view) => self.take_new_order(state, &name, &view)?,
                Err(error) if error.refusal().is_some() => {
                    self.stop(state, true, format!("{error}. Nothing was paid"))?;
                }
                Err(error) => self.leave_unfinished(&error),
            },
            Call::Payment => match issuer::read_order(&name, &answer) {
                Ok(view) => self.settle(state, &view, None)?,
                Err(error) => self.look_after_refusal(call, &error),
            },
            Call::Order => self.take_looked_at_order(state, &name, &answer)?,
            Call::Tokens => self.take_tokens(state, &name, &answer)?,
        }
        Ok(())
    }

    fn make_request(&mut self, state: &mut WalletState, order: OrderId) -> Result<Step, RunError> {
        let Some(AgreedKey { key, request_url }) = self.agreed.take() else {
            self.task = Task::AskDirectory;
            return self.next(state);
        };
        let purchase = state.purchase(self.position).ok_or(RunError::NoPurchase)?;
        let batch = derive_batch(state, purchase, &key)?;
        let digest = farthing_api::Base64Url(batch.digest());
        self.batch = Some(batch);
        self.advance(
            state,
            Stage::Requested { order, key: Box::new(key), url: request_url, digest },
            SavePoint::Request,
        )?;
        self.next(state)
    }

    fn compare_keys(
        &mut self,
        state: &mut WalletState,
        name: &str,
        answer: &HttpResponse,
        now: u64,
    ) -> Result<(), RunError> {
        let Task::AskKeys(directory) = std::mem::replace(&mut self.task, Task::Proceed) else {
            return Err(RunError::NoQuestion);
        };
        let listing = match redeemer::read_keys(name, answer) {
            Ok(listing) => listing,
            Err(error) => {
                self.leave_unfinished(&error);
                return Ok(());
            }
        };
        let purchase = state.purchase(self.position).ok_or(RunError::NoPurchase)?;
        if listing.issuer_name != purchase.issuer_name.as_str() {
            self.leave_unfinished(&format_args!(
                "the redeemer {} no longer accepts tokens of {}",
                purchase.redeemer, purchase.issuer_name
            ));
            return Ok(());
        }
        let redeemer = purchase.redeemer.clone();
        if !state.mark_void_keys(&redeemer, &listing, Day::from_unix(now)).is_empty() {
            self.to_save = Some(SavePoint::VoidKeys);
        }
        let purchase = state.purchase(self.position).ok_or(RunError::NoPurchase)?;
        match agree(&purchase.issuer, &directory, &listing, &purchase.pack, state.keys(), now) {
            Ok(agreed) if Some(agreed.key.token_key_id()) == self.refused_key => {
                self.leave_unfinished(
                    &"the issuer lists a key as issuing and then refuses it; try again later",
                );
            }
            Ok(agreed) => self.agreed = Some(agreed),
            Err(error) => self.leave_unfinished(&error),
        }
        Ok(())
    }

    fn take_new_order(
        &mut self,
        state: &mut WalletState,
        name: &str,
        view: &OrderView,
    ) -> Result<(), RunError> {
        let purchase = state.purchase(self.position).ok_or(RunError::NoPurchase)?;
        let pack = &purchase.pack;
        let as_listed = view.pack == pack.id
            && view.count == pack.count
            && view.value_micros == pack.value_micros
            && view.currency == pack.currency
            && view.price_minor == pack.price_minor
            && view.method == purchase.payment.method();
        if !as_listed {
            let reason = format!(
                "{name}: the order is not the pack as it was listed (count, value, price or method differ). \
                 Nothing was paid; look at the pack again with `farthing packs`"
            );
            return self.stop(state, true, reason);
        }
        self.settle(state, view, None)
    }

    fn take_looked_at_order(
        &mut self,
        state: &mut WalletState,
        name: &str,
        answer: &HttpResponse,
    ) -> Result<(), RunError> {
        let Task::LookAtOrder(refusal) = std::mem::replace(&mut self.task, Task::Proceed) else {
            return Err(RunError::NoQuestion);
        };
        match issuer::read_order(name, answer) {
            Ok(view) => self.settle(state, &view, Some(refusal)),
            Err(error) if error.refusal() == Some(ProblemKind::ClaimUnknown) => {
                let paid = state.purchase(self.position).is_some_and(Purchase::is_paid);
                let advice = if paid {
                    "The order was paid: show its id to the operator, and run `farthing resume` later"
                } else {
                    "The voucher was not spent on it: buy again with the same code"
                };
                self.stop(state, !paid, format!("the issuer no longer has the order. {advice}"))
            }
            Err(error) => {
                self.leave_unfinished(&error);
                Ok(())
            }
        }
    }

    fn take_tokens(
        &mut self,
        state: &mut WalletState,
        name: &str,
        answer: &HttpResponse,
    ) -> Result<(), RunError> {
        let response = match issuer::read_token_response(name, answer) {
            Ok(response) => response,
            Err(error) => {
                self.look_after_refusal(Call::Tokens, &error);
                return Ok(());
            }
        };
        let purchase = state.purchase(self.position).ok_or(RunError::NoPurchase)?;
        let (Stage::Requested { order, key, .. }, Some(batch)) = (&purchase.stage, self.batch.take()) else {
            return Err(RunError::NoQuestion);
        };
        match batch.finalize(key, &response) {
            Ok(tokens) => {
                let (order, key, issuer_name) = (order.clone(), key.clone(), purchase.issuer_name.clone());
                state.add_tokens(&issuer_name, &key, tokens);
                let done = Stage::Done { order, token_key_id: key.token_key_id() };
                self.advance(state, done, SavePoint::Tokens)
            }
            Err(error) => {
                let reason = format!(
                    "{error}. No token was taken from it. The order is kept: run `farthing resume`, and if that \
                     ends the same way, ask the operator"
                );
                self.stop(state, false, reason)
            }
        }
    }

    /// Looks at the order after a refusal; anything else than a refusal leaves the purchase unfinished.
    fn look_after_refusal(&mut self, call: Call, error: &ServiceError) {
        match error.refusal() {
            Some(kind) => self.task = Task::LookAtOrder(Refusal { call, kind, text: error.to_string() }),
            None => self.leave_unfinished(error),
        }
    }

    fn advance(&mut self, state: &mut WalletState, reached: Stage, point: SavePoint) -> Result<(), RunError> {
        let purchase = state.purchase_mut(self.position).ok_or(RunError::NoPurchase)?;
        purchase.stage = reached;
        purchase.stopped = None;
        self.task = Task::Proceed;
        self.to_save = Some(point);
        Ok(())
    }

    fn stop(&mut self, state: &mut WalletState, is_final: bool, reason: String) -> Result<(), RunError> {
        let purchase = state.purchase_mut(self.position).ok_or(RunError::NoPurchase)?;
        purchase.stopped = Some(Stopped { reason: reason.clone(), is_final, voucher: None });
        self.to_save = Some(SavePoint::Stopped);
        self.ending = Some(Ending::Stopped { reason });
        Ok(())
    }

    fn leave_unfinished(&mut self, reason: &impl ToString) {
        self.ending = Some(Ending::Unfinished { reason: reason.to_string() });
    }
}

fn derive_batch(
    state: &WalletState,
    purchase: &Purchase,
    key: &crate::key_facts::KeyFacts,
) -> Result<TokenBatch, RunError> {
    Ok(TokenBatch::derive(
        state.seed(),
        &purchase.issuer_name,
        purchase.order_index,
        key,
        purchase.pack.count,
    )?)
}

#[cfg(test)]
mod tests;
