use std::collections::HashSet;

use farthing_api::TokenResult;
use farthing_protocol::Day;
use farthing_service::redis::{Call, RedisStore};
use farthing_service::unavailable::Unavailable;

use super::VERSION;
use super::ledger::{credit_entries, credit_entry, credit_key};
use super::redeemed_totals::{total_key, totals_key};
use super::spent_sets::{self, SET_VERSION, spent_set};
use crate::redemption::{Answer, Judged, SpentMark, accepted_by_key, credited, settle};
use crate::store::{KeptAnswer, Redemption};

/// What earlier tries have shown, and what will never change again.
#[derive(Default)]
pub(super) struct Known {
    /// Tokens that are spent, by the index of their key and their mark.
    spent: HashSet<(usize, SpentMark)>,
    /// Indexes of keys whose sets are closed.
    closed: HashSet<usize>,
}

/// A redemption as it comes out if nothing more is spent or closed than is known.
pub(super) struct Attempt<'a> {
    redemption: &'a Redemption,
    /// Genuine tokens not known to be spent, which the scripts look at.
    looked_at: Vec<LookedAt>,
    pub(super) answer: Answer,
}

#[derive(Clone, Copy)]
struct LookedAt {
    key: usize,
    mark: SpentMark,
    is_taken: bool,
}

/// The part of an attempt that one script is given.
pub(super) struct Part<'a> {
    attempt: &'a Attempt<'a>,
    /// Indexes of the keys, in the order in which the script gets them.
    keys: Vec<usize>,
    /// The tokens, key by key.
    looked_at: Vec<LookedAt>,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(redemption: &'a Redemption, known: &Known) -> Result<Self, Unavailable> {
        // A token whose set is closed is refused as what it is: its key has ended.
        let tokens: Vec<Judged> = redemption
            .tokens
            .iter()
            .map(|judged| match judged {
                Judged::Genuine { key, .. } if known.closed.contains(key) => {
                    Judged::Refused(TokenResult::Expired)
                }
                other => *other,
            })
            .collect();
        let results = settle(redemption.atomic, &tokens, |key, mark| known.spent.contains(&(key, *mark)));
        let looked_at = tokens.iter().zip(&results).filter_map(|(judged, result)| match judged {
            Judged::Genuine { key, mark } if !known.spent.contains(&(*key, *mark)) => {
                Some(LookedAt { key: *key, mark: *mark, is_taken: *result == TokenResult::Accepted })
            }
            _ => None,
        });
        let looked_at = looked_at.collect();
        let counts = accepted_by_key(&tokens, &results, redemption.keys.len());
        let credited = credited(&redemption.keys, &counts).map_err(Unavailable::because)?;
        Ok(Self {
            redemption,
            looked_at,
            answer: Answer { results, credited, day: Day::from_unix(redemption.now) },
        })
    }

    /// The answer as it will be kept.
    pub(super) fn kept(&self) -> KeptAnswer {
        KeptAnswer::new(self.redemption.request, self.answer.clone(), self.redemption.now)
    }

    /// All of it, with all its keys.
    pub(super) fn whole(&'a self) -> Part<'a> {
        self.part((0..self.redemption.keys.len()).collect(), |_| true)
    }

    /// The tokens that lie in one of `groups`, with their keys alone.
    pub(super) fn in_group(&'a self, group: usize, groups: usize) -> Part<'a> {
        let is_here = |mark: &SpentMark| mark.group(groups) == group;
        let has_any = |key: &usize| self.looked_at.iter().any(|it| it.key == *key && is_here(&it.mark));
        self.part((0..self.redemption.keys.len()).filter(has_any).collect(), is_here)
    }

    fn part(&'a self, keys: Vec<usize>, is_in: impl Fn(&SpentMark) -> bool) -> Part<'a> {
        let of_key = |key: &usize| {
            let key = *key;
            self.looked_at.iter().filter(move |it| it.key == key).copied()
        };
        let looked_at = keys.iter().flat_map(of_key).filter(|it| is_in(&it.mark)).collect();
        Part { attempt: self, keys, looked_at }
    }
}

impl Part<'_> {
    /// Whether there is nothing to look at.
    pub(super) fn is_empty(&self) -> bool {
        self.looked_at.is_empty()
    }

    /// Whether anything is taken.
    pub(super) fn takes_any(&self) -> bool {
        self.looked_at.iter().any(|it| it.is_taken)
    }

    /// The call of a script that begins with `tokens.lua`, whose words say what is where. `keys` and `arguments` are the
    /// script's own.
    pub(super) fn call(&self, store: &RedisStore, keys: [Vec<u8>; 2], arguments: [Vec<u8>; 4]) -> Call {
        let Redemption { publisher, now, .. } = self.attempt.redemption;
        let day = Day::from_unix(*now);
        let mut call = Call::new();
        for key in keys {
            call = call.key(key);
        }
        call = call
            .key(totals_key(store))
            .key(credit_entries(store, *publisher))
            .number(VERSION)
            .number(SET_VERSION)
            .arg(spent_sets::buckets(store));
        for argument in arguments {
            call = call.arg(argument);
        }
        call = call.number(self.keys.len() as u64);
        for index in &self.keys {
            let Some(facts) = self.attempt.redemption.keys.get(*index) else { continue };
            let entry = credit_entry(day, facts.denomination);
            let here: Vec<_> = self.looked_at.iter().filter(|it| it.key == *index).collect();
            call = call
                .key(spent_set(store, &facts.id))
                .key(total_key(store, facts.id, day))
                .key(credit_key(store, *publisher, &entry))
                .number(here.iter().filter(|it| it.is_taken).count() as u64)
                .arg(farthing_service::key_day::key_day(facts.id, day))
                .arg(facts.denomination.to_string())
                .arg(entry)
                .arg(here.iter().flat_map(|it| *it.mark.as_bytes()).collect::<Vec<u8>>());
        }
        call
    }

    /// Learns that the script flagged these tokens as spent.
    pub(super) fn learn_spent(&self, flags: &[u8], known: &mut Known) {
        let flagged = self.looked_at.iter().zip(flags).filter(|(_, flag)| **flag == b'1');
        known.spent.extend(flagged.map(|(it, _)| (it.key, it.mark)));
    }

    /// Learns that the script flagged the sets of these keys as closed.
    pub(super) fn learn_closed(&self, flags: &[u8], known: &mut Known) {
        let flagged = self.keys.iter().zip(flags).filter(|(_, flag)| **flag == b'1');
        known.closed.extend(flagged.map(|(key, _)| *key));
    }
}
