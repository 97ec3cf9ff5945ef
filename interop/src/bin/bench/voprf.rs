use std::rc::Rc;

use anyhow::{Result, ensure};
use curve25519_dalek_v4::Scalar;
use rand_v08::rngs::OsRng;
use subtle::ConstantTimeEq;
use voprf::{BlindedElement, EvaluationElement, Proof, Ristretto255, VoprfClient, VoprfServer};

use crate::case::{Case, INFO};
use crate::implementation::{Implementation, Pass};
use crate::work::Step;

/// The crate `voprf`, in batches where it has them.
pub(crate) struct Voprf;

impl Implementation for Voprf {
    fn name(&self) -> &'static str {
        "voprf"
    }

    fn computes_our_values(&self, _: Step) -> bool {
        true
    }

    fn pass(&self, step: Step, case: &Rc<Case>) -> Result<Pass> {
        let case = Rc::clone(case);
        let server = VoprfServer::<Ristretto255>::new_from_seed(&case.seed, INFO)?;
        Ok(match step {
            Step::Issue => Box::new(move || {
                let blinded = case
                    .blinded
                    .iter()
                    .map(|bytes| BlindedElement::deserialize(bytes))
                    .collect::<Result<Vec<_>, _>>()?;
                let answer = server.batch_blind_evaluate(&mut OsRng, &blinded)?;
                let mut bytes = Vec::with_capacity(32 * blinded.len() + 64);
                for message in &answer.messages {
                    bytes.extend(message.serialize());
                }
                bytes.extend(answer.proof.serialize());
                Ok(bytes)
            }),
            Step::Redeem => Box::new(move || {
                for (input, authenticator) in case.inputs.iter().zip(&case.outputs) {
                    let output = server.evaluate(input)?;
                    ensure!(bool::from(output.ct_eq(authenticator)), "a token is refused");
                }
                Ok(Vec::new())
            }),
            Step::Blind => Box::new(move || Ok(blind(&case)?.1)),
            Step::Finalize => {
                let clients = blind(&case)?.0;
                Box::new(move || {
                    let evaluated = case
                        .evaluated
                        .iter()
                        .map(|bytes| EvaluationElement::deserialize(bytes))
                        .collect::<Result<Vec<_>, _>>()?;
                    let proof = Proof::deserialize(&case.proof)?;
                    let public_key = server.get_public_key();
                    let mut bytes = Vec::with_capacity(64 * evaluated.len());
                    for output in
                        VoprfClient::batch_finalize(&case.inputs, &clients, &evaluated, &proof, public_key)?
                    {
                        bytes.extend(output?);
                    }
                    Ok(bytes)
                })
            }
        })
    }
}

/// The clients' states, and the blinded elements on the wire.
fn blind(case: &Case) -> Result<(Vec<VoprfClient<Ristretto255>>, Vec<u8>)> {
    let mut clients = Vec::with_capacity(case.size());
    let mut bytes = Vec::with_capacity(32 * case.size());
    for (input, wide) in case.inputs.iter().zip(&case.blinds) {
        let blind = Scalar::from_bytes_mod_order_wide(wide);
        let blinded = VoprfClient::<Ristretto255>::deterministic_blind_unchecked(input, blind)?;
        bytes.extend(blinded.message.serialize());
        clients.push(blinded.state);
    }
    Ok((clients, bytes))
}
