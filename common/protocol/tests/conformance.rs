//! The vectors of draft-ietf-privacypass-batched-tokens (appendix) for token type 0x0005: keys, requests, responses
//! and tokens must be the same bytes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use data_encoding::HEXLOWER;
use farthing_protocol::{
    AmortizedBatchTokenRequest, AmortizedBatchTokenResponse, Authenticator, BlindedMessage, Nonce, Token,
    TokenChallenge, TokenInput, TokenKeyId, TokenRequest, TokenResponse,
};
use farthing_voprf::{Blind, SecretKey, blind, finalize};
use serde::Deserialize;

/// Bytes that the vectors write as hexadecimal.
#[derive(Debug, Clone, PartialEq)]
struct Hex(Vec<u8>);

impl Hex {
    fn array<const N: usize>(&self) -> [u8; N] {
        self.0.as_slice().try_into().unwrap()
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        HEXLOWER.decode(text.as_bytes()).map(Self).map_err(serde::de::Error::custom)
    }
}

#[derive(Deserialize)]
struct Issuance {
    #[serde(rename = "skS")]
    secret_key: Hex,
    #[serde(rename = "pkS")]
    public_key: Hex,
    token_challenge: Hex,
    token_request: Hex,
    token_response: Hex,
}

#[derive(Deserialize)]
struct Single {
    #[serde(flatten)]
    issuance: Issuance,
    nonce: Hex,
    blind: Hex,
    token: Hex,
}

#[derive(Deserialize)]
struct Amortized {
    #[serde(flatten)]
    issuance: Issuance,
    nonces: Vec<Hex>,
    blinds: Vec<Hex>,
    tokens: Vec<Hex>,
}

impl Issuance {
    fn secret(&self) -> SecretKey {
        let secret = SecretKey::from_bytes(&self.secret_key.array()).unwrap();
        assert_eq!(secret.public_key().to_bytes(), self.public_key.array());
        secret
    }

    fn input(&self, nonce: &Hex) -> TokenInput {
        let challenge = TokenChallenge::decode(&self.token_challenge.0).unwrap();
        assert_eq!(challenge.encode(), self.token_challenge.0);
        assert_eq!(challenge.issuer_name().as_str(), "issuer.example");
        TokenInput::new(Nonce::from_bytes(nonce.array()), challenge.digest(), self.id())
    }

    fn id(&self) -> TokenKeyId {
        TokenKeyId::of(self.secret().public_key())
    }
}

fn blinds(scalars: &[Hex]) -> Vec<Blind> {
    scalars.iter().map(|scalar| Blind::from_bytes(&scalar.array()).unwrap()).collect()
}

/// Joins outputs with their inputs, and checks that each token is what the redeemer computes.
fn tokens(secret: &SecretKey, inputs: Vec<TokenInput>, outputs: Vec<[u8; 64]>) -> Vec<Hex> {
    assert_eq!(secret.evaluate(&inputs).unwrap(), outputs);
    let joined = inputs.into_iter().zip(outputs);
    let tokens: Vec<Token> =
        joined.map(|(input, output)| input.into_token(Authenticator::from_bytes(output))).collect();
    tokens.iter().map(|token| Hex(token.encode().to_vec())).collect()
}

#[test]
fn single_issuance() {
    let vectors: Vec<Single> =
        serde_json::from_str(include_str!("vectors/single_ristretto255.json")).unwrap();
    assert!(!vectors.is_empty());
    for vector in vectors {
        let issuance = &vector.issuance;
        let secret = issuance.secret();
        let inputs = vec![issuance.input(&vector.nonce)];
        let blinds = blinds(std::slice::from_ref(&vector.blind));
        let blinded = blind(&inputs, &blinds).unwrap();

        let request = TokenRequest {
            truncated_token_key_id: issuance.id().truncated(),
            blinded_msg: BlindedMessage::from_bytes(blinded[0]).unwrap(),
        };
        assert_eq!(request.encode(), issuance.token_request.0);
        assert_eq!(TokenRequest::decode(&issuance.token_request.0), Ok(request));

        let response = TokenResponse::decode(&issuance.token_response.0).unwrap();
        assert_eq!(response.encode(), issuance.token_response.0);
        let evaluated = [response.evaluated_msg.to_bytes()];
        let ours = secret.evaluate_blinded(&blinded, &[7; 32]).unwrap();
        assert_eq!(ours.elements, evaluated);
        for proof in [response.evaluated_proof.to_bytes(), ours.proof] {
            let outputs =
                finalize(secret.public_key(), &inputs, &blinds, &blinded, &evaluated, &proof).unwrap();
            assert_eq!(tokens(&secret, inputs.clone(), outputs), std::slice::from_ref(&vector.token));
        }
    }
}

#[test]
fn amortized_batch_issuance() {
    let vectors: Vec<Amortized> =
        serde_json::from_str(include_str!("vectors/amortized_ristretto255.json")).unwrap();
    assert!(!vectors.is_empty());
    for vector in vectors {
        let issuance = &vector.issuance;
        let secret = issuance.secret();
        let inputs: Vec<_> = vector.nonces.iter().map(|nonce| issuance.input(nonce)).collect();
        let blinds = blinds(&vector.blinds);
        let blinded = blind(&inputs, &blinds).unwrap();

        let request = AmortizedBatchTokenRequest::from_elements(issuance.id().truncated(), &blinded).unwrap();
        assert_eq!(request.encode(), issuance.token_request.0);
        assert_eq!(AmortizedBatchTokenRequest::decode(&issuance.token_request.0), Ok(request));

        let response = AmortizedBatchTokenResponse::decode(&issuance.token_response.0).unwrap();
        assert_eq!(response.encode(), issuance.token_response.0);
        let evaluated = response.elements();
        let ours = secret.evaluate_blinded(&blinded, &[7; 32]).unwrap();
        assert_eq!(ours.elements, evaluated);
        for proof in [response.evaluated_proof().to_bytes(), ours.proof] {
            let outputs =
                finalize(secret.public_key(), &inputs, &blinds, &blinded, &evaluated, &proof).unwrap();
            assert_eq!(tokens(&secret, inputs.clone(), outputs), vector.tokens);
        }
    }
}
