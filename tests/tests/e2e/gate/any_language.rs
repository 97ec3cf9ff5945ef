//! Sites that do without the gate: the example in Python, and the guide's steps in curl.

use std::fs::{self, File};
use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use farthing_tests::Asked;
use farthing_tests::http::{self, Answer};
use farthing_tests::optional::is_there;
use farthing_tests::programs::Program;
use serde_json::{Value, json};

use super::wallet::Visitor;
use super::{PATIENCE, Scene, assert_refused, authorization, pass, wait_until};

const GUIDE: &str = include_str!("../../../../docs/gate.md");
const SITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../gate/examples/site.py");

/// The site in Python; killed when the value is dropped.
struct PythonSite {
    child: Child,
    url: String,
}

impl PythonSite {
    fn start(scene: &Scene) -> Self {
        Self::with_redeemer_at(scene, &scene.redeemer.url())
    }

    fn with_redeemer_at(scene: &Scene, redeemer: &str) -> Self {
        let log = scene.world.path("site.log");
        let mut command = Command::new("python3");
        command.arg(SITE).arg(redeemer).arg(scene.world.path("data/gate.api-key"));
        command.arg(scene.world.path("data/site.secret")).arg("0").stdin(Stdio::null());
        let file = File::create(&log).unwrap();
        let child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        let mut site = Self { child, url: String::new() };
        let address = || {
            let log = fs::read_to_string(&log).unwrap();
            Some(log.split_once("listening addr=")?.1.split_once('\n')?.0.to_owned())
        };
        wait_until("the site in Python", || address().is_some());
        site.url = format!("http://{}", address().unwrap());
        site
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        http::get(&format!("{}{path}", self.url), headers).unwrap()
    }

    /// A connection on which bytes are written and read by hand.
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.url.strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
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
fn a_body_that_the_site_in_python_does_not_read_is_no_request() {
    if !is_there("python3", "--version", "python3").unwrap() {
        return;
    }
    let scene = Scene::new("");
    let site = PythonSite::start(&scene);
    let within = "GET /articles/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let length = format!("Content-Length: {}\r\n\r\n{within}", within.len());
    let chunk = format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{within}\r\n0\r\n\r\n", within.len());
    for body in [length, chunk] {
        let mut stream = site.connect();
        write!(stream, "GET / HTTP/1.1\r\nHost: a\r\n{body}").unwrap();
        let mut answers = Vec::new();
        stream.read_to_end(&mut answers).unwrap();
        let answers = String::from_utf8(answers).unwrap();
        assert_eq!(answers.matches("HTTP/1.").count(), 1, "{answers}");
        assert!(answers.ends_with("Read /articles/1, for a cent\n"), "{answers}");
    }
}

/// A redeemer that says what it is told to, or closes the connection without a word; its URL.
fn redeemer(mut says: impl FnMut(&Asked) -> Option<String> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let asked = Asked::read(&mut BufReader::new(&stream)).ok().flatten();
            if let Some(answer) = asked.and_then(|asked| says(&asked)) {
                let _ = stream.write_all(answer.as_bytes());
            }
        }
    });
    url
}

#[test]
fn a_site_in_python_outlasts_what_makes_no_sense_and_tells_of_no_reader() {
    if !is_there("python3", "--version", "python3").unwrap() {
        return;
    }
    let scene = Scene::new("");
    let keys = http::get(&format!("{}/v1/keys", scene.redeemer.url()), &[]).unwrap().body;
    let keys = String::from_utf8(keys).unwrap();
    let (asked, names_keys) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (count, may_name, mut statuses) =
        (Arc::clone(&asked), Arc::clone(&names_keys), ["200 OK", "409 Conflict"].into_iter().cycle());
    let url = redeemer(move |question| {
        count.fetch_add(1, Ordering::SeqCst);
        let answer = |status: &str, body: &str| {
            format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        };
        match question.target.as_str() {
            "/v1/keys" => may_name.load(Ordering::SeqCst).then(|| answer("200 OK", &keys)),
            _ => statuses.next().map(|status| answer(status, "{}")),
        }
    });
    let site = PythonSite::with_redeemer_at(&scene, &url);
    // While it names no keys readers do not wait for it one after the other: none of them asks it.
    let before = asked.load(Ordering::SeqCst);
    for _ in 0..20 {
        assert_eq!(site.get("/articles/1", &[]).problem(), "unavailable");
    }
    let while_readers_came = asked.load(Ordering::SeqCst) - before;
    assert!(while_readers_came < 20, "{while_readers_came}");
    names_keys.store(true, Ordering::SeqCst);
    wait_until("the keys", || site.get("/articles/1", &[]).status == 401);

    let paying = authorization(&scene.tokens(1));
    for _ in ["of 200", "of 409"] {
        let unsure = site.get("/articles/1", &[("Authorization", &paying)]);
        assert_eq!((unsure.status, unsure.problem().as_str()), (503, "unavailable"), "{unsure:?}");
    }
    let long = format!("__Secure-farthing-pass={}.x", "9".repeat(5_000));
    assert_refused(&site.get("/articles/1", &[("Cookie", &long)]), "payment-required");
    // A reader whose machine is switched off.
    let mut gone = site.connect();
    gone.write_all(b"GET /articles/1 HTTP/1.1\r\n").unwrap();
    rustix::net::sockopt::set_socket_linger(&gone, Some(Duration::ZERO)).unwrap();
    drop(gone);
    assert_eq!(site.get("/", &[]).status, 200);
    let log = fs::read_to_string(scene.world.path("site.log")).unwrap();
    assert!(log.contains("its answer cannot be read"), "{log}");
    assert!(
        !log.contains("('127.0.0.1'") && !log.contains("articles") && !log.contains("Traceback"),
        "{log}"
    );
}

#[test]
fn the_guides_steps_in_curl_take_a_payment_and_find_it_again() {
    let scene = Scene::new("");
    let (_, section) = GUIDE.split_once("## For a site in any other language").unwrap();
    let script = section.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let tokens = scene.world.reader("reader").export(1).unwrap();
    let directory = scene.world.path("by-hand");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("tokens"), tokens.join("\n") + "\n").unwrap();
    let run = |before: &str| {
        let run = Command::new("bash")
            .args(["-eu", "-o", "pipefail", "-c", &format!("{before}{script}")])
            .current_dir(&directory)
            .env("REDEEMER", scene.redeemer.url())
            .env("API_KEY", &scene.publisher.api_key)
            .env("SECRET", "correct horse battery staple")
            .output()
            .unwrap();
        let said = String::from_utf8(run.stdout).unwrap();
        assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
        let lines: Vec<_> = said.lines().map(str::to_owned).collect();
        <[String; 7]>::try_from(lines).unwrap_or_else(|_| panic!("{said}"))
    };
    let results = |answer: &str| serde_json::from_str::<Value>(answer).unwrap()["results"].clone();

    // The whole of it within one span, by a clock that stands.
    let clock = |seconds: u64| format!("date() {{ echo {seconds}; }}\n");
    let [challenge, worth, taken, first, _, before, cookie] = run(&clock(1_200_000_599));
    let asked = scene.get("/articles/7", &[]);
    assert_eq!(challenge, format!("WWW-Authenticate: {}", asked.header("www-authenticate")));
    assert!(worth.contains("\"value_micros\":10000"), "{worth}");
    assert_eq!((results(&taken), first.as_str()), (json!(["accepted"]), "status: 200"));
    assert_eq!(before, "status: 404", "nothing was paid in the ten minutes before");
    let pass = "Set-Cookie: __Secure-farthing-pass=1200087000.";
    assert!(cookie.starts_with(pass), "{cookie}");

    // The answer was lost, and the reader comes again when the span has just ended.
    let [_, _, refused, again, found, before, _] = run(&clock(1_200_000_600));
    assert_eq!((results(&refused), again.as_str()), (json!(["spent"]), "status: 409"));
    assert_eq!((results(&found), before.as_str()), (json!(["accepted"]), "status: 200"));
    assert_eq!(scene.credit(), 10_000);
}
