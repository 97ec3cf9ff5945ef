//! The crate `privacypass` and our libraries, message by message, without a network: it buys from us, we buy from it,
//! and each redeems what the other made.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use farthing_interop::{Forgetful, OneKey};
use farthing_protocol::{
    AmortizedBatchTokenRequest, AmortizedBatchTokenResponse, Authenticator, BlindedMessage, ChallengeHeader,
    DERIVATION_INFO, Day, Denomination, EvaluatedMessage, EvaluatedProof, IssuerName, KeyEpoch, Nonce,
    RedemptionHeader, Token, TokenChallenge, TokenInput, TokenKeyId, TokenRequest, TokenResponse,
};
use farthing_voprf::{Blind, SecretKey, blind, finalize};
use farthing_wallet::{KeyFacts, Seed, TokenBatch};
use privacypass::auth::{authenticate, authorize};
use privacypass::common::private::{PublicKey, deserialize_public_key};
use privacypass::private_tokens::Ristretto255;
use privacypass::{Deserialize, Serialize, TokenType, VoprfServer, amortized_tokens, private_tokens};

const ISSUER_NAME: &str = "issuer.example";
const SEED: [u8; 32] = [7; 32];

type TheirToken = amortized_tokens::AmortizedToken<Ristretto255>;

fn our_key() -> SecretKey {
    SecretKey::derive(&SEED, DERIVATION_INFO).unwrap()
}

/// The same key, in their hands.
fn their_key() -> OneKey<Ristretto255> {
    OneKey(VoprfServer::new_from_seed(&SEED, DERIVATION_INFO).unwrap())
}

fn their_public_key(key: &SecretKey) -> PublicKey<Ristretto255> {
    deserialize_public_key::<Ristretto255>(&key.public_key().to_bytes()).unwrap()
}

fn our_challenge() -> TokenChallenge {
    TokenChallenge::for_purchase(IssuerName::new(ISSUER_NAME).unwrap())
}

fn their_challenge() -> authenticate::TokenChallenge {
    authenticate::TokenChallenge::new(TokenType::PrivateRistretto255, ISSUER_NAME, None, &[])
}

#[test]
fn we_read_the_challenge_that_they_write() {
    let public_key = our_key().public_key().to_bytes();
    let (_, value) =
        authenticate::build_www_authenticate_header(&their_challenge(), &public_key, Some(60)).unwrap();
    let header = ChallengeHeader::decode(value.to_str().unwrap()).unwrap();
    assert_eq!(header.challenges.len(), 1);
    let challenge = &header.challenges[0];
    assert_eq!(challenge.token_challenge().unwrap(), our_challenge());
    assert_eq!(challenge.token_key.as_deref(), Some(&public_key[..]));
    assert_eq!(challenge.max_age, Some(60));
}

/// Redeems a token of theirs with us.
fn we_accept(key: &SecretKey, token: &[u8]) -> Token {
    let token = Token::decode(token).unwrap();
    assert_eq!(*token.challenge_digest(), our_challenge().digest());
    assert_eq!(*token.token_key_id(), TokenKeyId::of(key.public_key()));
    assert_eq!(key.evaluate(&[token.token_input()]).unwrap(), [*token.authenticator().as_bytes()]);
    token
}

/// Whether they redeem a token of ours.
fn they_accept(token: &[u8]) -> bool {
    let token = TheirToken::tls_deserialize(&mut &token[..]).unwrap();
    let server = amortized_tokens::server::Server::<Ristretto255>::new();
    pollster::block_on(server.redeem_token(&their_key(), &Forgetful, token)).is_ok()
}

/// They accept it as it is, and not with one bit changed in any part that the authenticator covers.
fn they_accept_only(mut token: [u8; Token::LENGTH]) {
    assert!(they_accept(&token));
    for changed in [2, 34, 66, 98, Token::LENGTH - 1] {
        token[changed] ^= 1;
        assert!(!they_accept(&token), "byte {changed}");
        token[changed] ^= 1;
    }
}

#[test]
fn challenges_are_the_same_bytes() {
    assert_eq!(our_challenge().encode(), their_challenge().serialize().unwrap());
    assert_eq!(our_challenge().digest().to_bytes(), their_challenge().digest().unwrap());
}

#[test]
fn they_buy_batches_from_us() {
    let key = our_key();
    // Around the sizes at which the length of the list takes another byte, or two.
    for count in [1, 2, 100, 511, 512] {
        let (request, state) = amortized_tokens::AmortizedBatchTokenRequest::<Ristretto255>::new(
            their_public_key(&key),
            &their_challenge(),
            count,
        )
        .unwrap();
        let body = request.tls_serialize_detached().unwrap();

        let request = AmortizedBatchTokenRequest::decode(&body).unwrap();
        assert_eq!(request.encode(), body);
        assert_eq!(request.truncated_token_key_id(), TokenKeyId::of(key.public_key()).truncated());
        let evaluation = key.evaluate_blinded(&request.elements(), &[1; 32]).unwrap();
        let answer = AmortizedBatchTokenResponse::from_elements(&evaluation.elements, evaluation.proof)
            .unwrap()
            .encode();

        let answer =
            amortized_tokens::AmortizedBatchTokenResponse::<Ristretto255>::try_from_bytes(&answer).unwrap();
        let tokens = answer.issue_tokens(&state).unwrap();
        assert_eq!(tokens.len(), usize::from(count));
        for token in tokens {
            we_accept(&key, &token.tls_serialize_detached().unwrap());
        }
    }
}

#[test]
fn they_refuse_a_batch_that_another_key_signed() {
    let key = our_key();
    let (request, state) = amortized_tokens::AmortizedBatchTokenRequest::<Ristretto255>::new(
        their_public_key(&key),
        &their_challenge(),
        3,
    )
    .unwrap();
    let request = AmortizedBatchTokenRequest::decode(&request.tls_serialize_detached().unwrap()).unwrap();
    let other = SecretKey::derive(&[8; 32], DERIVATION_INFO).unwrap();
    let evaluation = other.evaluate_blinded(&request.elements(), &[1; 32]).unwrap();
    let answer =
        AmortizedBatchTokenResponse::from_elements(&evaluation.elements, evaluation.proof).unwrap().encode();
    let answer =
        amortized_tokens::AmortizedBatchTokenResponse::<Ristretto255>::try_from_bytes(&answer).unwrap();
    assert!(answer.issue_tokens(&state).is_err());
}

#[test]
fn they_buy_one_token_from_us() {
    let key = our_key();
    let (request, state) =
        private_tokens::TokenRequest::<Ristretto255>::new(their_public_key(&key), &their_challenge())
            .unwrap();
    let body = request.tls_serialize_detached().unwrap();

    let request = TokenRequest::decode(&body).unwrap();
    assert_eq!(request.encode(), body);
    let evaluation = key.evaluate_blinded(&[request.blinded_msg.to_bytes()], &[1; 32]).unwrap();
    let answer = TokenResponse {
        evaluated_msg: EvaluatedMessage::from_bytes(evaluation.elements[0]).unwrap(),
        evaluated_proof: EvaluatedProof::from_bytes(evaluation.proof),
    }
    .encode();

    let answer = private_tokens::TokenResponse::<Ristretto255>::try_from_bytes(&answer).unwrap();
    let token = answer.issue_token(&state).unwrap();
    we_accept(&key, &token.tls_serialize_detached().unwrap());
}

#[test]
fn our_wallet_buys_batches_from_them() {
    let public_key = our_key().public_key().clone();
    let day = Day::from_unix(1_800_000_000);
    let key = KeyFacts::new(
        public_key,
        Denomination::from_parts(10_000, "EUR").unwrap(),
        KeyEpoch::new(day, day.plus(28), day.plus(112)).unwrap(),
    );
    let server = amortized_tokens::server::Server::<Ristretto255>::with_max_batch_size(512);
    for (order_index, count) in [(0, 1), (1, 2), (2, 100), (3, 511), (4, 512)] {
        let name = IssuerName::new(ISSUER_NAME).unwrap();
        let batch = TokenBatch::derive(&Seed::from_bytes([9; 32]), &name, order_index, &key, count).unwrap();

        let request =
            amortized_tokens::AmortizedBatchTokenRequest::<Ristretto255>::tls_deserialize(&mut batch.body())
                .unwrap();
        assert_eq!(request.nr(), count as usize);
        assert_eq!(request.truncated_token_key_id(), key.token_key_id().truncated().as_u8());
        let answer = pollster::block_on(server.issue_token_response(&their_key(), request)).unwrap();
        let answer = answer.tls_serialize_detached().unwrap();

        let tokens = batch.finalize(&key, &AmortizedBatchTokenResponse::decode(&answer).unwrap()).unwrap();
        assert_eq!(tokens.len(), count as usize);
        assert!(tokens.iter().all(|token| they_accept(token.as_bytes())));
        they_accept_only(*tokens[0].as_bytes());
    }
}

#[test]
fn we_buy_one_token_from_them() {
    let key = our_key();
    let id = TokenKeyId::of(key.public_key());
    let input = TokenInput::new(Nonce::from_bytes([3; 32]), our_challenge().digest(), id);
    let blinds = [Blind::from_uniform_bytes(&[4; 64]).unwrap()];
    let blinded = blind(&[&input], &blinds).unwrap();
    let request = TokenRequest {
        truncated_token_key_id: id.truncated(),
        blinded_msg: BlindedMessage::from_bytes(blinded[0]).unwrap(),
    };

    let server = private_tokens::server::Server::<Ristretto255>::new();
    let request =
        private_tokens::TokenRequest::<Ristretto255>::tls_deserialize(&mut &request.encode()[..]).unwrap();
    let answer = pollster::block_on(server.issue_token_response(&their_key(), request)).unwrap();
    let answer = answer.tls_serialize_detached().unwrap();

    let answer = TokenResponse::decode(&answer).unwrap();
    let outputs = finalize(
        key.public_key(),
        &[&input],
        &blinds,
        &blinded,
        &[answer.evaluated_msg.to_bytes()],
        answer.evaluated_proof.as_bytes(),
    )
    .unwrap();
    they_accept_only(input.into_token(Authenticator::from_bytes(outputs[0])).encode());
}

#[test]
fn we_read_the_authorization_that_they_write() {
    let key = our_key();
    let input = TokenInput::new(
        Nonce::from_bytes([3; 32]),
        our_challenge().digest(),
        TokenKeyId::of(key.public_key()),
    );
    let output = key.evaluate(&[&input]).unwrap()[0];
    let token = input.into_token(Authenticator::from_bytes(output)).encode();
    let theirs = TheirToken::tls_deserialize(&mut &token[..]).unwrap();
    let (_, value) = authorize::build_authorization_header(&theirs).unwrap();
    let header = RedemptionHeader::decode(value.to_str().unwrap()).unwrap();
    assert_eq!(header.tokens(), [we_accept(&key, &token)]);
}
