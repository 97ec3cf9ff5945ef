//! A cluster, put together as `redis-cli --cluster create` does.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::node::free_port;
use super::{Node, RedisServers, fit_for_money};

pub(super) const SHARDS: usize = 3;
const REPLICAS: usize = 2;
const SLOTS: usize = 16_384;
/// After so much silence a node thinks that another is down.
const NODE_TIMEOUT: Duration = Duration::from_millis(1_500);
/// Longest wait for the nodes to know each other.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the slots of a shard begin.
pub(super) const fn first_slot(shard: usize) -> usize {
    shard * SLOTS / SHARDS
}

impl RedisServers {
    pub(super) fn start_cluster(&mut self) -> anyhow::Result<()> {
        let mut places = Vec::new();
        for _ in 0..SHARDS * (1 + REPLICAS) {
            let bus = free_port()?;
            let mut lines = fit_for_money();
            lines.extend([
                "cluster-enabled yes".to_owned(),
                format!("cluster-node-timeout {}", NODE_TIMEOUT.as_millis()),
                format!("cluster-port {bus}"),
                "cluster-allow-replica-migration no".to_owned(),
            ]);
            let node = Node::server(&lines, |port| {
                vec![
                    "cluster-announce-ip 127.0.0.1".to_owned(),
                    format!("cluster-announce-port {port}"),
                    format!("cluster-announce-bus-port {bus}"),
                ]
            })?;
            places.push((node.own_port().to_string(), bus.to_string()));
            self.servers.push(node);
        }
        let (first_port, first_bus) = places.first().context("a cluster without nodes")?;
        for (number, node) in self.servers.iter().enumerate() {
            node.ask::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()])?;
            if number > 0 {
                node.ask::<()>(&["CLUSTER", "MEET", "127.0.0.1", first_port, first_bus])?;
            }
        }
        for (shard, node) in self.servers.iter().take(SHARDS).enumerate() {
            let (from, to) = (first_slot(shard), first_slot(shard + 1) - 1);
            node.ask::<()>(&["CLUSTER", "ADDSLOTSRANGE", &from.to_string(), &to.to_string()])?;
        }
        let ids: Vec<String> =
            self.servers.iter().map(|node| node.ask(&["CLUSTER", "MYID"])).collect::<Result<_, _>>()?;
        let deadline = Instant::now() + PATIENCE;
        for (number, node) in self.servers.iter().enumerate() {
            let Some(of_shard) = number.checked_sub(SHARDS).map(|replica| replica % SHARDS) else { continue };
            let master = ids.get(of_shard).context("a shard without a master")?;
            // A node follows only whom it has met.
            while node.ask::<()>(&["CLUSTER", "REPLICATE", master]).is_err() {
                ensure!(Instant::now() < deadline, "a node does not meet the others: {}", node.log_end());
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        Ok(())
    }
}
