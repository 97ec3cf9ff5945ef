//! What is kept for its time: answers for two days, sets until their keys are over.

use super::*;

pub async fn answers_are_kept_for_their_time<F: Fixture>() {
    let (_fixture, store) = with_sets::<F>().await;
    // A second past the hour: kept for 48 hours and to the end of the hour.
    let now = NOW + 1;
    let end = NOW + 49 * 3_600;
    let first = Redemption { now, ..redemption("a", true, vec![genuine(0, 1)]) };
    store.redeem(first.clone()).await.unwrap();
    for number in 0..5 {
        let later =
            Redemption { now: end, ..redemption(&format!("b{number}"), true, vec![genuine(0, 10 + number)]) };
        store.redeem(later).await.unwrap();
    }
    assert_eq!(store.count_kept_answers().await.unwrap(), 6);
    let kept = store.kept_answer(idempotency("a"), end - 1).await.unwrap().unwrap();
    assert_eq!(kept.forget_from, end);
    assert!(store.kept_answer(idempotency("a"), end).await.unwrap().is_none());

    // An old answer that is not dropped yet does not stand in the way, and its successor outlives its dropping.
    let again = Redemption { now: end, tokens: vec![genuine(0, 2)], request: request_mac("again"), ..first };
    assert_eq!(results(&*store, again).await, [Accepted]);
    assert_eq!(store.drop_old_answers(end, 3).await.unwrap(), Slice::Last);
    assert!(store.kept_answer(idempotency("a"), end).await.unwrap().is_some());

    let much_later = end + 49 * 3_600;
    assert_eq!(store.drop_old_answers(much_later, 4).await.unwrap(), Slice::More);
    assert_eq!(store.drop_old_answers(much_later, 4).await.unwrap(), Slice::Last);
    assert_eq!(store.count_kept_answers().await.unwrap(), 0);
    assert!(
        store.kept_answer(idempotency("b0"), end).await.unwrap().is_none(),
        "it is gone whatever the time"
    );
}

pub async fn a_set_that_is_missing_is_never_empty<F: Fixture>() {
    let (_fixture, store) = with_sets::<F>().await;
    let lost = Redemption { keys: vec![key_facts(9)], ..redemption("a", false, vec![genuine(0, 1)]) };
    // What is lost spoils nothing beside it, not even in the same commit.
    let beside = redemption("b", true, vec![genuine(0, 1)]);
    let (lost, beside) = tokio::join!(store.redeem(lost), store.redeem(beside));
    assert!(lost.is_err() && beside.is_ok());
    assert_eq!(euro_tokens(&*store).await, 1);
    // Opening it again, as after a restart, leaves what is in it.
    store.open_sets(vec![new_set(0, REDEEM_UNTIL)]).await.unwrap();
    assert_eq!(results(&*store, redemption("c", true, vec![genuine(0, 1)])).await, [Spent]);
}

pub async fn ended_sets_are_closed_for_ever<F: Fixture>() {
    let (_fixture, store) = with_sets::<F>().await;
    let other = TokenKeyId::from_bytes([3; 32]);
    store.open_sets(vec![new_set(3, REDEEM_UNTIL + 1)]).await.unwrap();
    let keys = vec![key_facts(0), KeyFacts { id: other, ..key_facts(1) }];
    let tokens = (0..5).flat_map(|number| [genuine(0, number), genuine(1, number)]).collect();
    let first = Redemption { keys: keys.clone(), ..redemption("a", true, tokens) };
    results(&*store, first).await;

    let closing = u64::from(REDEEM_UNTIL + 7) * SECONDS_PER_DAY;
    let again = |key: &str| Redemption {
        keys: keys.clone(),
        ..redemption(key, false, vec![genuine(0, 1), genuine(1, 1)])
    };
    assert_eq!(store.drop_ended_sets(closing - 1, 3).await.unwrap(), Slice::Last);
    assert_eq!(results(&*store, again("b")).await, [Spent, Spent]);
    let mut slices = 1;
    while store.drop_ended_sets(closing, 3).await.unwrap() == Slice::More {
        assert_eq!(results(&*store, again(&format!("c{slices}"))).await, [Expired, Spent], "closed first");
        slices += 1;
        assert!(slices < 100, "there is always more to drop");
    }
    assert!(slices > 1, "all at once");
    store.open_sets(vec![new_set(0, REDEEM_UNTIL)]).await.unwrap();
    assert_eq!(results(&*store, again("d")).await, [Expired, Spent]);
}
