use std::sync::LazyLock;

use ::redis::ScriptInvocation;

/// What every script begins with: the birth record must be the one that was there when the store was opened. And the
/// words, as those of [`RecordError`](crate::record::RecordError), for a hash that a later release wrote.
const PRELUDE: &str = "\
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return redis.error_reply('BIRTH the birth record is gone or another')
end
local function newer(kind, found, known)
    return redis.error_reply('VERSION a record (' .. kind .. ') has version ' .. found .. ', this release reads up to '
        .. known .. ': install the newer release that wrote it')
end
";

/// A script of ours: what it does is in its text, and its digest names it, so a changed script is another script.
#[derive(Debug)]
pub struct Script(LazyLock<::redis::Script, fn() -> ::redis::Script>);

impl Script {
    /// A script from its text; see [`script!`](crate::redis_script).
    pub const fn new(make: fn() -> ::redis::Script) -> Self {
        Self(LazyLock::new(make))
    }

    /// The text with what every script begins with.
    pub fn compile(body: &str) -> ::redis::Script {
        ::redis::Script::new(&format!("{PRELUDE}{body}"))
    }

    pub(super) fn invocation(&self, birth_key: &[u8], birth: &[u8], call: Call) -> ScriptInvocation<'_> {
        let mut invocation = self.0.key(birth_key);
        invocation.arg(birth);
        for key in call.keys {
            invocation.key(key);
        }
        for argument in call.arguments {
            invocation.arg(argument);
        }
        invocation
    }
}

/// Declares a script in a file of its own, beside the one that calls it.
#[macro_export]
macro_rules! redis_script {
    ($file:literal) => {
        $crate::redis::Script::new(|| $crate::redis::Script::compile(include_str!($file)))
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
