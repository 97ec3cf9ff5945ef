//! What pages cost. Pure: the canonical path of a page in, its price out.

mod amount;
mod path_pattern;
mod price;
mod price_list;

pub use amount::Amount;
pub use path_pattern::PathPattern;
pub use price::Price;
pub use price_list::{Asked, PriceList};
