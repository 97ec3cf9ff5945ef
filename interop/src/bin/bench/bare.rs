use std::hint::black_box;
use std::rc::Rc;

use anyhow::{Context, Result};
use curve25519_dalek::Scalar;
use curve25519_dalek::ristretto::CompressedRistretto;

use crate::case::Case;
use crate::implementation::{Implementation, Pass};
use crate::work::Step;

/// One constant-time multiplication of a variable element a token, by curve25519-dalek 5: the measure of the others.
pub(crate) struct Bare;

impl Implementation for Bare {
    fn name(&self) -> &'static str {
        "bare"
    }

    fn computes_our_values(&self, _: Step) -> bool {
        false
    }

    fn pass(&self, _: Step, case: &Rc<Case>) -> Result<Pass> {
        let decompress =
            |bytes: &[u8; 32]| CompressedRistretto(*bytes).decompress().context("not an element");
        let points = case.blinded.iter().map(decompress).collect::<Result<Vec<_>>>()?;
        let scalar = Scalar::from_bytes_mod_order(case.seed);
        Ok(Box::new(move || {
            for point in &points {
                black_box(point * scalar);
            }
            Ok(Vec::new())
        }))
    }
}
