//! What must not be anywhere: secrets and tokens in logs or in the wrong store, and links between the two services.

use std::collections::BTreeSet;
use std::fs;

use aho_corasick::AhoCorasick;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use farthing_tests::programs::Program;
use farthing_tests::{Order, PACK, Reader, key_of};
use serde_json::Value;

use crate::world;

/// A secret in the forms in which it could be written.
fn forms(bytes: &[u8]) -> Vec<Vec<u8>> {
    // Parts of eight bytes: whoever writes half a secret writes too much.
    let parts = bytes.chunks_exact(8).flat_map(|part| {
        let upper = HEXLOWER.encode(part).to_uppercase().into_bytes();
        [part.to_vec(), HEXLOWER.encode(part).into_bytes(), upper, format!("{part:?}").into_bytes()]
    });
    let mut forms: Vec<_> = parts.collect();
    // base64 writes three bytes at a time, so a part has three texts; of each, the letters that are its own.
    for skipped in 0..3 {
        let text = BASE64URL_NOPAD.encode(&bytes[skipped..]);
        forms.extend(text.as_bytes().chunks_exact(12).map(<[u8]>::to_vec));
    }
    forms
}

#[test]
fn no_log_holds_a_secret_and_no_store_the_other_side() {
    let world = world();
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let publisher = world.publisher("Example").unwrap();
    let key = key_of(&issuer.url(), 10_000).unwrap();
    let voucher = world.voucher().unwrap();
    let mut order = Order::paid(&issuer.url(), PACK, &voucher).unwrap();
    let request = order.request(&key, 100).unwrap();
    let answer = order.send(&request).unwrap();
    let tokens = order.tokens(&key, &request, &answer).unwrap();
    let idempotency_key = "article-about-something-private";
    publisher.redeem(&redeemer.url(), idempotency_key, &tokens[..3]).unwrap();
    publisher.redeem(&redeemer.url(), idempotency_key, &tokens[..3]).unwrap();
    publisher.redeem(&redeemer.url(), "second", &tokens[..1]).unwrap();
    // Mistakes are logged most readily.
    order.send(&request[..100]).unwrap();
    order.pay("00000-00000").unwrap();
    publisher.redeem(&redeemer.url(), "third", &["AAAA".to_owned()]).unwrap();
    let reader = world.reader("reader");
    let second = world.voucher().unwrap();
    reader.run(&Reader::buying(&issuer.url(), &redeemer.url(), &second)).unwrap().done().unwrap();
    drop((issuer, redeemer));

    let token_bytes: Vec<_> =
        tokens.iter().map(|token| BASE64URL_NOPAD.decode(token.as_bytes()).unwrap()).collect();
    let claim = BASE64URL_NOPAD.decode(order.bearer().trim_start_matches("Bearer ").as_bytes()).unwrap();
    let order_id = BASE64URL_NOPAD.decode(order.id.as_bytes()).unwrap();
    let api_key = BASE64URL_NOPAD.decode(publisher.api_key.trim_start_matches("fpk_").as_bytes()).unwrap();
    let secret_keys = secret_keys(&world.path("data/keys"));
    let publisher_id = BASE64URL_NOPAD.decode(publisher.id.as_bytes()).unwrap();

    // Nonce and authenticator are each token's own; challenge digest and key id are public.
    let own = |token: &[u8]| [&token[2..34], &token[98..162]].concat();
    let of_tokens: BTreeSet<_> = token_bytes.iter().flat_map(|token| forms(&own(token))).collect();
    let of_request: BTreeSet<_> = forms(&request[5..]).into_iter().collect();
    let of_order: BTreeSet<_> = [forms(&claim), forms(&order_id)].concat().into_iter().collect();
    let of_publisher: BTreeSet<_> = [forms(&api_key), forms(&publisher_id)].concat().into_iter().collect();
    let of_keys: BTreeSet<_> = secret_keys.iter().flat_map(|key| forms(key)).collect();
    let texts: BTreeSet<_> = [&voucher, &second, idempotency_key].map(|text| text.as_bytes().to_vec()).into();

    let assert_absent = |file: &str, secrets: &BTreeSet<Vec<u8>>, what: &str| {
        let text = fs::read(world.path(file)).unwrap();
        let found = AhoCorasick::new(secrets).unwrap().find(&text).map(|found| &text[found.range()]);
        assert!(found.is_none(), "{file} holds {what}: {:?}", found.map(String::from_utf8_lossy));
    };
    // What is there is found: the mark of a spent token, and the id of an order.
    for (file, bytes) in [("data/redeemer.db", &token_bytes[0][98..114]), ("data/issuer.db", &order_id[..])] {
        let text = fs::read(world.path(file)).unwrap();
        assert!(AhoCorasick::new(forms(bytes)).unwrap().is_match(&text), "the search is blind in {file}");
    }

    for log in ["issuer.log", "redeemer.log"] {
        let sets =
            [(&of_tokens, "tokens"), (&of_request, "elements"), (&of_order, "an order"), (&texts, "codes")];
        for (secrets, what) in
            sets.into_iter().chain([(&of_publisher, "a publisher"), (&of_keys, "token keys")])
        {
            assert_absent(log, secrets, what);
        }
        // The addresses that it listens on are its own; no other line has one.
        let lines = fs::read_to_string(world.path(log)).unwrap();
        let others: String =
            lines.lines().filter(|line| !line.contains("listening") && !line.contains("stopped")).collect();
        assert!(!others.contains("127.0.0.1:"), "{log} holds an address");
    }

    // Each store lacks all that only the other side knows, and both lack what neither should keep.
    for (secrets, what) in [(&of_tokens, "tokens"), (&of_publisher, "a publisher"), (&of_keys, "token keys")]
    {
        assert_absent("data/issuer.db", secrets, what);
    }
    assert_absent("data/issuer.db", &forms(&claim).into_iter().collect(), "a claim secret");
    for (secrets, what) in [(&of_request, "elements"), (&of_order, "an order"), (&texts, "codes")] {
        assert_absent("data/redeemer.db", secrets, what);
    }
    assert_absent("data/redeemer.db", &of_keys, "token keys");
    assert_absent("data/redeemer.db", &forms(&api_key).into_iter().collect(), "an API key");
    let nonces: BTreeSet<_> = token_bytes.iter().flat_map(|token| forms(&token[2..34])).collect();
    assert_absent("data/redeemer.db", &nonces, "nonces");
    // And the wallet's file is encrypted.
    assert_absent("reader.wallet", &texts, "codes");
}

/// The secret scalars in the keyring's files.
fn secret_keys(directory: &std::path::Path) -> Vec<Vec<u8>> {
    let files =
        fs::read_dir(directory).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    files
        .filter_map(|text| {
            let line = text.lines().find(|line| line.starts_with("secret_key"))?.to_owned();
            let text = line.split('"').nth(1)?.trim_end_matches('=').to_owned();
            Some(BASE64URL_NOPAD.decode(text.as_bytes()).unwrap())
        })
        .collect()
}

#[test]
fn stored_times_are_days_and_hours() {
    let world = world();
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let (reader, publisher) = (world.reader("reader"), world.publisher("Example").unwrap());
    reader.buy(&issuer, &redeemer, &world.voucher().unwrap()).unwrap();
    publisher.redeem(&redeemer.url(), "a", &reader.export(1).unwrap()).unwrap();
    for (program, granularity) in [(Program::Issuer, 86_400), (Program::Redeemer, 3_600)] {
        for record in world.dump(program).unwrap().iter().filter(|record| record["table"] != "birth") {
            let mut numbers = Vec::new();
            collect_numbers(&record["record"], &mut numbers);
            // A unix second of our century is told from a count by its size.
            for second in numbers.into_iter().filter(|number| *number > 1_000_000_000) {
                assert_eq!(second % granularity, 0, "{record}");
            }
        }
    }
}

fn collect_numbers(value: &Value, found: &mut Vec<u64>) {
    match value {
        Value::Number(number) => found.extend(number.as_u64()),
        Value::Array(values) => values.iter().for_each(|value| collect_numbers(value, found)),
        Value::Object(members) => members.values().for_each(|value| collect_numbers(value, found)),
        _ => {}
    }
}
