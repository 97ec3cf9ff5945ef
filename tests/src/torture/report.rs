use std::collections::BTreeMap;
use std::fmt;

use super::ledger::Ledger;
use super::server_faults::Tally;

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    pub(super) seed: u64,
    pub(super) what: String,
    pub(super) seconds: u64,
    pub(super) faults: Tally,
    pub(super) ledger: Ledger,
    /// Tokens that were accepted under two keys.
    pub(super) twice: usize,
}

impl Report {
    /// Faults of all kinds.
    pub fn faults(&self) -> u64 {
        self.faults.values().sum()
    }

    /// Operations of all kinds.
    pub fn operations(&self) -> u64 {
        self.ledger.operations.values().sum()
    }

    /// Answers that the stores do not bear out.
    pub fn lost(&self) -> usize {
        self.ledger.lost.len()
    }

    /// What was taken or given twice.
    pub fn double(&self) -> usize {
        self.ledger.double.len() + self.twice
    }

    /// Answers that no service may give.
    pub fn wrong(&self) -> usize {
        self.ledger.wrong.len()
    }

    /// Whether every promise was kept.
    pub fn is_right(&self) -> bool {
        self.lost() + self.double() + self.wrong() == 0
    }

    /// What was not right: a line for each kind, with how often it was so.
    pub fn details(&self) -> Vec<String> {
        let Ledger { lost, double, wrong, .. } = &self.ledger;
        let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for (kind, lines) in [("lost", lost), ("double", double), ("wrong", wrong)] {
            for line in lines {
                *counts.entry((kind, line)).or_default() += 1;
            }
        }
        counts.into_iter().map(|((kind, line), count)| format!("{kind}, {count} times: {line}")).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |counts: &Tally| {
            let counts: Vec<_> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
            counts.join(", ")
        };
        write!(
            f,
            "torture: seed {}, {}, {} s: {} operations ({}), {} faults ({}), lost {}, double {}, wrong {}, \
             unanswered and resolved by a retry {}",
            self.seed,
            self.what,
            self.seconds,
            self.operations(),
            list(&self.ledger.operations),
            self.faults(),
            list(&self.faults),
            self.lost(),
            self.double(),
            self.wrong(),
            self.ledger.resolved,
        )
    }
}
