use std::collections::HashSet;

use async_trait::async_trait;
use farthing_api::TokenResult;
use farthing_protocol::Day;
use farthing_service::redis::{Call, RedisStore, Script};
use farthing_service::unavailable::Unavailable;
use farthing_service::{record, redis_script};

use super::ledger::{credit_entries, credit_entry, credit_key};
use super::redeemed_totals::{total_key, totals_key};
use super::spent_sets::{self, SET_VERSION, spent_set};
use super::{VERSION, kept_answer, kept_answers_by_end, unreadable};
use crate::redemption::{Answer, IdempotencyMac, Judged, SpentMark, accepted_by_key, credited, settle};
use crate::store::{KeptAnswer, NewSet, Redeemed, Redemption, SpentTokens};

static REDEEM: Script = redis_script!("scripts/redeem.lua");
static KEPT_ANSWER: Script = redis_script!("scripts/kept_answer.lua");

/// How often a redemption is tried anew because tokens turned out to be spent, or sets closed, meanwhile. Each try
/// learns of all that are so by then.
const TRIES: usize = 8;

#[async_trait]
impl SpentTokens for RedisStore {
    async fn open_sets(&self, sets: Vec<NewSet>) -> Result<(), Unavailable> {
        spent_sets::open(self, sets).await
    }

    async fn redeem(&self, redemption: Redemption) -> Result<Redeemed, Unavailable> {
        let mut known = Known::default();
        for _ in 0..TRIES {
            let attempt = Attempt::new(&redemption, &known)?;
            let (outcome, details): (String, Vec<u8>) = self.write(&REDEEM, attempt.call(self)?).await?;
            match outcome.as_str() {
                "done" => return Ok(Redeemed::Done(attempt.answer)),
                "kept" => {
                    let kept: KeptAnswer = record::decode(&details).map_err(unreadable)?;
                    return Ok(kept.meets(&redemption.request));
                }
                "spent" => known.spent.extend(attempt.flagged(&details)),
                "closed" => known.closed.extend(flags(&details)),
                "lost" => {
                    return Err(Unavailable::because(
                        "the spent set of a token key is missing or incomplete",
                    ));
                }
                _ => return Err(Unavailable::because("a script returned an unknown outcome")),
            }
        }
        Err(Unavailable::because("tokens kept being spent elsewhere"))
    }

    async fn kept_answer(&self, key: IdempotencyMac, now: u64) -> Result<Option<KeptAnswer>, Unavailable> {
        let call = Call::new().key(kept_answer(self, &key)).number(now);
        let mut found: Option<Vec<u8>> = self.run(&KEPT_ANSWER, call.clone()).await?;
        if found.is_some() {
            // It is going to be answered again, so it must be as safe as when it was answered first.
            found = self.confirm(&KEPT_ANSWER, call).await?;
        }
        found.map(|bytes| record::decode(&bytes).map_err(unreadable)).transpose()
    }
}

/// What earlier tries have shown, and what will never change again.
#[derive(Default)]
struct Known {
    /// Tokens that are spent, by the index of their key and their mark.
    spent: HashSet<(usize, SpentMark)>,
    /// Indexes of keys whose sets are closed.
    closed: HashSet<usize>,
}

/// A redemption as it comes out if nothing more is spent or closed than is known.
struct Attempt<'a> {
    redemption: &'a Redemption,
    /// Genuine tokens not known to be spent, which the script looks at, and whether each is taken.
    looked_at: Vec<(usize, SpentMark, bool)>,
    /// How many are taken of each key.
    counts: Vec<u64>,
    answer: Answer,
}

impl<'a> Attempt<'a> {
    fn new(redemption: &'a Redemption, known: &Known) -> Result<Self, Unavailable> {
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
                Some((*key, *mark, *result == TokenResult::Accepted))
            }
            _ => None,
        });
        let looked_at = looked_at.collect();
        let counts = accepted_by_key(&tokens, &results, redemption.keys.len());
        let credited = credited(&redemption.keys, &counts).map_err(Unavailable::because)?;
        Ok(Self { redemption, looked_at, counts, answer: Answer { results, credited } })
    }

    /// The call of `redeem.lua`; the script's own words say what is where.
    fn call(&self, store: &RedisStore) -> Result<Call, Unavailable> {
        let Redemption { publisher, key, request, keys, now, .. } = self.redemption;
        let day = Day::from_unix(*now);
        let kept = KeptAnswer::new(*request, self.answer.clone(), *now);
        let mut call = Call::new()
            .key(kept_answer(store, key))
            .key(kept_answers_by_end(store))
            .key(totals_key(store))
            .key(credit_entries(store, *publisher))
            .number(VERSION)
            .number(SET_VERSION)
            .arg(spent_sets::buckets(store))
            .number(*now)
            .number(kept.forget_from)
            .arg(record::encode(&kept).map_err(unreadable)?)
            .arg(*key.as_bytes())
            .number(keys.len() as u64);
        for (index, (facts, count)) in keys.iter().zip(&self.counts).enumerate() {
            let entry = credit_entry(day, facts.denomination);
            call = call
                .key(spent_set(store, &facts.id))
                .key(total_key(store, facts.id, day))
                .key(credit_key(store, *publisher, &entry))
                .number(*count)
                .arg(farthing_service::key_day::key_day(facts.id, day))
                .arg(facts.denomination.to_string())
                .arg(entry);
            let marks: Vec<_> = self.looked_at.iter().filter(|(of, ..)| *of == index).collect();
            call = call.number(marks.len() as u64);
            for (_, mark, is_taken) in marks {
                call = call.arg(if *is_taken { "1" } else { "0" }).arg(*mark.as_bytes());
            }
        }
        Ok(call)
    }

    /// The tokens that the script flagged, which it was given key by key.
    fn flagged(&self, flags: &[u8]) -> Vec<(usize, SpentMark)> {
        let by_key = (0..self.redemption.keys.len())
            .flat_map(|index| self.looked_at.iter().filter(move |(of, ..)| *of == index));
        by_key
            .zip(flags)
            .filter(|(_, flag)| **flag == b'1')
            .map(|((key, mark, _), _)| (*key, *mark))
            .collect()
    }
}

/// The indexes at which there is a `1`.
fn flags(text: &[u8]) -> Vec<usize> {
    text.iter().enumerate().filter(|(_, flag)| **flag == b'1').map(|(index, _)| index).collect()
}
