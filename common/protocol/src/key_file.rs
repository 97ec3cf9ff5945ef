use data_encoding::BASE64URL_NOPAD;
use farthing_voprf::SecretKey;
use zeroize::Zeroizing;

use crate::key_file_document::Document;
use crate::key_file_error::{KeyFileError, KeyFileReason};
use crate::{Denomination, IssuerName, KeyEpoch, TokenKeyId, TokenSecretKey, base64url};

/// The text of a token key's file: TOML, one key a line.
///
/// ```toml
/// version = 1
/// issuer_name = "issuer.example"
/// value_micros = 10000
/// currency = "EUR"
/// not_before = "2026-11-21"                # first day of issuing, UTC
/// issue_until = "2026-12-19"               # first day of no more issuing
/// redeem_until = "2027-03-13"              # first day on which its tokens are no longer taken
/// created = 1795219200                     # unix second
/// capacity = 1000000                       # tokens expected
/// token_key_id = "base64url of 32 bytes"   # SHA-256 of the public key
/// public_key = "base64url of 32 bytes"     # a ristretto255 element
/// secret_key = "base64url of 32 bytes"     # a scalar, little-endian
/// ```
///
/// Unknown keys and other versions are refused. Public key and id are recomputed from the secret and compared.
#[derive(Debug, Clone, Copy)]
pub struct KeyFile;

const KEYS: [&str; 12] = [
    "version",
    "issuer_name",
    "value_micros",
    "currency",
    "not_before",
    "issue_until",
    "redeem_until",
    "created",
    "capacity",
    "token_key_id",
    "public_key",
    "secret_key",
];

const WARNING: &str =
    "# A token key. Whoever reads secret_key can mint tokens: keep this file to issuer and redeemer.\n";

impl KeyFile {
    /// The version that is written and read.
    pub const VERSION: u64 = 1;

    /// Writes the text of a key's file; it is wiped when dropped.
    pub fn encode(key: &TokenSecretKey) -> Zeroizing<String> {
        let facts = key.facts();
        let (denomination, epoch) = (facts.denomination(), facts.epoch());
        let public = format!(
            "version = {}\nissuer_name = \"{}\"\nvalue_micros = {}\ncurrency = \"{}\"\nnot_before = \"{}\"\n\
             issue_until = \"{}\"\nredeem_until = \"{}\"\ncreated = {}\ncapacity = {}\ntoken_key_id = \"{}\"\n\
             public_key = \"{}\"\n",
            Self::VERSION,
            facts.issuer_name(),
            denomination.value_micros(),
            denomination.currency(),
            epoch.not_before(),
            epoch.issue_until(),
            epoch.redeem_until(),
            facts.created(),
            facts.capacity(),
            facts.token_key_id(),
            base64url::Unpadded(&facts.public_key().to_bytes()),
        );
        // Long enough from the start: a String that grows leaves its old bytes, unwiped, behind.
        let mut text = Zeroizing::new(String::with_capacity(WARNING.len() + public.len() + 80));
        text.push_str(WARNING);
        text.push_str(&public);
        text.push_str("secret_key = \"");
        BASE64URL_NOPAD.encode_append(key.secret().to_bytes().as_slice(), &mut text);
        text.push_str("\"\n");
        text
    }

    /// Reads the text of a key's file.
    ///
    /// # Errors
    /// [`KeyFileError`] naming line and key: not TOML, another version, a key unknown or missing, a value not of its
    /// form, dates that do not increase, or a public key or id that is not the secret's.
    pub fn decode(text: &str) -> Result<TokenSecretKey, KeyFileError> {
        let document = Document::parse(text)?;
        document.check_version(Self::VERSION)?;
        document.check_keys(&KEYS)?;
        let value_micros = document.number("value_micros")?;
        let currency = document.string("currency")?;
        let denomination = Denomination::from_parts(value_micros, currency).map_err(|error| {
            let key =
                if matches!(error, crate::InvalidDenomination::Value) { "value_micros" } else { "currency" };
            document.error(key, error.into())
        })?;
        let days = [document.day("not_before")?, document.day("issue_until")?, document.day("redeem_until")?];
        let [not_before, issue_until, redeem_until] = days;
        let epoch = KeyEpoch::new(not_before, issue_until, redeem_until)
            .map_err(|error| document.error("not_before", error.into()))?;
        let issuer_name = IssuerName::new(document.string("issuer_name")?)
            .map_err(|_| document.expected("issuer_name", "a server name such as issuer.example"))?;
        let secret = SecretKey::from_bytes(&*document.bytes("secret_key")?)
            .map_err(|_| document.expected("secret_key", "a scalar other than zero"))?;
        let created = document.number("created")?;
        let capacity = document.number("capacity")?;
        let key = TokenSecretKey::new(secret, issuer_name, denomination, epoch, created, capacity);
        if *document.bytes("public_key")? != key.facts().public_key().to_bytes() {
            return Err(document.error("public_key", KeyFileReason::Mismatch));
        }
        if TokenKeyId::from_bytes(*document.bytes("token_key_id")?) != key.facts().token_key_id() {
            return Err(document.error("token_key_id", KeyFileReason::Mismatch));
        }
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DERIVATION_INFO;

    fn key() -> TokenSecretKey {
        let first = "2026-11-21".parse().unwrap();
        TokenSecretKey::new(
            SecretKey::derive(&[7; 32], DERIVATION_INFO).unwrap(),
            IssuerName::new("issuer.example").unwrap(),
            "EUR-10000".parse().unwrap(),
            KeyEpoch::starting(first, 28, 84).unwrap(),
            1_795_219_200,
            1_000_000,
        )
    }

    fn refusal(text: &str) -> String {
        KeyFile::decode(text).unwrap_err().to_string()
    }

    fn line<'a>(text: &'a str, key: &str) -> &'a str {
        text.lines().find(|line| line.starts_with(&format!("{key} ="))).unwrap()
    }

    #[test]
    fn a_key_comes_back_whole() {
        let text = KeyFile::encode(&key());
        let read = KeyFile::decode(&text).unwrap();
        assert_eq!(read.facts(), key().facts());
        assert_eq!(read.secret().to_bytes(), key().secret().to_bytes());
        assert_eq!(KeyFile::encode(&read), text);
        assert_eq!(line(&text, "not_before"), "not_before = \"2026-11-21\"");
        assert_eq!(line(&text, "issue_until"), "issue_until = \"2026-12-19\"");
        assert_eq!(line(&text, "redeem_until"), "redeem_until = \"2027-03-13\"");
    }

    #[test]
    fn debug_hides_the_secret() {
        let key = key();
        let shown = format!("{key:?}");
        let secret = key.secret().to_bytes();
        assert_eq!(shown, format!("TokenSecretKey {{ facts: {:?}, .. }}", key.facts()));
        assert!(!shown.contains(&format!("{secret:?}")));
        assert!(!shown.contains(&base64url::Unpadded(secret.as_slice()).to_string()));
        assert!(!shown.contains(&data_encoding::HEXLOWER.encode(secret.as_slice())));
    }

    #[test]
    fn every_key_is_needed_and_no_other_is_known() {
        let text = KeyFile::encode(&key());
        for name in KEYS {
            let without = text.replace(&format!("{}\n", line(&text, name)), "");
            assert_eq!(refusal(&without), format!("{name}: missing; restore the file from a backup"));
            let number = 1 + text.lines().position(|line| line.starts_with(&format!("{name} ="))).unwrap();
            let wrong = text.replace(line(&text, name), &format!("{name} = [true]"));
            assert!(refusal(&wrong).starts_with(&format!("line {number}: {name}: must be ")), "{name}");
        }
        assert!(
            refusal(&format!("{}note = 1\n", *text)).starts_with("line 14: a key that key files do not have")
        );
        assert!(
            refusal(&format!("{}capacity = 1\n", *text))
                .starts_with("line 14: not TOML, or a key stands twice")
        );
        assert_eq!(
            refusal(&text.replace("version = 1", "version = 2")),
            "line 2: version: version 2, but this program reads version 1; upgrade it"
        );
    }

    #[test]
    fn wrong_values_are_named() {
        let text = KeyFile::encode(&key());
        for (from, to, expected) in [
            ("value_micros = 10000", "value_micros = 0", "line 4: value_micros: the value must be 1 to"),
            ("value_micros = 10000", "value_micros = -1", "line 4: value_micros: must be a whole number"),
            ("\"EUR\"", "\"eur\"", "line 5: currency: the currency is not an ISO 4217"),
            ("\"2026-11-21\"", "2026-11-21", "line 6: not_before: must be a string"),
            ("\"2026-11-21\"", "\"2026-11-31\"", "line 6: not_before: must be a day"),
            ("2026-11-21", "2026-12-19", "line 6: not_before: not_before 2026-12-19, issue_until 2026-12-19"),
            ("issuer.example", "a, b", "line 3: issuer_name: must be a server name"),
        ] {
            let wrong = text.replace(from, to);
            assert!(refusal(&wrong).starts_with(expected), "{to}: {}", refusal(&wrong));
        }
    }

    #[test]
    fn public_key_and_id_must_be_the_secrets() {
        let text = KeyFile::encode(&key());
        for name in ["public_key", "token_key_id"] {
            let wrong = text.replace(line(&text, name), &format!("{name} = \"{}\"", "A".repeat(43)));
            assert!(refusal(&wrong).contains(&format!("{name}: does not belong to secret_key")), "{name}");
        }
    }

    #[test]
    fn no_error_quotes_the_secret() {
        let text = KeyFile::encode(&key());
        let whole = line(&text, "secret_key");
        let secret = whole.split('"').nth(1).unwrap();
        for broken in [
            format!("secret_key = \"{secret}"),
            format!("secret_key = {secret}"),
            format!("secret_key = \"{secret}\" \"{secret}\""),
            format!("secret_key = \"{secret}A\""),
            format!("secret_key = \"{secret}\"\n{secret} = 1"),
            format!("\"secret_key = {secret}\" = 1"),
            format!("secret_key = [\"{secret}\"]"),
            format!("secret_key = {{ {secret} = 1 }}"),
            format!("secret_key = \"{secret}\"\n[{secret}]"),
            secret.to_owned(),
        ] {
            let error = KeyFile::decode(&text.replace(whole, &broken)).unwrap_err();
            for shown in [error.to_string(), format!("{error:?}")] {
                assert!(!shown.contains(&secret[..8]), "{shown}");
            }
        }
    }
}
