use std::collections::BTreeMap;

use farthing_api::{Envelope, KeyTotals, TOTALS_PAYLOAD_TYPE, Totals};
use farthing_protocol::{Day, Denomination, IssuerName, TokenKeyId};
use farthing_service::birth::ServiceKind;
use farthing_service::verification_key::{EnvelopeError, VerificationKey};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What the issuer says it issued, in days that have ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issued {
    /// The last day counted.
    pub through: Day,
    /// Tokens by key, as a list since JSON has only texts for names.
    pub keys: Vec<(TokenKeyId, Denomination, u64)>,
}

/// Why the issuer's totals are not believed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IssuedError {
    /// The document is none.
    #[error("the issuer's totals are no signed document as `GET /v1/totals` of the issuer gives it")]
    Form,
    /// The signature or what it is about is wrong.
    #[error(
        "the issuer's totals are not believed: {0}; compare audit.issuer_totals_key with its /.well-known/jwks.json"
    )]
    Envelope(#[from] EnvelopeError),
    /// They are another service's.
    #[error("the totals are not those of an issuer; fetch them at the issuer")]
    Service,
    /// They are another issuer's.
    #[error("the totals are those of another issuer than issuer_name")]
    IssuerName,
    /// They contradict themselves.
    #[error("the issuer's totals contradict themselves: {0}")]
    Content(&'static str),
}

impl Issued {
    /// Reads the document that the issuer published, if `key` signed it and it is that of `issuer`.
    ///
    /// # Errors
    /// [`IssuedError`].
    pub fn read(document: &[u8], key: &VerificationKey, issuer: &IssuerName) -> Result<Self, IssuedError> {
        let envelope: Envelope = serde_json::from_slice(document).map_err(|_| IssuedError::Form)?;
        let totals: Totals = key.open(TOTALS_PAYLOAD_TYPE, &envelope)?;
        if totals.service != ServiceKind::Issuer.name() {
            return Err(IssuedError::Service);
        }
        if totals.issuer_name != issuer.as_str() {
            return Err(IssuedError::IssuerName);
        }
        let through = totals.through.parse().map_err(|_| IssuedError::Content("`through` is not a day"))?;
        let mut keys = BTreeMap::new();
        for entry in &totals.keys {
            let id = TokenKeyId::from_bytes(entry.token_key_id.0);
            let denomination = Denomination::from_parts(entry.value_micros, &entry.currency)
                .map_err(|_| IssuedError::Content("a key has no denomination"))?;
            if keys.insert(id, (denomination, counted(entry, through)?)).is_some() {
                return Err(IssuedError::Content("a key is there twice"));
            }
        }
        Ok(Self {
            through,
            keys: keys.into_iter().map(|(id, (value, tokens))| (id, value, tokens)).collect(),
        })
    }
}

/// The tokens of a key, once it is certain that its days are in order, have ended, and add up.
fn counted(entry: &KeyTotals, through: Day) -> Result<u64, IssuedError> {
    let mut last = None;
    let mut sum = 0_u64;
    for total in &entry.days {
        let day: Day = total.day.parse().map_err(|_| IssuedError::Content("a key's day is not a day"))?;
        if last.is_some_and(|last| last >= day) || day > through {
            return Err(IssuedError::Content("a key's days are out of order"));
        }
        last = Some(day);
        sum = sum.checked_add(total.tokens).ok_or(IssuedError::Content("a key's days do not add up"))?;
    }
    if sum == entry.tokens { Ok(sum) } else { Err(IssuedError::Content("a key's days do not add up")) }
}

#[cfg(test)]
mod tests {
    use farthing_api::{Base64Url, DayTotal};
    use farthing_service::signing_key::SigningKey;

    use super::*;

    fn totals() -> Totals {
        let day = |day: &str, tokens| DayTotal { day: day.to_owned(), tokens, orders: Some(1) };
        Totals {
            service: "issuer".to_owned(),
            issuer_name: "issuer.example".to_owned(),
            through: "2026-01-02".to_owned(),
            keys: vec![KeyTotals {
                token_key_id: Base64Url([1; 32]),
                value_micros: 10_000,
                currency: "EUR".to_owned(),
                tokens: 30,
                orders: Some(2),
                days: vec![day("2026-01-01", 10), day("2026-01-02", 20)],
            }],
        }
    }

    fn read(totals: &Totals, signer: u8) -> Result<Issued, IssuedError> {
        let pinned = SigningKey::from_seed(&[1; 32]).jwk_set().keys[0].x.to_string().parse().unwrap();
        let envelope =
            SigningKey::from_seed(&[signer; 32]).sign_envelope(TOTALS_PAYLOAD_TYPE, totals).unwrap();
        let name = IssuerName::new("issuer.example").unwrap();
        Issued::read(&serde_json::to_vec(&envelope).unwrap(), &pinned, &name)
    }

    #[test]
    fn the_pinned_issuers_totals_are_read() {
        let issued = read(&totals(), 1).unwrap();
        assert_eq!(issued.through.to_string(), "2026-01-02");
        assert_eq!(issued.keys, [(TokenKeyId::from_bytes([1; 32]), "EUR-10000".parse().unwrap(), 30)]);
        let json = serde_json::to_string(&issued).unwrap();
        assert_eq!(serde_json::from_str::<Issued>(&json).unwrap(), issued);
    }

    #[test]
    fn everything_else_is_refused() {
        assert_eq!(read(&totals(), 2), Err(IssuedError::Envelope(EnvelopeError::Signature)));
        let changed = |change: fn(&mut Totals)| {
            let mut totals = totals();
            change(&mut totals);
            read(&totals, 1).unwrap_err()
        };
        assert_eq!(changed(|totals| totals.service = "redeemer".to_owned()), IssuedError::Service);
        assert_eq!(
            changed(|totals| totals.issuer_name = "other.example".to_owned()),
            IssuedError::IssuerName
        );
        let contradictions: [fn(&mut Totals); 6] = [
            |totals| totals.through = "2026-01-01".to_owned(),
            |totals| totals.through = "today".to_owned(),
            |totals| totals.keys[0].tokens = 31,
            |totals| totals.keys[0].days.swap(0, 1),
            |totals| totals.keys[0].currency = "eur".to_owned(),
            |totals| totals.keys.push(totals.keys[0].clone()),
        ];
        for change in contradictions {
            assert!(matches!(changed(change), IssuedError::Content(_)));
        }
    }
}
