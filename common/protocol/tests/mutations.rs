//! Round trips of values that properties draw, and of their encodings with bytes changed, cut off, put in or swapped:
//! every decoding of arbitrary bytes either fails or encodes to the same bytes again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod checks;

use farthing_protocol::{
    AmortizedBatchTokenRequest, AmortizedBatchTokenResponse, Authenticator, ChallengeDigest, ChallengeHeader,
    DERIVATION_INFO, Day, Denomination, DirectoryKey, IssuerDirectory, IssuerName, KeyEpoch, KeyFile, Nonce,
    OriginName, PrivateTokenChallenge, RedemptionHeader, Token, TokenChallenge, TokenKeyId, TokenRequest,
    TokenResponse, TokenSecretKey, TruncatedTokenKeyId,
};
use farthing_voprf::SecretKey;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;

/// Encodings of elements: not zero, below p, even.
fn element() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>().prop_map(|mut bytes| {
        bytes[0] &= 0xfe;
        bytes[31] = bytes[31] & 0x3f | 1;
        bytes
    })
}

fn array64() -> impl Strategy<Value = [u8; 64]> {
    any::<([u8; 32], [u8; 32])>().prop_map(|(low, high)| [low, high].concat().try_into().unwrap())
}

fn token() -> impl Strategy<Value = Token> {
    (any::<[[u8; 32]; 3]>(), array64()).prop_map(|([nonce, digest, id], authenticator)| {
        Token::new(
            Nonce::from_bytes(nonce),
            ChallengeDigest::from_bytes(digest),
            TokenKeyId::from_bytes(id),
            Authenticator::from_bytes(authenticator),
        )
    })
}

fn challenge() -> impl Strategy<Value = TokenChallenge> {
    let name = "[!#-+\\--\\[\\]-~]{1,30}";
    (name, any::<Option<[u8; 32]>>(), vec(name, 0..4)).prop_map(|(issuer, context, origins)| {
        let origins = origins.into_iter().map(|name| OriginName::new(name).unwrap()).collect();
        TokenChallenge::new(IssuerName::new(issuer).unwrap(), context, origins).unwrap()
    })
}

prop_compose! {
    fn key()(
        seed: [u8; 32],
        issuer in "[a-z]{1,20}(:[0-9]{1,5})?",
        value in 1..=Denomination::MAX_VALUE_MICROS,
        currency in prop::sample::select(vec!["EUR", "JPY", "KWD", "XTS"]),
        first in 0..2_000_000_u32,
        issue_days in 1..1000_u32,
        redeem_days in 1..1000_u32,
        created: u64,
        capacity: u64,
    ) -> TokenSecretKey {
        TokenSecretKey::new(
            SecretKey::derive(&seed, DERIVATION_INFO).unwrap(),
            IssuerName::new(issuer).unwrap(),
            Denomination::from_parts(value, currency).unwrap(),
            KeyEpoch::starting(Day::from_number(first).unwrap(), issue_days, redeem_days).unwrap(),
            created,
            capacity,
        )
    }
}

/// One change to an encoding.
#[derive(Debug, Clone)]
enum Mutation {
    Set(Index, u8),
    Flip(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Remove(Index),
    Append(Vec<u8>),
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let mutation = prop_oneof![
        any::<(Index, u8)>().prop_map(|(index, byte)| Mutation::Set(index, byte)),
        (any::<Index>(), 0..8_u8).prop_map(|(index, bit)| Mutation::Flip(index, bit)),
        any::<Index>().prop_map(Mutation::Cut),
        (any::<Index>(), vec(any::<u8>(), 1..40)).prop_map(|(index, bytes)| Mutation::Insert(index, bytes)),
        any::<Index>().prop_map(Mutation::Remove),
        vec(any::<u8>(), 1..40).prop_map(Mutation::Append),
    ];
    vec(mutation, 1..4)
}

fn mutate(mut bytes: Vec<u8>, mutations: &[Mutation]) -> Vec<u8> {
    for mutation in mutations {
        let place = |index: &Index| index.index(bytes.len() + 1);
        match mutation {
            Mutation::Set(index, byte) => {
                let place = place(index);
                if let Some(changed) = bytes.get_mut(place) {
                    *changed = *byte;
                }
            }
            Mutation::Flip(index, bit) => {
                let place = place(index);
                if let Some(changed) = bytes.get_mut(place) {
                    *changed ^= 1 << bit;
                }
            }
            Mutation::Cut(index) => bytes.truncate(place(index)),
            Mutation::Insert(index, inserted) => {
                let place = place(index);
                bytes.splice(place..place, inserted.iter().copied());
            }
            Mutation::Remove(index) => {
                let place = place(index);
                bytes.drain(place..bytes.len().min(place + 1));
            }
            Mutation::Append(tail) => bytes.extend_from_slice(tail),
        }
    }
    bytes
}

/// Checks an encoding as it is, which must decode, and changed, which may not.
fn check(target: &str, encoded: Vec<u8>, mutations: &[Mutation]) {
    let (_, check) = checks::TARGETS.into_iter().find(|(name, _)| *name == target).unwrap();
    check(&encoded);
    check(&mutate(encoded, mutations));
}

proptest! {
    #[test]
    fn arbitrary_bytes(bytes in vec(any::<u8>(), 0..400)) {
        for (_, check) in checks::TARGETS {
            check(&bytes);
        }
    }

    #[test]
    fn arbitrary_text(text in "\\PC{0,80}|[A-Za-z0-9=\", \\\\\t-]{0,80}") {
        for (_, check) in checks::TARGETS {
            check(text.as_bytes());
        }
    }

    #[test]
    fn single_messages(id: u8, element in element(), proof in array64(), mutations in mutations()) {
        let request = [&[0, 5, id][..], &element].concat();
        prop_assert_eq!(TokenRequest::decode(&request).unwrap().truncated_token_key_id, TruncatedTokenKeyId::new(id));
        check("token_request", request, &mutations);
        let response = [&element[..], &proof].concat();
        prop_assert_eq!(TokenResponse::decode(&response).unwrap().evaluated_proof.to_bytes(), proof);
        check("token_response", response, &mutations);
    }

    #[test]
    fn batches(id: u8, elements in vec(element(), 1..600), proof in array64(), mutations in mutations()) {
        let id = TruncatedTokenKeyId::new(id);
        let request = AmortizedBatchTokenRequest::from_elements(id, &elements).unwrap();
        prop_assert_eq!(&AmortizedBatchTokenRequest::decode(&request.encode()).unwrap(), &request);
        check("amortized_batch_token_request", request.encode(), &mutations);
        let response = AmortizedBatchTokenResponse::from_elements(&elements, proof).unwrap();
        prop_assert_eq!(&AmortizedBatchTokenResponse::decode(&response.encode()).unwrap(), &response);
        check("amortized_batch_token_response", response.encode(), &mutations);
    }

    #[test]
    fn tokens_and_their_header(tokens in vec(token(), 1..4), mutations in mutations()) {
        for token in &tokens {
            prop_assert_eq!(&Token::decode(&token.encode()).unwrap(), token);
            check("token", token.encode().to_vec(), &mutations);
        }
        let header = RedemptionHeader::new(tokens).unwrap();
        prop_assert_eq!(&RedemptionHeader::decode(&header.encode()).unwrap(), &header);
        check("redemption_header", header.encode().into_bytes(), &mutations);
    }

    #[test]
    fn challenges_and_their_header(
        challenges in vec((challenge(), any::<Option<u64>>(), option::of((any::<u64>(), "[A-Z]{3}"))), 1..4),
        seed: [u8; 32],
        mutations in mutations(),
    ) {
        let key = SecretKey::derive(&seed, DERIVATION_INFO).unwrap();
        let with_key = |(challenge, max_age, price): &(TokenChallenge, Option<u64>, Option<(u64, String)>)| {
            let (price_micros, currency) = price.clone().unzip();
            let plain = PrivateTokenChallenge::new(challenge, key.public_key());
            PrivateTokenChallenge { max_age: *max_age, price_micros, currency, ..plain }
        };
        let header = ChallengeHeader { challenges: challenges.iter().map(with_key).collect() };
        prop_assert_eq!(&ChallengeHeader::decode(&header.encode()).unwrap(), &header);
        check("challenge_header", header.encode().into_bytes(), &mutations);
        for (challenge, ..) in challenges {
            prop_assert_eq!(&TokenChallenge::decode(&challenge.encode()).unwrap(), &challenge);
            check("token_challenge", challenge.encode(), &mutations);
        }
    }

    #[test]
    fn key_files_and_directories(key in key(), mutations in mutations()) {
        let facts = key.facts();
        let text = KeyFile::encode(&key);
        let read = KeyFile::decode(&text).unwrap();
        prop_assert_eq!(read.facts(), facts);
        check("key_file", text.as_bytes().to_vec(), &mutations);
        let listed = DirectoryKey::from(facts);
        prop_assert_eq!(listed.denomination(), Some(facts.denomination()));
        prop_assert_eq!(listed.epoch(), Some(facts.epoch()));
        prop_assert_eq!(&listed.public_key().unwrap(), facts.public_key());
        let directory = IssuerDirectory {
            issuer_request_uri: "/token-request".to_owned(),
            issuer_name: Some(facts.issuer_name().clone()),
            token_keys: vec![listed.clone()],
            redeem_only_keys: vec![],
            revoked_keys: vec![listed],
        };
        check("issuer_directory", directory.encode().unwrap(), &mutations);
    }

    #[test]
    fn days_and_denominations(key in key(), mutations in mutations()) {
        check("day", key.facts().epoch().not_before().to_string().into_bytes(), &mutations);
        check("denomination", key.facts().denomination().to_string().into_bytes(), &mutations);
    }
}
