//! The tokens of one purchase on their way through the issuer: derived, blinded, and, with its answer, made.

use farthing_protocol::{
    AmortizedBatchTokenRequest, AmortizedBatchTokenResponse, Authenticator, DecodeError, IssuerName,
    TokenChallenge, TokenInput,
};
use farthing_voprf::{BatchError, Blind, FinalizeError};
use sha2::{Digest, Sha256};

use crate::derivation::{DerivationError, derive_blind, derive_nonce};
use crate::held_token::TokenBytes;
use crate::key_facts::KeyFacts;
use crate::seed::Seed;

/// A batch of tokens that are blinded and not yet signed.
///
/// It is the same bytes whenever it is derived from the same seed, issuer, order index and key, so it need not be
/// kept: what was sent can be sent again.
pub struct TokenBatch {
    inputs: Vec<TokenInput>,
    blinds: Vec<Blind>,
    blinded: Vec<[u8; 32]>,
    body: Vec<u8>,
}

/// Why a batch was not made, or the issuer's answer not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenBatchError {
    /// The seed gave nothing usable.
    #[error(transparent)]
    Derivation(#[from] DerivationError),
    /// The tokens could not be blinded.
    #[error("the tokens cannot be blinded: {0}")]
    Blind(#[from] BatchError),
    /// The request could not be written: no tokens, or more than one batch holds.
    #[error("the token request cannot be written: {0}")]
    Request(#[from] DecodeError),
    /// The answer does not belong to the request, or does not prove that the listed key made it.
    #[error("the issuer's answer is refused: {0}")]
    Answer(#[from] FinalizeError),
}

impl TokenBatch {
    /// Derives and blinds the `count` tokens of an order under a key.
    ///
    /// # Errors
    ///
    /// [`TokenBatchError`], when `count` is 0 or more than one batch holds.
    pub fn derive(
        seed: &Seed,
        issuer_name: &IssuerName,
        order_index: u64,
        key: &KeyFacts,
        count: u32,
    ) -> Result<Self, TokenBatchError> {
        let name = issuer_name.as_str();
        let id = key.token_key_id();
        let challenge_digest = TokenChallenge::for_purchase(issuer_name.clone()).digest();
        let mut inputs = Vec::new();
        let mut blinds = Vec::new();
        for item in 0..count {
            let nonce = derive_nonce(seed, name, &id, order_index, item)?;
            inputs.push(TokenInput::new(nonce, challenge_digest, id));
            blinds.push(derive_blind(seed, name, &id, order_index, item)?);
        }
        let blinded = farthing_voprf::blind(&inputs, &blinds)?;
        let body = AmortizedBatchTokenRequest::from_elements(id.truncated(), &blinded)?.encode();
        Ok(Self { inputs, blinds, blinded, body })
    }

    /// The token request's body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// SHA-256 of the body, by which the issuer and this wallet name the request.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.body).into()
    }

    /// Unblinds the issuer's answer, once its proof shows that the listed key made it.
    ///
    /// # Errors
    ///
    /// [`TokenBatchError::Answer`]: another number of elements, no elements, or a proof that does not hold.
    pub fn finalize(
        &self,
        key: &KeyFacts,
        answer: &AmortizedBatchTokenResponse,
    ) -> Result<Vec<TokenBytes>, TokenBatchError> {
        let outputs = farthing_voprf::finalize(
            key.public_key(),
            &self.inputs,
            &self.blinds,
            &self.blinded,
            &answer.elements(),
            answer.evaluated_proof().as_bytes(),
        )?;
        let tokens = self.inputs.iter().zip(outputs).map(|(input, output)| {
            TokenBytes::of(&input.clone().into_token(Authenticator::from_bytes(output)))
        });
        Ok(tokens.collect())
    }
}

impl std::fmt::Debug for TokenBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenBatch({} tokens)", self.inputs.len())
    }
}
