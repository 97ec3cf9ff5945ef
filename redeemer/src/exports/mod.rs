//! What publishers and the operator take into their own books: tables of plain values, as CSV and as JSON,
//! and everything that is kept of a publisher.

mod days;
mod export;
mod own_data;
mod read;
mod table;

pub use days::Days;
pub use export::{Export, Form};
pub use own_data::own_data;
pub use read::{of_publisher, of_publishers};
pub use table::{Cell, Table};
