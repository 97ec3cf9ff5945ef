//! Places for redemptions in work: so many at a time, and of these a share for one publisher, so that whoever floods the
//! service waits for itself while others go on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use farthing_api::ProblemKind;
use farthing_service::problem::ProblemResponse;

use crate::publishers::PublisherId;

/// One publisher may have one place in so many.
const SHARE: u32 = 4;

/// Who is at work.
#[derive(Default)]
pub struct Places {
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: u32,
    by_publisher: HashMap<PublisherId, u32>,
}

/// A place, given back when dropped.
pub struct Place {
    places: Arc<Places>,
    publisher: PublisherId,
}

impl Places {
    /// A place for a redemption of `publisher`, where there are `limit`.
    ///
    /// # Errors
    /// 503 at once when the publisher has its share, or when all are taken.
    pub fn take(self: &Arc<Self>, publisher: PublisherId, limit: u32) -> Result<Place, ProblemResponse> {
        let mut taken = self.taken();
        let own = taken.by_publisher.get(&publisher).copied().unwrap_or_default();
        if own >= (limit / SHARE).max(1) {
            let detail = "as many of your redemptions are in work as one publisher may have at a time, and this one was \
                          not begun; send fewer at once, and repeat it";
            return Err(ProblemResponse::new(ProblemKind::TooManyAtOnce, detail));
        }
        if taken.all >= limit {
            let detail = "as many redemptions are in work as the service does at a time, and this one was not begun; \
                          repeat it";
            return Err(ProblemResponse::new(ProblemKind::TooManyAtOnce, detail));
        }
        taken.all += 1;
        taken.by_publisher.insert(publisher, own + 1);
        Ok(Place { places: Arc::clone(self), publisher })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all = taken.all.saturating_sub(1);
        let own = taken.by_publisher.remove(&self.publisher).unwrap_or_default();
        if own > 1 {
            taken.by_publisher.insert(self.publisher, own - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publisher_has_a_share_and_all_have_the_whole() {
        let places = Arc::new(Places::default());
        let publisher = |number: u8| PublisherId::from_bytes([number; 16]);
        let mut taken = Vec::new();
        for number in 1..=4 {
            taken.push(places.take(publisher(number), 8).unwrap());
            taken.push(places.take(publisher(number), 8).unwrap());
            let refused = places.take(publisher(number), 8).map(|_| ()).unwrap_err();
            assert!(refused.problem().detail.contains("one publisher"), "{refused}");
        }
        let refused = places.take(publisher(5), 8).map(|_| ()).unwrap_err();
        assert_eq!(refused.problem().kind, ProblemKind::TooManyAtOnce.uri());
        taken.pop();
        let last = places.take(publisher(5), 8).unwrap();
        drop((taken, last));
        assert!(places.taken().by_publisher.is_empty());
        drop(places.take(publisher(1), 1).unwrap());
    }
}
