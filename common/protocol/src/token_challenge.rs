use sha2::{Digest, Sha256};

use crate::decode_error::{DecodeError, DecodeReason};
use crate::reader::Reader;
use crate::{ChallengeDigest, IssuerName, OriginName, TokenType};

const ORIGIN_INFO: &str = "origin_info";

/// What an origin asks a token for (RFC 9577, section 2.1.1).
///
/// ```text
/// struct {
///     uint16_t token_type = 0x0005;            2 bytes
///     opaque issuer_name<1..2^16-1>;           2 bytes of length, the issuer's server name
///     opaque redemption_context<0..32>;        1 byte of length (0 or 32), nothing or 32 bytes
///     opaque origin_info<0..2^16-1>;           2 bytes of length, origins' server names separated by commas
/// } TokenChallenge;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenChallenge {
    issuer_name: IssuerName,
    redemption_context: Option<[u8; 32]>,
    origin_info: Vec<OriginName>,
}

impl TokenChallenge {
    /// A challenge of its parts.
    ///
    /// # Errors
    /// [`DecodeError`] when the origins' names, with a comma between them, exceed 65,535 bytes.
    pub fn new(
        issuer_name: IssuerName,
        redemption_context: Option<[u8; 32]>,
        origin_info: Vec<OriginName>,
    ) -> Result<Self, DecodeError> {
        let challenge = Self { issuer_name, redemption_context, origin_info };
        let found = challenge.joined_origins().len();
        if found > usize::from(u16::MAX) {
            let reason = DecodeReason::Length { found, expected: "at most 65535" };
            return Err(DecodeError::new(ORIGIN_INFO, reason));
        }
        Ok(challenge)
    }

    /// The challenge of every token that is bought ahead of its use: no context and no origin, so that the token is
    /// good wherever the issuer's tokens are taken.
    pub const fn for_purchase(issuer_name: IssuerName) -> Self {
        Self { issuer_name, redemption_context: None, origin_info: Vec::new() }
    }

    /// Who shall issue the token.
    pub const fn issuer_name(&self) -> &IssuerName {
        &self.issuer_name
    }

    /// What the token is bound to, if it is.
    pub const fn redemption_context(&self) -> Option<&[u8; 32]> {
        self.redemption_context.as_ref()
    }

    /// Where the token is good; empty for everywhere.
    pub fn origin_info(&self) -> &[OriginName] {
        &self.origin_info
    }

    /// SHA-256 of the encoding, which every token that answers this challenge carries.
    pub fn digest(&self) -> ChallengeDigest {
        ChallengeDigest::from_bytes(Sha256::digest(self.encode()).into())
    }

    /// The bytes of the wire.
    pub fn encode(&self) -> Vec<u8> {
        let context = self.redemption_context.as_ref().map_or(&[][..], |context| context);
        let mut out = TokenType::VoprfRistretto255.to_bytes().to_vec();
        write_opaque(self.issuer_name.as_str(), &mut out);
        out.push(if context.is_empty() { 0 } else { 32 });
        out.extend_from_slice(context);
        write_opaque(&self.joined_origins(), &mut out);
        out
    }

    /// Reads one challenge, which must be all of `message`.
    ///
    /// # Errors
    /// [`DecodeError`] naming `token_type`, `issuer_name` (empty, not a server name), `redemption_context` (length
    /// other than 0 and 32), `origin_info` (a name is empty or no server name), or `token_challenge` when bytes
    /// follow.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(message);
        reader.token_type()?;
        let issuer_name = read_opaque(&mut reader, "issuer_name")?;
        if issuer_name.is_empty() {
            return Err(DecodeError::new("issuer_name", DecodeReason::Empty));
        }
        let issuer_name =
            IssuerName::new(issuer_name).map_err(|_| DecodeError::new("issuer_name", DecodeReason::Name))?;
        let redemption_context = read_context(&mut reader)?;
        let origins = read_opaque(&mut reader, ORIGIN_INFO)?;
        let origin_info = if origins.is_empty() {
            Vec::new()
        } else {
            let names = origins.split(',').map(OriginName::new).collect::<Result<_, _>>();
            names.map_err(|_| DecodeError::new(ORIGIN_INFO, DecodeReason::Name))?
        };
        reader.finish("token_challenge")?;
        Ok(Self { issuer_name, redemption_context, origin_info })
    }

    fn joined_origins(&self) -> String {
        let mut joined = String::new();
        for name in &self.origin_info {
            if !joined.is_empty() {
                joined.push(',');
            }
            joined.push_str(name.as_str());
        }
        joined
    }
}

/// Appends `opaque text<0..2^16-1>`. Every text that comes here was checked to fit.
fn write_opaque(text: &str, out: &mut Vec<u8>) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn read_opaque<'a>(reader: &mut Reader<'a>, field: &'static str) -> Result<&'a str, DecodeError> {
    let length = reader.u16(field)?;
    let bytes = reader.bytes(u64::from(length), field)?;
    str::from_utf8(bytes).map_err(|_| DecodeError::new(field, DecodeReason::Name))
}

fn read_context(reader: &mut Reader<'_>) -> Result<Option<[u8; 32]>, DecodeError> {
    const FIELD: &str = "redemption_context";
    match reader.u8(FIELD)? {
        0 => Ok(None),
        32 => reader.array(FIELD).map(Some),
        other => {
            let reason = DecodeReason::Length { found: usize::from(other), expected: "0 or 32" };
            Err(DecodeError::new(FIELD, reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer() -> IssuerName {
        IssuerName::new("issuer.example").unwrap()
    }

    fn refusal(message: &[u8]) -> String {
        TokenChallenge::decode(message).unwrap_err().to_string()
    }

    #[test]
    fn the_challenge_of_a_purchase_is_the_shortest() {
        let challenge = TokenChallenge::for_purchase(issuer());
        assert_eq!(challenge.encode(), b"\0\x05\0\x0eissuer.example\0\0\0");
        assert_eq!(TokenChallenge::decode(&challenge.encode()), Ok(challenge));
    }

    #[test]
    fn context_and_origins_come_back() {
        let origins = ["a.example", "b.example:444"].map(|name| OriginName::new(name).unwrap()).to_vec();
        let challenge = TokenChallenge::new(issuer(), Some([7; 32]), origins).unwrap();
        let bytes = challenge.encode();
        assert!(bytes.ends_with(b"\0\x17a.example,b.example:444"));
        assert_eq!(TokenChallenge::decode(&bytes), Ok(challenge));
        for length in 0..bytes.len() {
            assert!(refusal(&bytes[..length]).contains("left"), "{length}");
        }
        assert_eq!(refusal(&[&bytes[..], &[0]].concat()), "token_challenge: 1 bytes too many");
    }

    #[test]
    fn each_field_is_checked() {
        assert!(refusal(b"\0\x02").starts_with("token_type"));
        assert_eq!(refusal(b"\0\x05\0\0\0\0\0"), "issuer_name: empty");
        assert!(refusal(b"\0\x05\0\x02a,\0\0\0").starts_with("issuer_name: not a server name"));
        assert!(refusal(b"\0\x05\0\x01\xff\0\0\0").starts_with("issuer_name: not a server name"));
        assert_eq!(refusal(b"\0\x05\0\x01a\x01\0\0\0"), "redemption_context: 1 bytes, must have 0 or 32");
        for origins in ["\0\x02a,", "\0\x02,a", "\0\x01,", "\0\x03a b"] {
            assert!(
                refusal(format!("\0\x05\0\x01a\0{origins}").as_bytes()).starts_with("origin_info: not a")
            );
        }
    }

    #[test]
    fn origins_must_fit_their_length_field() {
        let name = OriginName::new("a".repeat(32_768)).unwrap();
        assert!(TokenChallenge::new(issuer(), None, vec![name.clone()]).is_ok());
        let error = TokenChallenge::new(issuer(), None, vec![name.clone(), name]).unwrap_err();
        assert_eq!(error.to_string(), "origin_info: 65537 bytes, must have at most 65535");
    }
}
