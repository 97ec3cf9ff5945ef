use std::hint::black_box;
use std::rc::Rc;

use anyhow::{Result, anyhow, ensure};
use challenge_bypass_ristretto::errors::TokenError;
use challenge_bypass_ristretto::voprf::{
    BatchDLEQProof, BlindedToken, SignedToken, SigningKey, Token, TokenPreimage, VerificationKey,
    VerificationSignature,
};
use farthing_voprf::SecretKey;
use hmac_v12::Hmac;
use rand_v08::rngs::{OsRng, StdRng};
use rand_v08::{RngCore, SeedableRng};
use sha2_v10::Sha512;

use crate::case::{Case, INFO};
use crate::implementation::{Implementation, Pass};
use crate::work::Step;

/// What a token is spent on: this protocol sends an HMAC of it in place of the authenticator.
const MESSAGE: &[u8] = b"message";

/// The crate `challenge-bypass-ristretto`: the protocol before the RFCs, with its own hashes but the same group.
pub(crate) struct ChallengeBypass;

impl Implementation for ChallengeBypass {
    fn name(&self) -> &'static str {
        "challenge-bypass-ristretto"
    }

    fn computes_our_values(&self, step: Step) -> bool {
        step == Step::Issue
    }

    fn pass(&self, step: Step, case: &Rc<Case>) -> Result<Pass> {
        let key =
            SigningKey::from_bytes(&SecretKey::derive(&case.seed, INFO)?.to_bytes()[..]).map_err(reason)?;
        let mut rng = StdRng::from_seed(case.seed);
        let size = case.size();
        Ok(match step {
            Step::Issue => {
                let case = Rc::clone(case);
                Box::new(move || issue(&key, case.blinded.as_flattened()))
            }
            Step::Redeem => {
                let spendings = (0..size).map(|_| spend(&key, &mut rng)).collect::<Result<Vec<_>>>()?;
                Box::new(move || redeem(&key, &spendings).map(|()| Vec::new()))
            }
            Step::Blind => Box::new(move || Ok(blind(size, &mut rng).1)),
            Step::Finalize => {
                let (tokens, blinded) = blind(size, &mut rng);
                let answer = issue(&key, &blinded)?;
                Box::new(move || finalize(&key, &tokens, &blinded, &answer).map(|()| Vec::new()))
            }
        })
    }
}

fn issue(key: &SigningKey, blinded: &[u8]) -> Result<Vec<u8>> {
    let blinded = read(blinded, BlindedToken::from_bytes)?;
    let signed =
        blinded.iter().map(|token| key.sign(token)).collect::<Result<Vec<_>, _>>().map_err(reason)?;
    let proof = BatchDLEQProof::new::<Sha512, _>(&mut OsRng, &blinded, &signed, key).map_err(reason)?;
    let mut bytes = Vec::with_capacity(32 * signed.len() + 64);
    for token in &signed {
        bytes.extend(token.to_bytes());
    }
    bytes.extend(proof.to_bytes());
    Ok(bytes)
}

fn blind(size: usize, rng: &mut StdRng) -> (Vec<Token>, Vec<u8>) {
    let tokens: Vec<_> = (0..size).map(|_| Token::random::<Sha512, _>(rng)).collect();
    let bytes = tokens.iter().flat_map(|token| token.blind().to_bytes()).collect();
    (tokens, bytes)
}

/// Gives nothing: the crate keeps verification keys to itself, and derives them when a token is spent.
fn finalize(key: &SigningKey, tokens: &[Token], blinded: &[u8], answer: &[u8]) -> Result<()> {
    let blinded = read(blinded, BlindedToken::from_bytes)?;
    let (signed, proof) = answer.split_at(answer.len() - 64);
    let signed = read(signed, SignedToken::from_bytes)?;
    let proof = BatchDLEQProof::from_bytes(proof).map_err(reason)?;
    let unblinded =
        proof.verify_and_unblind::<Sha512, _>(tokens, &blinded, &signed, &key.public_key).map_err(reason)?;
    for token in &unblinded {
        black_box(token.derive_verification_key::<Sha512>());
    }
    Ok(())
}

/// What a client sends to spend a token. The crate has no encoding of the signature without its feature for base64.
struct Spending {
    preimage: [u8; 64],
    signature: VerificationSignature,
}

fn spend(key: &SigningKey, rng: &mut StdRng) -> Result<Spending> {
    let mut preimage = [0; 64];
    rng.fill_bytes(&mut preimage);
    let signature = verification_key(key, &preimage)?.sign::<Hmac<Sha512>>(MESSAGE);
    Ok(Spending { preimage, signature })
}

fn redeem(key: &SigningKey, spendings: &[Spending]) -> Result<()> {
    for Spending { preimage, signature } in spendings {
        let is_valid = verification_key(key, preimage)?.verify::<Hmac<Sha512>>(signature, MESSAGE);
        ensure!(is_valid, "a token is refused");
    }
    Ok(())
}

fn verification_key(key: &SigningKey, preimage: &[u8; 64]) -> Result<VerificationKey> {
    let preimage = TokenPreimage::from_bytes(preimage).map_err(reason)?;
    Ok(key.rederive_unblinded_token(&preimage).derive_verification_key::<Sha512>())
}

fn read<T>(bytes: &[u8], one: impl Fn(&[u8]) -> Result<T, TokenError>) -> Result<Vec<T>> {
    bytes.chunks_exact(32).map(|bytes| one(bytes).map_err(reason)).collect()
}

fn reason(error: TokenError) -> anyhow::Error {
    anyhow!("challenge-bypass-ristretto: {error}")
}
