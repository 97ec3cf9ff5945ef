//! Short runs of `cargo xtask torture` on every kind of store, two minutes together: whatever fails, every answer is borne out by the stores.

use std::time::Duration;

use farthing_tests::redis_servers::Topology;
use farthing_tests::torture::Torture;

use crate::{BINARY, alone};

fn torture(topology: Option<Topology>, seconds: u64) {
    let _alone = alone();
    let mut seed = [0; 4];
    getrandom::fill(&mut seed).unwrap();
    let seed = u32::from_be_bytes(seed).into();
    let groups = if topology == Some(Topology::Cluster) { 3 } else { 1 };
    let time = Duration::from_secs(seconds);
    let torture = Torture { binary: BINARY.into(), seed, time, topology, replicas: None, groups, clients: 2 };
    let report = torture.run().unwrap_or_else(|error| panic!("seed {seed}: {error:#}"));
    assert!(report.is_right(), "{report}\n{}", report.details().join("\n"));
    assert!(report.operations() > 0 && report.faults() > 0, "{report}");
}

#[test]
fn nothing_is_lost_on_the_embedded_store() {
    torture(None, 10);
}

#[test]
fn nothing_is_lost_on_one_server() {
    torture(Some(Topology::Standalone { replicas: 0 }), 15);
}

#[test]
fn nothing_is_lost_on_one_server_with_replicas() {
    torture(Some(Topology::Standalone { replicas: 2 }), 15);
}

#[test]
fn nothing_is_lost_under_sentinels() {
    torture(Some(Topology::Sentinel), 40);
}

#[test]
fn nothing_is_lost_in_a_cluster() {
    torture(Some(Topology::Cluster), 40);
}
