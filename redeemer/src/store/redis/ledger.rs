use async_trait::async_trait;
use farthing_protocol::{Day, Denomination};
use farthing_service::redis::{Call, FromRedisValue, RedisStore, Script};
use farthing_service::unavailable::Unavailable;
use farthing_service::{record, redis_script};

use super::publishers::publishers_key;
use super::{VERSION, unreadable};
use crate::ledger::{Adjustment, CreditLine, Entries};
use crate::publishers::PublisherId;
use crate::store::{Adjusted, Ledger};

static READ: Script = redis_script!("scripts/ledger_read.lua");
static READ_CREDITS: Script = redis_script!("scripts/credits_read.lua");
static ADJUST: Script = redis_script!("scripts/ledger_adjust.lua");

/// Credits that are read in one script. Redis does nothing else meanwhile, and this many take it one or two milliseconds;
/// those of five years, in five denominations, would take it fifty.
const TOGETHER: usize = 500;

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
        entries(self, publisher, false).await
    }

    async fn confirmed_entries(&self, publisher: PublisherId) -> Result<Entries, Unavailable> {
        entries(self, publisher, true).await
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

/// A publisher's entries. Credits only grow and entries are only added, so what is read in slices is no less than what was
/// there at first and no more than what is there in the end: a balance may lack a part of what is credited meanwhile, and
/// what a statement lacks the next one has.
async fn entries(
    store: &RedisStore,
    publisher: PublisherId,
    confirmed: bool,
) -> Result<Entries, Unavailable> {
    let (mut credits, mut adjustments) = (Vec::new(), Vec::new());
    for group in store.groups() {
        let call = Call::new().key(credit_entries(&group, publisher)).key(adjustments_key(&group, publisher));
        let (names, records): (Vec<Vec<u8>>, Vec<Vec<u8>>) = ask(&group, &READ, call, confirmed).await?;
        for some in names.chunks(TOGETHER) {
            let keys = some.iter().map(|name| credit_key(&group, publisher, name));
            let call = keys.fold(Call::new(), Call::key).number(VERSION);
            let found: Vec<(String, u64)> = ask(&group, &READ_CREDITS, call, confirmed).await?;
            for (name, (denomination, tokens)) in some.iter().zip(found) {
                credits.push(credit_line(name, &denomination, tokens)?);
            }
        }
        for record in &records {
            adjustments.push(record::decode(record).map_err(unreadable)?);
        }
    }
    Entries::of(credits, adjustments).map_err(Unavailable::because)
}

async fn ask<T: FromRedisValue>(
    group: &RedisStore,
    script: &'static Script,
    call: Call,
    confirmed: bool,
) -> Result<T, Unavailable> {
    if confirmed { group.confirm(script, call).await } else { group.run(script, call).await }
}

fn credit_line(entry: &[u8], denomination: &str, tokens: u64) -> Result<CreditLine, Unavailable> {
    let day = entry.first_chunk().copied().map(u32::from_be_bytes).and_then(Day::from_number);
    let day = day.ok_or_else(|| Unavailable::because("a credit has no day"))?;
    Ok(CreditLine { day, denomination: denomination.parse().map_err(Unavailable::because)?, tokens })
}

#[cfg(test)]
mod tests {
    use farthing_service::redis::test_server::TestServer;

    use super::*;
    use crate::store::conformance::Fixture;
    use crate::store::redis::tests::OnRedis;

    /// How many scripts the server was asked to run so far.
    fn scripts(server: &TestServer) -> u64 {
        let mut connection = server.connection().unwrap();
        let told: String = ::redis::cmd("INFO").arg("commandstats").query(&mut connection).unwrap();
        let (_, rest) = told.split_once("cmdstat_evalsha:calls=").unwrap();
        rest.split(',').next().unwrap().parse().unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn many_credits_are_read_in_slices_and_none_is_left_out() {
        let fixture = OnRedis::<1>::fresh().await;
        let (store, publisher) = (fixture.store(), PublisherId::from_bytes([1; 16]));
        let denomination: Denomination = "EUR-10000".parse().unwrap();
        let days = u32::try_from(2 * TOGETHER + 1).unwrap();
        let mut writing = ::redis::pipe();
        for number in 1..=days {
            let entry = credit_entry(Day::from_number(20_000 + number).unwrap(), denomination);
            let key = credit_key(&store, publisher, &entry);
            writing.sadd(credit_entries(&store, publisher), entry).ignore();
            let fields = [("version", "1"), ("denomination", "EUR-10000"), ("tokens", &number.to_string())];
            writing.hset_multiple(key, &fields).ignore();
        }
        writing.exec(&mut fixture.server.connection().unwrap()).unwrap();

        let whole = store.entries(publisher).await.unwrap();
        let before = scripts(&fixture.server);
        assert_eq!(store.entries(publisher).await.unwrap(), whole);
        assert_eq!(scripts(&fixture.server) - before, 1 + 3, "none of them is long");
        assert_eq!(store.confirmed_entries(publisher).await.unwrap(), whole);
        assert_eq!(whole.credits.len(), 2 * TOGETHER + 1);
        assert!(whole.credits.iter().zip(1..).all(|(line, number)| line.tokens == number));
        let last = credit_entry(Day::from_number(20_000 + days).unwrap(), denomination);
        let last = credit_key(&store, publisher, &last);
        ::redis::cmd("DEL").arg(last).exec(&mut fixture.server.connection().unwrap()).unwrap();
        let missing = store.entries(publisher).await.unwrap_err().to_string();
        assert!(missing.contains("MISSING"), "{missing}");
    }
}
