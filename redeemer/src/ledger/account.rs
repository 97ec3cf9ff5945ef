use super::{Entries, Payout, Statement};

/// All that a store has of what a publisher earned and was paid.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// Credits, and the operator's entries beside them.
    pub entries: Entries,
    /// Closed statements by currency, oldest first.
    pub statements: Vec<Statement>,
    /// Payouts, oldest first.
    pub payouts: Vec<Payout>,
}
