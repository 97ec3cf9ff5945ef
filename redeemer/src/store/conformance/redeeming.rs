//! Taking tokens: exactly once, all or none, and the same answer to the same request.

use super::*;

pub async fn one_of_many_spends_wins<F: Fixture>() {
    let (_fixture, store) = with_sets::<F>().await;
    let spends: Vec<_> = (0..64)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let redeemed =
                    until_answered(&*store, redemption(&format!("k{number}"), true, vec![genuine(0, 7)]));
                match redeemed.await {
                    Redeemed::Done(answer) => answer.results,
                    other => panic!("{other:?}"),
                }
            })
        })
        .collect();
    let mut winners = 0;
    for spend in spends {
        match spend.await.unwrap()[..] {
            [Accepted] => winners += 1,
            [Spent] => {}
            ref other => panic!("{other:?}"),
        }
    }
    assert_eq!(winners, 1);
    assert_eq!(euro_tokens(&*store).await, 1);
    let totals = store.totals().await.unwrap();
    assert_eq!(totals.iter().map(|(_, _, total)| total.tokens).sum::<u64>(), 1);
}

pub async fn atomic_takes_all_or_none<F: Fixture>() {
    let (_fixture, store) = with_sets::<F>().await;
    assert_eq!(
        results(&*store, redemption("a", true, vec![genuine(0, 1), genuine(1, 1)])).await,
        [Accepted; 2]
    );
    let mixed = vec![genuine(0, 2), genuine(0, 1), genuine(2, 1)];
    assert_eq!(results(&*store, redemption("b", true, mixed.clone())).await, [NotTried, Spent, NotTried]);
    assert_eq!(euro_tokens(&*store).await, 2);
    assert!(store.kept_answer(idempotency("b"), NOW).await.unwrap().is_none(), "a refusal is judged anew");
    let refused = vec![Judged::Refused(Invalid), genuine(0, 2)];
    assert_eq!(results(&*store, redemption("c", true, refused)).await, [Invalid, NotTried]);
    // Nothing was burnt, and the refused key may be used for another request.
    let rest = vec![genuine(0, 2), genuine(2, 1)];
    assert_eq!(results(&*store, redemption("b", true, rest)).await, [Accepted; 2]);
}

pub async fn per_token_takes_what_it_can<F: Fixture>() {
    let (_fixture, store) = with_sets::<F>().await;
    results(&*store, redemption("a", true, vec![genuine(0, 1)])).await;
    let mixed = vec![genuine(0, 1), genuine(0, 2), Judged::Refused(Invalid), genuine(2, 3)];
    let Redeemed::Done(answer) = store.redeem(redemption("b", false, mixed.clone())).await.unwrap() else {
        panic!()
    };
    assert_eq!(answer.results, [Spent, Accepted, Invalid, Accepted]);
    let line = |currency: &str, micros| BalanceEntry { currency: currency.to_owned(), micros, tokens: 1 };
    assert_eq!(answer.credited, [line("EUR", 10_000), line("USD", 5_000)]);
    assert_eq!(store.redeem(redemption("b", false, mixed)).await.unwrap(), Redeemed::Replayed(answer));
}

pub async fn an_equal_request_is_replayed_and_another_refused<F: Fixture>() {
    let (_fixture, store) = with_sets::<F>().await;
    let first = redemption("a", true, vec![genuine(0, 1)]);
    let Redeemed::Done(answer) = store.redeem(first.clone()).await.unwrap() else { panic!() };
    assert_eq!(store.redeem(first.clone()).await.unwrap(), Redeemed::Replayed(answer.clone()));
    let kept = store.kept_answer(idempotency("a"), NOW).await.unwrap().unwrap();
    assert_eq!(kept.answer, answer);
    assert_eq!(kept.meets(&first.request), Redeemed::Replayed(answer));
    let other = Redemption { request: request_mac("other"), tokens: vec![genuine(0, 2)], ..first };
    assert_eq!(store.redeem(other).await.unwrap(), Redeemed::KeyReused);
    assert_eq!(euro_tokens(&*store).await, 1);
    assert_eq!(results(&*store, redemption("b", true, vec![genuine(0, 2)])).await, [Accepted]);
    assert!(store.kept_answer(idempotency("c"), NOW).await.unwrap().is_none());
}

pub async fn equal_requests_at_once_spend_once<F: Fixture>() {
    let (_fixture, store) = with_sets::<F>().await;
    let equal = redemption("a", true, vec![genuine(0, 1), genuine(0, 2)]);
    let spends: Vec<_> = (0..32)
        .map(|_| {
            let (store, equal) = (Arc::clone(&store), equal.clone());
            tokio::spawn(async move { until_answered(&*store, equal).await })
        })
        .collect();
    let mut done = 0;
    for spend in spends {
        match spend.await.unwrap() {
            Redeemed::Done(answer) => {
                done += 1;
                assert_eq!(answer.results, [Accepted; 2]);
            }
            Redeemed::Replayed(answer) => assert_eq!(answer.results, [Accepted; 2]),
            Redeemed::KeyReused => panic!(),
        }
    }
    assert_eq!(done, 1);
    assert_eq!(euro_tokens(&*store).await, 2);
}
