//! What is asked of a pair of services wherever they run: as processes of the harness, or in containers.

pub mod bad_input;
pub mod slow_clients;
