//! Stores that were damaged, and what must never be forgotten.

use super::accounting::{adjustment, closing, paying, reversing};
use super::publishers::{api_key, named};
use super::*;

pub async fn pins_stay<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let pins = PinsWithSets::new(
        Arc::clone(&store) as Arc<dyn PinnedKeys>,
        Arc::clone(&store) as Arc<dyn SpentTokens>,
    );
    let key = PinnedKey {
        token_key_id: Base64Url(key_facts(0).id.to_bytes()),
        name: "EUR-10000.2026-11-21".to_owned(),
        digest: Base64Url([1; 32]),
        redeem_until: Day::from_number(REDEEM_UNTIL).unwrap(),
        capacity: 1_000,
        revoked: false,
    };
    let first = Redemption { keys: vec![key_facts(0)], ..redemption("a", true, vec![genuine(0, 1)]) };
    store.redeem(first.clone()).await.unwrap_err();
    assert_eq!(pins.pin(vec![key.clone()]).await.unwrap(), PinOutcome::Pinned);
    assert_eq!(results(&*store, first).await, [Accepted]);
    let changed = PinnedKey { digest: Base64Url([2; 32]), ..key.clone() };
    assert_eq!(pins.pin(vec![changed]).await.unwrap(), PinOutcome::Conflict(key.clone()));
    let revoked = PinnedKey { revoked: true, ..key.clone() };
    assert_eq!(pins.pin(vec![revoked.clone()]).await.unwrap(), PinOutcome::Pinned);
    assert_eq!(pins.pin(vec![key]).await.unwrap(), PinOutcome::Pinned);
    assert_eq!(pins.pinned().await.unwrap(), [revoked]);
    let second = Redemption { keys: vec![key_facts(0)], ..redemption("b", true, vec![genuine(0, 1)]) };
    assert_eq!(results(&*store, second).await, [Spent]);
}

pub async fn a_newer_record_is_unavailable<F: Fixture>() {
    let (fixture, store) = with_sets::<F>().await;
    let (key, record) = api_key();
    store.add(named(1, "Daily", record)).await.unwrap();
    results(&*store, redemption("a", true, vec![genuine(0, 1), genuine(0, 3), genuine(0, 4)])).await;
    let entry = adjustment(1, -1);
    store.adjust(entry.clone()).await.unwrap();
    let closed = store.close(closing(0)).await.unwrap().remove(0);
    let Paid::Done(payout) = store.pay(paying(1, closed.id())).await.unwrap() else { panic!() };
    fixture.raise_versions().await;
    assert!(store.redeem(redemption("a", true, vec![genuine(0, 1)])).await.is_err());
    assert!(store.redeem(redemption("b", true, vec![genuine(0, 2)])).await.is_err());
    assert!(store.kept_answer(idempotency("a"), NOW).await.is_err());
    assert!(store.entries(publisher(1)).await.is_err());
    assert!(store.adjust(entry).await.is_err());
    assert!(store.close(closing(1)).await.is_err());
    assert!(store.payouts(publisher(1)).await.is_err());
    assert!(store.pay(paying(2, closed.id())).await.is_err());
    assert!(store.reverse(reversing(payout.id)).await.is_err());
    assert!(store.statements(publisher(1)).await.is_err());
    assert!(store.totals().await.is_err());
    assert!(store.by_api_key(key.hash()).await.is_err());
    assert!(store.list().await.is_err());
}

pub async fn a_store_without_birth_is_unavailable<F: Fixture>() {
    let (fixture, store) = with_sets::<F>().await;
    fixture.lose_birth().await;
    assert!(store.redeem(redemption("a", true, vec![genuine(0, 1)])).await.is_err());
    assert!(store.kept_answer(idempotency("a"), NOW).await.is_err());
    assert!(store.entries(publisher(1)).await.is_err());
    assert!(store.adjust(adjustment(1, 1)).await.is_err());
    assert!(store.close(closing(1)).await.is_err());
    assert!(store.statements(publisher(1)).await.is_err());
    assert!(store.by_api_key(api_key().0.hash()).await.is_err());
    assert!(store.drop_old_answers(NOW, 1).await.is_err());
    assert!(store.count_kept_answers().await.is_err());
}
