//! The harness of the whole-path tests and of the demo: real processes, real files, real sockets.
//!
//! [`World`] owns a directory with an issuer, a redeemer and wallets, each run as a process of the one program
//! `farthing-demo`, which links every program's `run` and hands it a clock and a step hook that tests control.

mod asked;
pub mod browser;
mod clock_file;
mod crash;
pub mod demo;
pub mod gate_bench;
pub mod http;
pub mod optional;
mod order;
pub mod programs;
mod publisher;
mod reader;
pub mod redis_servers;
pub mod server_bench;
mod service;
mod site;
mod sockets;
pub mod store_fixture;
pub mod torture;
mod wiretap;
mod world;

pub use asked::Asked;
pub use clock_file::{CLOCK_VARIABLE, FileClock};
pub use crash::{CRASH_VARIABLE, CrashPoint};
pub use order::{Order, directory, key_of};
pub use publisher::{Publisher, Redeemed};
pub use reader::{Finished, Reader};
pub use service::{Crashed, ServiceProcess};
pub use site::Site;
pub use sockets::TcpSocket;
pub use wiretap::Wiretap;
pub use world::{PACK, StoreTables, World};
