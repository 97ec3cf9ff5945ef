//! Stores that begin with nothing.

use std::time::Duration;

use super::super::group::Names;
use super::super::{Deployment, OpenError};
use super::place::Place;
use crate::birth::Birth;
use crate::record;

/// Writes the birth record into every group. The first group's makes the store, and comes last, so that what was begun and
/// not finished can be begun again. Where anything else of a store is, its birth record was lost, and nothing is made.
pub(in crate::redis) async fn create(
    deployment: &Deployment,
    birth: &Birth,
    timeout: Duration,
) -> Result<(), OpenError> {
    let mut places = Vec::new();
    for number in 0..birth.groups.max(1) {
        let place = Place::find(deployment, Names::new(birth.service, number), timeout).await?;
        if number == 0 && place.birth.is_some() {
            return Err(OpenError::Exists(place.describe()));
        }
        place.check_empty().await?;
        places.push(place);
    }
    let bytes = record::encode(birth).map_err(|error| OpenError::Failed {
        url: deployment.topology.describe(),
        cause: error.to_string(),
    })?;
    for place in places.iter_mut().rev() {
        place.write_birth(&bytes, timeout).await?;
    }
    Ok(())
}
