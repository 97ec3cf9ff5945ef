use async_trait::async_trait;
use farthing_service::redis::{Call, RedisStore, Script};
use farthing_service::unavailable::Unavailable;
use farthing_service::{record, redis_script};

use super::attempt::{Attempt, Known};
use super::{across_groups, kept_answer, kept_answers_by_end, spent_sets, unreadable};
use crate::redemption::IdempotencyMac;
use crate::store::{KeptAnswer, NewSet, Redeemed, Redemption, SpentTokens};

static REDEEM: Script = redis_script!("scripts/tokens.lua", "scripts/redeem.lua");
static KEPT_ANSWER: Script = redis_script!("scripts/kept_answer.lua");

/// How often a redemption is tried anew because tokens turned out to be spent, or sets closed, meanwhile. Each try
/// learns of all that are so by then.
pub(super) const TRIES: usize = 8;

/// A set is not there, or not whole.
pub(super) fn lost() -> Unavailable {
    Unavailable::because("the spent set of a token key is missing or incomplete")
}

#[async_trait]
impl SpentTokens for RedisStore {
    async fn open_sets(&self, sets: Vec<NewSet>) -> Result<(), Unavailable> {
        spent_sets::open(self, sets).await
    }

    async fn redeem(&self, redemption: Redemption) -> Result<Redeemed, Unavailable> {
        if self.groups().len() > 1 {
            return across_groups::redeem(self, &redemption).await;
        }
        let mut known = Known::default();
        for _ in 0..TRIES {
            let attempt = Attempt::new(&redemption, &known)?;
            let (whole, kept) = (attempt.whole(), attempt.kept());
            let call = whole.call(
                self,
                [kept_answer(self, &redemption.key), kept_answers_by_end(self)],
                [
                    redemption.now.to_string().into_bytes(),
                    kept.forget_from.to_string().into_bytes(),
                    record::encode(&kept).map_err(unreadable)?,
                    redemption.key.as_bytes().to_vec(),
                ],
            );
            let (outcome, details): (String, Vec<u8>) = self.write(&REDEEM, call).await?;
            match outcome.as_str() {
                "done" => return Ok(Redeemed::Done(attempt.answer)),
                "kept" => {
                    let kept: KeptAnswer = record::decode(&details).map_err(unreadable)?;
                    return Ok(kept.meets(&redemption.request));
                }
                "spent" => whole.learn_spent(&details, &mut known),
                "closed" => whole.learn_closed(&details, &mut known),
                "lost" => return Err(lost()),
                _ => return Err(Unavailable::because("a script returned an unknown outcome")),
            }
        }
        Err(Unavailable::because("tokens kept being spent elsewhere"))
    }

    async fn kept_answer(&self, key: IdempotencyMac, now: u64) -> Result<Option<KeptAnswer>, Unavailable> {
        let home = self.in_group(key.home());
        let call = Call::new().key(kept_answer(&home, &key)).number(now);
        let mut found: Option<Vec<u8>> = home.run(&KEPT_ANSWER, call.clone()).await?;
        if found.is_some() {
            // It is going to be answered again, so it must be as safe as when it was answered first.
            found = home.confirm(&KEPT_ANSWER, call).await?;
        }
        found.map(|bytes| record::decode(&bytes).map_err(unreadable)).transpose()
    }
}
