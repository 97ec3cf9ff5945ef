use std::rc::Rc;

use anyhow::{Context, Result};
use curve25519_dalek::Scalar as RistrettoScalar;
use farthing_interop::{Forgetful, OneKey};
use p384::NistP384;
use privacypass::amortized_tokens::server::Server;
use privacypass::amortized_tokens::{
    AmortizedBatchTokenRequest, AmortizedBatchTokenResponse, AmortizedToken, TokenState,
};
use privacypass::common::private::{PrivateCipherSuite, Scalar};
use privacypass::private_tokens::Ristretto255;
use privacypass::{Deserialize, Group, Serialize, VoprfServer};

use crate::case::{Case, INFO, challenge};
use crate::implementation::{Implementation, Pass};
use crate::work::Step;

/// The crate `privacypass`: amortized issuance, tokens redeemed one by one.
pub(crate) struct PrivacyPass<CS: PrivateCipherSuite> {
    name: &'static str,
    largest_batch: usize,
    is_our_suite: bool,
    /// Makes a blind of uniform bytes.
    blind: fn(&[u8; 64]) -> Result<Scalar<CS>>,
}

pub(crate) fn ristretto255() -> PrivacyPass<Ristretto255> {
    PrivacyPass {
        name: "privacypass ristretto255",
        largest_batch: usize::MAX,
        is_our_suite: true,
        blind: |wide| Ok(RistrettoScalar::from_bytes_mod_order_wide(wide)),
    }
}

/// The curve of RFC 9578's own private tokens, at more than a millisecond a token.
pub(crate) fn p384() -> PrivacyPass<NistP384> {
    PrivacyPass {
        name: "privacypass P-384",
        largest_batch: 100,
        is_our_suite: false,
        blind: |wide| {
            // Big-endian with a first byte of zero is below the group's order.
            let mut bytes = [0; 48];
            bytes[1..].copy_from_slice(&wide[..47]);
            Ok(NistP384::deserialize_scalar(&bytes)?)
        },
    }
}

impl<CS: PrivateCipherSuite + 'static> Implementation for PrivacyPass<CS> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn largest_batch(&self) -> usize {
        self.largest_batch
    }

    fn computes_our_values(&self, _: Step) -> bool {
        self.is_our_suite
    }

    fn pass(&self, step: Step, case: &Rc<Case>) -> Result<Pass> {
        let case = Rc::clone(case);
        let blind_of = self.blind;
        // Its default is to refuse more than 100 at once.
        let server = Server::<CS>::with_max_batch_size(case.size());
        let keys = OneKey(VoprfServer::<CS>::new_from_seed(&case.seed, INFO)?);
        Ok(match step {
            Step::Issue => {
                let request = blind(&keys, &case, blind_of)?.0;
                Box::new(move || issue(&server, &keys, &request))
            }
            Step::Redeem => {
                let (request, state) = blind(&keys, &case, blind_of)?;
                let tokens = finalize(&issue(&server, &keys, &request)?, &state)?
                    .iter()
                    .map(Serialize::tls_serialize_detached)
                    .collect::<Result<Vec<_>, _>>()?;
                Box::new(move || {
                    for token in &tokens {
                        let token = AmortizedToken::<CS>::tls_deserialize(&mut token.as_slice())?;
                        pollster::block_on(server.redeem_token(&keys, &Forgetful, token))?;
                    }
                    Ok(Vec::new())
                })
            }
            Step::Blind => Box::new(move || Ok(blind(&keys, &case, blind_of)?.0)),
            Step::Finalize => {
                let (request, state) = blind(&keys, &case, blind_of)?;
                let answer = issue(&server, &keys, &request)?;
                Box::new(move || {
                    let tokens = finalize(&answer, &state)?;
                    let mut bytes = Vec::with_capacity(64 * tokens.len());
                    for token in &tokens {
                        bytes.extend_from_slice(token.authenticator());
                    }
                    Ok(bytes)
                })
            }
        })
    }
}

/// The request on the wire, and what the client keeps of it.
fn blind<CS: PrivateCipherSuite>(
    keys: &OneKey<CS>,
    case: &Case,
    blind_of: fn(&[u8; 64]) -> Result<Scalar<CS>>,
) -> Result<(Vec<u8>, TokenState<CS>)> {
    let blinds = case.blinds.iter().map(blind_of).collect::<Result<Vec<_>>>()?;
    let (request, state) = AmortizedBatchTokenRequest::issue_token_request_with_params(
        keys.0.get_public_key(),
        &challenge(CS::token_type()),
        case.nonces.clone(),
        blinds,
    )?;
    Ok((request.tls_serialize_detached()?, state))
}

fn issue<CS: PrivateCipherSuite>(server: &Server<CS>, keys: &OneKey<CS>, request: &[u8]) -> Result<Vec<u8>> {
    let request = AmortizedBatchTokenRequest::tls_deserialize(&mut &request[..])?;
    let response = pollster::block_on(server.issue_token_response(keys, request))?;
    Ok(response.tls_serialize_detached()?)
}

fn finalize<CS: PrivateCipherSuite>(
    answer: &[u8],
    state: &TokenState<CS>,
) -> Result<Vec<AmortizedToken<CS>>> {
    let answer = AmortizedBatchTokenResponse::<CS>::try_from_bytes(answer)?;
    answer.issue_tokens(state).context("the client refuses the answer")
}
