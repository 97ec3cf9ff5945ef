use async_trait::async_trait;
use farthing_protocol::Day;
use farthing_service::redis::{Call, RedisStore, Script};
use farthing_service::redis_script;
use farthing_service::unavailable::Unavailable;

use super::spent_sets::{self, SET_VERSION};
use super::{across_groups, kept_answers_by_end};
use crate::store::{DAYS_KEPT_AFTER_END, Leftovers, Slice, Unfinished};

static CLOSE: Script = redis_script!("scripts/spent_sets_close.lua");
static DROP_MARKS: Script = redis_script!("scripts/spent_marks_drop.lua");
static DROP_ANSWERS: Script = redis_script!("scripts/kept_answers_drop.lua");

#[async_trait]
impl Leftovers for RedisStore {
    async fn drop_ended_sets(&self, now: u64, limit: usize) -> Result<Slice, Unavailable> {
        let today = Day::from_unix(now).number();
        let Some(ended) = today.checked_sub(DAYS_KEPT_AFTER_END) else { return Ok(Slice::Last) };
        let mut dropped = 0;
        for group in self.groups() {
            // The closed mark is durable before the first spent mark goes.
            let call = Call::new()
                .key(spent_sets::spent_sets(&group))
                .number(SET_VERSION)
                .arg(group.key(&[b"spent-set:"]))
                .number(ended.into());
            group.write::<()>(&CLOSE, call).await?;
            let call = Call::new()
                .key(spent_sets::spent_sets(&group))
                .arg(group.key(&[b"spent-set:"]))
                .arg(spent_sets::buckets(&group))
                .number((limit - dropped) as u64);
            dropped += group.write::<usize>(&DROP_MARKS, call).await?.min(limit - dropped);
        }
        Ok(slice(dropped, limit))
    }

    async fn drop_old_answers(&self, now: u64, limit: usize) -> Result<Slice, Unavailable> {
        across_groups::finish_decided(self).await?;
        let (mut answers, mut decisions) = (0, 0);
        for group in self.groups() {
            let drop_from = |by_end, names, dropped: usize| {
                let call = Call::new().key(by_end).arg(names).number(now).number((limit - dropped) as u64);
                group.write::<usize>(&DROP_ANSWERS, call)
            };
            answers +=
                drop_from(kept_answers_by_end(&group), group.key(&[b"kept-answers:"]), answers).await?;
            let by_end = across_groups::decisions_by_end(&group);
            decisions += drop_from(by_end, across_groups::decisions(&group), decisions).await?;
        }
        Ok(slice(answers.max(decisions), limit))
    }

    async fn finish_redemptions(&self, before: Unfinished, now: u64) -> Result<Unfinished, Unavailable> {
        across_groups::sweep(self, before, now).await
    }

    async fn forget_order(&self) -> Result<(), Unavailable> {
        self.rewrite_log().await
    }
}

fn slice(dropped: usize, limit: usize) -> Slice {
    if dropped < limit { Slice::Last } else { Slice::More }
}
