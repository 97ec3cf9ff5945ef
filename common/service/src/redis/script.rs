use std::sync::OnceLock;

use ::redis::{Cmd, ScriptInvocation};

/// What every script begins with: the birth record must be the one that was there when the store was opened, unless the
/// store is being moved.
const PRELUDE: &str = include_str!("scripts/prelude.lua");

/// What follows where replicas must confirm. A server may count replicas as confirming for a connection that wrote
/// nothing, so a script that finds its work done must write all the same.
const TOUCH: &str = "redis.call('SET', KEYS[1] .. '-confirmed', '')\n";

/// A script of ours: what it does is in its text, and its digest names it, so a changed script is another script.
#[derive(Debug)]
pub struct Script {
    body: &'static str,
    plain: OnceLock<::redis::Script>,
    touching: OnceLock<(::redis::Script, String)>,
}

impl Script {
    /// A script from its text; see [`script!`](crate::redis_script).
    pub const fn new(body: &'static str) -> Self {
        Self { body, plain: OnceLock::new(), touching: OnceLock::new() }
    }

    pub(super) fn invocation(&self, birth_key: &[u8], birth: &[u8], call: Call) -> ScriptInvocation<'_> {
        let script = self.plain.get_or_init(|| ::redis::Script::new(&format!("{PRELUDE}{}", self.body)));
        let mut invocation = script.key(birth_key);
        invocation.arg(birth);
        for key in call.keys {
            invocation.key(key);
        }
        for argument in call.arguments {
            invocation.arg(argument);
        }
        invocation
    }

    /// The call as a command, of the variant that always writes.
    pub(super) fn touching(&'static self, birth_key: &[u8], birth: &[u8], call: Call) -> Touching {
        let (script, text) = self.touching.get_or_init(|| {
            let text = format!("{PRELUDE}{TOUCH}{}", self.body);
            (::redis::Script::new(&text), text)
        });
        let digest = script.get_hash();
        let mut command = ::redis::cmd("EVALSHA");
        command.arg(digest).arg(call.keys.len() + 1).arg(birth_key);
        for key in call.keys {
            command.arg(key);
        }
        command.arg(birth);
        for argument in call.arguments {
            command.arg(argument);
        }
        Touching { command, digest, text }
    }
}

/// A call of a script's variant that always writes.
pub(super) struct Touching {
    /// By its digest.
    pub(super) command: Cmd,
    pub(super) digest: &'static str,
    /// For servers that do not know the digest yet.
    pub(super) text: &'static str,
}

/// Declares a script in a file of its own, beside the one that calls it; what several have in common may stand before it.
#[macro_export]
macro_rules! redis_script {
    ($($file:literal),+) => {
        $crate::redis::Script::new(concat!($(include_str!($file)),+))
    };
}

/// What a script is called with, after the birth record: `KEYS[2]` and `ARGV[2]` are the first.
#[derive(Debug, Clone, Default)]
pub struct Call {
    keys: Vec<Vec<u8>>,
    arguments: Vec<Vec<u8>>,
}

impl Call {
    /// A call with nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key.
    #[must_use]
    pub fn key(mut self, key: Vec<u8>) -> Self {
        self.keys.push(key);
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<Vec<u8>>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds a number, in decimal.
    #[must_use]
    pub fn number(self, number: u64) -> Self {
        self.arg(number.to_string())
    }
}
