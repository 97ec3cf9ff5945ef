use anyhow::Result;
use farthing_voprf::{Blind, SecretKey, blind, finalize};
use privacypass::TokenType;
use privacypass::auth::authenticate::TokenChallenge;
use rand_v08::rngs::StdRng;
use rand_v08::{Rng, SeedableRng};
use sha2_v10::{Digest, Sha256};

use crate::work::Step;

/// `info` of every Privacy Pass key.
pub(crate) const INFO: &[u8] = b"PrivacyPass";
const ISSUER_NAME: &str = "issuer.localhost";

/// One batch of tokens and the exchange in which Farthing issues them: what every implementation is given, and what it
/// must agree with.
pub(crate) struct Case {
    /// Of the key pair.
    pub(crate) seed: [u8; 32],
    pub(crate) nonces: Vec<[u8; 32]>,
    /// Uniform bytes that reduce to the blinds.
    pub(crate) blinds: Vec<[u8; 64]>,
    pub(crate) inputs: Vec<[u8; 98]>,
    pub(crate) blinded: Vec<[u8; 32]>,
    pub(crate) evaluated: Vec<[u8; 32]>,
    pub(crate) proof: [u8; 64],
    pub(crate) outputs: Vec<[u8; 64]>,
}

impl Case {
    /// The same case for the same size in every run.
    pub(crate) fn new(size: usize) -> Result<Self> {
        let mut rng = StdRng::seed_from_u64(size as u64);
        let seed = rng.r#gen();
        let nonces: Vec<[u8; 32]> = (0..size).map(|_| rng.r#gen()).collect();
        let blinds: Vec<[u8; 64]> = (0..size)
            .map(|_| {
                let mut wide = [0; 64];
                rng.fill(&mut wide);
                wide
            })
            .collect();

        let key = SecretKey::derive(&seed, INFO)?;
        let digest = challenge(TokenType::PrivateRistretto255).digest()?;
        let key_id = Sha256::digest(key.public_key().to_bytes());
        let inputs: Vec<[u8; 98]> = nonces
            .iter()
            .map(|nonce| {
                let mut input = [0; 98];
                input[..2].copy_from_slice(&5_u16.to_be_bytes());
                input[2..34].copy_from_slice(nonce);
                input[34..66].copy_from_slice(&digest);
                input[66..].copy_from_slice(&key_id);
                input
            })
            .collect();

        let scalars = blinds.iter().map(Blind::from_uniform_bytes).collect::<Result<Vec<_>, _>>()?;
        let blinded = blind(&inputs, &scalars)?;
        let evaluation = key.evaluate_blinded(&blinded, &rng.r#gen())?;
        let (evaluated, proof) = (evaluation.elements, evaluation.proof);
        let outputs = finalize(key.public_key(), &inputs, &scalars, &blinded, &evaluated, &proof)?;
        Ok(Self { seed, nonces, blinds, inputs, blinded, evaluated, proof, outputs })
    }

    pub(crate) fn size(&self) -> usize {
        self.inputs.len()
    }

    /// What [`Step::values`] of every answer must be.
    pub(crate) fn values(&self, step: Step) -> &[u8] {
        match step {
            Step::Issue => self.evaluated.as_flattened(),
            Step::Redeem => &[],
            Step::Blind => self.blinded.as_flattened(),
            Step::Finalize => self.outputs.as_flattened(),
        }
    }
}

/// The challenge of tokens that are bought ahead of use: empty context, empty origin.
pub(crate) fn challenge(token_type: TokenType) -> TokenChallenge {
    TokenChallenge::new(token_type, ISSUER_NAME, None, &[])
}
