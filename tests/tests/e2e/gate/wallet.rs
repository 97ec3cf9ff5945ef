//! `farthing get`: the wallet pays at the gate, and is killed at each durable step on the way.

use std::fs;

use farthing_tests::programs::Program;
use farthing_tests::{Reader, World};
use serde_json::{Value, json};

use super::{PRICES, Scene};

/// The wallet's steps in a payment.
const STEPS: &[&str] = &[
    "wallet.payment.saved.before",
    "wallet.payment.saved",
    "wallet.payment.answered",
    "wallet.payment.settled.before",
    "wallet.payment.settled",
];

/// The reader of a world, who types `farthing get`.
pub(super) struct Visitor<'a> {
    reader: Reader<'a>,
    gate: String,
    output: String,
}

impl<'a> Visitor<'a> {
    pub(super) fn new(world: &'a World, gate: &str) -> Self {
        let output = world.path("page").display().to_string();
        Self { reader: world.reader("reader"), gate: gate.to_owned(), output }
    }

    /// What is typed for a page.
    fn typed(&self, path: &str, options: &[&str]) -> Vec<String> {
        let page = format!("{}{path}", self.gate);
        let words = ["get", &page, "--output", &self.output];
        words.iter().chain(options).map(|word| (*word).to_owned()).collect()
    }

    /// Gets a page, which ends with `status`; what was printed, or what went wrong.
    #[track_caller]
    pub(super) fn get(&self, path: &str, options: &[&str], status: i32) -> (Value, String) {
        // What was there before is not what comes.
        let _ = fs::remove_file(&self.output);
        let typed = self.typed(path, options);
        let ended = self.reader.run(&typed.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        assert_eq!(ended.status.code(), Some(status), "{path}: {} {}", ended.printed, ended.error);
        (ended.printed, ended.error)
    }

    /// What came.
    pub(super) fn output(&self) -> String {
        fs::read_to_string(&self.output).unwrap_or_default()
    }

    /// What the site said: which path it was asked for, and with which headers.
    pub(super) fn page(&self) -> (String, String) {
        let said: Value = serde_json::from_str(&self.output()).unwrap_or_default();
        (said["target"].as_str().unwrap_or_default().to_owned(), said["headers"].to_string())
    }

    pub(super) fn tokens(&self) -> u64 {
        self.reader.tokens().unwrap()
    }

    fn printed(&self, command: &[&str]) -> Value {
        self.reader.run(command).unwrap().done().unwrap()
    }
}

#[test]
fn a_page_is_paid_for_once_and_only_as_far_as_is_allowed() {
    let scene = Scene::new("");
    let visitor = Visitor::new(&scene.world, &scene.gate.url());
    for options in [&[][..], &["--max", "0.04", "EUR"], &["--max", "9", "USD"]] {
        let (_, error) = visitor.get("/long/7?page=2", options, 1);
        assert!(error.contains("the page costs 0.05 EUR, and nothing was paid"), "{error}");
        assert!(error.contains(&format!("get --max 0.05 EUR '{}/long/7?page=2'` pays it", scene.gate.url())));
    }
    assert_eq!((visitor.tokens(), scene.credit()), (100, 0));

    let (paid, _) = visitor.get("/long/7?page=2", &["--max", "0.05", "EUR"], 0);
    assert_eq!((&paid["payment"]["state"], &paid["payment"]["micros"]), (&json!("spent"), &json!(50_000)));
    let (target, headers) = visitor.page();
    assert_eq!(target, "/long/7?page=2");
    assert!(!headers.contains("PrivateToken") && !headers.contains("farthing-pass"), "{headers}");
    assert_eq!((visitor.tokens(), scene.credit()), (95, 50_000));
    // Its pass opens it again, in any spelling that is the same page.
    for path in ["/long/7", "/long/7?page=3", "/%6cong/7"] {
        let (again, _) = visitor.get(path, &["--yes"], 0);
        assert_eq!(again["payment"], Value::Null, "{path}");
    }
    let (free, _) = visitor.get("/about", &["--yes"], 0);
    assert_eq!((&free["payment"], visitor.page().0.as_str()), (&Value::Null, "/about"));
    let (preview, _) = visitor.get("/teasers/1", &[], 0);
    assert_eq!((&preview["payment"], &preview["preview_of_micros"]), (&Value::Null, &json!(10_000)));
    let (whole, _) = visitor.get("/teasers/1", &["--yes"], 0);
    assert_eq!((&whole["payment"]["micros"], &whole["preview_of_micros"]), (&json!(10_000), &Value::Null));
    let (book, _) = visitor.get("/books/1?chapter=2", &["--yes"], 0);
    assert_eq!((&book["payment"]["count"], visitor.page().0.as_str()), (&json!(40), "/books/1?chapter=2"));
    assert_eq!((visitor.tokens(), scene.credit()), (54, 460_000));
    let (_, error) = visitor.get("/missing", &["--yes"], 1);
    assert!(error.contains("the site answered 404"), "{error}");

    let history = visitor.printed(&["history"]);
    let payments = history["payments"].as_array().unwrap();
    assert_eq!(payments.len(), 3);
    for payment in payments {
        assert_eq!((&payment["state"], &payment["origin"]), (&json!("spent"), &json!(scene.gate.url())));
        assert!(payment["page"].is_null(), "what was read is forgotten: {payment}");
    }
}

#[test]
fn what_the_wallet_lacks_is_said_before_anything_is_shown() {
    let scene = Scene::new("");
    let visitor = Visitor::new(&scene.world, &scene.gate.url());
    visitor.reader.export(70).unwrap();
    let (_, error) = visitor.get("/books/1", &["--yes"], 1);
    assert!(error.contains("costs 0.40 EUR") && error.contains("has 30 tokens of 0.01 EUR"), "{error}");
    assert!(error.contains(&format!("`farthing packs --issuer {}`", scene.issuer.url())), "{error}");
    assert_eq!((visitor.tokens(), visitor.printed(&["history"])["payments"].clone()), (30, json!([])));
    // Nor is a page written over the wallet.
    let wallet = visitor.reader.wallet().display().to_string();
    let page = format!("{}/articles/1", scene.gate.url());
    let over = visitor.reader.run(&["get", &page, "--yes", "--output", &wallet]).unwrap();
    assert_eq!((over.status.code(), visitor.tokens()), (Some(2), 30), "{}", over.error);
}

#[test]
fn while_the_redeemer_is_away_tokens_are_in_flight_and_settled_later() {
    let Scene { world, redeemer, gate, publisher, site: _site, .. } = Scene::new("");
    let visitor = Visitor::new(&world, &gate.url());
    let url = redeemer.url();
    redeemer.kill().unwrap();
    let (_, error) = visitor.get("/articles/1", &["--yes"], 3);
    assert!(error.contains("is not settled") && error.contains("resume`"), "{error}");
    assert!(error.contains("within 6 minutes"), "{error}");
    // Nothing new is paid there meanwhile.
    let (_, error) = visitor.get("/books/1", &["--yes"], 3);
    assert!(error.contains("nothing was paid, because payment 1 to this site"), "{error}");
    assert_eq!(visitor.tokens(), 99, "what is in flight is not counted");
    assert_eq!(visitor.printed(&["balance"])["payments_in_flight"], 1);
    let still = visitor.reader.run(&["resume"]).unwrap();
    assert_eq!(still.status.code(), Some(3), "{}", still.error);

    let redeemer = world.serve_at(Program::Redeemer, &url).unwrap();
    // The book is paid when that is settled, and the article is open then.
    let (book, _) = visitor.get("/books/1", &["--yes"], 0);
    assert_eq!((&book["settled_first"][0]["payment"], &book["payment"]["payment"]), (&json!(1), &json!(2)));
    let (article, _) = visitor.get("/articles/1", &[], 0);
    assert_eq!((&article["payment"], visitor.page().0.as_str()), (&Value::Null, "/articles/1"));
    assert_eq!((visitor.tokens(), publisher.credit_micros(&redeemer.url()).unwrap()), (59, 410_000));
    assert_eq!(visitor.printed(&["resume"])["payments"], json!([]));
}

#[test]
fn a_payment_in_flight_is_settled_by_getting_its_page_again_or_by_resuming() {
    let scene = Scene::new("");
    let visitor = Visitor::new(&scene.world, &scene.gate.url());
    for (path, settle) in [("/articles/1", &["resume"][..]), ("/books/1", &[])] {
        let typed = visitor.typed(path, &["--yes"]);
        let typed: Vec<_> = typed.iter().map(String::as_str).collect();
        assert!(visitor.reader.run_until(&typed, "wallet.payment.saved").unwrap().crashed());
        if !settle.is_empty() {
            assert_eq!(visitor.printed(settle)["payments"][0]["state"], "spent");
        }
        // Either way the page is open then, and nothing more is allowed.
        let (page, _) = visitor.get(path, &[], 0);
        assert_eq!((page["payment"].is_null(), visitor.page().0.as_str()), (!settle.is_empty(), path));
    }
    assert_eq!((visitor.tokens(), scene.credit()), (59, 410_000));
}

#[test]
fn a_payment_that_arrived_and_is_too_old_to_be_repeated_is_known_to_be_spent() {
    let scene = Scene::new("");
    let visitor = Visitor::new(&scene.world, &scene.gate.url());
    let typed = visitor.typed("/articles/1", &["--yes"]);
    let typed: Vec<_> = typed.iter().map(String::as_str).collect();
    assert!(visitor.reader.run_until(&typed, "wallet.payment.answered").unwrap().crashed());
    scene.world.move_clock(700).unwrap();
    let (_, error) = visitor.get("/articles/1", &["--yes"], 1);
    assert!(error.contains("was spent by an earlier attempt"), "{error}");
    assert_eq!((visitor.tokens(), scene.credit()), (99, 10_000));
    visitor.get("/articles/1", &["--yes"], 0);
    assert_eq!((visitor.tokens(), scene.credit()), (98, 20_000));
}

#[test]
fn whoever_pays_while_the_site_is_away_has_paid_once() {
    let Scene { world, redeemer, gate, publisher, site, .. } = Scene::new("");
    let url = gate.url();
    gate.stop().unwrap();
    let serve = |upstream: &str| {
        let rest = format!("{PRICES}\n[upstream]\nurl = \"{upstream}\"\n");
        world.write_gate(&redeemer.url(), &publisher, &rest).unwrap();
        world.serve_at(Program::Gate, &url).unwrap()
    };
    let gate = serve("http://127.0.0.1:1");
    let visitor = Visitor::new(&world, &url);
    let (_, error) = visitor.get("/articles/1", &["--yes"], 3);
    assert!(error.contains("answered 502") && error.contains("is settled"), "{error}");
    gate.stop().unwrap();
    let _gate = serve(&site.url());
    let (again, _) = visitor.get("/articles/1", &["--yes"], 0);
    assert_eq!((&again["payment"], visitor.tokens()), (&Value::Null, 99));
}

#[test]
fn the_wallet_dies_at_each_step_of_a_payment() {
    let scene = Scene::new("");
    let visitor = Visitor::new(&scene.world, &scene.gate.url());
    let mut spent = 0;
    let pages = |step: usize| [(format!("/articles/{step}"), 1), (format!("/long/{step}"), 5)];
    // A payment by POST; the tokens are not enough for two.
    let book = [("wallet.payment.answered", "/books/1".to_owned(), 40)];
    let each = STEPS
        .iter()
        .enumerate()
        .flat_map(|(number, step)| pages(number).map(|(path, price)| (*step, path, price)));
    for (step, path, price) in each.chain(book) {
        let typed = visitor.typed(&path, &["--yes"]);
        let crashed =
            visitor.reader.run_until(&typed.iter().map(String::as_str).collect::<Vec<_>>(), step).unwrap();
        assert!(crashed.crashed(), "{step}: {crashed:?}");
        // The reader types the same command again.
        visitor.get(&path, &["--yes"], 0);
        assert_eq!(visitor.page().0, path, "{step}");
        spent += price;
        assert_eq!((visitor.tokens(), scene.credit()), (100 - spent, spent * 10_000), "{step} {path}");
    }
    assert_eq!(spent, 70);
    let history = visitor.printed(&["history"]);
    let payments = history["payments"].as_array().unwrap();
    assert!(payments.len() == 11 && payments.iter().all(|payment| payment["state"] == "spent"), "{history}");
}

#[test]
fn what_another_copy_of_the_wallet_spent_is_set_aside_and_the_owner_may_take_it_back() {
    let scene = Scene::new("");
    let visitor = Visitor::new(&scene.world, &scene.gate.url());
    fs::copy(visitor.reader.wallet(), scene.world.path("copy.wallet")).unwrap();
    visitor.get("/long/1", &["--yes"], 0);
    let copy =
        Visitor { reader: scene.world.reader("copy"), ..Visitor::new(&scene.world, &scene.gate.url()) };
    let (_, error) = copy.get("/long/2", &["--yes"], 1);
    assert!(error.contains("set aside") && error.contains("resume --release 1`"), "{error}");
    assert_eq!(copy.tokens(), 95);
    copy.get("/long/2", &["--yes"], 0);
    assert_eq!((copy.tokens(), scene.credit()), (90, 100_000));
    let released = copy.printed(&["resume", "--release", "1"]);
    assert_eq!((&released["payments"][0]["state"], copy.tokens()), (&json!("released"), 95));
    assert_eq!(copy.reader.run(&["resume", "--release", "1"]).unwrap().status.code(), Some(1));
}
