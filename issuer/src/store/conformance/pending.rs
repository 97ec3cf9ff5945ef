//! Orders that wait for payment: how many may, and how long they are kept.

use super::*;

pub(super) async fn only_so_many_orders_are_pending(store: impl Store) {
    let pending =
        |claim: u8, created: u32| Order { created: day(created), expires: day(created + 3), ..order(claim) };
    let first = pending(1, TODAY);
    assert_eq!(store.create(first.clone(), 2).await.unwrap(), Created::New);
    assert_eq!(store.create(pending(2, TODAY + 1), 2).await.unwrap(), Created::New);
    let third = pending(3, TODAY + 2);
    assert_eq!(store.create(third.clone(), 2).await.unwrap(), Created::TooManyPending);
    assert_eq!(store.by_claim(third.claim).await.unwrap(), None);
    assert_eq!(store.by_id(third.id).await.unwrap(), None);
    assert_eq!(store.create(pending(1, TODAY), 2).await.unwrap(), Created::Claimed(first.clone()));
    assert_eq!(store.create(third.clone(), 3).await.unwrap(), Created::New);

    // A payment makes room for one, whatever becomes of that order then; so does a day on which some expire.
    let paid = first.advance(Step::Pay, day(TODAY)).unwrap();
    let refused = Along::UseVoucher(VoucherCode::random().unwrap().hash());
    assert_eq!(store.replace(&first, &paid, refused).await.unwrap(), Replaced::VoucherRefused);
    assert_eq!(store.create(pending(4, TODAY + 2), 3).await.unwrap(), Created::TooManyPending);
    let along = Along::UseVoucher(voucher(&store).await);
    assert_eq!(store.replace(&first, &paid, along).await.unwrap(), Replaced::Done);
    let issued = paid.advance(Step::Issue(binding(1)), day(TODAY)).unwrap();
    assert_eq!(store.replace(&paid, &issued, counted(TODAY)).await.unwrap(), Replaced::Done);
    assert_eq!(store.create(pending(4, TODAY + 2), 3).await.unwrap(), Created::New);
    assert_eq!(store.create(pending(5, TODAY + 3), 3).await.unwrap(), Created::TooManyPending);
    assert_eq!(store.create(pending(5, TODAY + 4), 3).await.unwrap(), Created::New);
    assert_eq!(store.create(pending(6, TODAY + 4), 3).await.unwrap(), Created::TooManyPending);
}

pub(super) async fn of_many_creations_no_more_than_allowed_are_kept(store: impl Store) {
    let creations: Vec<_> = (0..32)
        .map(|claim| {
            let store = store.clone();
            tokio::spawn(async move { store.create(order(claim), 10).await.unwrap() })
        })
        .collect();
    let mut new = 0;
    for creation in creations {
        new += usize::from(creation.await.unwrap() == Created::New);
    }
    assert_eq!(new, 10);
}

pub(super) async fn an_expired_order_is_dropped_after_a_week_a_slice_at_a_time(store: impl Store) {
    let paid = paid(&store, 9).await;
    let orders: Vec<Order> = (0..5).map(order).collect();
    for order in &orders {
        store.create(order.clone(), MOST).await.unwrap();
    }
    let later = Order { expires: day(TODAY + 4), ..order(8) };
    store.create(later.clone(), MOST).await.unwrap();
    let left = async || {
        let mut left = 0;
        for order in &orders {
            let found = store.by_claim(order.claim).await.unwrap();
            assert_eq!(store.by_id(order.id).await.unwrap(), found);
            left += usize::from(found.is_some());
        }
        left
    };
    let kept_until = TODAY + 3 + DAYS_KEPT_AFTER_EXPIRY;
    assert_eq!(store.drop_expired_orders(day(3), 2).await.unwrap(), Slice::Last);
    assert_eq!(store.drop_expired_orders(day(kept_until - 1), 2).await.unwrap(), Slice::Last);
    assert_eq!(left().await, 5);
    for (slice, remaining) in [(Slice::More, 3), (Slice::More, 1), (Slice::Last, 0), (Slice::Last, 0)] {
        assert_eq!(store.drop_expired_orders(day(kept_until), 2).await.unwrap(), slice);
        assert_eq!(left().await, remaining);
    }
    assert_eq!(store.by_claim(later.claim).await.unwrap(), Some(later));
    assert_eq!(store.by_claim(paid.claim).await.unwrap(), Some(paid), "what was paid is never dropped");
    assert_eq!(
        store.create(order(0), 2).await.unwrap(),
        Created::New,
        "its claim is free, and so is its place"
    );
    assert_eq!(store.create(order(1), 2).await.unwrap(), Created::TooManyPending);
}

#[tokio::test]
async fn pending_orders_are_counted_across_restarts() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(embedded(&directory).create(order(1), 1).await.unwrap(), Created::New);
    let path = directory.path().join("issuer.db");
    let again =
        EmbeddedStore::open(&path, ServiceKind::Issuer, Duration::from_secs(20), Environment::production())
            .unwrap();
    assert_eq!(again.create(order(2), 1).await.unwrap(), Created::TooManyPending);
}
