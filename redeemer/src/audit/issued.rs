use std::collections::BTreeMap;

use farthing_api::{Envelope, KeyTotals, TOTALS_PAYLOAD_TYPE, Totals};
use farthing_protocol::{Day, Denomination, IssuerName, TokenKeyId};
use farthing_service::birth::ServiceKind;
use farthing_service::verification_key::{EnvelopeError, VerificationKey};
use serde::de::IgnoredAny;
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
    /// A document is missing, or a key.
    #[error("each issuer has totals and a key that signs them: give as many --issuer-totals as --issuer-key")]
    Unpaired,
    /// A key has signed two of the documents.
    #[error("one key signed two of the issuers' totals: give those of each issuer once")]
    Twice,
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

impl Issued {
    /// What several issuers of one name say together, each of which has a store and a signing key of its own: what they
    /// issued is added up, through the last day that all have counted. One document for each key, in any order.
    ///
    /// # Errors
    /// [`IssuedError`].
    pub fn read_all(
        documents: &[Vec<u8>],
        signers: &[VerificationKey],
        issuer: &IssuerName,
    ) -> Result<Self, IssuedError> {
        if documents.len() != signers.len() {
            return Err(IssuedError::Unpaired);
        }
        let mut left = signers.to_vec();
        let mut all: Option<Self> = None;
        for document in documents {
            let issued = match signer_of(document, &left)? {
                Some(signer) => Self::read(document, &left.swap_remove(signer), issuer)?,
                None if signer_of(document, signers)?.is_some() => return Err(IssuedError::Twice),
                None => return Err(EnvelopeError::Signature.into()),
            };
            all = Some(match all {
                Some(others) => others.and(issued)?,
                None => issued,
            });
        }
        all.ok_or(IssuedError::Unpaired)
    }

    fn and(self, other: Self) -> Result<Self, IssuedError> {
        let through = self.through.min(other.through);
        let mut keys: BTreeMap<_, _> =
            self.keys.into_iter().map(|(id, value, tokens)| (id, (value, tokens))).collect();
        for (id, value, tokens) in other.keys {
            let (known, sum) = keys.entry(id).or_insert((value, 0));
            if *known != value {
                return Err(IssuedError::Content("a key is worth something else in another"));
            }
            *sum = sum.checked_add(tokens).ok_or(IssuedError::Content("they do not add up"))?;
        }
        Ok(Self {
            through,
            keys: keys.into_iter().map(|(id, (value, tokens))| (id, value, tokens)).collect(),
        })
    }
}

/// Which of these keys signed a document, whatever it says.
fn signer_of(document: &[u8], signers: &[VerificationKey]) -> Result<Option<usize>, IssuedError> {
    let envelope: Envelope = serde_json::from_slice(document).map_err(|_| IssuedError::Form)?;
    let signed = |key: &VerificationKey| {
        key.open::<IgnoredAny>(TOTALS_PAYLOAD_TYPE, &envelope) != Err(EnvelopeError::Signature)
    };
    Ok(signers.iter().position(signed))
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
    fn what_several_issuers_say_is_added_up() {
        let key = |signer: u8| -> VerificationKey {
            SigningKey::from_seed(&[signer; 32]).jwk_set().keys[0].x.to_string().parse().unwrap()
        };
        let signed = |signer: u8, totals: &Totals| {
            let envelope = SigningKey::from_seed(&[signer; 32]).sign_envelope(TOTALS_PAYLOAD_TYPE, totals);
            serde_json::to_vec(&envelope.unwrap()).unwrap()
        };
        let name = IssuerName::new("issuer.example").unwrap();
        let mut ahead = totals();
        ahead.through = "2026-01-03".to_owned();
        ahead.keys.push(KeyTotals { token_key_id: Base64Url([2; 32]), ..ahead.keys[0].clone() });
        let (one, other) = (signed(1, &totals()), signed(2, &ahead));
        let issued = Issued::read_all(&[other.clone(), one.clone()], &[key(1), key(2)], &name).unwrap();
        assert_eq!(issued.through.to_string(), "2026-01-02");
        let counts: Vec<_> = issued.keys.iter().map(|(id, _, tokens)| (id.to_bytes()[0], *tokens)).collect();
        assert_eq!(counts, [(1, 60), (2, 30)]);

        let refused = |documents: &[&Vec<u8>], signers: &[u8]| {
            let documents: Vec<_> = documents.iter().map(|document| (*document).clone()).collect();
            let signers: Vec<_> = signers.iter().map(|signer| key(*signer)).collect();
            Issued::read_all(&documents, &signers, &name).unwrap_err()
        };
        assert_eq!(refused(&[&one, &one], &[1, 2]), IssuedError::Twice);
        assert_eq!(refused(&[&one], &[1, 2]), IssuedError::Unpaired);
        assert_eq!(refused(&[&one, &other], &[1, 3]), IssuedError::Envelope(EnvelopeError::Signature));
        let mut dearer = totals();
        dearer.keys[0].value_micros = 20_000;
        let dearer = signed(2, &dearer);
        assert!(matches!(refused(&[&one, &dearer], &[1, 2]), IssuedError::Content(_)));
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
