use async_trait::async_trait;
use farthing_service::redis::{Call, RedisStore, Script};
use farthing_service::redis_script;
use farthing_service::unavailable::Unavailable;

use super::kept_answers_by_end;
use crate::store::KeptAnswers;

static COUNT: Script = redis_script!("scripts/kept_answers_count.lua");

#[async_trait]
impl KeptAnswers for RedisStore {
    async fn count_kept_answers(&self) -> Result<u64, Unavailable> {
        let mut count = 0;
        for group in self.groups() {
            count += group.run::<u64>(&COUNT, Call::new().key(kept_answers_by_end(&group))).await?;
        }
        Ok(count)
    }
}
