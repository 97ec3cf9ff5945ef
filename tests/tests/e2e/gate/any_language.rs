//! Sites that do without the gate: the example in Python, and the guide's steps in curl.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};

use farthing_tests::http::{self, Answer};
use farthing_tests::optional::is_there;
use farthing_tests::programs::Program;
use serde_json::{Value, json};

use super::wallet::Visitor;
use super::{Scene, assert_refused, authorization, pass, wait_until};

const GUIDE: &str = include_str!("../../../../docs/gate.md");
const SITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../gate/examples/site.py");

/// The site in Python; killed when the value is dropped.
struct PythonSite {
    child: Child,
    url: String,
}

impl PythonSite {
    fn start(scene: &Scene) -> Self {
        let log = scene.world.path("site.log");
        let mut command = Command::new("python3");
        command.arg(SITE).arg(scene.redeemer.url()).arg(scene.world.path("data/gate.api-key"));
        command.arg(scene.world.path("data/site.secret")).arg("0").stdin(Stdio::null());
        let file = File::create(&log).unwrap();
        let child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        let mut site = Self { child, url: String::new() };
        let written = || fs::read_to_string(&log).unwrap();
        wait_until("the site in Python", || written().ends_with('\n'));
        let address = written().trim().strip_prefix("listening addr=").map(str::to_owned);
        site.url = format!("http://{}", address.unwrap_or_else(|| panic!("{}", written())));
        site
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        http::get(&format!("{}{path}", self.url), headers).unwrap()
    }
}

impl Drop for PythonSite {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_site_in_python_is_paid_once_for_each_page() {
    if !is_there("python3", "--version", "python3").unwrap() {
        return;
    }
    let scene = Scene::new("");
    let site = PythonSite::start(&scene);
    let asked = site.get("/articles/7", &[]);
    assert_refused(&asked, "payment-required");
    assert_eq!(asked.header("www-authenticate"), scene.get("/articles/7", &[]).header("www-authenticate"));
    let free = site.get("/", &[("Authorization", &authorization(&scene.tokens(1)))]);
    assert_eq!((free.status, free.header("farthing-access")), (200, "free"));

    let visitor = Visitor::new(&scene.world, &site.url);
    let (_, error) = visitor.get("/articles/1", &[], 1);
    assert!(error.contains("the page costs 0.01 EUR, and nothing was paid"), "{error}");
    let (paid, _) = visitor.get("/articles/1?x=1", &["--max", "0.01", "EUR"], 0);
    assert_eq!((&paid["payment"]["state"], &paid["payment"]["count"]), (&json!("spent"), &json!(1)));
    let (again, _) = visitor.get("/articles/1", &[], 0);
    assert_eq!(
        (&again["payment"], visitor.output().as_str()),
        (&Value::Null, "This is article 1. Thank you.\n")
    );
    assert_eq!((visitor.tokens(), scene.credit()), (98, 10_000));

    // What cannot pay spends nothing; the same payment is repeated as often as its answer is lost, and is for one page.
    let tokens = scene.tokens(2);
    let [both, one] = [authorization(&tokens), authorization(&tokens[..1])];
    let again = || super::copies(&tokens[..1]);
    let twice = authorization(&again().into_iter().chain(again()).collect::<Vec<_>>());
    for wrong in [&both, &twice] {
        assert_refused(&site.get("/articles/2", &[("Authorization", wrong)]), "payment-amount");
    }
    let malformed = site.get("/articles/2", &[("Authorization", "PrivateToken token=AAAA")]);
    assert_eq!((malformed.status, malformed.problem().as_str()), (400, "payment-malformed"));
    let passes = [(); 3].map(|()| pass(&site.get("/articles/2", &[("Authorization", &one)])));
    assert!(passes.iter().all(|other| *other == passes[0]), "no repetition buys more time: {passes:?}");
    assert_refused(&site.get("/articles/3", &[("Authorization", &one)]), "token-spent");
    assert_eq!(site.get("/articles/2", &[("Cookie", &passes[0])]).status, 200);
    for forged in [passes[0].replace('=', "=1"), "__Secure-farthing-pass=99999999999.x".to_owned()] {
        assert_refused(&site.get("/articles/2", &[("Cookie", &forged)]), "payment-required");
    }
    assert_refused(&site.get("/articles/3", &[("Cookie", &passes[0])]), "payment-required");
    assert_eq!(site.get("/articles/%32", &[]).status, 404, "a page has one spelling");
    assert_eq!(scene.credit(), 20_000);

    // The redeemer goes away and comes back: nothing is lost.
    let url = scene.redeemer.url();
    let Scene { world, redeemer, publisher, .. } = scene;
    redeemer.stop().unwrap();
    let other = authorization(&tokens[1..]);
    let unsure = site.get("/articles/4", &[("Authorization", &other)]);
    assert_eq!(
        (unsure.status, unsure.problem().as_str(), unsure.header("retry-after")),
        (503, "unavailable", "2")
    );
    let redeemer = world.serve_at(Program::Redeemer, &url).unwrap();
    assert_eq!(site.get("/articles/4", &[("Authorization", &other)]).status, 200);
    assert_eq!(publisher.credit_micros(&redeemer.url()).unwrap(), 30_000);
    // Who read what stands nowhere.
    let log = fs::read_to_string(world.path("site.log")).unwrap();
    assert!(!log.contains("articles") && !log.contains("127.0.0.1 - "), "{log}");
}

#[test]
fn the_guides_steps_in_curl_take_a_payment() {
    let scene = Scene::new("");
    let (_, section) = GUIDE.split_once("## For a site in any other language").unwrap();
    let script = section.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let tokens = scene.world.reader("reader").export(1).unwrap();
    let directory = scene.world.path("by-hand");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("tokens"), tokens.join("\n") + "\n").unwrap();
    let run = Command::new("bash")
        .args(["-eu", "-o", "pipefail", "-c", script])
        .current_dir(&directory)
        .env("REDEEMER", scene.redeemer.url())
        .env("API_KEY", &scene.publisher.api_key)
        .env("SECRET", "correct horse battery staple")
        .output()
        .unwrap();
    let said = String::from_utf8(run.stdout).unwrap();
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    let lines: Vec<_> = said.lines().collect();
    let [challenge, worth, taken, first, kept, second, cookie] = lines[..] else { panic!("{said}") };
    let asked = scene.get("/articles/7", &[]);
    assert_eq!(challenge, format!("WWW-Authenticate: {}", asked.header("www-authenticate")));
    assert!(worth.contains("\"value_micros\":10000"), "{said}");
    assert_eq!([first, second], ["status: 200"; 2], "{said}");
    for (answer, replayed) in [(taken, false), (kept, true)] {
        let answer: Value = serde_json::from_str(answer).unwrap();
        assert_eq!((&answer["results"], &answer["replayed"]), (&json!(["accepted"]), &json!(replayed)));
    }
    assert!(cookie.starts_with("Set-Cookie: __Secure-farthing-pass="), "{said}");
    assert_eq!(scene.credit(), 10_000);
}
