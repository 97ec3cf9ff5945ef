//! Redemptions that were left half done at each step, and what becomes of their tokens.

use farthing_service::redis::test_server::TestServer;

use super::*;
use crate::store::Leftovers;
use crate::store::conformance::{Fixture, credit, genuine, idempotency, new_set, publisher, redemption};
use crate::store::redis::tests::OnRedis;
use crate::test_tokens::NOW;

/// A store of three groups, with sets.
async fn divided() -> (OnRedis<3>, RedisStore) {
    let fixture = OnRedis::<3>::fresh().await;
    let store = (*fixture.store()).clone();
    store.open_sets([0, 1, 2].map(|key| new_set(key, 20_890)).to_vec()).await.unwrap();
    (fixture, store)
}

/// Tokens in all three groups.
pub(in super::super) fn spread(key: &str) -> Redemption {
    redemption(key, true, (0..6).map(|number| genuine(0, number)).collect())
}

pub(in super::super) async fn tokens(store: &RedisStore) -> u64 {
    credit(store, publisher(1)).await.iter().map(|entry| entry.tokens).sum()
}

/// Reserves as a process does that dies before it decides.
pub(in super::super) async fn reserved(store: &RedisStore, redemption: &Redemption) -> RedemptionId {
    let attempt = Attempt::new(redemption, &Known::default()).unwrap();
    let id = RedemptionId::new(store.in_group(redemption.key.home()).group()).unwrap();
    let outcome = reserve(store, &attempt, id, &mut Known::default()).await.unwrap();
    assert!(matches!(outcome, Reserved::Everywhere));
    id
}

pub(in super::super) async fn decide_commit(
    store: &RedisStore,
    redemption: &Redemption,
    id: RedemptionId,
) -> String {
    let (attempt, home) =
        (Attempt::new(redemption, &Known::default()).unwrap(), store.in_group(redemption.key.home()));
    let call = Call::new()
        .key(decision_key(&home, id))
        .key(decisions_by_end(&home))
        .key(kept_answer(&home, &redemption.key))
        .key(kept_answers_by_end(&home))
        .arg("commit")
        .arg(id.to_bytes())
        .number(NOW)
        .number(attempt.kept().forget_from)
        .arg(record::encode(&attempt.kept()).unwrap())
        .arg(*redemption.key.as_bytes());
    let (word, _): (String, Vec<u8>) = home.write(&DECIDE, call).await.unwrap();
    word
}

/// Finishes in one group what was committed, as a process does that dies before it comes to the others.
pub(in super::super) async fn finish_commit(store: &RedisStore, group: usize, id: RedemptionId) {
    finish(&store.in_group(group), id, Decision::Commit).await.unwrap();
}

async fn sweep_twice(store: &RedisStore) {
    let found = store.finish_redemptions(Unfinished::default(), NOW).await.unwrap();
    store.finish_redemptions(found, NOW).await.unwrap();
}

/// Nothing but decisions is left of redemptions.
fn assert_nothing_unfinished(server: &TestServer) {
    let keys: Vec<Vec<u8>> =
        ::redis::Commands::keys(&mut server.connection().unwrap(), "*unfinished*").unwrap();
    let held: Vec<Vec<u8>> = ::redis::Commands::keys(&mut server.connection().unwrap(), "*held*").unwrap();
    assert!(keys.is_empty() && held.is_empty(), "{keys:?} {held:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undecided_redemption_holds_its_tokens_until_it_is_aborted() {
    let (fixture, store) = divided().await;
    reserved(&store, &spread("dead")).await;
    // Neither spent nor free, for whoever brings them.
    for key in ["dead", "other"] {
        let cause = store.redeem(spread(key)).await.unwrap_err();
        assert!(cause.to_string().contains("not finished yet"), "{cause}");
    }
    assert_eq!(tokens(&store).await, 0);
    let once = store.finish_redemptions(Unfinished::default(), NOW).await.unwrap();
    assert!(store.redeem(spread("other")).await.is_err(), "it may be under way still");
    store.finish_redemptions(once, NOW).await.unwrap();
    assert_nothing_unfinished(&fixture.server);
    assert!(matches!(store.redeem(spread("other")).await.unwrap(), Redeemed::Done(_)));
    assert_eq!(tokens(&store).await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_committed_redemption_is_finished_by_whoever_meets_it() {
    let (fixture, store) = divided().await;
    let id = reserved(&store, &spread("dead")).await;
    assert_eq!(decide_commit(&store, &spread("dead"), id).await, "commit");
    let refused = store.redeem(spread("other")).await.unwrap();
    let Redeemed::Done(answer) = refused else { panic!("{refused:?}") };
    assert!(answer.credited.is_empty(), "spent, and not by this one");
    assert!(matches!(store.redeem(spread("dead")).await.unwrap(), Redeemed::Replayed(_)));
    assert_eq!(tokens(&store).await, 6, "once");
    sweep_twice(&store).await;
    assert_eq!(tokens(&store).await, 6, "still once");
    assert_nothing_unfinished(&fixture.server);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweeper_does_what_was_decided_and_nothing_else() {
    let (fixture, store) = divided().await;
    let id = reserved(&store, &spread("dead")).await;
    decide_commit(&store, &spread("dead"), id).await;
    sweep_twice(&store).await;
    assert_eq!(tokens(&store).await, 6);
    assert_nothing_unfinished(&fixture.server);
    let kept = store.kept_answer(idempotency("dead"), NOW).await.unwrap();
    assert!(kept.is_some_and(|kept| !kept.answer.credited.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_decides_first_has_decided() {
    let (fixture, store) = divided().await;
    let id = reserved(&store, &spread("slow")).await;
    abort(&store, id, NOW).await.unwrap();
    assert_eq!(decide_commit(&store, &spread("slow"), id).await, "abort");
    assert!(store.kept_answer(idempotency("slow"), NOW).await.unwrap().is_none());
    // A reservation that arrives after all that is let go of by the sweeper.
    let attempt_redemption = spread("slow");
    let attempt = Attempt::new(&attempt_redemption, &Known::default()).unwrap();
    reserve(&store, &attempt, id, &mut Known::default()).await.unwrap();
    sweep_twice(&store).await;
    assert_nothing_unfinished(&fixture.server);
    assert!(matches!(store.redeem(spread("slow")).await.unwrap(), Redeemed::Done(_)));
    assert_eq!(tokens(&store).await, 6);
    // And the other way round.
    let id = reserved(&store, &redemption("fast", true, (10..16).map(|number| genuine(1, number)).collect()))
        .await;
    let fast = redemption("fast", true, (10..16).map(|number| genuine(1, number)).collect());
    assert_eq!(decide_commit(&store, &fast, id).await, "commit");
    abort(&store, id, NOW).await.unwrap();
    assert_eq!(tokens(&store).await, 12, "it was committed before");
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_forgotten_with_the_answers() {
    let (fixture, store) = divided().await;
    store.redeem(spread("a")).await.unwrap();
    let decisions = || -> Vec<Vec<u8>> {
        ::redis::Commands::keys(&mut fixture.server.connection().unwrap(), "*decision:*").unwrap()
    };
    assert_eq!(decisions().len(), 1);
    store.drop_old_answers(NOW + 60 * 3_600, 10).await.unwrap();
    assert!(decisions().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_is_finished_before_its_decision_is_forgotten() {
    let (fixture, store) = divided().await;
    let id = reserved(&store, &spread("dead")).await;
    assert_eq!(decide_commit(&store, &spread("dead"), id).await, "commit");
    // Nobody was there for days.
    store.drop_old_answers(NOW + 60 * 3_600, 10).await.unwrap();
    assert_nothing_unfinished(&fixture.server);
    sweep_twice(&store).await;
    assert_eq!(tokens(&store).await, 6);
    let again = store.redeem(spread("other")).await.unwrap();
    assert!(matches!(&again, Redeemed::Done(answer) if answer.credited.is_empty()), "{again:?}");
}
