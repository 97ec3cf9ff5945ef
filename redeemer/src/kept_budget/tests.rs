use farthing_service::birth::{Birth, ServiceKind, TrustedKeys};
use farthing_service::embedded::EmbeddedStore;
use farthing_service::environment::Environment;

use super::*;
use crate::store::conformance::{genuine, new_set, redemption, results};
use crate::store::{Redemption, SpentTokens};
use crate::test_tokens::NOW;

async fn store() -> (tempfile::TempDir, EmbeddedStore) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("redeemer.db");
    EmbeddedStore::create(&path, &Birth::new(ServiceKind::Redeemer, NOW, TrustedKeys::None).unwrap())
        .unwrap();
    let environment = Environment::production();
    let store =
        EmbeddedStore::open(&path, ServiceKind::Redeemer, Duration::from_secs(30), environment).unwrap();
    store.open_sets(vec![new_set(0, 20_800), new_set(1, 20_800), new_set(2, 20_800)]).await.unwrap();
    (directory, store)
}

async fn keep(store: &EmbeddedStore, numbers: std::ops::Range<u32>, now: u64) {
    for number in numbers {
        results(
            store,
            Redemption { now, ..redemption(&format!("k{number}"), true, vec![genuine(0, number)]) },
        )
        .await;
    }
}

fn kind(refused: Result<Room, ProblemResponse>) -> String {
    refused.map(|_| ()).unwrap_err().problem().kind.clone()
}

#[tokio::test]
async fn a_new_redeemer_counts_what_is_kept_and_drops_what_is_over() {
    let (_directory, store) = store().await;
    let publisher = PublisherId::from_bytes([1; 16]);
    keep(&store, 0..4, NOW).await;
    let both: (&dyn KeptAnswers, &dyn Leftovers) = (&store, &store);
    let full = Arc::new(KeptBudget::new()).room(publisher, 4, both, NOW).await;
    assert_eq!(kind(full), ProblemKind::TooManyKeptAnswers.uri());
    Arc::new(KeptBudget::new()).room(publisher, 5, both, NOW).await.unwrap();
    let later = NOW + 49 * HOUR;
    Arc::new(KeptBudget::new()).room(publisher, 4, both, later).await.unwrap();
    assert_eq!(store.count_kept_answers().await.unwrap(), 0, "they were over");
}

#[tokio::test]
async fn a_publisher_has_a_quarter_and_gets_back_what_it_does_not_use() {
    let (_directory, store) = store().await;
    let both: (&dyn KeptAnswers, &dyn Leftovers) = (&store, &store);
    let budget = Arc::new(KeptBudget::new());
    let [one, other] = [[1; 16], [2; 16]].map(PublisherId::from_bytes);
    let room = async |publisher, now| budget.room(publisher, 8, both, now).await;
    room(one, NOW).await.unwrap().may_be_kept();
    let unused = room(one, NOW).await.unwrap();
    assert_eq!(kind(room(one, NOW).await), ProblemKind::TooManyRedemptions.uri());
    room(other, NOW).await.unwrap();
    drop(unused);
    room(one, NOW).await.unwrap().may_be_kept();
    assert_eq!(kind(room(one, NOW).await), ProblemKind::TooManyRedemptions.uri());
    room(one, NOW + 49 * HOUR).await.unwrap();
}

#[tokio::test]
async fn what_is_in_work_takes_room_before_it_is_kept() {
    let (_directory, store) = store().await;
    let both: (&dyn KeptAnswers, &dyn Leftovers) = (&store, &store);
    let budget = Arc::new(KeptBudget::new());
    keep(&store, 0..2, NOW).await;
    let mut rooms = Vec::new();
    for publisher in 1..=2 {
        rooms.push(budget.room(PublisherId::from_bytes([publisher; 16]), 4, both, NOW).await.unwrap());
    }
    let publisher = PublisherId::from_bytes([3; 16]);
    assert_eq!(kind(budget.room(publisher, 4, both, NOW).await), ProblemKind::TooManyKeptAnswers.uri());
    rooms.pop();
    let mut room = budget.room(publisher, 4, both, NOW).await.unwrap();
    room.is_unknown();
    drop(room);
    budget.room(publisher, 8, both, NOW).await.unwrap().may_be_kept();
    let full = budget.room(publisher, 8, both, NOW).await.unwrap();
    assert_eq!(kind(budget.room(publisher, 8, both, NOW).await), ProblemKind::TooManyRedemptions.uri());
    drop(full);
}
