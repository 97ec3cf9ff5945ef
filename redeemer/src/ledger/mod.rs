//! What publishers are owed: their credits, the operator's entries beside them, the statements that add both up, and what was
//! paid of those.
//!
//! Nothing here is ever corrected: a mistake gets an opposite entry, and what comes late gets into the next statement.

mod account;
mod adjustment;
mod basis_points;
mod closing;
mod due;
mod entries;
mod entry_id;
mod hold_days;
mod outstanding;
mod paying;
mod payout;
mod remark;
mod reversing;
mod statement;
mod statement_id;
mod unstated;

pub use account::Account;
pub use adjustment::{Adjustment, SignedTokens};
pub use basis_points::BasisPoints;
pub use closing::{Closing, LedgerOverflow, close};
pub use due::{Due, due, is_test_money};
pub use entries::{CreditLine, Entries};
pub use entry_id::EntryId;
pub use hold_days::HoldDays;
pub use outstanding::{Outstanding, outstanding};
pub use paying::{NotPaid, Paying, pay};
pub use payout::Payout;
pub use remark::{InvalidRemark, Remark};
pub use reversing::{NotReversed, Reversing, reverse};
pub use statement::Statement;
pub use statement_id::StatementId;
pub use unstated::{last_of_each_currency, unstated};
