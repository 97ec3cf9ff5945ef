//! Publishers and their API keys.

use super::*;

pub(super) fn api_key() -> (ApiKey, ApiKeyRecord) {
    let key = ApiKey::random().unwrap();
    let record = ApiKeyRecord::new(&key, Day::from_unix(NOW));
    (key, record)
}

pub(super) fn named(number: u8, name: &str, key: ApiKeyRecord) -> Publisher {
    Publisher {
        id: publisher(number),
        identity: Identity::Known { name: name.parse().unwrap(), payout_reference: None },
        created: Day::from_unix(NOW),
        keys: vec![key],
    }
}

pub async fn publishers_and_their_keys<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    assert_eq!(store.list().await.unwrap(), []);
    let [(first, first_record), (second, second_record), (other, other_record)] =
        [api_key(), api_key(), api_key()];
    assert_eq!(store.by_api_key(first.hash()).await.unwrap(), None);
    let daily = named(1, "Daily", first_record.clone());
    assert_eq!(store.add(daily.clone()).await.unwrap(), PublisherAdded::Done);
    let taken = named(2, "Daily", other_record.clone());
    assert_eq!(store.add(taken).await.unwrap(), PublisherAdded::NameTaken);
    assert_eq!(store.by_api_key(other.hash()).await.unwrap(), None);
    let courier = named(2, "Courier", other_record.clone());
    assert_eq!(store.add(courier.clone()).await.unwrap(), PublisherAdded::Done);

    // Several keys at a time, so that they can be rolled.
    let add = PublisherChange::AddKey(second_record.clone());
    let both = Publisher { keys: vec![first_record.clone(), second_record.clone()], ..daily.clone() };
    assert_eq!(store.change(publisher(1), add.clone()).await.unwrap(), PublisherChanged::Done(both));
    for key in [&first, &second] {
        assert_eq!(store.by_api_key(key.hash()).await.unwrap(), Some(publisher(1)));
    }
    assert_eq!(store.by_api_key(other.hash()).await.unwrap(), Some(publisher(2)));
    let revoked = ApiKeyRecord { revoked: true, ..first_record };
    let daily = Publisher { keys: vec![revoked, second_record], ..daily };
    for _ in 0..2 {
        let revoke = PublisherChange::RevokeKey(first.id());
        let done = PublisherChanged::Done(daily.clone());
        assert_eq!(store.change(publisher(1), revoke).await.unwrap(), done);
    }
    assert_eq!(store.by_api_key(first.hash()).await.unwrap(), None);
    assert_eq!(store.by_api_key(second.hash()).await.unwrap(), Some(publisher(1)));

    // No key is of two publishers, and none is there twice.
    let taken = ApiKeyRecord::new(&second, Day::from_unix(NOW));
    let stolen = PublisherChange::AddKey(taken.clone());
    assert_eq!(store.change(publisher(2), stolen).await.unwrap(), PublisherChanged::KeyTaken);
    assert_eq!(store.add(named(3, "Third", taken)).await.unwrap(), PublisherAdded::KeyTaken);
    assert_eq!(store.by_api_key(second.hash()).await.unwrap(), Some(publisher(1)));
    assert_eq!(store.change(publisher(1), add.clone()).await.unwrap(), PublisherChanged::Done(daily.clone()));

    assert_eq!(store.change(publisher(9), add).await.unwrap(), PublisherChanged::UnknownPublisher);
    let unknown = PublisherChanged::Refused(NotChanged::UnknownKey(other.id()));
    assert_eq!(store.change(publisher(1), PublisherChange::RevokeKey(other.id())).await.unwrap(), unknown);
    assert_eq!(store.find(publisher(1)).await.unwrap(), Some(daily.clone()));
    assert_eq!(store.find(publisher(9)).await.unwrap(), None);
    assert_eq!(store.list().await.unwrap(), [courier, daily]);
}

pub async fn publishers_are_known_by_another_name_and_erased<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let [(first, first_record), (second, second_record)] = [api_key(), api_key()];
    let (daily, courier) = (named(1, "Daily", first_record.clone()), named(2, "Courier", second_record));
    assert_eq!(store.add(daily.clone()).await.unwrap(), PublisherAdded::Done);
    assert_eq!(store.add(courier.clone()).await.unwrap(), PublisherAdded::Done);
    let describe = |name: &str| PublisherChange::Describe {
        name: Some(name.parse().unwrap()),
        payout_reference: Some(NewPayoutReference::Set("IBAN 7".parse().unwrap())),
    };
    assert_eq!(store.change(publisher(1), describe("Courier")).await.unwrap(), PublisherChanged::NameTaken);
    assert_eq!(store.find(publisher(1)).await.unwrap(), Some(daily.clone()), "nothing was written");
    let known = |name: &str| Identity::Known {
        name: name.parse().unwrap(),
        payout_reference: Some("IBAN 7".parse().unwrap()),
    };
    for name in ["Weekly", "Weekly", "Daily", "Weekly"] {
        let renamed = Publisher { identity: known(name), ..daily.clone() };
        let done = PublisherChanged::Done(renamed);
        assert_eq!(store.change(publisher(1), describe(name)).await.unwrap(), done);
    }
    // The name that it had is free again.
    assert_eq!(
        store.change(publisher(2), describe("Daily")).await.unwrap(),
        PublisherChanged::Done(Publisher { identity: known("Daily"), ..courier.clone() })
    );
    assert_eq!(store.by_api_key(first.hash()).await.unwrap(), Some(publisher(1)));

    let on = Day::from_unix(NOW);
    let erased =
        Publisher { identity: Identity::Erased { on, owed: Owed::Paid }, keys: Vec::new(), ..daily.clone() };
    for (on, owed) in [(on, Owed::Paid), (on.next(), Owed::Nothing)] {
        let done = PublisherChanged::Done(erased.clone());
        assert_eq!(store.change(publisher(1), PublisherChange::Erase { on, owed }).await.unwrap(), done);
        assert_eq!(store.by_api_key(first.hash()).await.unwrap(), None);
    }
    let refused = PublisherChanged::Refused(NotChanged::Erased(on));
    let add = PublisherChange::AddKey(first_record.clone());
    assert_eq!(store.change(publisher(1), add).await.unwrap(), refused);
    assert_eq!(store.add(daily.clone()).await.unwrap(), PublisherAdded::IdTaken, "an id is given once");
    assert_eq!(store.by_api_key(first.hash()).await.unwrap(), None);
    assert_eq!(store.by_api_key(second.hash()).await.unwrap(), Some(publisher(2)));
    // Its name is free, and no key of its remains.
    let weekly = named(3, "Weekly", first_record);
    assert_eq!(store.add(weekly.clone()).await.unwrap(), PublisherAdded::Done);
    assert_eq!(store.by_api_key(first.hash()).await.unwrap(), Some(publisher(3)));
    let courier = Publisher { identity: known("Daily"), ..courier };
    assert_eq!(store.list().await.unwrap(), [courier, weekly, erased]);
}
