//! The wire of Privacy Pass with token type 0x0005, and what Farthing adds to it: token keys, their epochs and
//! denominations.
//!
//! Bytes and text become types here, once, and types become bytes. There is no I/O, no clock (`now` is an
//! argument, in unix seconds) and no arithmetic: that is `farthing-voprf`. The messages are those of RFC 9577
//! (challenge and redemption), RFC 9578 (issuance) and draft-ietf-privacypass-batched-tokens (the amortized
//! batch); each file quotes the structure that it reads and writes. All integers are big-endian.
//!
//! Every decoder takes the whole input and refuses what is left over, so that one value has one encoding: what
//! decodes, encodes again to the same bytes.
#![deny(clippy::indexing_slicing)]

mod amortized_batch_token_request;
mod amortized_batch_token_response;
mod authenticator;
mod base64url;
mod blinded_message;
mod canonical_path;
mod challenge_digest;
mod challenge_header;
mod currency;
mod day;
mod decode_error;
mod denomination;
mod directory_key;
mod element;
mod evaluated_message;
mod evaluated_proof;
mod header_attributes;
mod header_error;
mod identifier;
mod issuer_directory;
mod key_epoch;
mod key_file;
mod key_file_document;
mod key_file_error;
mod nonce;
mod reader;
mod redemption_header;
mod server_name;
mod store_backup;
mod text_form;
mod token;
mod token_challenge;
mod token_input;
mod token_key;
mod token_key_id;
mod token_request;
mod token_response;
mod token_secret_key;
mod token_type;
mod varint;

pub use amortized_batch_token_request::AmortizedBatchTokenRequest;
pub use amortized_batch_token_response::AmortizedBatchTokenResponse;
pub use authenticator::Authenticator;
pub use blinded_message::BlindedMessage;
pub use canonical_path::{AmbiguousPath, CanonicalPath};
pub use challenge_digest::ChallengeDigest;
pub use challenge_header::{ChallengeHeader, PrivateTokenChallenge};
pub use currency::{Currency, UnknownCurrency};
pub use day::{Day, InvalidDay, SECONDS_PER_DAY};
pub use decode_error::{DecodeError, DecodeReason};
pub use denomination::{Denomination, InvalidDenomination};
pub use directory_key::DirectoryKey;
pub use evaluated_message::EvaluatedMessage;
pub use evaluated_proof::EvaluatedProof;
pub use header_error::HeaderError;
pub use identifier::InvalidIdentifier;
pub use issuer_directory::{DirectoryError, IssuerDirectory};
pub use key_epoch::{InvalidEpoch, KeyEpoch};
pub use key_file::KeyFile;
pub use key_file_error::{KeyFileError, KeyFileReason};
pub use nonce::Nonce;
pub use redemption_header::RedemptionHeader;
pub use server_name::{InvalidName, IssuerName, OriginName};
pub use store_backup::{BackupDecoder, BackupEncoder, BackupEntry, MalformedBackup};
pub use token::Token;
pub use token_challenge::TokenChallenge;
pub use token_input::TokenInput;
pub use token_key::TokenKey;
pub use token_key_id::{TokenKeyId, TruncatedTokenKeyId};
pub use token_request::TokenRequest;
pub use token_response::TokenResponse;
pub use token_secret_key::{DERIVATION_INFO, TokenSecretKey};
pub use token_type::TokenType;

/// The most elements that one batch holds: the index in the proof of RFC 9497, section 2.2.1, has two bytes.
pub const MAX_BATCH: usize = farthing_voprf::MAX_BATCH;
/// The scheme of both HTTP headers (RFC 9577, section 2).
pub const AUTH_SCHEME: &str = "PrivateToken";
