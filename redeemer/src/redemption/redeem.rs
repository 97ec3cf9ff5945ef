use std::sync::Arc;

use farthing_api::{ProblemKind, RedemptionAnswer};
use farthing_protocol::{Day, TokenKeyId};
use farthing_service::keyring::{KeyStatus, Keyring};
use farthing_service::problem::ProblemResponse;

use super::{Answer, FoundKey, IdempotencyKey, IdempotencyMac, Judgement, RedemptionRequest, judge};
use crate::places::Place;
use crate::publishers::PublisherId;
use crate::receipts;
use crate::service::Redeemer;
use crate::store::{Redeemed, Redemption};

impl Redeemer {
    /// Takes a publisher's tokens: looks for the answer that is kept, judges the tokens, and only then touches the
    /// spent set. A request that is equal to an answered one gets the same answer.
    ///
    /// # Errors
    /// The key was used with other tokens, or nothing is known of the outcome.
    pub async fn redeem(
        &self,
        publisher: PublisherId,
        key: &IdempotencyKey,
        request: RedemptionRequest,
    ) -> Result<RedemptionAnswer, ProblemResponse> {
        let now = self.environment.now();
        let config = self.config.current();
        let place = Arc::new(self.places.take(publisher, config.limits.redemptions_at_once.get())?);
        let atomic = request.atomic;
        let key = self.idempotency.key_mac(publisher, key);
        let request_mac = self.idempotency.request_mac(&request);
        if let Some(kept) = self.stores.spent.kept_answer(key, now).await? {
            return self.answered(publisher, key, kept.meets(&request_mac));
        }
        self.limits.check_invalid_tokens(&publisher, now)?;
        let store = (&*self.stores.kept_answers, &*self.stores.leftovers);
        let mut room = self.kept.room(publisher, config.limits.kept_answers.get(), store, now).await?;
        let judgement = self.judge(request, now, Arc::clone(&place)).await?;
        self.limits.count_invalid_tokens(publisher, judgement.invalid(), now);
        if let Some(results) = judgement.refused_outright(atomic) {
            return Ok(Answer::refusing(results, Day::from_unix(now)).into_view(false, None));
        }
        let Judgement { tokens, keys } = judgement;
        let redemption = Redemption { publisher, key, request: request_mac, atomic, tokens, keys, now };
        self.environment.step("redemption.before");
        room.may_be_kept();
        let redeemed = self.stores.spent.redeem(redemption).await;
        match &redeemed {
            Ok(redeemed) if redeemed.is_newly_kept() => {}
            Ok(_) => room.is_not_kept(),
            Err(_) => room.is_unknown(),
        }
        let redeemed = redeemed?;
        self.environment.step("redemption.after");
        self.answered(publisher, key, redeemed)
    }

    /// The answer that is kept under a publisher's key.
    ///
    /// # Errors
    /// None is, or the store does not answer.
    pub async fn kept_answer(
        &self,
        publisher: PublisherId,
        key: &IdempotencyKey,
    ) -> Result<RedemptionAnswer, ProblemResponse> {
        let key = self.idempotency.key_mac(publisher, key);
        let kept = self.questions.ask(self.stores.spent.kept_answer(key, self.environment.now())).await?;
        let kept = kept.ok_or_else(|| {
            let detail =
                "nothing was spent under this key in the last 48 hours; sending the redemption is safe";
            ProblemResponse::new(ProblemKind::RedemptionUnknown, detail)
        })?;
        self.answered(publisher, key, Redeemed::Replayed(kept.answer))
    }

    fn answered(
        &self,
        publisher: PublisherId,
        key: IdempotencyMac,
        redeemed: Redeemed,
    ) -> Result<RedemptionAnswer, ProblemResponse> {
        let (answer, replayed) = match redeemed {
            Redeemed::Done(answer) => (answer, false),
            Redeemed::Replayed(answer) => (answer, true),
            Redeemed::KeyReused => {
                let detail =
                    "an answer to other tokens is kept under this key; take a new key for each redemption";
                return Err(ProblemResponse::new(ProblemKind::IdempotencyKeyReused, detail)
                    .in_field(farthing_api::IDEMPOTENCY_KEY_HEADER));
            }
        };
        let receipt = receipts::sign(&self.signing_key, publisher, key, &answer);
        let receipt = receipt.map_err(|error| ProblemResponse::internal(&error))?;
        Ok(answer.into_view(replayed, receipt))
    }

    /// Judges the tokens on the threads for arithmetic. The place is taken as long as they do, even if the publisher goes
    /// away: otherwise whoever does so again and again could have all threads.
    async fn judge(
        &self,
        request: RedemptionRequest,
        now: u64,
        place: Arc<Place>,
    ) -> Result<Judgement, ProblemResponse> {
        let (keyring, challenge) = (self.keyring.current(), self.challenge);
        let judging = self.arithmetic.run(move || {
            let _place = place;
            judge(&request, &challenge, |id| find(&keyring, id, now))
        });
        judging.await?.map_err(|error| ProblemResponse::internal(&error))
    }
}

fn find<'a>(keyring: &'a Keyring, id: &TokenKeyId, now: u64) -> FoundKey<'a> {
    let Some(entry) = keyring.get(id) else { return FoundKey::Unknown };
    match (entry.status(now), entry.secret()) {
        (KeyStatus::Revoked, _) => FoundKey::Revoked,
        (KeyStatus::Future | KeyStatus::Issuing | KeyStatus::RedeemOnly, Some(secret)) => {
            FoundKey::Accepted(entry.facts(), secret)
        }
        // A secret that was forgotten stays so, even if the clock was set back.
        (KeyStatus::Ended, _) | (_, None) => FoundKey::Expired,
    }
}
