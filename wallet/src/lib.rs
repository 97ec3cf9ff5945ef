//! The wallet: the Client of Privacy Pass (RFC 9576). It buys packs of tokens and keeps them.
//!
//! Without the feature `cli` this is client logic alone, with no file, network, clock or randomness of its own, and
//! it compiles for wasm32: requests are made and answers read as [`HttpRequest`] and [`HttpResponse`], `now` is an
//! argument, and [`PurchaseRun`] says what to save and what to send next. The feature `cli`, on by default, adds the
//! encrypted file, the HTTP client and the program `farthing` ([`run`]).
//!
//! A page is paid for by a [`visit::Visit`], which is such a machine too.
//!
//! A purchase with a caller that can wait is [`WalletState::intend`], [`PurchaseRun::begin`] and [`drive`].

pub mod audit;
pub mod derivation;
mod driver;
mod held_token;
mod http_message;
pub mod issuer_client;
mod key_agreement;
mod key_facts;
pub mod money;
mod page_payment;
mod page_url;
mod pass;
pub mod payment;
mod plural;
mod purchase;
mod purchase_run;
pub mod redeemer_client;
mod secret_json;
mod seed;
mod service_answer;
mod service_url;
pub mod signed_totals;
mod token_batch;
pub mod visit;
mod void_keys;
mod voucher_code;
mod wallet_state;

#[cfg(feature = "cli")]
mod cli;
#[cfg(feature = "cli")]
mod environment;
#[cfg(feature = "cli")]
mod http_client;
#[cfg(feature = "cli")]
mod loopback_resolver;
#[cfg(feature = "cli")]
mod passphrase;
#[cfg(all(feature = "cli", unix))]
mod terminal_echo;
#[cfg(feature = "cli")]
mod wallet_file;

#[cfg(test)]
mod fake_gate;
#[cfg(test)]
mod fake_services;

pub use driver::{DriveError, Driver, drive};
pub use held_token::{HeldKey, HeldToken, TokenBytes};
pub use http_message::{HttpRequest, HttpResponse, Method, Service, TransportFailure};
pub use key_agreement::{AgreedKey, KeyDisagreement, agree};
pub use key_facts::{KeyFacts, KeyFactsError};
pub use page_payment::{PagePayment, PaymentStage, ReleaseError, SetAside};
pub use page_url::{PageUrl, PageUrlError, RedirectError};
pub use pass::Pass;
pub use purchase::{InvalidOrderId, OrderId, Payment, Purchase, Stage, Stopped, VoucherRefusal};
pub use purchase_run::{Call, Ending, PurchaseRun, RunError, SavePoint, Step};
pub use seed::Seed;
pub use service_answer::ServiceError;
pub use service_url::{ServiceUrl, ServiceUrlError};
pub use token_batch::{TokenBatch, TokenBatchError};
pub use void_keys::VoidChange;
pub use voucher_code::{InvalidVoucherCode, VoucherCode};
pub use wallet_state::{Export, Intent, KnownIssuer, PurchasePosition, StateError, WalletState};

#[cfg(feature = "cli")]
pub use cli::run;
#[cfg(feature = "cli")]
pub use environment::{Clock, Environment, SystemClock};
#[cfg(feature = "cli")]
pub use http_client::HttpClient;
#[cfg(feature = "cli")]
pub use wallet_file::{WalletFile, WalletFileError, WalletLock};
