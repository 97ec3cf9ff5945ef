//! Many readers at once, while the redeemer comes and goes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use farthing_tests::http::Client;
use farthing_tests::programs::Program;

use super::{PATIENCE, Scene, authorization, pass};

/// How many readers pay, each for a page of their own.
const READERS: usize = 1_000;
/// Tokens of a pack.
const PACK: usize = 100;

#[test]
fn nobody_loses_a_token_or_pays_twice_while_the_redeemer_dies() {
    let scene = Scene::new("");
    // One pack is there already.
    (1..READERS / PACK).for_each(|_| scene.buy());
    let tokens = scene.tokens(u32::try_from(READERS).unwrap());
    let gate = scene.gate.url();
    let (gate, tokens) = (gate.as_str(), tokens.as_slice());
    let unsure = &AtomicUsize::new(0);
    let read = move |number: usize| -> String {
        let (client, page) = (Client::new(), format!("{gate}/articles/{number}"));
        let paying = authorization(&tokens[number..=number]);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = client.get(&page, &[("Authorization", &paying)]).unwrap();
            match answer.status {
                200 => break pass(&answer),
                // Unsure: the same request again.
                503 => {
                    unsure.fetch_add(1, Ordering::Relaxed);
                    assert!(Instant::now() < deadline, "the redeemer does not come back");
                    thread::sleep(Duration::from_millis(10));
                }
                status => panic!("{status}: {answer:?}"),
            }
        }
    };
    let Scene { world, mut redeemer, publisher, gate: _gate, .. } = scene;
    let url = redeemer.url();
    let (passes, _redeemer) = thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS).map(|number| scope.spawn(move || read(number))).collect();
        // Killed in the middle of whatever it does, until everybody has read.
        let mut kills = 0;
        while kills < 3 || readers.iter().any(|reader| !reader.is_finished()) && kills < 6 {
            redeemer.kill().unwrap();
            redeemer = world.serve_at(Program::Redeemer, &url).unwrap();
            kills += 1;
        }
        let passes: Vec<String> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
        (passes, redeemer)
    });
    assert!(unsure.load(Ordering::Relaxed) > 0, "nobody met the outages");
    let client = Client::new();
    for (number, pass) in passes.iter().enumerate() {
        let page = client.get(&format!("{gate}/articles/{number}"), &[("Cookie", pass)]).unwrap();
        assert_eq!(page.status, 200);
    }
    assert_eq!(publisher.credit_micros(&url).unwrap(), 10_000 * READERS as u64);
}
