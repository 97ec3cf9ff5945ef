//! Redemptions across groups that are under way: a check looks at what they hold.

use farthing_service::backup::Findings;
use farthing_service::redis::{Content, RedisStore};
use farthing_service::unavailable::Unavailable;

use super::place;
use crate::store::redis::across_groups::{all_unfinished, held_marks};

/// Looks whether each token that is held is held by a redemption that somebody will finish: nobody lets go of another.
pub(super) async fn look(store: &RedisStore, findings: &mut Findings) -> Result<(), Unavailable> {
    if store.groups().len() == 1 {
        return Ok(());
    }
    for group in store.groups() {
        let mut found = group.read_keys(&[held_marks(&group), all_unfinished(&group)]).await?.into_iter();
        let mut next = || found.next().unwrap_or(Content::Missing);
        let (held, under_way) = (next().into_fields(), next().into_members());
        if held.iter().any(|(_, holder)| !under_way.contains(holder)) {
            let what = "it has a token of a redemption that is not under way";
            findings.insert(format!("held-marks{}: {what}", place(&group)));
        }
    }
    Ok(())
}
