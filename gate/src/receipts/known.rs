use std::collections::HashSet;
use std::mem;

use sha2::{Digest, Sha256};

/// Most receipts of one of the two halves: together some megabytes, and more than ten minutes of many payments.
const HALF: usize = 25_000;

/// The receipts that came lately. A payment is repeated by whoever has its tokens, as often as they like, and each answer has
/// the same receipt: it is written once. What is forgotten here and comes again is written again, and counts once.
pub(super) struct Known {
    half: usize,
    newer: HashSet<[u8; 32]>,
    older: HashSet<[u8; 32]>,
}

impl Default for Known {
    fn default() -> Self {
        Self { half: HALF, newer: HashSet::new(), older: HashSet::new() }
    }
}

impl Known {
    /// Whether a receipt, as the line that is written, came lately.
    pub(super) fn has(&self, line: &str) -> bool {
        let digest = digest(line);
        self.newer.contains(&digest) || self.older.contains(&digest)
    }

    /// Takes note of one that came now.
    pub(super) fn add(&mut self, line: &str) {
        self.newer.insert(digest(line));
        if self.newer.len() >= self.half {
            self.older = mem::take(&mut self.newer);
        }
    }
}

fn digest(line: &str) -> [u8; 32] {
    Sha256::digest(line).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_known_and_no_more_than_fit() {
        let mut known = Known { half: 3, ..Known::default() };
        for number in 0..10 {
            assert!(!known.has(&number.to_string()));
            known.add(&number.to_string());
            assert!((number - 2..=number).all(|last: i32| last < 0 || known.has(&last.to_string())));
            assert!(known.newer.len() + known.older.len() <= 6);
        }
        assert!(!known.has("1"));
    }
}
