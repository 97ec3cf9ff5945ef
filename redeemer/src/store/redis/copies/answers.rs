//! The kept answers, as a copy takes them from each group.

use farthing_service::backup::{Sink, entry};
use farthing_service::redis::{MembersOf, RedisStore, Walk};
use farthing_service::unavailable::Unavailable;

use super::super::kept_answers_by_end;

pub(super) async fn copy(store: &RedisStore, sink: &Sink) -> Result<(), Unavailable> {
    for group in store.groups() {
        let mut walk = Walk::default();
        while let Some(macs) = group.scan_keys(&mut walk, b"kept-answers:").await? {
            let keys: Vec<_> = macs.iter().map(|mac| group.key(&[b"kept-answers:", mac])).collect();
            let found = macs.into_iter().zip(group.read_keys(&keys).await?);
            let copied =
                found.filter_map(|(mac, answer)| Some(entry("kept-answers", mac, answer.field("record")?)));
            sink.put(copied.collect()).await?;
        }
    }
    Ok(())
}

pub(super) async fn copy_index(store: &RedisStore, sink: &Sink) -> Result<(), Unavailable> {
    for group in store.groups() {
        let index = kept_answers_by_end(&group);
        let mut walk = Walk::default();
        while let Some(answers) = group.scan_members(&mut walk, &index, MembersOf::SortedSet).await? {
            let copied = answers.into_iter().map(|(mac, end)| {
                entry("kept-answers-by-end", [end.to_be_bytes().as_slice(), &mac].concat(), [])
            });
            sink.put(copied.collect()).await?;
        }
    }
    Ok(())
}
