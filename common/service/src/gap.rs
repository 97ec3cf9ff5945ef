//! The gap that a restored store has: what happened between the backup and the restore is not in it.
//!
//! A restored store would take each token of that time once more, and would not know it. So it is not served before
//! the operator has said how the gap is closed; the answer stays in the birth record for ever.

use std::path::Path;

use anyhow::bail;
use farthing_api::Base64Url;
use farthing_protocol::Day;
use serde::{Deserialize, Serialize};

use crate::backup::Copies;
use crate::birth::{Birth, ServiceKind};
use crate::keyring::{self, Keyring};

/// One time that a store was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restore {
    /// The store that was backed up.
    pub from: Base64Url<[u8; 16]>,
    /// Unix seconds of the backup.
    pub taken: u64,
    /// Unix seconds of the restore.
    pub restored: u64,
    /// How the gap between the two was closed.
    pub closed: Option<Closed>,
    /// The day on which the operator said that every payout recorded in the gap is in the store again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payouts_entered: Option<Day>,
}

impl Restore {
    /// Whether payouts may have been recorded that the store does not know.
    fn may_lack_payouts(&self) -> bool {
        let is_replayed = self.closed.is_some_and(|closed| closed.by == Closing::Replayed);
        !is_replayed && self.payouts_entered.is_none()
    }
}

/// How a gap was closed, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closed {
    /// How.
    pub by: Closing,
    /// The day on which the operator said so.
    pub on: Day,
}

/// The ways to close a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Closing {
    /// Nothing was lost: no service and no command changed the store since the backup, or all that was done was done again.
    Replayed,
    /// Every key of which tokens could be used since the backup is revoked.
    KeysRevoked,
    /// What is lost is lost.
    AcceptLoss,
}

/// Why a restored store is not served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the store {store} was restored from a backup of {taken}, and what happened since is not in it: before it is \
     served run `farthing-{service} store close-gap` with --replayed (no service and no command changed the store since, or it was done again), \
     --keys-revoked (every key in use since is revoked) or --accept-loss ({loss})"
)]
pub struct OpenGap {
    store: String,
    service: &'static str,
    taken: String,
    loss: &'static str,
}

/// Why nobody is told what is to be paid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the store was restored from a backup of {taken}, so payouts recorded since then are not in it, and what was paid may \
     look due: close the statements of that time and enter its payouts again (with --after-restore), then say that they are \
     all there with `farthing-redeemer payouts confirm`; see \"The gap\" in docs/operating.md"
)]
pub struct PayoutsMissing {
    taken: String,
}

impl Birth {
    /// Whether the store may be served; `store` is what it is called in the message.
    ///
    /// # Errors
    /// It was restored, and nobody said how its gap is closed.
    pub fn check_gap(&self, store: &str) -> Result<(), OpenGap> {
        let Some(open) = self.open_gap() else { return Ok(()) };
        let loss = match self.service {
            ServiceKind::Issuer => {
                "orders of that time are unknown, and vouchers used then can be used again"
            }
            ServiceKind::Redeemer => {
                "tokens spent in that time can be spent once more, and credits, adjustments, statements and payouts of \
                 that time are unknown"
            }
        };
        let taken = utc(open.taken);
        Err(OpenGap { store: store.to_owned(), service: self.service.name(), taken, loss })
    }

    /// The first restore whose gap is open: what is unknown begins with its backup.
    pub fn open_gap(&self) -> Option<&Restore> {
        self.restores.iter().find(|restore| restore.closed.is_none())
    }

    /// Whether every payout that was ever recorded is in the store.
    ///
    /// # Errors
    /// It was restored, and nobody said that those of the gap were entered again.
    pub fn check_payouts(&self) -> Result<(), PayoutsMissing> {
        let lacking = self.restores.iter().find(|restore| restore.may_lack_payouts());
        lacking.map_or(Ok(()), |restore| Err(PayoutsMissing { taken: utc(restore.taken) }))
    }

    /// The birth record that says so.
    #[must_use]
    pub fn with_payouts_entered(&self, on: Day) -> Self {
        let mut birth = self.clone();
        for restore in birth.restores.iter_mut().filter(|restore| restore.may_lack_payouts()) {
            restore.payouts_entered = Some(on);
        }
        birth
    }

    /// The birth record with its gaps closed; by [`Closing::Replayed`] the last alone. That nothing was lost is true of one
    /// backup, and of the store that was backed up more may be unknown.
    #[must_use]
    pub fn closed(&self, by: Closing, on: Day) -> Self {
        let mut birth = self.clone();
        let most = if by == Closing::Replayed { 1 } else { usize::MAX };
        let open = birth.restores.iter_mut().rev().filter(|restore| restore.closed.is_none());
        for restore in open.take(most) {
            restore.closed = Some(Closed { by, on });
        }
        birth
    }

    /// The names of the keys that are not revoked though tokens of them could be used in the gap: those that are younger
    /// than the restore had none.
    pub fn usable_in_gap(&self, keyring: &Keyring) -> Vec<String> {
        let Some(open) = self.open_gap() else { return Vec::new() };
        let last = self.restores.iter().map(|restore| restore.restored).max().unwrap_or(open.restored);
        let in_gap = keyring.entries().into_iter().filter(|entry| {
            let facts = entry.facts();
            !entry.revoked() && facts.epoch().redeem_until().start() > open.taken && facts.created() <= last
        });
        in_gap.map(|entry| entry.name().to_owned()).collect()
    }
}

/// Closes the gap of a restored store; what the operator is told, which is of the next gap where there is another.
///
/// # Errors
/// There is none, keys are not revoked, or it cannot be written.
pub async fn close(
    copies: &dyn Copies,
    birth: &Birth,
    keyring: &Path,
    by: Closing,
    now: u64,
) -> anyhow::Result<String> {
    if birth.open_gap().is_none() {
        bail!("the store has no open gap: it was not restored, or its gap is closed already");
    }
    if by == Closing::KeysRevoked {
        let usable = birth.usable_in_gap(&keyring::read(keyring, now)?);
        if !usable.is_empty() {
            bail!(
                "these keys could be used in the gap and are not revoked: {}; revoke them (`farthing-issuer keys revoke`), or close the gap in another way",
                usable.join(", ")
            );
        }
    }
    let closed = birth.closed(by, Day::from_unix(now));
    let next = match closed.check_gap("that was backed up then") {
        Ok(()) => "the gap is closed: the service may start".to_owned(),
        Err(open) => format!("the last gap is closed, and there is one more: {open}"),
    };
    copies.replace_birth(closed).await?;
    Ok(next)
}

/// A moment for people: day, hour and minute.
fn utc(seconds: u64) -> String {
    let minutes = seconds / 60;
    format!("{} {:02}:{:02} UTC", Day::from_unix(seconds), minutes / 60 % 24, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::birth::TrustedKeys;

    #[test]
    fn a_restored_store_is_served_once_its_gap_is_closed() {
        let birth = Birth::new(ServiceKind::Redeemer, 1_000, TrustedKeys::None).unwrap();
        assert_eq!(birth.check_gap("it"), Ok(()));
        let restored = birth.restored(1_795_300_260, 1_795_303_800).unwrap();
        let words = restored.check_gap("it").unwrap_err().to_string();
        assert!(
            words.starts_with("the store it was restored from a backup of 2026-11-21 22:31 UTC, "),
            "{words}"
        );
        assert!(
            words.contains("spent once more") && words.contains("payouts of that time are unknown"),
            "{words}"
        );
        assert!(!words.contains('\n'), "{words}");
        let day = Day::from_unix(1_795_303_800);
        let closed = restored.closed(Closing::AcceptLoss, day);
        assert_eq!(closed.check_gap("it"), Ok(()));
        assert_eq!(closed.restores[0].closed, Some(Closed { by: Closing::AcceptLoss, on: day }));
        // Restored again, it has a new gap, and the old answer stays.
        let again = closed.restored(1_795_400_000, 1_795_400_001).unwrap();
        assert!(again.check_gap("it").is_err());
        let again = again.closed(Closing::Replayed, day);
        assert_eq!(again.restores[0].closed, Some(Closed { by: Closing::AcceptLoss, on: day }));
        assert_eq!(again.check_gap("it"), Ok(()));
    }

    #[test]
    fn that_nothing_was_lost_is_said_of_one_restore_alone() {
        let birth = Birth::new(ServiceKind::Redeemer, 1_000, TrustedKeys::None).unwrap();
        let day = Day::from_unix(9_000);
        // A lost store is restored, and before its gap is closed restored into another place.
        let twice = birth.restored(2_000, 3_000).unwrap().restored(4_000, 5_000).unwrap();
        let first_is_open = twice.closed(Closing::Replayed, day);
        assert_eq!(first_is_open.open_gap().unwrap().taken, 2_000);
        let closed = first_is_open.closed(Closing::AcceptLoss, day);
        assert_eq!(closed.check_gap("it"), Ok(()));
        assert!(closed.check_payouts().is_err());
        assert_eq!(twice.closed(Closing::AcceptLoss, day).check_gap("it"), Ok(()));
    }

    #[test]
    fn nothing_is_paid_from_a_restored_store_before_the_payouts_of_its_gap_are_there() {
        let (birth, day) =
            (Birth::new(ServiceKind::Redeemer, 1_000, TrustedKeys::None).unwrap(), Day::from_unix(9_000));
        assert_eq!(birth.check_payouts(), Ok(()));
        let restored = birth.restored(2_000, 3_000).unwrap();
        assert!(restored.check_payouts().is_err(), "open");
        assert_eq!(restored.closed(Closing::Replayed, day).check_payouts(), Ok(()));
        for lossy in [Closing::AcceptLoss, Closing::KeysRevoked] {
            let closed = restored.closed(lossy, day);
            let words = closed.check_payouts().unwrap_err().to_string();
            assert!(words.contains("1970-01-01 00:33 UTC") && words.contains("payouts confirm"), "{words}");
            let entered = closed.with_payouts_entered(day);
            assert_eq!(entered.check_payouts(), Ok(()));
            assert!(entered.restored(10_000, 11_000).unwrap().check_payouts().is_err(), "a new gap");
        }
    }
}
