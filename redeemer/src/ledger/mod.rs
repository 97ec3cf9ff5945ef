//! What publishers are owed: their credits, the operator's entries beside them, and the statements that add both up.
//!
//! Nothing here is ever corrected: a mistake gets an opposite entry, and what comes late gets into the next statement.

mod adjustment;
mod adjustment_id;
mod basis_points;
mod closing;
mod entries;
mod reason;
mod statement;
mod statement_id;

pub use adjustment::{Adjustment, SignedTokens};
pub use adjustment_id::AdjustmentId;
pub use basis_points::BasisPoints;
pub use closing::{Closing, LedgerOverflow, close};
pub use entries::{CreditLine, Entries};
pub use reason::Reason;
pub use statement::Statement;
pub use statement_id::StatementId;
