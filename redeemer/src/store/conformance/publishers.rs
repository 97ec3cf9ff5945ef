//! Publishers and their API keys.

use super::*;

pub(super) fn api_key() -> (ApiKey, ApiKeyRecord) {
    let key = ApiKey::random().unwrap();
    let record =
        ApiKeyRecord { id: key.id(), hash: key.hash(), created: Day::from_unix(NOW), revoked: false };
    (key, record)
}

pub(super) fn named(number: u8, name: &str, key: ApiKeyRecord) -> Publisher {
    Publisher {
        id: publisher(number),
        name: name.parse().unwrap(),
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
    assert_eq!(store.add_key(publisher(1), second_record.clone()).await.unwrap(), KeyAdded::Done);
    for key in [&first, &second] {
        assert_eq!(store.by_api_key(key.hash()).await.unwrap(), Some(publisher(1)));
    }
    assert_eq!(store.by_api_key(other.hash()).await.unwrap(), Some(publisher(2)));
    assert_eq!(store.revoke_key(publisher(1), first.id()).await.unwrap(), KeyRevoked::Done);
    assert_eq!(store.revoke_key(publisher(1), first.id()).await.unwrap(), KeyRevoked::Done);
    assert_eq!(store.by_api_key(first.hash()).await.unwrap(), None);
    assert_eq!(store.by_api_key(second.hash()).await.unwrap(), Some(publisher(1)));

    assert_eq!(store.add_key(publisher(9), api_key().1).await.unwrap(), KeyAdded::UnknownPublisher);
    assert_eq!(store.revoke_key(publisher(9), first.id()).await.unwrap(), KeyRevoked::UnknownPublisher);
    assert_eq!(store.revoke_key(publisher(1), other.id()).await.unwrap(), KeyRevoked::UnknownKey);
    let revoked = ApiKeyRecord { revoked: true, ..first_record };
    let daily = Publisher { keys: vec![revoked, second_record], ..daily };
    assert_eq!(store.list().await.unwrap(), [courier, daily]);
}
