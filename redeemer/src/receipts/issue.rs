use farthing_api::{Base64Url, Envelope, RECEIPT_PAYLOAD_TYPE, Receipt};
use farthing_service::signing_key::SigningKey;
use sha2::{Digest, Sha256};

use crate::publishers::PublisherId;
use crate::redemption::{Answer, IdempotencyMac};

const ID_LABEL: &[u8] = b"farthing receipt v1";

/// The receipt for an answer that is kept under `key`; none where nothing was credited. The same answer has the same
/// receipt whenever it is given.
///
/// # Errors
/// The receipt has no JSON form.
pub fn sign(
    signing_key: &SigningKey,
    publisher: PublisherId,
    key: IdempotencyMac,
    answer: &Answer,
) -> Result<Option<Envelope>, serde_json::Error> {
    if answer.credited.is_empty() {
        return Ok(None);
    }
    let receipt = Receipt {
        redemption: Base64Url(redemption_id(key)),
        publisher: publisher.to_string(),
        day: answer.day.to_string(),
        credited: answer.credited.clone(),
    };
    signing_key.sign_envelope(RECEIPT_PAYLOAD_TYPE, &receipt).map(Some)
}

/// The MAC is what the store knows the answer by; what is shown outside is derived from it, so that neither leads to the
/// other for whoever has only one of them.
fn redemption_id(key: IdempotencyMac) -> [u8; 16] {
    let digest: [u8; 32] =
        Sha256::new().chain_update(ID_LABEL).chain_update(key.as_bytes()).finalize().into();
    digest.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use farthing_api::{BalanceEntry, TokenResult};
    use farthing_protocol::Day;
    use farthing_service::verification_key::VerificationKey;

    use super::*;

    const DAY: u64 = 86_400;

    fn answer(tokens: u64) -> Answer {
        let credited = BalanceEntry { currency: "EUR".to_owned(), micros: tokens * 10_000, tokens };
        let credited = if tokens > 0 { vec![credited] } else { Vec::new() };
        Answer { results: vec![TokenResult::Accepted], credited, day: Day::from_unix(DAY) }
    }

    #[test]
    fn a_receipt_says_who_is_owed_what_since_when() {
        let key = SigningKey::from_seed(&[1; 32]);
        let publisher = PublisherId::from_bytes([2; 16]);
        let issue =
            |mac: u8, tokens| sign(&key, publisher, IdempotencyMac::from_bytes([mac; 32]), &answer(tokens));
        let envelope = issue(3, 2).unwrap().unwrap();
        let pinned: VerificationKey = key.jwk_set().keys[0].x.to_string().parse().unwrap();
        let receipt: Receipt = pinned.open(RECEIPT_PAYLOAD_TYPE, &envelope).unwrap();
        assert_eq!(receipt.publisher, publisher.to_string());
        assert_eq!((receipt.day.as_str(), &receipt.credited), ("1970-01-02", &answer(2).credited));
        assert!(!receipt.redemption.0.starts_with(&[3; 4]), "the store's own name of the answer");
        assert_eq!(issue(3, 2).unwrap().unwrap(), envelope);
        let other: Receipt = pinned.open(RECEIPT_PAYLOAD_TYPE, &issue(4, 2).unwrap().unwrap()).unwrap();
        assert_ne!(other.redemption, receipt.redemption);
        assert_eq!(issue(3, 0).unwrap(), None);
    }
}
