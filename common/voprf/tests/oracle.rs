//! The crate `voprf` as an independent oracle: same keys, inputs and blinds, same bytes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use farthing_voprf::{BatchError, Blind, FinalizeError, SecretKey, blind, finalize};
use proptest::prelude::*;
use rand_v08::SeedableRng;
use rand_v08::rngs::StdRng;
use voprf::{EvaluationElement, Group, Proof, Ristretto255, VoprfClient, VoprfServer};

const INFO: &[u8] = b"PrivacyPass";

/// What both implementations are run on.
#[derive(Debug)]
struct Case {
    seed: [u8; 32],
    inputs: Vec<Vec<u8>>,
    blinds: Vec<[u8; 64]>,
    entropy: [u8; 32],
}

fn case(sizes: impl Strategy<Value = usize>) -> impl Strategy<Value = Case> {
    sizes.prop_flat_map(|size| {
        let input = prop_oneof![
            4 => proptest::collection::vec(any::<u8>(), 98),
            1 => proptest::collection::vec(any::<u8>(), 0..300),
        ];
        let wide = any::<[[u8; 32]; 2]>().prop_map(|halves| halves.concat().try_into().unwrap());
        (
            any::<[u8; 32]>(),
            proptest::collection::vec(input, size),
            proptest::collection::vec(wide, size),
            any::<[u8; 32]>(),
        )
            .prop_map(|(seed, inputs, blinds, entropy)| Case { seed, inputs, blinds, entropy })
    })
}

/// A whole exchange by our code.
struct Ours {
    key: SecretKey,
    blinds: Vec<Blind>,
    blinded: Vec<[u8; 32]>,
    evaluated: Vec<[u8; 32]>,
    proof: [u8; 64],
}

impl Ours {
    fn of(case: &Case) -> Self {
        let key = SecretKey::derive(&case.seed, INFO).unwrap();
        let blinds: Vec<_> =
            case.blinds.iter().map(|wide| Blind::from_uniform_bytes(wide).unwrap()).collect();
        let blinded = blind(&case.inputs, &blinds).unwrap();
        let evaluation = key.evaluate_blinded(&blinded, &case.entropy).unwrap();
        Self { key, blinds, blinded, evaluated: evaluation.elements, proof: evaluation.proof }
    }

    fn finalize(&self, case: &Case) -> Result<Vec<[u8; 64]>, FinalizeError> {
        finalize(
            self.key.public_key(),
            &case.inputs,
            &self.blinds,
            &self.blinded,
            &self.evaluated,
            &self.proof,
        )
    }
}

fn both_agree(case: &Case) {
    let ours = Ours::of(case);
    let server = VoprfServer::<Ristretto255>::new_from_seed(&case.seed, INFO).unwrap();
    let public = server.get_public_key();
    assert_eq!(Ristretto255::serialize_elem(public)[..], ours.key.public_key().to_bytes());

    // Client: the same blinded elements.
    let clients: Vec<_> = case
        .inputs
        .iter()
        .zip(&case.blinds)
        .map(|(input, wide)| {
            let scalar = curve25519_dalek_v4::Scalar::from_bytes_mod_order_wide(wide);
            VoprfClient::<Ristretto255>::deterministic_blind_unchecked(input, scalar).unwrap()
        })
        .collect();
    let messages: Vec<_> = clients.iter().map(|client| client.message.clone()).collect();
    for (theirs, ours) in messages.iter().zip(&ours.blinded) {
        assert_eq!(theirs.serialize()[..], ours[..]);
    }

    // Issuer: the same evaluated elements, and a proof of each that the other accepts.
    let mut rng = StdRng::from_seed(case.entropy);
    let theirs = server.batch_blind_evaluate(&mut rng, &messages).unwrap();
    for (theirs, ours) in theirs.messages.iter().zip(&ours.evaluated) {
        assert_eq!(theirs.serialize()[..], ours[..]);
    }
    let states: Vec<_> = clients.into_iter().map(|client| client.state).collect();
    let evaluated: Vec<_> =
        ours.evaluated.iter().map(|bytes| EvaluationElement::deserialize(bytes).unwrap()).collect();
    let proof = Proof::deserialize(&ours.proof).unwrap();
    let expected: Vec<Vec<u8>> =
        VoprfClient::batch_finalize(&case.inputs, &states, &evaluated, &proof, public)
            .unwrap()
            .map(|output| output.unwrap().to_vec())
            .collect();
    let their_proof: [u8; 64] = theirs.proof.serialize().to_vec().try_into().unwrap();
    let outputs = finalize(
        ours.key.public_key(),
        &case.inputs,
        &ours.blinds,
        &ours.blinded,
        &ours.evaluated,
        &their_proof,
    )
    .unwrap();
    assert_eq!(outputs.iter().map(|output| output.to_vec()).collect::<Vec<_>>(), expected);
    assert_eq!(ours.finalize(case).unwrap(), outputs);

    // Redeemer: the same outputs from the inputs alone.
    assert_eq!(ours.key.evaluate(&case.inputs).unwrap(), outputs);
    assert_eq!(server.evaluate(&case.inputs[0]).unwrap()[..], outputs[0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn small_batches_equal_the_oracle(case in case(1..12_usize)) {
        both_agree(&case);
    }

    #[test]
    fn a_changed_answer_is_refused(
        case in case(1..6_usize),
        place in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let mut ours = Ours::of(&case);
        let bytes = ours.evaluated.len() * 32 + 64;
        let place = place.index(bytes);
        let byte = if place < 64 {
            &mut ours.proof[place]
        } else {
            &mut ours.evaluated[(place - 64) / 32][(place - 64) % 32]
        };
        *byte ^= 1 << bit;
        let refused = ours.finalize(&case).unwrap_err();
        let expected = matches!(refused, FinalizeError::Proof | FinalizeError::Batch(BatchError::InvalidElement { .. }));
        prop_assert!(expected, "{refused}");
    }

    #[test]
    fn another_key_is_refused(case in case(1..6_usize), other in any::<[u8; 32]>()) {
        prop_assume!(other != case.seed);
        let mut ours = Ours::of(&case);
        let other = SecretKey::derive(&other, INFO).unwrap();
        let evaluation = other.evaluate_blinded(&ours.blinded, &case.entropy).unwrap();
        ours.evaluated = evaluation.elements;
        ours.proof = evaluation.proof;
        prop_assert_eq!(ours.finalize(&case).unwrap_err(), FinalizeError::Proof);
    }

    #[test]
    fn one_element_under_another_key_is_refused(case in case(2..6_usize), other in any::<[u8; 32]>()) {
        prop_assume!(other != case.seed);
        let mut ours = Ours::of(&case);
        let stranger = SecretKey::derive(&other, INFO).unwrap();
        ours.evaluated[1] = stranger.evaluate_blinded(&ours.blinded[1..2], &case.entropy).unwrap().elements[0];
        // The issuer would have to prove this mixture; with its own key it can't.
        prop_assert_eq!(ours.finalize(&case).unwrap_err(), FinalizeError::Proof);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn batches_up_to_300_equal_the_oracle(case in case(1..=300_usize)) {
        both_agree(&case);
    }
}

#[test]
fn swapped_elements_are_refused() {
    let case = Case {
        seed: [1; 32],
        inputs: vec![b"one".to_vec(), b"two".to_vec()],
        blinds: vec![[2; 64], [3; 64]],
        entropy: [4; 32],
    };
    let mut ours = Ours::of(&case);
    ours.evaluated.swap(0, 1);
    assert_eq!(ours.finalize(&case).unwrap_err(), FinalizeError::Proof);
}

#[test]
fn elements_that_are_none_are_refused_by_place() {
    let key = SecretKey::derive(&[1; 32], INFO).unwrap();
    let good = key.public_key().to_bytes();
    // The identity; p itself, which is zero written another way; a negative field element; one that is no square.
    let p = hex_literal::hex!("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
    let negative = hex_literal::hex!("0100000000000000000000000000000000000000000000000000000000000000");
    let no_square = hex_literal::hex!("26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371");
    for bad in [[0; 32], p, negative, no_square, [0xff; 32]] {
        let refused = key.evaluate_blinded(&[good, bad, good], &[0; 32]).unwrap_err();
        assert_eq!(refused, BatchError::InvalidElement { index: 1 });
    }
}

#[test]
fn batches_of_impossible_sizes_are_refused() {
    let key = SecretKey::derive(&[1; 32], INFO).unwrap();
    let good = key.public_key().to_bytes();
    assert_eq!(key.evaluate_blinded(&[], &[0; 32]).unwrap_err(), BatchError::Empty);
    assert_eq!(key.evaluate_blinded(&vec![good; 65_536], &[0; 32]).unwrap_err(), BatchError::TooLong(65_536));
    assert_eq!(key.evaluate::<&[u8]>(&[]).unwrap_err(), BatchError::Empty);
    assert_eq!(key.evaluate(&[vec![0; 65_536]]).unwrap_err(), BatchError::InputTooLong { index: 0 });
    let blinds = [Blind::from_bytes(&[1; 32]).unwrap()];
    assert_eq!(
        blind(&[b"one", b"two"], &blinds).unwrap_err(),
        BatchError::LengthMismatch { what: "blinds", expected: 2, found: 1 }
    );
}
