//! Orders: made with a claim, paid, and spent on one token request.

mod claim;
mod order;
mod order_id;

pub use claim::Claim;
pub use order::{Binding, Method, Order, OrderedPack, Progress, Step};
pub use order_id::OrderId;
