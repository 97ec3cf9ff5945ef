use std::collections::BTreeSet;

use farthing_protocol::{Day, Denomination, InvalidEpoch, KeyEpoch};
use farthing_service::keyring::{KeyStatus, Keyring, KeyringEntry};

use crate::config::EpochConfig;

/// Days before the end of a key's issuing at which its successor is made: it is listed at least a day before its use,
/// whatever goes wrong on the first tries.
const LEAD_DAYS: u32 = 3;

/// A key that is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// What its tokens are worth.
    pub denomination: Denomination,
    /// When it issues.
    pub epoch: KeyEpoch,
}

/// The keys that are missing at the unix second `now`: one that issues for each denomination, and near its end (or at
/// once, if `early`) a successor that begins where it ends. There is never more than one that issues.
///
/// # Errors
/// The calendar ends.
pub fn plan(
    keyring: &Keyring,
    denominations: &BTreeSet<Denomination>,
    config: EpochConfig,
    early: bool,
    now: u64,
) -> Result<Vec<Planned>, InvalidEpoch> {
    let today = Day::from_unix(now);
    let mut planned = Vec::new();
    for &denomination in denominations {
        let live = |status: KeyStatus| {
            keyring
                .entries()
                .into_iter()
                .filter(|entry| entry.facts().denomination() == denomination && entry.status(now) == status)
                .map(KeyringEntry::facts)
                .map(farthing_protocol::TokenKey::epoch)
                .collect::<Vec<_>>()
        };
        let future = live(KeyStatus::Future);
        let current = if let Some(epoch) = live(KeyStatus::Issuing).last() {
            *epoch
        } else {
            // After a revocation the next key may be listed already: the gap ends where that one begins.
            let next = future.iter().map(|epoch| epoch.not_before()).min().unwrap_or(Day::MAX);
            let issue_until = today.plus(config.issue_days).min(next);
            let epoch = KeyEpoch::new(today, issue_until, issue_until.plus(config.redeem_days))?;
            planned.push(Planned { denomination, epoch });
            epoch
        };
        let near = today.plus(LEAD_DAYS) >= current.issue_until();
        if future.is_empty() && (near || early) {
            let epoch = KeyEpoch::starting(current.issue_until(), config.issue_days, config.redeem_days)?;
            planned.push(Planned { denomination, epoch });
        }
    }
    Ok(planned)
}
