//! Which servers there are, and which of them takes the writes now.

use std::collections::HashMap;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, FromRedisValue, RedisError};
use tokio::task::JoinSet;

use super::connection::connect;
use super::{Address, Durability, OpenError};

/// The servers of a store and what is asked of them.
#[derive(Clone)]
pub struct Deployment {
    /// How they belong together.
    pub topology: Topology,
    /// What is asked of their persistence.
    pub durability: Durability,
    /// How many replicas must confirm what is answered. Without a number: every replica that the Sentinels or the
    /// cluster know of; of a single server none.
    pub replicas: Option<u32>,
}

/// How the servers of a store belong together.
#[derive(Clone)]
pub enum Topology {
    /// One server that takes the writes; it may have replicas.
    Standalone(Address),
    /// Sentinels, who know which server takes the writes.
    Sentinel {
        /// How they are reached.
        sentinels: Vec<Address>,
        /// Their name for the servers.
        master: String,
        /// How the servers are reached, but for host and port.
        servers: Address,
    },
    /// A cluster.
    Cluster {
        /// Some of its nodes.
        nodes: Vec<Address>,
    },
}

/// The server that takes the writes of a key.
pub(super) struct Located {
    pub(super) address: Address,
    /// How many replicas it is configured to have.
    pub(super) replicas: u32,
}

impl Deployment {
    /// One server without replicas.
    pub const fn standalone(address: Address, durability: Durability) -> Self {
        Self { topology: Topology::Standalone(address), durability, replicas: None }
    }
}

impl Topology {
    /// The servers in words, for messages.
    pub fn describe(&self) -> String {
        match self {
            Self::Standalone(address) => address.describe(),
            Self::Sentinel { sentinels, master, .. } => format!("{} ({master})", list(sentinels)),
            Self::Cluster { nodes } => list(nodes),
        }
    }

    /// Whether another server may take the writes one day.
    pub(super) const fn may_move(&self) -> bool {
        !matches!(self, Self::Standalone(_))
    }

    /// Finds the server that takes the writes of `key`, asking everybody who may know for at most `timeout`.
    pub(super) async fn locate(&self, key: &[u8], timeout: Duration) -> Result<Located, OpenError> {
        match self {
            Self::Standalone(address) => Ok(Located { address: address.clone(), replicas: 0 }),
            Self::Sentinel { sentinels, master, servers } => {
                let name = master.clone();
                let answers =
                    ask_all(sentinels, timeout, move |sentinel| of_sentinel(sentinel, name.clone()));
                let answers = answers.await;
                // A Sentinel that was cut off may name a server that others have replaced: the majority is right.
                let mut votes: HashMap<(String, u16), (usize, u32)> = HashMap::new();
                for (place, replicas) in answers.iter().flatten() {
                    let (count, most) = votes.entry(place.clone()).or_default();
                    (*count, *most) = (*count + 1, (*most).max(*replicas));
                }
                let elected = votes.into_iter().max_by_key(|(_, (count, _))| *count);
                let Some(((host, port), (_, replicas))) = elected else {
                    return Err(self.nobody_knows(answers));
                };
                Ok(Located { address: servers.at(&host, port), replicas })
            }
            Self::Cluster { nodes } => {
                let wanted = key.to_vec();
                let answers = ask_all(nodes, timeout, move |node| of_cluster(node, wanted.clone())).await;
                // The node that knows of the latest change of the slot's owner is right.
                let latest = answers.iter().flatten().max_by_key(|owner| owner.epoch);
                let (Some(owner), Some(any)) = (latest, nodes.first()) else {
                    return Err(self.nobody_knows(answers));
                };
                let (host, port) = owner.place.clone();
                Ok(Located { address: any.at(&host, port), replicas: owner.replicas })
            }
        }
    }

    fn nobody_knows<T>(&self, answers: Vec<Result<T, OpenError>>) -> OpenError {
        let cause = answers.into_iter().find_map(Result::err);
        cause.unwrap_or_else(|| OpenError::Unlocated { servers: self.describe() })
    }
}

fn list(addresses: &[Address]) -> String {
    addresses.iter().map(Address::describe).collect::<Vec<_>>().join(", ")
}

/// Asks all at the same time.
async fn ask_all<T, F>(
    addresses: &[Address],
    timeout: Duration,
    question: impl Fn(MultiplexedConnection) -> F,
) -> Vec<Result<T, OpenError>>
where
    T: Send + 'static,
    F: Future<Output = Result<Option<T>, RedisError>> + Send + 'static,
{
    let mut asking = JoinSet::new();
    let mut answers = Vec::new();
    for address in addresses {
        asking.spawn(reached_in_time(address.clone(), timeout));
    }
    let mut answering = JoinSet::new();
    while let Some(Ok((address, server))) = asking.join_next().await {
        match server {
            Ok(server) => {
                let answer = question(server);
                answering.spawn(async move {
                    match tokio::time::timeout(timeout, answer).await {
                        Ok(Ok(Some(answer))) => Ok(answer),
                        Ok(Ok(None)) => Err(OpenError::Unlocated { servers: address.describe() }),
                        Ok(Err(error)) => Err(OpenError::unreachable(&address, &error)),
                        Err(_) => Err(OpenError::silent(&address)),
                    }
                });
            }
            Err(error) => answers.push(Err(error)),
        }
    }
    while let Some(Ok(answer)) = answering.join_next().await {
        answers.push(answer);
    }
    answers
}

async fn reached_in_time(
    address: Address,
    timeout: Duration,
) -> (Address, Result<MultiplexedConnection, OpenError>) {
    let server = tokio::time::timeout(timeout, connect(&address, timeout)).await;
    let server = server.unwrap_or_else(|_| Err(OpenError::silent(&address)));
    (address, server)
}

async fn query<T: FromRedisValue>(
    server: &mut MultiplexedConnection,
    command: &mut Cmd,
) -> Result<T, RedisError> {
    command.query_async(server).await
}

/// Where a Sentinel sees the server that takes writes, and how many replicas it knows of, reachable or not.
async fn of_sentinel(
    mut sentinel: MultiplexedConnection,
    master: String,
) -> Result<Option<((String, u16), u32)>, RedisError> {
    let mut command = ::redis::cmd("SENTINEL");
    let place: Option<(String, u16)> =
        query(&mut sentinel, command.arg("GET-MASTER-ADDR-BY-NAME").arg(&master)).await?;
    let Some(place) = place else { return Ok(None) };
    let mut command = ::redis::cmd("SENTINEL");
    let replicas: Vec<HashMap<String, String>> =
        query(&mut sentinel, command.arg("REPLICAS").arg(&master)).await?;
    Ok(Some((place, u32::try_from(replicas.len()).unwrap_or(u32::MAX))))
}

/// Who owns a slot, as one node sees it.
#[derive(Debug, PartialEq, Eq)]
struct Owner {
    place: (String, u16),
    epoch: u64,
    replicas: u32,
}

async fn of_cluster(mut node: MultiplexedConnection, key: Vec<u8>) -> Result<Option<Owner>, RedisError> {
    let slot: u16 = query(&mut node, ::redis::cmd("CLUSTER").arg("KEYSLOT").arg(key)).await?;
    let nodes: String = query(&mut node, ::redis::cmd("CLUSTER").arg("NODES")).await?;
    Ok(owner_of(slot, &nodes))
}

/// Reads `CLUSTER NODES`: a line has id, address, flags, master, ping, pong, epoch, link, and slots.
fn owner_of(slot: u16, nodes: &str) -> Option<Owner> {
    let lines: Vec<Vec<&str>> = nodes.lines().map(|line| line.split(' ').collect()).collect();
    let owns = |line: &&Vec<&str>| {
        line.get(2).is_some_and(|flags| flags.split(',').any(|flag| flag == "master"))
            && line.iter().skip(8).any(|range| {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                matches!((first.parse::<u16>(), last.parse::<u16>()), (Ok(first), Ok(last))
                    if (first..=last).contains(&slot))
            })
    };
    let owner = lines.iter().find(owns)?;
    let (id, address, epoch) = (owner.first()?, owner.get(1)?, owner.get(6)?);
    let address = address.split(['@', ',']).next()?;
    let (host, port) = address.rsplit_once(':')?;
    let replicas = lines.iter().filter(|line| line.get(3) == Some(id)).count();
    Some(Owner {
        place: (host.to_owned(), port.parse().ok()?),
        epoch: epoch.parse().ok()?,
        replicas: u32::try_from(replicas).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODES: &str = "\
07c37dfeb235213a872192d90877d0cd55635b91 127.0.0.1:30004@31004 slave e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 0 1426238317239 4 connected
67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 127.0.0.1:30002@31002,host master - 0 1426238316232 2 connected 5461-10922
292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f 127.0.0.1:30003@31003 master - 0 1426238318243 3 connected 10923-16382 16383 [77->-e7d1]
6ec23923021cf3ffec47632106199cb7f496ce01 127.0.0.1:30005@31005 slave,fail 67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 0 1426238316232 5 connected
824fe116063bc5fcf9f4ffd895bc17aee7731ac3 127.0.0.1:30006@31006 slave 67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 0 1426238317741 6 connected
e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 127.0.0.1:30001@31001 myself,master - 0 0 1 connected 0-5460
";

    #[test]
    fn the_owner_of_a_slot_and_its_replicas_are_read() {
        let owner = |slot| owner_of(slot, NODES).map(|owner| (owner.place.1, owner.epoch, owner.replicas));
        assert_eq!(owner(0), Some((30_001, 1, 1)));
        assert_eq!(owner(10_922), Some((30_002, 2, 2)), "a failed replica is still a configured one");
        assert_eq!(owner(16_383), Some((30_003, 3, 0)));
        assert_eq!(owner_of(1, "nonsense\n\n"), None);
    }
}
