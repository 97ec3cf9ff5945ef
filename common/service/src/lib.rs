//! What Farthing's services share, so that they are configured, answer, log and stop alike.
//!
//! Nothing here knows of orders, tokens or publishers. A service's `main` loads its configuration ([`config`]),
//! starts [`telemetry`], opens its store and keyring, and hands its routes to [`server`].

pub mod admin_socket;
pub mod answer;
pub mod arithmetic;
pub mod backup;
pub mod bearer;
pub mod birth;
pub mod body;
mod client_address;
pub mod clock;
pub mod config;
pub mod count;
mod decoding;
pub mod differences;
pub mod dumped_record;
pub mod duration;
pub mod embedded;
pub mod environment;
pub mod file;
pub mod gap;
pub mod health;
pub mod hourly_budget;
pub mod issuer_name;
pub mod key_day;
pub mod keyring;
pub mod language;
pub mod metrics;
pub mod migration;
pub mod network;
pub mod openapi;
pub mod pinned_keys;
pub mod problem;
pub mod program;
pub mod rate_limit;
pub mod record;
pub mod redis;
pub mod reload;
mod request_head;
pub mod same_origin;
pub mod secret_ref;
pub mod server;
pub mod signing_key;
pub mod store_load;
pub mod store_settings;
pub mod telemetry;
pub mod timeouts;
pub mod tls;
pub mod totals;
pub mod traces;
pub mod unavailable;
pub mod verification_key;
