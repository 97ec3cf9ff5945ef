//! Deployments of Redis or Valkey as operators run them, each server a process behind a proxy that can misbehave:
//! one server with or without replicas, servers under three Sentinels, and a cluster.

mod cluster;
mod fault_proxy;
mod node;
mod sentinels;
mod wholeness;

pub use fault_proxy::{Fault, FaultProxy};
pub use node::{Node, Role, SERVER_VARIABLE};

/// How the servers belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topology {
    /// One server and its replicas; nobody takes its place.
    Standalone {
        /// How many.
        replicas: u32,
    },
    /// One server and two replicas under three Sentinels.
    Sentinel,
    /// Three shards of one server and two replicas each.
    Cluster,
}

/// The servers of one store.
#[derive(Debug)]
pub struct RedisServers {
    topology: Topology,
    /// The shard that is looked at.
    shard: usize,
    /// The servers; of a cluster all nodes.
    pub servers: Vec<Node>,
    /// The Sentinels, if there are any.
    pub sentinels: Vec<Node>,
}

impl RedisServers {
    /// Starts the servers of a store, and waits until each replica follows.
    ///
    /// # Errors
    /// A program is not installed, or the servers do not come together.
    pub fn start(topology: Topology) -> anyhow::Result<Self> {
        let mut it = Self { topology, shard: 0, servers: Vec::new(), sentinels: Vec::new() };
        match topology {
            Topology::Standalone { replicas } => it.start_servers(replicas)?,
            Topology::Sentinel => it.start_under_sentinels()?,
            Topology::Cluster => it.start_cluster()?,
        }
        it.settle()?;
        Ok(it)
    }

    /// One server, and replicas that follow it.
    fn start_servers(&mut self, replicas: u32) -> anyhow::Result<()> {
        self.servers.push(replicated(&[])?);
        for _ in 0..replicas {
            self.add_replica()?;
        }
        Ok(())
    }

    /// Starts another replica of the first server, which must be the one that takes the writes.
    ///
    /// # Errors
    /// It does not answer.
    pub fn add_replica(&mut self) -> anyhow::Result<()> {
        let first = self.servers.first().map_or(0, Node::public_port);
        self.servers.push(replicated(&[format!("replicaof 127.0.0.1 {first}")])?);
        Ok(())
    }

    /// How many shards there are.
    pub fn shards(&self) -> usize {
        if self.topology == Topology::Cluster { cluster::SHARDS } else { 1 }
    }

    /// Looks at the shard that has a key: what is asked of the group, and done to it, is of that one.
    ///
    /// # Errors
    /// A node does not answer.
    pub fn look_at_key(&mut self, key: &str) -> anyhow::Result<()> {
        if let (Topology::Cluster, Some(node)) = (self.topology, self.servers.first()) {
            let slot: usize = node.ask(&["CLUSTER", "KEYSLOT", key])?;
            self.shard = (0..self.shards()).rfind(|shard| cluster::first_slot(*shard) <= slot).unwrap_or(0);
        }
        Ok(())
    }

    /// How the servers belong together.
    pub const fn topology(&self) -> Topology {
        self.topology
    }

    /// The table `store` of a service's configuration; with `replicas` that key is in it.
    pub fn table(&self, replicas: Option<u32>) -> String {
        let urls = |nodes: &[Node]| {
            let urls: Vec<_> =
                nodes.iter().map(|node| format!("\"redis://127.0.0.1:{}\"", node.public_port())).collect();
            urls.join(", ")
        };
        let (place, of_one) = match self.topology {
            Topology::Standalone { replicas } => {
                let first = urls(self.servers.get(..1).unwrap_or_default());
                (format!("url = {first}"), Some(replicas).filter(|replicas| *replicas > 0))
            }
            Topology::Sentinel => {
                let sentinels = urls(&self.sentinels);
                (format!("sentinels = [{sentinels}], master = \"{}\"", sentinels::NAME), None)
            }
            Topology::Cluster => (format!("cluster = [{}]", urls(&self.servers)), None),
        };
        let replicas = replicas.or(of_one).map(|replicas| format!(", replicas = {replicas}"));
        format!("{{ kind = \"redis\", {place}{} }}", replicas.unwrap_or_default())
    }
}

/// A server that others may follow, and that may follow another.
fn replicated(lines: &[String]) -> anyhow::Result<Node> {
    Node::server(&[&fit_for_money(), lines].concat(), |port| {
        vec!["replica-announce-ip 127.0.0.1".to_owned(), format!("replica-announce-port {port}")]
    })
}

/// Every write on disk before it is answered, nothing evicted; and replicas that follow quickly.
fn fit_for_money() -> Vec<String> {
    let lines = ["appendonly yes", "appendfsync always", "save \"\"", "repl-diskless-sync-delay 0"];
    lines.map(str::to_owned).into()
}
