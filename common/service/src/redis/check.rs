//! What a server must be before it is trusted with money: asked at start, and again of each new connection.

use std::collections::HashMap;

use ::redis::RedisError;
use ::redis::aio::MultiplexedConnection;

use super::{Address, OpenError};

/// What is asked of a server's persistence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Every write is on disk before it is answered: `appendonly yes`, `appendfsync always`.
    EachWrite,
    /// The operator accepts to lose acknowledged writes when the server dies.
    Weak,
}

/// What is asked about the store on a new connection.
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
        let found = read_birth(server, address, &self.birth_key).await?;
        if found == self.birth_record { Ok(()) } else { Err(OpenError::Another(address.describe())) }
    }
}

pub(super) async fn read_birth(
    server: &mut MultiplexedConnection,
    address: &Address,
    key: &[u8],
) -> Result<Vec<u8>, OpenError> {
    let found: Option<Vec<u8>> = ::redis::cmd("GET")
        .arg(key)
        .query_async(server)
        .await
        .map_err(|error| OpenError::unreachable(address, &error))?;
    found.ok_or_else(|| OpenError::Unborn(address.describe()))
}

/// Refuses a server that drops keys when it is full, which would let a spent token be spent again, and one that
/// answers before a write is on disk.
pub(super) async fn check_durability(
    server: &mut MultiplexedConnection,
    address: &Address,
    durability: Durability,
) -> Result<(), OpenError> {
    let settings = settings(server).await.map_err(|error| OpenError::unreachable(address, &error))?;
    let mut wanted = vec![("maxmemory-policy", "noeviction", "")];
    if durability == Durability::EachWrite {
        let anyway = ", or set store.weak_durability = true and accept to lose acknowledged redemptions";
        wanted.extend([("appendonly", "yes", anyway), ("appendfsync", "always", anyway)]);
    }
    for (setting, wanted, anyway) in wanted {
        let found = settings.get(setting).map_or("unknown", String::as_str);
        if found != wanted {
            let (url, found) = (address.describe(), found.to_owned());
            return Err(OpenError::Unfit { url, setting, found, wanted, anyway });
        }
    }
    Ok(())
}

async fn settings(server: &mut MultiplexedConnection) -> Result<HashMap<String, String>, RedisError> {
    let mut settings = HashMap::new();
    // One name a command: asking for several at once needs Redis 7.
    for name in ["maxmemory-policy", "appendonly", "appendfsync"] {
        let found: HashMap<String, String> =
            ::redis::cmd("CONFIG").arg("GET").arg(name).query_async(server).await?;
        settings.extend(found);
    }
    Ok(settings)
}
