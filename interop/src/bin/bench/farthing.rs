use std::rc::Rc;

use anyhow::{Result, ensure};
use farthing_voprf::{Blind, SecretKey, blind, finalize};
use subtle::ConstantTimeEq;

use crate::case::{Case, INFO};
use crate::implementation::{Implementation, Pass};
use crate::work::Step;

/// Our own `farthing-voprf`.
pub(crate) struct Farthing;

impl Implementation for Farthing {
    fn name(&self) -> &'static str {
        "farthing"
    }

    fn computes_our_values(&self, _: Step) -> bool {
        true
    }

    fn pass(&self, step: Step, case: &Rc<Case>) -> Result<Pass> {
        let case = Rc::clone(case);
        let key = SecretKey::derive(&case.seed, INFO)?;
        Ok(match step {
            Step::Issue => Box::new(move || {
                let mut entropy = [0; 32];
                getrandom::fill(&mut entropy)?;
                let answer = key.evaluate_blinded(&case.blinded, &entropy)?;
                Ok([answer.elements.as_flattened(), &answer.proof].concat())
            }),
            Step::Redeem => Box::new(move || {
                let outputs = key.evaluate(&case.inputs)?;
                for (output, authenticator) in outputs.iter().zip(&case.outputs) {
                    ensure!(bool::from(output.ct_eq(authenticator)), "a token is refused");
                }
                Ok(Vec::new())
            }),
            Step::Blind => Box::new(move || {
                let blinds = blinds(&case)?;
                Ok(blind(&case.inputs, &blinds)?.into_flattened())
            }),
            Step::Finalize => {
                let blinds = blinds(&case)?;
                Box::new(move || {
                    let Case { inputs, blinded, evaluated, proof, .. } = &*case;
                    Ok(finalize(key.public_key(), inputs, &blinds, blinded, evaluated, proof)?
                        .into_flattened())
                })
            }
        })
    }
}

fn blinds(case: &Case) -> Result<Vec<Blind>> {
    Ok(case.blinds.iter().map(Blind::from_uniform_bytes).collect::<Result<_, _>>()?)
}
