use async_trait::async_trait;
use farthing_protocol::Day;
use farthing_service::redis::{Call, RedisStore, Script};
use farthing_service::redis_script;
use farthing_service::unavailable::Unavailable;

use super::kept_answers_by_end;
use super::spent_sets::{self, SET_VERSION};
use crate::store::{DAYS_KEPT_AFTER_END, Leftovers, Slice};

static CLOSE: Script = redis_script!("scripts/spent_sets_close.lua");
static DROP_MARKS: Script = redis_script!("scripts/spent_marks_drop.lua");
static DROP_ANSWERS: Script = redis_script!("scripts/kept_answers_drop.lua");

#[async_trait]
impl Leftovers for RedisStore {
    async fn drop_ended_sets(&self, now: u64, limit: usize) -> Result<Slice, Unavailable> {
        let today = Day::from_unix(now).number();
        let Some(ended) = today.checked_sub(DAYS_KEPT_AFTER_END) else { return Ok(Slice::Last) };
        // The closed mark is durable before the first spent mark goes.
        let call = Call::new()
            .key(spent_sets::spent_sets(self))
            .number(SET_VERSION)
            .arg(self.key(&[b"spent-set:"]))
            .number(ended.into());
        self.write::<()>(&CLOSE, call).await?;
        let call = Call::new()
            .key(spent_sets::spent_sets(self))
            .arg(self.key(&[b"spent-set:"]))
            .arg(spent_sets::buckets(self))
            .number(limit as u64);
        Ok(slice(self.write(&DROP_MARKS, call).await?, limit))
    }

    async fn drop_old_answers(&self, now: u64, limit: usize) -> Result<Slice, Unavailable> {
        let call = Call::new()
            .key(kept_answers_by_end(self))
            .arg(self.key(&[b"kept-answers:"]))
            .number(now)
            .number(limit as u64);
        Ok(slice(self.write(&DROP_ANSWERS, call).await?, limit))
    }

    async fn forget_order(&self) -> Result<(), Unavailable> {
        self.rewrite_log().await
    }
}

fn slice(dropped: usize, limit: usize) -> Slice {
    if dropped < limit { Slice::Last } else { Slice::More }
}
