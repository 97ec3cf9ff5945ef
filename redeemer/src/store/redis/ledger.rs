use async_trait::async_trait;
use farthing_protocol::{Day, Denomination};
use farthing_service::redis::{Call, RedisStore, Script};
use farthing_service::unavailable::Unavailable;
use farthing_service::{record, redis_script};

use super::publishers::publishers_key;
use super::{VERSION, unreadable};
use crate::ledger::{Adjustment, CreditLine, Entries};
use crate::publishers::PublisherId;
use crate::store::{Adjusted, Ledger};

static READ: Script = redis_script!("scripts/ledger_read.lua");
static ADJUST: Script = redis_script!("scripts/ledger_adjust.lua");

/// A set: the days and denominations in which a publisher was credited.
pub(super) fn credit_entries(store: &RedisStore, publisher: PublisherId) -> Vec<u8> {
    store.key(&[b"credit-entries:", publisher.as_bytes()])
}

/// A day's number, 4 bytes big-endian, and a denomination as text.
pub(super) fn credit_entry(day: Day, denomination: Denomination) -> Vec<u8> {
    [day.number().to_be_bytes().as_slice(), denomination.to_string().as_bytes()].concat()
}

/// A hash with the fields `version`, `denomination` and `tokens`.
pub(super) fn credit_key(store: &RedisStore, publisher: PublisherId, entry: &[u8]) -> Vec<u8> {
    store.key(&[b"credits:", publisher.as_bytes(), entry])
}

/// A hash: adjustment's id: adjustment.
fn adjustments_key(store: &RedisStore, publisher: PublisherId) -> Vec<u8> {
    store.key(&[b"adjustments:", publisher.as_bytes()])
}

#[async_trait]
impl Ledger for RedisStore {
    async fn entries(&self, publisher: PublisherId) -> Result<Entries, Unavailable> {
        let mut read = Read::default();
        for group in self.groups() {
            let (credits, adjustments): Read = group.run(&READ, reading(&group, publisher)).await?;
            read.0.extend(credits);
            read.1.extend(adjustments);
        }
        decoded(read)
    }

    async fn adjust(&self, adjustment: Adjustment) -> Result<Adjusted, Unavailable> {
        let publisher = adjustment.publisher;
        let call = Call::new()
            .key(publishers_key(self))
            .key(adjustments_key(self, publisher))
            .arg(*publisher.as_bytes())
            .arg(*adjustment.id.as_bytes())
            .arg(record::encode(&adjustment).map_err(unreadable)?);
        let (outcome, kept): (String, Vec<u8>) = self.write(&ADJUST, call).await?;
        match outcome.as_str() {
            "done" => Ok(Adjusted::Done),
            "kept" => Ok(Adjusted::Kept(record::decode(&kept).map_err(unreadable)?)),
            "unknown" => Ok(Adjusted::UnknownPublisher),
            _ => Err(Unavailable::because("a script returned an unknown outcome")),
        }
    }
}

/// A publisher's entries, which replicas have wherever they must: for what is said for ever.
pub(super) async fn confirmed_entries(
    store: &RedisStore,
    publisher: PublisherId,
) -> Result<Entries, Unavailable> {
    let mut read = Read::default();
    for group in store.groups() {
        let (credits, adjustments): Read = group.confirm(&READ, reading(&group, publisher)).await?;
        read.0.extend(credits);
        read.1.extend(adjustments);
    }
    decoded(read)
}

/// What `ledger_read.lua` returns: rows of entry, denomination and tokens, and the records of adjustments.
type Read = (Vec<(Vec<u8>, String, u64)>, Vec<Vec<u8>>);

fn reading(store: &RedisStore, publisher: PublisherId) -> Call {
    Call::new()
        .key(credit_entries(store, publisher))
        .key(adjustments_key(store, publisher))
        .number(VERSION)
        .arg(credit_key(store, publisher, b""))
}

fn decoded((credits, adjustments): Read) -> Result<Entries, Unavailable> {
    let credits = credits.iter().map(|(entry, denomination, tokens)| {
        let day = entry.first_chunk().copied().map(u32::from_be_bytes).and_then(Day::from_number);
        let day = day.ok_or_else(|| Unavailable::because("a credit has no day"))?;
        let denomination = denomination.parse().map_err(Unavailable::because)?;
        Ok(CreditLine { day, denomination, tokens: *tokens })
    });
    let credits = credits.collect::<Result<Vec<_>, Unavailable>>()?;
    let adjustments = adjustments.iter().map(|bytes| record::decode(bytes).map_err(unreadable));
    Entries::of(credits, adjustments.collect::<Result<_, _>>()?).map_err(Unavailable::because)
}
