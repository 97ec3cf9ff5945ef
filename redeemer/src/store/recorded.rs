use crate::ledger::{NotPaid, NotReversed, Paying, Payout, Reversing, Statement, pay, reverse};

/// What became of a payout that was to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded<R> {
    /// It is recorded.
    Done(Payout),
    /// The publisher has this one with its id; nothing was written.
    Kept(Payout),
    /// It may not be; nothing was written.
    Refused(R),
}

/// What became of [`Payouts::pay`](super::Payouts::pay).
pub type Paid = Recorded<NotPaid>;
/// What became of [`Payouts::reverse`](super::Payouts::reverse).
pub type Reversed = Recorded<NotReversed>;

impl Paid {
    /// What becomes of it where these are all of the publisher's statements and payouts.
    pub(super) fn decide(paying: &Paying, statements: &[Statement], payouts: &[Payout]) -> Self {
        if let Some(kept) = payouts.iter().find(|payout| payout.id == paying.id) {
            return Self::Kept(kept.clone());
        }
        pay(paying, statements, payouts).map_or_else(Self::Refused, Self::Done)
    }
}

impl Reversed {
    /// What becomes of it where these are all of the publisher's statements and payouts.
    pub(super) fn decide(reversing: &Reversing, statements: &[Statement], payouts: &[Payout]) -> Self {
        match reverse(reversing, statements, payouts) {
            Ok(reversal) if payouts.iter().any(|payout| payout.id == reversal.id) => Self::Kept(reversal),
            Ok(reversal) => Self::Done(reversal),
            Err(why) => Self::Refused(why),
        }
    }
}
