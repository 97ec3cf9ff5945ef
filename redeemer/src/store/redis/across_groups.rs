//! Redemptions in a store that is divided into groups of keys, which no script can change together: all or nothing all the
//! same.
//!
//! A redemption reserves its tokens in each group they lie in, and leaves there what is to be done with them. Then one
//! record, in the group where its answer is kept, decides: whoever first writes `commit` or `abort` has decided for ever.
//! Only then each group does what it was left, or lets go of it. Every step is confirmed by the replicas before the next.
//! A process that dies leaves an unfinished redemption, which anybody can finish: without a decision it is aborted, which
//! must first be written as one. Tokens that it holds meanwhile are neither spent nor free: whoever brings them hears
//! "unavailable".

use std::collections::HashSet;
use std::time::Duration;

use farthing_service::redis::{Call, RedisStore, Script};
use farthing_service::unavailable::Unavailable;
use farthing_service::{record, redis_script};

use super::attempt::{Attempt, Known, Part};
use super::spent_sets::SET_VERSION;
use super::spent_tokens::{TRIES, lost};
use super::{VERSION, kept_answer, kept_answers_by_end, unreadable};
use crate::store::{KeptAnswer, Redeemed, Redemption, SpentTokens, Unfinished, forgotten_from};

static RESERVE: Script = redis_script!("scripts/tokens.lua", "scripts/reserve.lua");
static DECIDE: Script = redis_script!("scripts/decide.lua");
static DECISION: Script = redis_script!("scripts/decision.lua");
static FINISH: Script = redis_script!("scripts/tokens.lua", "scripts/finish.lua");
static UNFINISHED: Script = redis_script!("scripts/unfinished.lua");

/// The shortest pause before tokens that another redemption holds are tried again, and the step of longer ones.
const HELD_PAUSE: Duration = Duration::from_millis(3);

/// A redemption under way: 16 random bytes, and the group that decides.
#[derive(Clone, Copy)]
pub(super) struct RedemptionId {
    random: [u8; 16],
    home: u8,
}

impl RedemptionId {
    const LENGTH: usize = 17;

    fn new(home: usize) -> Result<Self, Unavailable> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(Unavailable::because)?;
        Ok(Self { random, home: u8::try_from(home).map_err(Unavailable::because)? })
    }

    fn to_bytes(self) -> [u8; Self::LENGTH] {
        let mut bytes = [self.home; Self::LENGTH];
        bytes.iter_mut().zip(self.random).for_each(|(byte, random)| *byte = random);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, Unavailable> {
        match bytes.split_first_chunk::<16>() {
            Some((random, [home])) => Ok(Self { random: *random, home: *home }),
            _ => Err(Unavailable::because("an unfinished redemption has no id")),
        }
    }
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Commit,
    Abort,
}

impl Decision {
    const fn word(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Abort => "abort",
        }
    }

    fn read(word: &str) -> Result<Self, Unavailable> {
        match word {
            "commit" => Ok(Self::Commit),
            "abort" => Ok(Self::Abort),
            _ => Err(Unavailable::because("a redemption was decided in words of another release")),
        }
    }
}

/// A hash: ordinal of the set and mark, to the id of the redemption that holds the token.
pub(super) fn held_marks(store: &RedisStore) -> Vec<u8> {
    store.key(&[b"held-marks"])
}

/// A hash with the fields `version` and `work`: what is to be done if a redemption is committed.
fn unfinished(store: &RedisStore, id: RedemptionId) -> Vec<u8> {
    store.key(&[b"unfinished:", &id.to_bytes()])
}

/// A set: the ids of redemptions that are not finished.
pub(super) fn all_unfinished(store: &RedisStore) -> Vec<u8> {
    store.key(&[b"unfinished"])
}

/// What the names of decisions begin with; the id follows. A decision is a string, `commit` or `abort`.
pub(super) fn decisions(store: &RedisStore) -> Vec<u8> {
    store.key(&[b"decision:"])
}

/// A sorted set: the ids of decided redemptions, by the second from which the decision is forgotten.
pub(super) fn decisions_by_end(store: &RedisStore) -> Vec<u8> {
    store.key(&[b"decisions-by-end"])
}

fn decision_key(store: &RedisStore, id: RedemptionId) -> Vec<u8> {
    [decisions(store), id.to_bytes().to_vec()].concat()
}

/// Takes the tokens of a redemption.
pub(super) async fn redeem(store: &RedisStore, redemption: &Redemption) -> Result<Redeemed, Unavailable> {
    let home = store.in_group(redemption.key.home());
    let mut known = Known::default();
    for _ in 0..TRIES {
        let attempt = Attempt::new(redemption, &known)?;
        let id = RedemptionId::new(home.group())?;
        match reserve(store, &attempt, id, &mut known).await {
            Ok(Reserved::Everywhere) => {}
            Ok(Reserved::NothingToTake) => {
                // Tokens may be spent because an equal request was answered: its answer was kept before they were.
                let kept = store.kept_answer(redemption.key, redemption.now).await?;
                let answered = kept.map(|kept| kept.meets(&redemption.request));
                return Ok(answered.unwrap_or(Redeemed::Done(attempt.answer)));
            }
            Ok(Reserved::Refused) => {
                abort(store, id, redemption.now).await?;
                continue;
            }
            Ok(Reserved::Held) => {
                abort(store, id, redemption.now).await?;
                // Of two that each hold what the other wants one must come back first.
                tokio::time::sleep(HELD_PAUSE * u32::from(1 + id.random[0] % 16)).await;
                continue;
            }
            Err(cause) => {
                // What may have been reserved is let go of now if that can be done, and later otherwise.
                let _ = abort(store, id, redemption.now).await;
                return Err(cause);
            }
        }
        store.step("redemption.reserved");
        let kept = attempt.kept();
        let call = Call::new()
            .key(decision_key(&home, id))
            .key(decisions_by_end(&home))
            .key(kept_answer(&home, &redemption.key))
            .key(kept_answers_by_end(&home))
            .arg(Decision::Commit.word())
            .arg(id.to_bytes())
            .number(redemption.now)
            .number(kept.forget_from)
            .arg(record::encode(&kept).map_err(unreadable)?)
            .arg(*redemption.key.as_bytes());
        let (outcome, details): (String, Vec<u8>) = home.write(&DECIDE, call).await?;
        let (decision, redeemed) = match outcome.as_str() {
            "kept" => {
                let kept: KeptAnswer = record::decode(&details).map_err(unreadable)?;
                (Decision::Abort, Some(kept.meets(&redemption.request)))
            }
            word => match Decision::read(word)? {
                Decision::Commit => (Decision::Commit, Some(Redeemed::Done(attempt.answer))),
                Decision::Abort => (Decision::Abort, None),
            },
        };
        store.step("redemption.decided");
        // What was decided holds whether or not every group hears of it now.
        let finished = finish_everywhere(store, id, decision).await;
        match redeemed {
            Some(redeemed) => return Ok(redeemed),
            None => finished?,
        }
    }
    Err(Unavailable::because("other redemptions, not finished yet, held tokens all the time"))
}

enum Reserved {
    /// Every token that is to be taken.
    Everywhere,
    /// No token is to be taken, and all that was looked at is as was known.
    NothingToTake,
    /// Something is otherwise than was known, which is known now.
    Refused,
    /// Another redemption, which is not decided yet, holds a token.
    Held,
}

async fn reserve(
    store: &RedisStore,
    attempt: &Attempt<'_>,
    id: RedemptionId,
    known: &mut Known,
) -> Result<Reserved, Unavailable> {
    let mut taken = false;
    let mut refused = None;
    let groups = store.groups().len();
    for group in store.groups() {
        let part = attempt.in_group(group.group(), groups);
        if part.is_empty() {
            continue;
        }
        taken |= part.takes_any();
        // Every group is asked, so that the next try knows all that is spent.
        refused = reserve_part(store, &group, &part, id, known).await?.or(refused);
    }
    Ok(match refused {
        Some(refused) => refused,
        None if taken => Reserved::Everywhere,
        None => Reserved::NothingToTake,
    })
}

/// Reserves a group's part; why not, if not.
async fn reserve_part(
    store: &RedisStore,
    group: &RedisStore,
    part: &Part<'_>,
    id: RedemptionId,
    known: &mut Known,
) -> Result<Option<Reserved>, Unavailable> {
    let keys = [held_marks(group), unfinished(group, id)];
    let arguments = [id.to_bytes().to_vec(), Vec::new(), Vec::new(), Vec::new()];
    let call = part.call(group, keys, arguments).key(all_unfinished(group));
    let (outcome, details): (String, Vec<u8>) = group.write(&RESERVE, call).await?;
    match outcome.as_str() {
        "done" => return Ok(None),
        "spent" => part.learn_spent(&details, known),
        "closed" => part.learn_closed(&details, known),
        "lost" => return Err(lost()),
        "held" => {
            let holder = RedemptionId::from_bytes(&details)?;
            // One that was decided is finished here and now; one that was not may be about to be.
            match decision(store, holder).await? {
                Some(decided) => finish(group, holder, decided).await?,
                None => return Ok(Some(Reserved::Held)),
            }
        }
        _ => return Err(Unavailable::because("a script returned an unknown outcome")),
    }
    Ok(Some(Reserved::Refused))
}

/// What was decided about a redemption, if anything; the replicas have it.
async fn decision(store: &RedisStore, id: RedemptionId) -> Result<Option<Decision>, Unavailable> {
    let home = store.in_group(id.home.into());
    let found: Option<String> = home.confirm(&DECISION, Call::new().key(decision_key(&home, id))).await?;
    found.map(|word| Decision::read(&word)).transpose()
}

/// Aborts a redemption unless it was committed, and finishes it.
async fn abort(store: &RedisStore, id: RedemptionId, now: u64) -> Result<(), Unavailable> {
    let home = store.in_group(id.home.into());
    let call = Call::new()
        .key(decision_key(&home, id))
        .key(decisions_by_end(&home))
        .arg(Decision::Abort.word())
        .arg(id.to_bytes())
        .number(now)
        .number(forgotten_from(now));
    let (outcome, _): (String, Vec<u8>) = home.write(&DECIDE, call).await?;
    finish_everywhere(store, id, Decision::read(&outcome)?).await
}

async fn finish_everywhere(
    store: &RedisStore,
    id: RedemptionId,
    decision: Decision,
) -> Result<(), Unavailable> {
    let mut all = Ok(());
    for group in store.groups() {
        store.step("redemption.finish.before");
        let finished = finish(&group, id, decision).await;
        if finished.is_ok() {
            store.step("redemption.finish.after");
        }
        all = all.and(finished);
    }
    all
}

async fn finish(group: &RedisStore, id: RedemptionId, decision: Decision) -> Result<(), Unavailable> {
    let call = Call::new()
        .key(held_marks(group))
        .key(unfinished(group, id))
        .key(all_unfinished(group))
        .number(VERSION)
        .number(SET_VERSION)
        .arg(decision.word())
        .arg(id.to_bytes());
    group.write(&FINISH, call).await
}

/// Finishes what was decided. Decisions may be forgotten only after this: without its decision, what was committed would
/// be aborted.
///
/// # Errors
/// A group does not answer.
pub(super) async fn finish_decided(store: &RedisStore) -> Result<(), Unavailable> {
    if store.groups().len() == 1 {
        return Ok(());
    }
    for id in unfinished_anywhere(store).await? {
        let id = RedemptionId::from_bytes(&id)?;
        if let Some(decided) = decision(store, id).await? {
            finish_everywhere(store, id, decided).await?;
        }
    }
    Ok(())
}

async fn unfinished_anywhere(store: &RedisStore) -> Result<HashSet<[u8; RedemptionId::LENGTH]>, Unavailable> {
    let mut found = HashSet::new();
    for group in store.groups() {
        let call = Call::new().key(all_unfinished(&group));
        let ids: Vec<Vec<u8>> = group.run(&UNFINISHED, call).await?;
        for id in ids {
            found.insert(RedemptionId::from_bytes(&id)?.to_bytes());
        }
    }
    Ok(found)
}

/// Finishes the redemptions that were unfinished before and still are; those that are unfinished now.
///
/// # Errors
/// A group does not answer.
pub(super) async fn sweep(
    store: &RedisStore,
    before: Unfinished,
    now: u64,
) -> Result<Unfinished, Unavailable> {
    if store.groups().len() == 1 {
        return Ok(before);
    }
    let found = unfinished_anywhere(store).await?;
    let (old, new): (HashSet<_>, HashSet<_>) = found.into_iter().partition(|id| before.0.contains(id));
    for id in old {
        abort(store, RedemptionId::from_bytes(&id)?, now).await?;
    }
    Ok(Unfinished(new))
}

#[cfg(test)]
#[path = "across_groups_tests.rs"]
pub(super) mod tests;
