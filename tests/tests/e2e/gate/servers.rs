//! nginx and Caddy with the sample configurations, before a site and asking the gate. `cargo xtask test --all` provides
//! both.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use farthing_tests::http::{self, Answer};
use farthing_tests::optional::is_there;
use farthing_tests::programs::Program;

use super::{Scene, assert_refused, authorization, has_pass, pass, wait_until};

/// A server before the site; killed when the value is dropped.
struct FrontServer {
    child: Child,
    address: SocketAddr,
}

impl Drop for FrontServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl FrontServer {
    fn start(mut command: Command, address: SocketAddr, log: &Path) -> Self {
        let file = fs::File::create(log).unwrap();
        let child =
            command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        let server = Self { child, address };
        wait_until("a server before the site", || TcpStream::connect(address).is_ok());
        server
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let headers = [headers, &[("Host", "news.example")]].concat();
        http::get(&format!("http://{}{path}", self.address), &headers).unwrap()
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A gate that is asked, and a directory with three pages.
fn scene(uri_header: &str) -> (Scene, String) {
    let table = format!(
        "[forward_auth]\nsecret = \"file:data/gate.proxy-secret\"\nuri_header = \"{uri_header}\"\nhost_header = \
         \"X-Forwarded-Host\"\n"
    );
    let scene = Scene::new(&table);
    for page in ["articles/7/index.html", "articles/8.html", "about.html"] {
        let file = scene.world.path("site").join(page);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, format!("the page {page}")).unwrap();
    }
    let secret = fs::read_to_string(scene.world.path("data/gate.proxy-secret")).unwrap().trim().to_owned();
    (scene, secret)
}

/// A sample configuration with the names of a test in place of its own.
fn sample(text: &str, scene: &Scene, secret: &str, address: SocketAddr) -> String {
    let site = scene.world.path("site").display().to_string();
    let mut text = text.to_owned();
    for (from, to) in [
        ("127.0.0.1:8703", scene.gate.address().to_string().as_str()),
        ("SECRET", secret),
        ("/srv/news", &site),
    ] {
        assert!(text.contains(from), "{from} is not in the sample");
        text = text.replace(from, to);
    }
    text.replace("127.0.0.1:8080", &address.to_string())
        .replace("news.example:8080", &format!("news.example:{}", address.port()))
}

fn body(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// What any server must do that asks the gate.
fn check(scene: &Scene, server: &FrontServer) {
    let free = server.get("/about.html", &[]);
    assert_eq!((free.status, body(&free).as_str()), (200, "the page about.html"));
    let with_query = server.get("/about.html?x=1&deny=402", &[]);
    assert_eq!((with_query.status, body(&with_query).as_str()), (200, "the page about.html"));
    let asked = server.get("/articles/8.html?deny=402", &[]);
    assert_refused(&asked, "payment-required");
    let asked = server.get("/articles/8.html", &[]);
    assert_refused(&asked, "payment-required");
    let browser = server.get("/articles/8.html", &[("Accept", "text/html")]);
    assert_eq!((browser.status, browser.header("content-type")), (401, "text/html; charset=utf-8"));
    assert!(body(&browser).contains("farthing get &#39;https://news.example/articles/8.html&#39;"));

    // What a reader says in the proxy's name is not believed.
    for forged in [
        ("X-Original-URI", "/about.html"),
        ("X-Forwarded-Uri", "/about.html"),
        ("X-Forwarded-Host", "other.example"),
        ("Farthing-Proxy-Secret", "x"),
        ("Farthing-Access", "paid"),
    ] {
        assert_refused(&server.get("/articles/8.html", &[forged]), "payment-required");
    }
    let twisted = server.get("/x/%2e%2e/articles/8.html", &[]);
    assert_eq!((twisted.status, twisted.problem().as_str()), (400, "ambiguous-path"), "{twisted:?}");
    let malformed = server.get("/articles/8.html", &[("Authorization", "PrivateToken token=AA")]);
    assert_eq!((malformed.status, malformed.problem().as_str()), (400, "payment-malformed"));

    let respelled = server.get("/articles/8%2ehtml", &[]);
    assert_eq!((respelled.status, respelled.header("location")), (308, "/articles/8.html"), "{respelled:?}");

    // An index is asked for twice, and paid for once.
    let token = scene.tokens(1);
    let paying = authorization(&token);
    let free = server.get("/about.html", &[("Authorization", &paying)]);
    assert_eq!((free.status, free.header("farthing-access")), (200, "free"), "{free:?}");
    assert_eq!(free.header("cache-control"), "", "what is free may be kept");
    for _ in 0..2 {
        let paid = server.get("/articles/7/", &[("Authorization", &paying)]);
        assert_eq!((paid.status, body(&paid).as_str()), (200, "the page articles/7/index.html"), "{paid:?}");
        assert_eq!(paid.header("cache-control"), "private, no-store");
        let again = server.get("/articles/7/index.html", &[("Cookie", &pass(&paid))]);
        assert_eq!((again.status, has_pass(&again)), (200, false));
        assert_eq!(body(&again), "the page articles/7/index.html");
    }
    assert_eq!(scene.credit(), 10_000);
    let elsewhere = server.get("/articles/8.html", &[("Authorization", &paying)]);
    assert_refused(&elsewhere, "token-spent");
}

/// The redeemer goes away and comes back.
fn check_outage(scene: Scene, server: &FrontServer) {
    let paying = authorization(&scene.tokens(1));
    let Scene { world, redeemer, publisher, gate, .. } = scene;
    let url = redeemer.url();
    redeemer.stop().unwrap();
    let unsure = server.get("/articles/8.html", &[("Authorization", &paying)]);
    assert_eq!((unsure.status, unsure.problem().as_str()), (503, "unavailable"), "{unsure:?}");
    assert_eq!(unsure.header("retry-after"), "2");
    let redeemer = world.serve_at(Program::Redeemer, &url).unwrap();
    assert_eq!(server.get("/articles/8.html", &[("Authorization", &paying)]).status, 200);
    assert_eq!(publisher.credit_micros(&redeemer.url()).unwrap(), 20_000);
    drop(gate);
}

#[test]
fn nginx_asks_the_gate() {
    if !is_there("nginx", "-v", "nginx").unwrap() {
        return;
    }
    let (scene, secret) = scene("X-Original-URI");
    let address = free_address();
    let conf = sample(include_str!("../../../../configs/gate/nginx.conf"), &scene, &secret, address);
    let directory = scene.world.path("nginx");
    fs::create_dir_all(&directory).unwrap();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {}/{name};\n", directory.display()))
        .concat();
    // Workers read the site as whoever runs the test.
    let user = if rustix::process::geteuid().is_root() { "user root;\n" } else { "" };
    let main = format!(
        "{user}worker_processes 1;\ndaemon off;\npid {}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n{temporary}{conf}}}\n",
        directory.display()
    );
    fs::write(directory.join("nginx.conf"), main).unwrap();
    let mut command = Command::new("nginx");
    command.arg("-e").arg("stderr").arg("-p").arg(&directory).arg("-c").arg(directory.join("nginx.conf"));
    let server = FrontServer::start(command, address, &directory.join("log"));
    check(&scene, &server);
    check_outage(scene, &server);
}

#[test]
fn caddy_asks_the_gate() {
    if !is_there("caddy", "version", "caddy").unwrap() {
        return;
    }
    let (scene, secret) = scene("X-Forwarded-Uri");
    let address = free_address();
    let directory = scene.world.path("caddy");
    fs::create_dir_all(&directory).unwrap();
    let conf = sample(include_str!("../../../../configs/gate/Caddyfile"), &scene, &secret, address);
    // Caddy compares the port as well, and readers say none here.
    let conf = conf
        .replace(&format!("http://news.example:{}", address.port()), &format!("http://:{}", address.port()));
    fs::write(directory.join("Caddyfile"), conf).unwrap();
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(directory.join("Caddyfile"));
    command.env("HOME", &directory).env("XDG_DATA_HOME", &directory).env("XDG_CONFIG_HOME", &directory);
    let server = FrontServer::start(command, address, &directory.join("log"));
    check(&scene, &server);
    check_outage(scene, &server);
}
