//! Servers under Sentinels.

use std::time::Duration;

use super::{Node, RedisServers};

/// The Sentinels' name for the servers.
pub(super) const NAME: &str = "store";
/// After so much silence a Sentinel thinks that a server is down.
const DOWN_AFTER: Duration = Duration::from_millis(1_500);
/// A failover that takes longer is given up; the next begins after twice as long.
const FAILOVER_MILLISECONDS: u32 = 3_000;
const SENTINELS: usize = 3;
const QUORUM: usize = 2;

impl RedisServers {
    pub(super) fn start_under_sentinels(&mut self) -> anyhow::Result<()> {
        self.start_servers(2)?;
        let first = self.servers.first().map_or(0, Node::public_port);
        let lines = [
            format!("sentinel monitor {NAME} 127.0.0.1 {first} {QUORUM}"),
            format!("sentinel down-after-milliseconds {NAME} {}", DOWN_AFTER.as_millis()),
            format!("sentinel failover-timeout {NAME} {FAILOVER_MILLISECONDS}"),
            format!("sentinel parallel-syncs {NAME} 2"),
        ];
        for _ in 0..SENTINELS {
            self.sentinels.push(Node::sentinel(&lines)?);
        }
        Ok(())
    }
}
