//! Publishers: who they are and how they show it.

mod api_key;
mod publisher;
mod publisher_id;
mod publisher_name;

pub use api_key::{ApiKey, ApiKeyHash, ApiKeyId};
pub use publisher::{ApiKeyRecord, Publisher};
pub use publisher_id::PublisherId;
pub use publisher_name::PublisherName;
