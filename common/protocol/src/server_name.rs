//! The "server names" of RFC 9577, section 2.1: a host with an optional port.
//!
//! They are compared as bytes. What is checked is what keeps them apart in every place that holds them: the comma
//! separates origins in a challenge, quote and backslash end strings in headers and key files.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::text_form::text_form;

/// The length field of a name has two bytes.
const MAX_LENGTH: usize = 0xffff;

fn is_server_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b',' | b'"' | b'\\');
    !text.is_empty() && text.len() <= MAX_LENGTH && text.bytes().all(allowed)
}

/// Text that is no server name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a server name: 1 to 65535 visible ASCII characters without comma, quote or backslash")]
pub struct InvalidName;

macro_rules! server_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Takes a name of 1 to 65,535 visible ASCII characters without comma, quote or backslash.
            ///
            /// # Errors
            /// [`InvalidName`] when it has others.
            pub fn new(name: impl Into<String>) -> Result<Self, InvalidName> {
                let name = name.into();
                if is_server_name(&name) { Ok(Self(name)) } else { Err(InvalidName) }
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }

        text_form!($name);
    };
}

server_name! {
    /// `issuer_name` of a challenge: the issuer's server name (RFC 9577, section 2.1.1).
    IssuerName
}

server_name! {
    /// One name of a challenge's `origin_info`: an origin's server name (RFC 9577, section 2.1.1).
    OriginName
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_visible_ascii() {
        for name in ["issuer.example", "issuer.example:8443", "[::1]:80", &"a".repeat(65_535)] {
            assert_eq!(IssuerName::new(name).unwrap().as_str(), name);
        }
        for wrong in ["", "a,b", "a b", "a\n", "a\"", "a\\", "\u{fc}", &"a".repeat(65_536)] {
            assert_eq!(wrong.parse::<OriginName>(), Err(InvalidName));
        }
    }
}
