//! The operator's entries, and the statements that add everything up.

use super::publishers::{api_key, named};
use super::*;

/// An entry of publisher 1 for the first day, in euro cents.
pub fn adjustment(id: u8, tokens: i64) -> Adjustment {
    Adjustment {
        id: Base64Url([id; 16]).to_string().parse().unwrap(),
        publisher: publisher(1),
        day: Day::from_unix(NOW),
        denomination: key_facts(0).denomination,
        tokens: tokens.try_into().unwrap(),
        reason: "counted twice".parse().unwrap(),
        made: Day::from_unix(NOW),
    }
}

/// Closing publisher 1's statements through so many days after the first, at ten percent.
pub fn closing(days: u32) -> Closing {
    let through = Day::from_unix(NOW).plus(days);
    let commission = serde_json::from_value(1_000.into()).unwrap();
    Closing { publisher: publisher(1), through, closed: through.next(), commission }
}

async fn with_publisher<F: Fixture>() -> (F, Arc<F::Store>) {
    let (fixture, store) = with_sets::<F>().await;
    assert_eq!(store.add(named(1, "Daily", api_key().1)).await.unwrap(), PublisherAdded::Done);
    (fixture, store)
}

pub async fn adjustments_are_kept_once<F: Fixture>() {
    let (_fixture, store) = with_publisher::<F>().await;
    results(&*store, redemption("a", true, vec![genuine(0, 1), genuine(0, 2)])).await;
    let before = store.entries(publisher(1)).await.unwrap();
    let first = adjustment(1, -5);
    assert_eq!(store.adjust(first.clone()).await.unwrap(), Adjusted::Done);
    assert_eq!(store.adjust(first.clone()).await.unwrap(), Adjusted::Kept(first.clone()));
    assert_eq!(store.adjust(adjustment(1, 7)).await.unwrap(), Adjusted::Kept(first.clone()));
    let stranger = Adjustment { publisher: publisher(9), ..adjustment(1, 1) };
    assert_eq!(store.adjust(stranger).await.unwrap(), Adjusted::UnknownPublisher);
    let second = adjustment(2, 1);
    assert_eq!(store.adjust(second.clone()).await.unwrap(), Adjusted::Done);
    let entries = store.entries(publisher(1)).await.unwrap();
    assert_eq!(entries.credits, before.credits, "a credit is never changed");
    assert_eq!(entries.adjustments, [first, second]);
    let balance = entries.balance().unwrap();
    assert_eq!((balance[0].tokens, balance[0].micros, balance.len()), (-2, -20_000, 1));
    assert_eq!(store.entries(publisher(9)).await.unwrap().adjustments, []);
}

pub async fn statements_are_closed_once_and_stay<F: Fixture>() {
    let (_fixture, store) = with_publisher::<F>().await;
    assert_eq!(store.close(closing(0)).await.unwrap(), []);
    let tokens = vec![genuine(0, 1), genuine(0, 2), genuine(1, 1), genuine(2, 1)];
    results(&*store, redemption("a", true, tokens)).await;
    let tomorrow = Redemption { now: NOW + SECONDS_PER_DAY, ..redemption("b", true, vec![genuine(0, 3)]) };
    results(&*store, tomorrow).await;

    let closed = store.close(closing(0)).await.unwrap();
    let seen = |statements: &[Statement]| -> Vec<(String, i64, i64, u64)> {
        let line =
            |one: &Statement| (one.currency.to_string(), one.gross_micros, one.net_minor, one.carried_micros);
        statements.iter().map(line).collect()
    };
    assert_eq!(seen(&closed), [("EUR".to_owned(), 40_000, 3, 6_000), ("USD".to_owned(), 5_000, 0, 4_500)]);
    assert_eq!(store.close(closing(0)).await.unwrap(), []);
    assert_eq!(store.statements(publisher(1)).await.unwrap(), closed);
    assert_eq!(store.statement(publisher(1), closed[1].id()).await.unwrap().as_ref(), closed.get(1));
    assert_eq!(store.statement(publisher(2), closed[1].id()).await.unwrap(), None);
    assert_eq!(
        store
            .statement(publisher(1), Statement { through: Day::MAX, ..closed[0].clone() }.id())
            .await
            .unwrap(),
        None
    );

    // A clock that was set back credits a day that is closed.
    results(&*store, redemption("late", true, vec![genuine(0, 4)])).await;
    store.adjust(adjustment(1, -1)).await.unwrap();
    assert_eq!(store.close(closing(0)).await.unwrap(), []);
    let next = store.close(closing(1)).await.unwrap();
    assert_eq!(seen(&next), [("EUR".to_owned(), 10_000, 1, 5_000)]);
    assert_eq!((next[0].credits.len(), next[0].adjustments.len()), (2, 1));
    let all = store.statements(publisher(1)).await.unwrap();
    assert_eq!(all, [closed[0].clone(), next[0].clone(), closed[1].clone()]);
    assert_eq!(store.statements(publisher(2)).await.unwrap(), []);
}

pub async fn statements_closed_at_once_state_everything_once<F: Fixture>() {
    let (_fixture, store) = with_publisher::<F>().await;
    results(&*store, redemption("a", true, vec![genuine(0, 1), genuine(2, 1)])).await;
    let mut closings = tokio::task::JoinSet::new();
    for days in 0..6 {
        let store = Arc::clone(&store);
        closings.spawn(async move { store.close(closing(days % 3)).await.unwrap() });
    }
    let closed: Vec<Statement> = closings.join_all().await.concat();
    let mut kept = store.statements(publisher(1)).await.unwrap();
    assert_eq!(kept.len(), closed.len());
    kept.retain(|statement| !closed.contains(statement));
    assert_eq!(kept, []);
    let tokens: u64 = closed.iter().flat_map(|one| &one.credits).map(|line| line.tokens).sum();
    assert_eq!(tokens, 2);
}

/// Paying all that is due of a statement of publisher 1, many days later.
pub fn paying(id: u8, statement: StatementId) -> Paying {
    Paying {
        id: Base64Url([id; 16]).to_string().parse().unwrap(),
        publisher: publisher(1),
        statement,
        amount_minor: None,
        reference: "transfer 7".parse().unwrap(),
        payout_reference: Some("IBAN 7".parse().unwrap()),
        after_restore: false,
        made: Day::from_unix(NOW).plus(100),
        hold_days: 30,
    }
}

pub async fn a_statement_is_paid_once<F: Fixture>() {
    let (_fixture, store) = with_publisher::<F>().await;
    results(&*store, redemption("a", true, vec![genuine(0, 1), genuine(0, 2)])).await;
    let unknown = StatementId { currency: "EUR".parse().unwrap(), through: Day::from_unix(NOW) };
    let refused = store.pay(paying(1, unknown)).await.unwrap();
    assert_eq!(refused, Paid::Refused(NotPaid::UnknownStatement(unknown)));
    let closed = store.close(closing(0)).await.unwrap().remove(0);
    let mut attempts = tokio::task::JoinSet::new();
    for number in 1..=6 {
        let (store, paying) = (Arc::clone(&store), paying(number, closed.id()));
        attempts.spawn(async move { store.pay(paying).await.unwrap() });
    }
    let outcomes = attempts.join_all().await;
    let done: Vec<_> = outcomes.iter().filter(|paid| matches!(paid, Paid::Done(_))).collect();
    let [Paid::Done(payout)] = done.as_slice() else { panic!("{outcomes:?}") };
    assert_eq!(payout.amount_minor, closed.net_minor);
    assert_eq!(payout.payout_reference, Some("IBAN 7".parse().unwrap()));
    assert_eq!(outcomes.iter().filter(|paid| **paid == Paid::Refused(NotPaid::NothingDue)).count(), 5);
    assert_eq!(store.payouts(publisher(1)).await.unwrap(), std::slice::from_ref(payout));
    assert_eq!(store.payouts(publisher(2)).await.unwrap(), []);
    let again = Paying { id: payout.id, amount_minor: Some(1_000), ..paying(9, closed.id()) };
    assert_eq!(store.pay(again).await.unwrap(), Paid::Kept(payout.clone()));
}

/// Reversing a payout of publisher 1, as often as one likes.
pub fn reversing(payout: EntryId) -> Reversing {
    let (reason, made) = ("it came back".parse().unwrap(), Day::from_unix(NOW).plus(101));
    Reversing { publisher: publisher(1), payout, reason, made }
}

pub async fn a_payout_is_reversed_once_and_due_again<F: Fixture>() {
    let (_fixture, store) = with_publisher::<F>().await;
    results(&*store, redemption("a", true, vec![genuine(0, 1), genuine(0, 2)])).await;
    let closed = store.close(closing(0)).await.unwrap().remove(0);
    let Paid::Done(payout) = store.pay(paying(1, closed.id())).await.unwrap() else { panic!() };
    let mut attempts = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let (store, reversing) = (Arc::clone(&store), reversing(payout.id));
        attempts.spawn(async move { store.reverse(reversing).await.unwrap() });
    }
    let outcomes = attempts.join_all().await;
    let reversal = payout.reversal("it came back".parse().unwrap(), reversing(payout.id).made);
    assert_eq!(outcomes.iter().filter(|one| **one == Reversed::Done(reversal.clone())).count(), 1);
    assert_eq!(outcomes.iter().filter(|one| **one == Reversed::Kept(reversal.clone())).count(), 5);
    assert_eq!(store.payouts(publisher(1)).await.unwrap(), [payout.clone(), reversal.clone()]);
    let nobodys = Reversing { publisher: publisher(2), ..reversing(payout.id) };
    let refused = store.reverse(nobodys).await.unwrap();
    assert_eq!(refused, Reversed::Refused(NotReversed::UnknownPayout(payout.id)));
    let again = Paying { made: reversal.made, ..paying(2, closed.id()) };
    assert!(matches!(store.pay(again).await.unwrap(), Paid::Done(_)));
    let more = store.pay(paying(3, closed.id())).await.unwrap();
    assert_eq!(more, Paid::Refused(NotPaid::NothingDue));
}
