use std::collections::HashSet;

use async_trait::async_trait;
use farthing_api::TokenResult;
use farthing_protocol::Day;
use farthing_service::embedded::{EmbeddedStore, Fault};
use farthing_service::unavailable::Unavailable;
use redb::WriteTransaction;

use super::spent_sets::{self, Found};
use super::{kept_answers, ledger, redeemed_totals};
use crate::redemption::{Answer, IdempotencyMac, Judged, SpentMark, accepted_by_key, credited, settle};
use crate::store::{KeptAnswer, NewSet, Redeemed, Redemption, SpentTokens};

#[async_trait]
impl SpentTokens for EmbeddedStore {
    async fn open_sets(&self, sets: Vec<NewSet>) -> Result<(), Unavailable> {
        self.write(move |transaction| spent_sets::open(transaction, &sets)).await
    }

    async fn redeem(&self, redemption: Redemption) -> Result<Redeemed, Unavailable> {
        let redeemed = self.write(move |transaction| match weigh(transaction, &redemption) {
            Ok(Weighed::Settled(redeemed)) => Ok(Ok(redeemed)),
            Ok(Weighed::Taken(taken)) => take(transaction, &redemption, taken).map(Ok),
            // Nothing was written: a lost set need not spoil the other redemptions of the group.
            Err(fault) => Ok(Err(Unavailable::because(fault))),
        });
        redeemed.await?
    }

    async fn kept_answer(&self, key: IdempotencyMac, now: u64) -> Result<Option<KeptAnswer>, Unavailable> {
        self.read(move |transaction| kept_answers::read(transaction, &key, now)).await
    }
}

/// What a redemption comes to, before anything of it is written.
enum Weighed {
    /// There is nothing to write.
    Settled(Redeemed),
    /// Tokens are to be taken.
    Taken(Taken),
}

/// What is to be written.
struct Taken {
    /// The marks of the tokens, with the ordinals of their sets.
    marks: Vec<(u32, SpentMark)>,
    /// How many tokens are taken of each key.
    counts: Vec<u64>,
    answer: Answer,
}

fn weigh(transaction: &WriteTransaction, redemption: &Redemption) -> Result<Weighed, Fault> {
    if let Some(kept) = kept_answers::find(transaction, &redemption.key, redemption.now)? {
        return Ok(Weighed::Settled(kept.meets(&redemption.request)));
    }
    let keys = &redemption.keys;
    let sets = spent_sets::find(transaction, keys.iter().map(|key| key.id))?;
    let tokens = refuse_closed(&redemption.tokens, &sets);
    let genuine: Vec<(usize, SpentMark)> = tokens.iter().filter_map(as_genuine).collect();
    let spent = spent_sets::contained(transaction, in_sets(&sets, &genuine))?;
    let spent: HashSet<_> =
        genuine.iter().zip(spent).filter(|(_, spent)| *spent).map(|(token, _)| *token).collect();
    let results = settle(redemption.atomic, &tokens, |key, mark| spent.contains(&(key, *mark)));

    let counts = accepted_by_key(&tokens, &results, keys.len());
    let credited = credited(keys, &counts).map_err(Fault::because)?;
    let answer = Answer { results, credited, day: Day::from_unix(redemption.now) };
    if counts.iter().all(|count| *count == 0) {
        return Ok(Weighed::Settled(Redeemed::Done(answer)));
    }
    let accepted = tokens.iter().zip(&answer.results).filter(|(_, result)| **result == TokenResult::Accepted);
    let accepted: Vec<_> = accepted.filter_map(|(token, _)| as_genuine(token)).collect();
    Ok(Weighed::Taken(Taken { marks: in_sets(&sets, &accepted).collect(), counts, answer }))
}

fn take(transaction: &WriteTransaction, redemption: &Redemption, taken: Taken) -> Result<Redeemed, Fault> {
    let Taken { marks, counts, answer } = taken;
    let day = Day::from_unix(redemption.now);
    let by_key = || redemption.keys.iter().zip(counts.iter().copied());
    let by_denomination = by_key().map(|(key, count)| (key.denomination, count));
    spent_sets::insert(transaction, marks.into_iter())?;
    ledger::credit(transaction, redemption.publisher, day, by_denomination)?;
    redeemed_totals::count(transaction, day, by_key())?;
    let kept = KeptAnswer::new(redemption.request, answer.clone(), redemption.now);
    kept_answers::keep(transaction, &redemption.key, &kept)?;
    Ok(Redeemed::Done(answer))
}

/// Tokens of a closed set are refused as what they are: their key has ended.
fn refuse_closed(tokens: &[Judged], sets: &[Found]) -> Vec<Judged> {
    let is_closed = |key: usize| matches!(sets.get(key), Some(Found::Closed));
    tokens
        .iter()
        .map(|judged| match judged {
            Judged::Genuine { key, .. } if is_closed(*key) => Judged::Refused(TokenResult::Expired),
            other => *other,
        })
        .collect()
}

fn as_genuine(judged: &Judged) -> Option<(usize, SpentMark)> {
    match judged {
        Judged::Genuine { key, mark } => Some((*key, *mark)),
        Judged::Refused(_) => None,
    }
}

/// The marks with the ordinals of their sets, all of which are open.
fn in_sets<'a>(
    sets: &'a [Found],
    tokens: &'a [(usize, SpentMark)],
) -> impl Iterator<Item = (u32, SpentMark)> + 'a {
    tokens.iter().filter_map(|(key, mark)| match sets.get(*key) {
        Some(Found::Open(ordinal)) => Some((*ordinal, *mark)),
        _ => None,
    })
}
