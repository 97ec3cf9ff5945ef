//! The checks that the fuzz targets run: the very file that the corpus test of farthing-protocol runs.
//!
//! `cargo +nightly fuzz run token /tmp/found fuzz/corpus/token -- -max_total_time=20` keeps what it finds in the first
//! directory. The corpora here stay few and small: add an input when it once showed a defect, under a name that says
//! what it is.

#[path = "../../common/protocol/tests/checks/mod.rs"]
pub mod checks;
