use thiserror::Error;

/// Text that is not base64url of an identifier's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not base64url (padding optional) of {expected} bytes")]
pub struct InvalidIdentifier {
    /// Bytes that the identifier has.
    pub expected: usize,
}

/// Declares a newtype of bytes that link a token to its issuance or are worth money: they are never shown, and
/// their Debug says only what they are.
macro_rules! opaque_bytes {
    ($(#[$doc:meta])* $name:ident[$length:expr]) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name([u8; $length]);

        impl $name {
            /// Length in bytes.
            pub const LENGTH: usize = $length;

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $length] {
                &self.0
            }

            /// A copy of the bytes.
            pub const fn to_bytes(self) -> [u8; $length] {
                self.0
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

/// Declares a newtype of 32 public bytes that people and JSON see as base64url without padding.
macro_rules! public_digest {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Length in bytes.
            pub const LENGTH: usize = 32;

            /// Wraps bytes that were computed elsewhere.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// A copy of the bytes.
            pub const fn to_bytes(self) -> [u8; 32] {
                self.0
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&crate::base64url::Unpadded(&self.0), f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::InvalidIdentifier;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                crate::base64url::decode_array(text)
                    .map(Self)
                    .ok_or($crate::InvalidIdentifier { expected: Self::LENGTH })
            }
        }

        $crate::text_form::text_form!($name);
    };
}

pub(crate) use {opaque_bytes, public_digest};
