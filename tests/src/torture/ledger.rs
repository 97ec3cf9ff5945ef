//! What clients were told: every answer is a promise that is compared with the stores at the end.

use std::collections::{BTreeMap, HashMap};

/// A redemption that was answered with 200.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    pub(super) publisher: usize,
    pub(super) key: String,
    pub(super) tokens: Vec<String>,
}

/// What one client, or all of them, did and were told.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Operations that came to their end, by what they were.
    pub(super) operations: BTreeMap<&'static str, u64>,
    /// Requests that got no answer at first, and one when they were repeated.
    pub(super) resolved: u64,
    /// Tokens that were issued, and the orders that they were issued for.
    pub(super) issued: u64,
    pub(super) orders: u64,
    /// Vouchers that paid an order.
    pub(super) vouchers: u64,
    pub(super) accepted: Vec<Accepted>,
    /// The publishers' credit in micros.
    pub(super) credit: BTreeMap<usize, u64>,
    /// Promises that were not kept.
    pub(super) lost: Vec<String>,
    /// What was taken or given twice.
    pub(super) double: Vec<String>,
    /// Answers that should never be.
    pub(super) wrong: Vec<String>,
}

impl Ledger {
    pub(super) fn count(&mut self, operation: &'static str) {
        *self.operations.entry(operation).or_default() += 1;
    }

    /// Notes that a publisher's redemption was accepted.
    pub(super) fn accept(&mut self, accepted: Accepted, micros: u64) {
        *self.credit.entry(accepted.publisher).or_default() += micros;
        self.accepted.push(accepted);
    }

    /// Adds what another was told.
    pub(super) fn absorb(&mut self, other: Self) {
        for (operation, count) in other.operations {
            *self.operations.entry(operation).or_default() += count;
        }
        for (publisher, micros) in other.credit {
            *self.credit.entry(publisher).or_default() += micros;
        }
        self.resolved += other.resolved;
        self.issued += other.issued;
        self.orders += other.orders;
        self.vouchers += other.vouchers;
        self.accepted.extend(other.accepted);
        self.lost.extend(other.lost);
        self.double.extend(other.double);
        self.wrong.extend(other.wrong);
    }

    /// Tokens that were accepted under more than one key.
    pub(super) fn accepted_twice(&self) -> usize {
        let mut keys: HashMap<&str, &str> = HashMap::new();
        let mut twice = 0;
        for accepted in &self.accepted {
            for token in &accepted.tokens {
                let first = keys.entry(token).or_insert(&accepted.key);
                twice += usize::from(*first != accepted.key);
            }
        }
        twice
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_under_two_keys_is_seen() {
        let accepted = |key: &str, tokens: &[&str]| Accepted {
            publisher: 0,
            key: key.to_owned(),
            tokens: tokens.iter().map(|token| (*token).to_owned()).collect(),
        };
        let mut ledger = Ledger::default();
        ledger.accept(accepted("a", &["1", "2"]), 20);
        ledger.accept(accepted("b", &["3"]), 10);
        assert_eq!((ledger.accepted_twice(), ledger.credit[&0]), (0, 30));
        let mut other = Ledger::default();
        other.accept(accepted("c", &["2"]), 10);
        ledger.absorb(other);
        assert_eq!((ledger.accepted_twice(), ledger.credit[&0]), (1, 40));
    }
}
