//! Publishers: who they are and how they show it.

mod api_key;
mod change;
mod identity;
mod payout_reference;
mod publisher;
mod publisher_id;
mod publisher_name;

pub use api_key::{ApiKey, ApiKeyHash, ApiKeyId};
pub use change::{NewPayoutReference, NotChanged, PublisherChange};
pub use identity::{Identity, Owed};
pub use payout_reference::PayoutReference;
pub use publisher::{ApiKeyRecord, Publisher};
pub use publisher_id::PublisherId;
pub use publisher_name::PublisherName;
