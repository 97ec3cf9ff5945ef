//! What the redeemer's records must add up to.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use data_encoding::HEXLOWER;
use farthing_protocol::{BackupEntry, Day, Denomination};
use farthing_service::backup::{Books, Findings};
use farthing_service::key_day::split_key_day;
use farthing_service::pinned_keys::PinnedKey;
use farthing_service::record::{self, Record};

use super::backup_records::{Credit, SHORT_MARKS, SpentSet, UNCREDITED, Uncredited};
use super::{KeptAnswer, RedeemedTotal};
use crate::ledger::{EntryId, Payout, Statement, StatementId};
use crate::publishers::{Publisher, PublisherId};

/// Everything that a walk through the store has met; of the marks only how many there are.
#[derive(Debug, Default)]
pub struct RedeemerBooks {
    pinned: BTreeSet<Vec<u8>>,
    sets: BTreeMap<Vec<u8>, SpentSet>,
    /// By the ordinal of their set.
    marks: BTreeMap<Vec<u8>, u64>,
    uncredited: BTreeMap<Vec<u8>, u64>,
    /// By token key.
    redeemed: BTreeMap<Vec<u8>, u64>,
    redeemed_on: BTreeMap<(Denomination, Day), u64>,
    credited_on: BTreeMap<(Denomination, Day), u64>,
    credited: BTreeSet<Vec<u8>>,
    /// Answers, and the second from which each is forgotten.
    kept: HashMap<Vec<u8>, u64>,
    kept_by_end: BTreeSet<Vec<u8>>,
    publishers: BTreeMap<Vec<u8>, Publisher>,
    /// What each statement comes to, by publisher and id.
    statements: BTreeMap<(PublisherId, StatementId), i64>,
    payouts: BTreeMap<(PublisherId, EntryId), Payout>,
    names: BTreeMap<Vec<u8>, Vec<u8>>,
    api_keys: BTreeMap<Vec<u8>, Vec<u8>>,
    findings: Findings,
}

impl Books for RedeemerBooks {
    fn add(&mut self, entry: BackupEntry) {
        let BackupEntry { table, key, value } = entry;
        match table.as_str() {
            "pinned-keys" => {
                self.read::<PinnedKey>(&table, &key, &value);
                self.pinned.insert(key);
            }
            "spent-sets" => {
                if let Some(set) = self.read(&table, &key, &value) {
                    self.sets.insert(key, set);
                }
            }
            "spent-marks" | SHORT_MARKS => {
                let ordinal = key.get(..4).unwrap_or(&key);
                if let Some(count) = self.marks.get_mut(ordinal) {
                    *count += 1;
                } else {
                    self.marks.insert(ordinal.to_vec(), 1);
                }
            }
            UNCREDITED => {
                if let Some(Uncredited { tokens }) = self.read(&table, &key, &value) {
                    self.uncredited.insert(key, tokens);
                }
            }
            "redeemed-totals" => self.add_total(&key, &value),
            "credits" => self.add_credit(key, &value),
            "kept-answers" => {
                if let Some(KeptAnswer { forget_from, .. }) = self.read(&table, &key, &value) {
                    self.kept.insert(key, forget_from);
                }
            }
            "kept-answers-by-end" => drop(self.kept_by_end.insert(key)),
            "publishers" => {
                if let Some(publisher) = self.read(&table, &key, &value) {
                    self.publishers.insert(key, publisher);
                }
            }
            "statements" => {
                if let Some(statement) = self.read::<Statement>(&table, &key, &value) {
                    self.statements.insert((statement.publisher, statement.id()), statement.net_minor);
                }
            }
            "payouts" => {
                if let Some(payout) = self.read::<Payout>(&table, &key, &value) {
                    self.payouts.insert((payout.publisher, payout.id), payout);
                }
            }
            "publisher-names" => drop(self.names.insert(key, value)),
            "api-keys" => drop(self.api_keys.insert(key, value)),
            _ => {}
        }
    }

    fn findings(mut self) -> Findings {
        self.compare_marks();
        self.compare_credits();
        self.compare_answers();
        self.compare_publishers();
        self.compare_payouts();
        self.findings
    }
}

impl RedeemerBooks {
    fn read<R: Record>(&mut self, table: &str, key: &[u8], value: &[u8]) -> Option<R> {
        record::decode(value).map_err(|error| self.find(table, key, &error.to_string())).ok()
    }

    fn find(&mut self, table: &str, key: &[u8], what: &str) {
        self.findings.insert(format!("{table} {}: {what}", HEXLOWER.encode(key)));
    }

    fn add_total(&mut self, key: &[u8], value: &[u8]) {
        let Some(RedeemedTotal { denomination, tokens }) = self.read("redeemed-totals", key, value) else {
            return;
        };
        let Ok((id, day)) = split_key_day(key) else {
            return self.find("redeemed-totals", key, "its key is not a token key's day");
        };
        add(&mut self.redeemed, id.as_bytes().to_vec(), tokens);
        add(&mut self.redeemed_on, (denomination, day), tokens);
    }

    fn add_credit(&mut self, key: Vec<u8>, value: &[u8]) {
        let Some(Credit { denomination, tokens }) = self.read("credits", &key, value) else { return };
        let day = key.get(16..20).and_then(|day| <[u8; 4]>::try_from(day).ok());
        match day.and_then(|day| Day::from_number(u32::from_be_bytes(day))) {
            Some(day) => add(&mut self.credited_on, (denomination, day), tokens),
            None => self.find("credits", &key, "its key is not a publisher's day"),
        }
        self.credited.insert(key);
    }

    fn compare_marks(&mut self) {
        let mut found = Vec::new();
        let mut ordinals = BTreeSet::new();
        for (key, set) in &self.sets {
            let ordinal = set.ordinal.to_be_bytes().to_vec();
            let marks = self.marks.get(&ordinal).copied().unwrap_or(0);
            ordinals.insert(ordinal);
            let of = |counts: &BTreeMap<Vec<u8>, u64>| counts.get(key).copied().unwrap_or(0);
            let redeemed = of(&self.redeemed).saturating_add(of(&self.uncredited));
            // The marks of a closed set are on their way out.
            if !set.closed && marks != redeemed {
                let what = if marks < redeemed { "fewer" } else { "more" };
                let what = format!("it has {what} marks than tokens of the key were redeemed");
                found.push(("spent-sets", key.clone(), what));
            }
        }
        for key in self.pinned.iter().chain(self.redeemed.keys()) {
            if !self.sets.contains_key(key) {
                found.push((
                    "spent-sets",
                    key.clone(),
                    "the token key is known, and has no spent set".to_owned(),
                ));
            }
        }
        for ordinal in self.marks.keys().filter(|ordinal| !ordinals.contains(*ordinal)) {
            found.push(("spent-marks", ordinal.clone(), "the marks belong to no spent set".to_owned()));
        }
        for (table, key, what) in found {
            self.find(table, &key, &what);
        }
    }

    fn compare_credits(&mut self) {
        let days: BTreeSet<_> = self.redeemed_on.keys().chain(self.credited_on.keys()).copied().collect();
        for day in days {
            if self.redeemed_on.get(&day).unwrap_or(&0) != self.credited_on.get(&day).unwrap_or(&0) {
                let what = "what was redeemed is not what publishers were credited";
                self.findings.insert(format!("{} on {}: {what}", day.0, day.1));
            }
        }
        for key in std::mem::take(&mut self.credited) {
            if key.get(..16).is_none_or(|publisher| !self.publishers.contains_key(publisher)) {
                self.find("credits", &key, "it is of a publisher that is not there");
            }
        }
    }

    fn compare_answers(&mut self) {
        let mut found = Vec::new();
        for (mac, end) in &self.kept {
            if !self.kept_by_end.contains(&[end.to_be_bytes().as_slice(), mac].concat()) {
                found.push(("kept-answers", mac.clone(), "it is not in the index by which it is forgotten"));
            }
        }
        for entry in &self.kept_by_end {
            let (end, mac) = entry.split_at(entry.len().min(8));
            if self.kept.get(mac).is_none_or(|of_answer| of_answer.to_be_bytes() != end) {
                found.push(("kept-answers-by-end", entry.clone(), "there is no such answer"));
            }
        }
        for (table, key, what) in found {
            self.find(table, &key, what);
        }
    }

    fn compare_payouts(&mut self) {
        let payouts = std::mem::take(&mut self.payouts);
        let mut paid: BTreeMap<(PublisherId, StatementId), i128> = BTreeMap::new();
        for payout in payouts.values() {
            *paid.entry((payout.publisher, payout.statement)).or_default() += i128::from(payout.amount_minor);
            let is_opposite = |reversed: &EntryId| {
                payouts.get(&(payout.publisher, *reversed)).is_some_and(|reversed| {
                    reversed.reversal(payout.reference.clone(), payout.made) == *payout
                })
            };
            if !payout.reverses.as_ref().map_or(payout.amount_minor > 0, is_opposite) {
                let what =
                    format!("the payout {} is neither paid nor the opposite of one that is", payout.id);
                self.find("payouts", payout.publisher.as_bytes(), &what);
            }
        }
        for ((publisher, id), paid) in paid {
            let net = self.statements.get(&(publisher, id)).copied().unwrap_or(0);
            if i128::from(net.max(0)) < paid {
                let what = format!("more of the statement {id} was paid than it comes to");
                self.find("payouts", publisher.as_bytes(), &what);
            }
        }
    }

    fn compare_publishers(&mut self) {
        let mut names = BTreeMap::new();
        let mut api_keys = BTreeMap::new();
        for (id, publisher) in &self.publishers {
            names.extend(publisher.name().map(|name| (name.as_str().as_bytes().to_vec(), id.clone())));
            let in_force = publisher.keys_in_force();
            api_keys.extend(in_force.map(|key| (key.hash.as_bytes().to_vec(), id.clone())));
        }
        let names = differing(&names, &self.names);
        let api_keys = differing(&api_keys, &self.api_keys);
        for key in names {
            self.find("publisher-names", &key, "it does not agree with the publishers");
        }
        for key in api_keys {
            self.find("api-keys", &key, "it does not agree with the publishers");
        }
    }
}

fn add<K: Ord>(sums: &mut BTreeMap<K, u64>, key: K, tokens: u64) {
    let sum = sums.entry(key).or_default();
    *sum = sum.saturating_add(tokens);
}

/// The keys that are not the same in both.
fn differing(one: &BTreeMap<Vec<u8>, Vec<u8>>, other: &BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<Vec<u8>> {
    let keys: BTreeSet<_> = one.keys().chain(other.keys()).collect();
    keys.into_iter().filter(|key| one.get(*key) != other.get(*key)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A payout, or what comes of it, as a walk through the store meets it.
    fn met(payout: &Payout) -> BackupEntry {
        let key = [payout.publisher.as_bytes().as_slice(), payout.id.as_bytes()].concat();
        BackupEntry { table: "payouts".to_owned(), key, value: record::encode(payout).unwrap() }
    }

    #[test]
    fn a_reversal_is_the_opposite_of_a_payout_that_is_there() {
        let paid = Payout {
            id: EntryId::random().unwrap(),
            publisher: PublisherId::from_bytes([1; 16]),
            statement: "EUR.2026-11-30".parse().unwrap(),
            amount_minor: 5,
            reference: "transfer 7".parse().unwrap(),
            payout_reference: None,
            reverses: None,
            made: "2027-01-02".parse().unwrap(),
        };
        let back = paid.reversal("it came back".parse().unwrap(), paid.made);
        let found = |payouts: &[&Payout]| {
            let mut books = RedeemerBooks::default();
            for payout in payouts {
                books.add(met(payout));
            }
            books.findings().into_iter().collect::<Vec<_>>().join("\n")
        };
        assert!(found(&[&paid]).contains("more of the statement EUR.2026-11-30 was paid than it comes to"));
        assert_eq!(found(&[&paid, &back]), "");
        let other = Payout { amount_minor: -4, ..back.clone() };
        for wrong in [&[&back][..], &[&paid, &other], &[&Payout { amount_minor: -5, ..paid.clone() }]] {
            assert!(found(wrong).contains("is neither paid nor the opposite of one that is"), "{wrong:?}");
        }
    }
}
