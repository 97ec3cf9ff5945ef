//! farthing-gate: stands before a publisher's site, asks readers for tokens, has them redeemed, and lets in who has paid.
//! It learns which page is read, and nothing of who reads it; it keeps nothing at all.
//!
//! `cli` parses the command line, `service` puts the parts together, `routes` are what it answers. What it is about is
//! `prices` (what a page costs), `visit` (what a request says), `payment` and `pass`; `gate` decides by them, and has tokens redeemed by `till`, the same
//! for the reverse proxy in `proxy`, for a proxy that asks (`forward_auth`), and for sites written with actix-web, which
//! wrap a scope in a [`Paywall`] and need no gate before them (`examples/site.rs`).

mod admin;
mod answers;
mod cli;
mod config;
mod forward_auth;
mod gate;
mod host;
mod key_watch;
mod limits;
mod origin;
mod outbound;
mod page;
mod pass;
mod pasted_payment;
mod payment;
mod paywall;
mod prices;
mod proxy;
mod receipts;
mod redeemer;
mod reload;
mod request;
mod routes;
mod secret;
mod service;
mod till;
mod timeouts;
mod visit;

pub use gate::{Gate, GateOptions, StartError};
pub use page::PageConfig;
pub use paywall::{HasPaid, Paywall, PaywallService};
pub use prices::{PathPattern, Price};

use std::ffi::OsString;
use std::process::ExitCode;

use farthing_service::environment::Environment;
use farthing_service::program;

/// Runs the program `farthing-gate` with its command line, the program's name first: 0 when all went well, 1 when it failed
/// (one line on standard error says why), 2 when the command line is no good.
pub fn run(args: impl Iterator<Item = OsString>, environment: &Environment) -> ExitCode {
    program::end("farthing-gate", cli::run(args, environment))
}
