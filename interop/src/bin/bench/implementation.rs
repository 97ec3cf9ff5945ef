use std::rc::Rc;

use anyhow::Result;

use crate::case::Case;
use crate::work::Step;

/// One step done once for a whole batch: wire bytes in, wire bytes out.
///
/// Issuing gives evaluated elements and proof, blinding gives blinded elements, finalizing gives authenticators, and
/// redeeming gives nothing, or an error if a token is refused.
pub(crate) type Pass = Box<dyn FnMut() -> Result<Vec<u8>>>;

/// Something that issues and redeems tokens.
pub(crate) trait Implementation {
    /// As the rows of the report call it.
    fn name(&self) -> &'static str;

    /// The largest batch that is worth waiting for.
    fn largest_batch(&self) -> usize {
        usize::MAX
    }

    /// Whether it has our suite's values in this step, so that they can be compared byte for byte.
    fn computes_our_values(&self, step: Step) -> bool;

    /// Prepares all that a step does not pay for: keys, and what the steps before it left behind.
    fn pass(&self, step: Step, case: &Rc<Case>) -> Result<Pass>;
}
