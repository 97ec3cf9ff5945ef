//! One publisher's flood is its own: others are served.

use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::{Duration, Instant};

use super::*;

/// Longest wait for what must happen soon.
const PATIENCE: Duration = Duration::from_mins(1);

impl Running {
    /// Does a command of the operator.
    fn told(&self, command: Command) -> Value {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(self.redeemer.obey(command)).unwrap()
    }

    /// Changes a line of the configuration while it runs.
    fn change(&self, from: &str, to: &str) {
        let file = self.redeemer.config.current().file().to_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(from));
        std::fs::write(&file, text.replace(from, to)).unwrap();
        self.told(Command::Reload);
    }

    /// A new publisher's API key.
    fn publisher(&self, name: &str) -> String {
        let added = self.told(Command::AddPublisher { name: name.parse().unwrap(), payout_reference: None });
        added[0]["api_key"].as_str().unwrap().to_owned()
    }

    fn redeem_as(&self, api_key: &str, key: &str, tokens: &[&Token]) -> Answer {
        let tokens: Vec<_> = tokens.iter().map(|token| BASE64URL_NOPAD.encode(&token.encode())).collect();
        let request = Request::post(format!("{}/v1/redemptions", self.url))
            .header("Authorization", format!("Bearer {api_key}"))
            .header("Idempotency-Key", key)
            .header("Content-Type", "application/json");
        let body = json!({ "tokens": tokens, "atomic": false });
        send(request.body(serde_json::to_vec(&body).unwrap()).unwrap())
    }
}

#[test]
fn a_publisher_that_floods_waits_for_itself() {
    let key = TestKey::new(1);
    let running = Running::start(&[&key]);
    running.change("redemptions_at_once = 256", "redemptions_at_once = 8");
    let spent: Vec<_> = (0..100).map(|number| key.token(number)).collect();
    let spent: Vec<_> = spent.iter().collect();
    assert_eq!(running.redeem_as(&running.api_key, "first", &spent).status(), 200);
    let other = running.publisher("Weekly");
    let (refused, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (running, spent, refused, over) = (&running, &spent, &refused, &over);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let answer = running.redeem_as(&running.api_key, &format!("again {thread}"), spent);
                    if answer.status() == 409 {
                        continue;
                    }
                    assert_eq!(answer.problem(), (ProblemKind::TooManyAtOnce, None));
                    assert_eq!(answer.header("retry-after"), Some("1"));
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let deadline = Instant::now() + PATIENCE;
        let mut statuses = Vec::new();
        for number in 1_000..1_005 {
            let before = refused.load(Ordering::Relaxed);
            while refused.load(Ordering::Relaxed) == before && Instant::now() < deadline {
                std::thread::yield_now();
            }
            statuses.push(running.redeem_as(&other, &format!("{number}"), &[&key.token(number)]).status());
        }
        over.store(true, Ordering::Relaxed);
        assert!(Instant::now() < deadline, "the flood was never refused");
        assert_eq!(statuses, [200; 5], "the other is served");
    });
    let answer = running.redeem_as(&running.api_key, "after", &[&key.token(2_000)]);
    assert_eq!(answer.status(), 200, "its places are free again");
}

#[test]
fn kept_answers_have_a_budget_and_each_publisher_a_share() {
    let key = TestKey::new(1);
    let running = Running::start(&[&key]);
    running.change("kept_answers = 4000000", "kept_answers = 8");
    let redeem =
        |api_key: &str, number: u32| running.redeem_as(api_key, &format!("k{number}"), &[&key.token(number)]);
    let daily = running.api_key.clone();
    assert_eq!([redeem(&daily, 1).status(), redeem(&daily, 2).status()], [200; 2]);
    let refused = redeem(&daily, 3);
    assert_eq!(refused.problem(), (ProblemKind::TooManyRedemptions, None));
    assert_eq!(refused.header("retry-after"), Some("3600"));
    assert_eq!(redeem(&daily, 2).json()["replayed"], true, "what is kept is answered");
    for publisher in 0..3 {
        let api_key = running.publisher(&format!("Weekly {publisher}"));
        for number in 0..2 {
            assert_eq!(redeem(&api_key, 10 + 2 * publisher + number).status(), 200);
        }
    }
    let last = running.publisher("Monthly");
    assert_eq!(redeem(&last, 20).problem(), (ProblemKind::TooManyKeptAnswers, None));
    running.change("kept_answers = 8", "kept_answers = 100");
    assert_eq!(redeem(&last, 20).status(), 200, "nothing was spent");
    assert_eq!(redeem(&daily, 3).status(), 200);
}
