//! What anyone may ask.

use super::*;

#[test]
fn keys_and_totals_are_public() {
    let keys = [
        (1, -100, "EUR-10000"),
        (2, 0, "EUR-10000"),
        (3, 1, "EUR-20000"),
        (4, -113, "EUR-10000"),
        (5, -50, "EUR-20000"),
    ];
    let keys = keys.map(|(seed, offset, denomination)| TestKey::starting(seed, offset, denomination));
    let running = Running::start(&keys.each_ref());
    keys[4].revoke(&running.redeemer.config.current().keyring);
    running.reload();
    let answer = send(Request::get(format!("{}/v1/keys", running.url)).body(Vec::new()).unwrap());
    assert_eq!(answer.header("cache-control"), Some("public, max-age=60"));
    let listing: KeyListing = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(listing.issuer_name, ISSUER);
    let ids: Vec<_> = listing.keys.iter().map(|key| key.token_key_id.0).collect();
    assert_eq!(ids, [0, 1, 2].map(|index: usize| keys[index].id().to_bytes()));
    assert_eq!(listing.keys[1].token_key.0, keys[1].facts().public_key().to_bytes());

    let totals = || -> Totals {
        let answer = send(Request::get(format!("{}/v1/totals", running.url)).body(Vec::new()).unwrap());
        let envelope: Envelope = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(envelope.payload_type, farthing_api::TOTALS_PAYLOAD_TYPE);
        let published = running.get(farthing_api::SIGNING_KEYS_PATH).json();
        assert_eq!(published["keys"][0]["kid"], envelope.signatures[0].keyid.as_str());
        serde_json::from_slice(&envelope.payload.0).unwrap()
    };
    running.redeem("a", &[&keys[0].token(1), &keys[1].token(1)], true).results(200, &["accepted"; 2]);
    assert!(totals().keys.is_empty(), "today is not counted yet");
    running.clock.0.store(NOW + SECONDS_PER_DAY, Ordering::Relaxed);
    let totals = totals();
    assert_eq!((totals.service.as_str(), totals.through.as_str()), ("redeemer", "2026-11-21"));
    assert_eq!(totals.keys.iter().map(|key| key.tokens).collect::<Vec<_>>(), [1, 1]);
}
