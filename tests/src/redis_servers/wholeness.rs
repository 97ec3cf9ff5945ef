//! Whether all that failed has come back: only then is another failure the only one.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use super::node::Role;
use super::{Node, RedisServers, Topology, cluster, sentinels};

/// Longest wait until the servers are whole: a Sentinel looks at the roles of servers every ten seconds.
const PATIENCE: Duration = Duration::from_secs(90);

impl RedisServers {
    /// Waits until every server runs, each replica follows and confirms writes, and all agree on who takes them.
    ///
    /// # Errors
    /// They do not come together in time; the error says what is missing.
    pub fn settle(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.check_wholeness() {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() > deadline => {
                    return Err(error.context("the servers do not come together"));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// The servers that may take each other's place: all of them, or those of the shard that is looked at.
    ///
    /// # Errors
    /// A node does not answer.
    pub fn group(&self) -> anyhow::Result<Vec<usize>> {
        self.group_of(self.shard)
    }

    fn group_of(&self, shard: usize) -> anyhow::Result<Vec<usize>> {
        if self.topology != Topology::Cluster {
            return Ok((0..self.servers.len()).collect());
        }
        let slot = cluster::first_slot(shard);
        let well = self.servers.iter().find(|node| node.is_well()).context("no node runs")?;
        let nodes: String = well.ask(&["CLUSTER", "NODES"])?;
        let lines: Vec<Vec<&str>> = nodes.lines().map(|line| line.split(' ').collect()).collect();
        let owns = |line: &&Vec<&str>| {
            line.iter().skip(8).any(|range| {
                let (from, to) = range.split_once('-').unwrap_or((range, range));
                from.parse::<usize>().is_ok_and(|from| from <= slot)
                    && to.parse::<usize>().is_ok_and(|to| slot <= to)
            })
        };
        let owner = lines.iter().find(owns).and_then(|line| line.first()).context("nobody owns the slot")?;
        let members = lines.iter().filter(|line| line.first() == Some(owner) || line.get(3) == Some(owner));
        let ports: Vec<u16> = members.filter_map(|line| port_of(line.get(1)?)).collect();
        let is_member = |node: &Node| ports.contains(&node.public_port());
        Ok((0..self.servers.len()).filter(|at| self.servers.get(*at).is_some_and(is_member)).collect())
    }

    /// The server of the group that takes the writes.
    ///
    /// # Errors
    /// None does, or several say so.
    pub fn master(&self) -> anyhow::Result<usize> {
        self.master_of(&self.group()?)
    }

    fn master_of(&self, group: &[usize]) -> anyhow::Result<usize> {
        let mut masters = Vec::new();
        for at in group {
            let node = self.servers.get(*at).context("no such server")?;
            if node.is_well() && matches!(node.role()?, Role::Master { .. }) {
                masters.push(*at);
            }
        }
        match masters.as_slice() {
            [one] => Ok(*one),
            others => bail!("{} servers say that they take the writes", others.len()),
        }
    }

    /// The servers of the group that follow.
    ///
    /// # Errors
    /// As [`Self::master`].
    pub fn followers(&self) -> anyhow::Result<Vec<usize>> {
        let group = self.group()?;
        let master = self.master_of(&group)?;
        Ok(group.into_iter().filter(|at| *at != master).collect())
    }

    fn check_wholeness(&self) -> anyhow::Result<()> {
        for node in self.servers.iter().chain(&self.sentinels) {
            ensure!(node.is_well(), "a server does not run");
        }
        match self.topology {
            Topology::Standalone { .. } => {}
            Topology::Sentinel => self.check_sentinels()?,
            Topology::Cluster => self.check_cluster()?,
        }
        (0..self.shards()).try_for_each(|shard| self.check_group(&self.group_of(shard)?))
    }

    /// Each of the others follows the one that takes the writes, and has what that one had when it was asked.
    fn check_group(&self, group: &[usize]) -> anyhow::Result<()> {
        let master = self.master_of(group)?;
        let node = self.servers.get(master).context("no such server")?;
        let Role::Master { offset, replicas } = node.role()? else { bail!("another took over") };
        let wanted = group.len().saturating_sub(1);
        ensure!(replicas == wanted, "{replicas} replicas of {wanted} follow");
        for at in group.iter().filter(|at| **at != master) {
            let follower = self.servers.get(*at).context("no such server")?;
            let Role::Replica { offset: has, is_connected: true } = follower.role()? else {
                bail!("a replica does not follow")
            };
            ensure!(has >= offset, "a replica is behind");
        }
        Ok(())
    }

    fn check_sentinels(&self) -> anyhow::Result<()> {
        let master = self.servers.get(self.master()?).context("no such server")?;
        for sentinel in &self.sentinels {
            let (_, port): (String, u16) =
                sentinel.ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", sentinels::NAME])?;
            ensure!(port == master.public_port(), "a Sentinel names another server");
            sentinel.ask::<String>(&["SENTINEL", "CKQUORUM", sentinels::NAME])?;
            let replicas: Vec<HashMap<String, String>> =
                sentinel.ask(&["SENTINEL", "REPLICAS", sentinels::NAME])?;
            let follows = |replica: &&HashMap<String, String>| {
                replica.get("flags").is_some_and(|flags| flags == "slave")
                    && replica.get("master-link-status").is_some_and(|status| status == "ok")
                    && replica.get("master-port") == Some(&port.to_string())
            };
            let following = replicas.iter().filter(follows).count();
            let wanted = self.servers.len() - 1;
            ensure!(following == wanted, "a Sentinel knows {following} of {wanted} replicas that follow");
            let of_master: HashMap<String, String> =
                sentinel.ask(&["SENTINEL", "MASTER", sentinels::NAME])?;
            ensure!(
                of_master.get("flags").is_some_and(|flags| flags == "master"),
                "a Sentinel sees the server that takes writes as {:?}",
                of_master.get("flags")
            );
            let others = of_master.get("num-other-sentinels").and_then(|number| number.parse().ok());
            ensure!(others == Some(self.sentinels.len() - 1), "a Sentinel does not know the others");
        }
        Ok(())
    }

    fn check_cluster(&self) -> anyhow::Result<()> {
        for node in &self.servers {
            let info: String = node.ask(&["CLUSTER", "INFO"])?;
            ensure!(info.contains("cluster_state:ok"), "a node says that the cluster is down");
            let nodes: String = node.ask(&["CLUSTER", "NODES"])?;
            let (mut masters, mut followers) = (0, HashMap::new());
            for line in nodes.lines().map(|line| line.split(' ').collect::<Vec<_>>()) {
                let (flags, master) = (line.get(2).unwrap_or(&""), line.get(3).unwrap_or(&""));
                ensure!(!flags.contains("fail"), "a node sees another as failed");
                ensure!(line.get(7) == Some(&"connected"), "a node does not reach another");
                if flags.contains("master") {
                    masters += 1;
                    ensure!(line.len() > 8, "a node that takes writes owns no slots");
                } else {
                    *followers.entry((*master).to_owned()).or_insert(0) += 1;
                }
            }
            let shards = self.shards();
            let is_whole = masters == shards && followers.len() == shards;
            ensure!(is_whole && followers.values().all(|count| *count == 2), "a shard is not whole");
        }
        Ok(())
    }
}

/// The port of `HOST:PORT@BUS[,NAME]`.
fn port_of(address: &str) -> Option<u16> {
    address.split('@').next()?.rsplit(':').next()?.parse().ok()
}
