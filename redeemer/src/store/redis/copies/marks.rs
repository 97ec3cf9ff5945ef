//! The set of spent tokens of a key in one group, as a copy takes it.

use farthing_protocol::{BackupEntry, Day, TokenKeyId};
use farthing_service::backup::{Sink, entry};
use farthing_service::record::RecordError;
use farthing_service::redis::{Call, Content, RedisStore, Script};
use farthing_service::redis_script;
use farthing_service::unavailable::Unavailable;

use super::super::spent_sets::{self, SET_VERSION, spent_set};
use super::super::unreadable;
use crate::store::backup_records::SHORT_MARKS;

static COPY: Script = redis_script!("../scripts/spent_marks_copy.lua");

/// Buckets that are read at once; some tens of marks are in each.
const TOGETHER: u64 = 1_024;

/// A set, as its hash has it.
#[derive(Clone)]
pub(super) struct OnRedis {
    /// The store as seen from its group.
    pub(super) group: RedisStore,
    pub(super) id: TokenKeyId,
    ordinal: u64,
    pub(super) redeem_until: Day,
    pub(super) closed: bool,
    /// How many marks it counts.
    pub(super) marks: u64,
    bits: u32,
}

impl OnRedis {
    pub(super) fn read(group: &RedisStore, id: TokenKeyId, found: &Content) -> Result<Self, Unavailable> {
        let version = found.number("version")?;
        if version > SET_VERSION {
            let (found, known) = (narrow(version), narrow(SET_VERSION));
            return Err(unreadable(RecordError::Newer { kind: "spent set", found, known }));
        }
        if version < SET_VERSION {
            return Err(Unavailable::because("a spent set is not repacked yet; start the service once"));
        }
        let day = u32::try_from(found.number("redeem-until")?).ok().and_then(Day::from_number);
        Ok(Self {
            group: group.clone(),
            id,
            ordinal: found.number("ordinal")?,
            redeem_until: day.ok_or_else(|| Unavailable::because("a spent set ends on no day"))?,
            closed: found.number("closed")? == 1,
            marks: found.number("marks")?,
            bits: u32::try_from(found.number("bucket-bits")?).map_err(Unavailable::because)?.min(24),
        })
    }

    /// The order in which sets were opened in the group.
    pub(super) const fn place(&self) -> u64 {
        self.ordinal
    }

    /// The set as it is now.
    pub(super) async fn again(&self) -> Result<Self, Unavailable> {
        let found = self.group.read_key(spent_set(&self.group, &self.id)).await?;
        Self::read(&self.group, self.id, &found)
    }

    /// Sends the marks under the ordinal that the set has in the backup; how many there are where they are looked for.
    pub(super) async fn copy(&self, ordinal: u32, sink: &Sink) -> Result<u64, Unavailable> {
        let store = &self.group;
        let buckets =
            [spent_sets::buckets(store).as_slice(), format!("{}:", self.ordinal).as_bytes()].concat();
        let (mut first, end) = (0, 1_u64 << self.bits);
        let mut count = 0;
        while first < end {
            let last = (first + TOGETHER).min(end) - 1;
            let call =
                Call::new().key(spent_set(store, &self.id)).arg(buckets.clone()).number(first).number(last);
            let rows: Vec<(u32, Vec<Vec<u8>>)> = store.run(&COPY, call).await?;
            let mut copied = Vec::new();
            for (bucket, fields) in rows {
                for field in fields {
                    count += u64::from(self.is_looked_for(bucket, &field));
                    copied.push(self.mark(ordinal, bucket, &field)?);
                }
            }
            sink.put(copied).await?;
            first = last + 1;
        }
        Ok(count)
    }

    /// Whether a redemption of the token looks into this bucket, as far as what is kept of the mark tells.
    fn is_looked_for(&self, bucket: u32, field: &[u8]) -> bool {
        let Some(known) = self.bits.checked_sub(8) else { return true };
        let [b, c] = field.first_chunk().copied().unwrap_or_default();
        let told = u32::from_be_bytes([0, 0, b, c]) >> (16 - known);
        bucket & !(u32::MAX << known) == told
    }

    /// A mark from its bucket, which tells its first byte where there are 256 of them or more.
    pub(super) fn mark(&self, ordinal: u32, bucket: u32, field: &[u8]) -> Result<BackupEntry, Unavailable> {
        let ordinal = ordinal.to_be_bytes();
        if self.bits < 8 {
            let bits = [narrow(self.bits.into())];
            let key = [ordinal.as_slice(), &bits, &bucket.to_be_bytes(), field].concat();
            return Ok(entry(SHORT_MARKS, key, []));
        }
        let first = u8::try_from(bucket >> (self.bits - 8)).map_err(Unavailable::because)?;
        Ok(entry("spent-marks", [ordinal.as_slice(), &[first], field].concat(), []))
    }
}

fn narrow(number: u64) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}
