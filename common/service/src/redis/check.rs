//! What a server must be before it is trusted with money: asked at start, and again of each new connection.

use std::collections::HashMap;

use ::redis::RedisError;
use ::redis::aio::MultiplexedConnection;

use super::mark::Found;
use super::{Address, OpenError};

/// What is asked of a server's persistence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Every write is on disk before it is answered: `appendonly yes`, `appendfsync always`.
    EachWrite,
    /// The operator accepts to lose acknowledged writes when the server dies.
    Weak,
}

/// What is asked about the store on a new connection: the birth record, or what stands for it.
pub(super) struct Checks {
    pub(super) birth_key: Vec<u8>,
    pub(super) birth_record: Vec<u8>,
}

impl Checks {
    pub(super) async fn check(
        &self,
        server: &mut MultiplexedConnection,
        address: &Address,
    ) -> Result<(), OpenError> {
        let found = Found::read(server, address, &self.birth_key).await?;
        // Whoever moves the store knows it by the very record that is there.
        if found.record == self.birth_record || found.own(address)? == self.birth_record {
            Ok(())
        } else {
            Err(OpenError::Another(address.describe()))
        }
    }
}

/// Refuses a server that drops keys when it is full, which would let a spent token be spent again, and one that
/// answers before a write is on disk.
pub(super) async fn check_durability(
    server: &mut MultiplexedConnection,
    address: &Address,
    durability: Durability,
) -> Result<(), OpenError> {
    let settings = settings(server, &["maxmemory-policy", "appendonly", "appendfsync"])
        .await
        .map_err(|error| OpenError::unreachable(address, &error))?;
    let mut wanted = vec![("maxmemory-policy", "noeviction", "")];
    if durability == Durability::EachWrite {
        let anyway = ", or set store.weak_durability = true and accept to lose acknowledged redemptions";
        wanted.extend([("appendonly", "yes", anyway), ("appendfsync", "always", anyway)]);
    }
    for (setting, wanted, anyway) in wanted {
        let found = settings.get(setting).map_or("unknown", String::as_str);
        if found != wanted {
            return Err(unfit(address, setting, found, wanted, anyway));
        }
    }
    Ok(())
}

/// Refuses a cluster that gives a replica of one shard to another: as many replicas as there ever were must confirm, so
/// the shard that gave one away would confirm nothing any more.
pub(super) async fn check_replicas_stay(
    server: &mut MultiplexedConnection,
    address: &Address,
) -> Result<(), OpenError> {
    let settings =
        settings(server, &[MIGRATION]).await.map_err(|error| OpenError::unreachable(address, &error))?;
    match settings.get(MIGRATION) {
        Some(found) if found != "no" => {
            let anyway = ", or set store.replicas to how many must confirm each write";
            Err(unfit(address, MIGRATION, found, "no", anyway))
        }
        // Before Redis 7 there was no such setting.
        _ => Ok(()),
    }
}

const MIGRATION: &str = "cluster-allow-replica-migration";

fn unfit(
    address: &Address,
    setting: &'static str,
    found: &str,
    wanted: &'static str,
    anyway: &'static str,
) -> OpenError {
    OpenError::Unfit { url: address.describe(), setting, found: found.to_owned(), wanted, anyway }
}

async fn settings(
    server: &mut MultiplexedConnection,
    names: &[&str],
) -> Result<HashMap<String, String>, RedisError> {
    let mut settings = HashMap::new();
    // One name a command: asking for several at once needs Redis 7.
    for name in names {
        let found: HashMap<String, String> =
            ::redis::cmd("CONFIG").arg("GET").arg(*name).query_async(server).await?;
        settings.extend(found);
    }
    Ok(settings)
}
