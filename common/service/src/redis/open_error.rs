use std::fmt;

use ::redis::RedisError;
use thiserror::Error;

use super::{Address, words};
use crate::migration::moved_away;
use crate::unavailable::Unavailable;

/// Why a store on Redis was not made or opened. One line: which server, and how to mend it.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The URL is none, or holds a password.
    #[error("store.url: {0}")]
    Url(&'static str),
    /// Nobody answers, or not in time, or the credentials are wrong.
    #[error(
        "the Redis at {url} cannot be used: {cause}; start it, or mend its address and password in the table `store`"
    )]
    Unreachable {
        /// Its URL.
        url: String,
        /// What went wrong.
        cause: String,
    },
    /// It does not answer.
    #[error("the Redis at {server} did not answer in time; start it, or mend the table `store`")]
    Silent {
        /// Where.
        server: String,
    },
    /// Nobody knows which server takes the writes.
    #[error(
        "{servers}: nobody there knows which server takes the writes; mend store.master or the servers' configuration"
    )]
    Unlocated {
        /// Who was asked.
        servers: String,
    },
    /// It is a replica.
    #[error(
        "the Redis at {0} is a replica and takes no writes; write store.url of the server that it follows"
    )]
    Replica(String),
    /// Another server may take over, and has nothing of what this one acknowledged.
    #[error(
        "the Redis at {0} has no replica: a failover would lose acknowledged writes; add replicas, or set store.replicas = 0 and accept that"
    )]
    NoReplicas(String),
    /// Whether its replicas matter was not said.
    #[error(
        "the Redis at {url} has {connected} replicas: set store.replicas to how many must confirm each write, or to 0 if you never put one of them in its place"
    )]
    ReplicasUnsaid {
        /// Its URL.
        url: String,
        /// How many are connected.
        connected: usize,
    },
    /// A replica did not confirm in time.
    #[error("the replicas of the Redis at {0} did not confirm in time; mend them and run the command again")]
    Unconfirmed(String),
    /// It would lose what it acknowledged.
    #[error(
        "the Redis at {url} is not fit for money: {setting} is {found} and must be {wanted}; mend its configuration{anyway}"
    )]
    Unfit {
        /// Its URL.
        url: String,
        /// The setting.
        setting: &'static str,
        /// What it is.
        found: String,
        /// What it must be.
        wanted: &'static str,
        /// How to go on all the same, where that may be wanted.
        anyway: &'static str,
    },
    /// It has a birth record already.
    #[error(
        "the Redis at {0} has a store already: a store is made once; to begin anew, read docs/operating.md first"
    )]
    Exists(String),
    /// A restore into it did not end.
    #[error(
        "the Redis at {0} holds part of a store: a restore into it did not end; empty it (FLUSHDB) and restore again"
    )]
    HalfRestored(String),
    /// It has a part of a store, and where the first should be there is none.
    #[error(
        "the Redis at {0} holds part of a store whose first part is gone or was never made: keep a copy of what is in it, \
         empty it (FLUSHDB) and try again"
    )]
    Remainder(String),
    /// The backup does not fit.
    #[error("{0}")]
    Backup(String),
    /// It was not made by `store init`, or lost what was in it.
    #[error(
        "the Redis at {0} has no birth record: run `store init`, or, if a store was there, restore it from a backup"
    )]
    Unborn(String),
    /// It is at another place now.
    #[error("the Redis at {url}: {}", moved_away(to))]
    Moved {
        /// Its URL.
        url: String,
        /// The other place in words.
        to: String,
    },
    /// A move into it did not end.
    #[error(
        "the Redis at {0} holds part of a store: a move into it did not end; run `store migrate` again where it was begun"
    )]
    HalfMoved(String),
    /// Somebody else has just begun to make a store there.
    #[error("the Redis at {0} is being taken by another command at this moment: let that come to its end")]
    Taken(String),
    /// A store was moved there, and is not there.
    #[error(
        "a store was moved to the Redis at {0}, and it is not there: if it was in use, restore its backup; if nobody ever \
         started a service on it, take the move back with --give-up --new-store-lost"
    )]
    Gone(String),
    /// Somebody else's records are there.
    #[error(
        "the Redis at {0} has records of a store and no birth record: name another server, or keep a copy of what is in it, \
         empty it (FLUSHDB) and try again"
    )]
    Remains(String),
    /// It has another birth record than the one that was opened.
    #[error("the Redis at {0} is not the store that was opened: its birth record is another")]
    Another(String),
    /// A record does not decode.
    #[error("the store on the Redis at {url} cannot be used: {cause}")]
    Failed {
        /// Its URL.
        url: String,
        /// What went wrong.
        cause: String,
    },
}

impl From<OpenError> for Unavailable {
    fn from(error: OpenError) -> Self {
        if matches!(error, OpenError::Moved { .. }) { Self::moved(error) } else { Self::because(error) }
    }
}

impl OpenError {
    pub(super) fn unreachable(address: &Address, error: &RedisError) -> Self {
        Self::Unreachable { url: address.describe(), cause: words(error) }
    }

    pub(super) fn silent(address: &Address) -> Self {
        Self::Silent { server: address.describe() }
    }

    pub(super) fn failed(address: &Address, cause: &dyn fmt::Display) -> Self {
        Self::Failed { url: address.describe(), cause: cause.to_string() }
    }
}
