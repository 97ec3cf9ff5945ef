//! nginx and Caddy with the sample configurations, before a site and asking the gate. `cargo xtask test --all` provides
//! both.

mod checks;

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use farthing_tests::TcpSocket;
use farthing_tests::http::{self, Answer};
use farthing_tests::optional::is_there;

use super::{PATIENCE, Scene};

/// At how many addresses a server is tried.
const ATTEMPTS: usize = 5;

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
    /// Starts a server at a free address, which `command` configures it for. Another program may take the address first: then
    /// at another one.
    fn start(log: &Path, command: impl Fn(SocketAddr) -> Command) -> Self {
        for _ in 0..ATTEMPTS {
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let file = fs::File::create(log).unwrap();
            let mut command = command(address);
            command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
            let mut server = Self { child: command.spawn().unwrap(), address };
            if server.listens() {
                return server;
            }
        }
        panic!("no server before the site: {}", fs::read_to_string(log).unwrap());
    }

    /// Waits until it listens itself, and no other program where it should; or until it has ended.
    fn listens(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        let wanted = TcpSocket { local: self.address.port(), remote: 0 };
        while self.child.try_wait().unwrap().is_none() {
            if TcpSocket::of(self.child.id()).is_ok_and(|sockets| sockets.contains(&wanted)) {
                return true;
            }
            assert!(Instant::now() < deadline, "a server before the site does not listen");
            thread::sleep(Duration::from_millis(10));
        }
        false
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let headers = [headers, &[("Host", "news.example")]].concat();
        http::get(&format!("http://{}{path}", self.address), &headers).unwrap()
    }
}

/// What a program of the site costs, beside its files.
const LIVE_PRICES: &str = r#"
[[price]]
path = "/live/books/*"
price_micros = 400000
currency = "EUR"

[[price]]
path = "/live/teasers/*"
price_micros = 10000
currency = "EUR"
preview = true

[[price]]
path = "/live/articles/*/**"
price_micros = 10000
currency = "EUR"
"#;

/// A gate that is asked, a directory with three pages and one without any, and a program.
fn scene(uri_header: &str) -> (Scene, String) {
    let table = format!(
        "[forward_auth]\nsecret = \"file:data/gate.proxy-secret\"\nuri_header = \"{uri_header}\"\nhost_header = \
         \"X-Forwarded-Host\"\n{LIVE_PRICES}"
    );
    let scene = Scene::new(&table);
    for page in ["articles/7/index.html", "articles/8.html", "about.html"] {
        let file = scene.world.path("site").join(page);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, format!("the page {page}")).unwrap();
    }
    fs::create_dir_all(scene.world.path("site/empty")).unwrap();
    let secret = fs::read_to_string(scene.world.path("data/gate.proxy-secret")).unwrap().trim().to_owned();
    (scene, secret)
}

/// A sample configuration with the names of a test in place of its own.
fn sample(text: &str, scene: &Scene, secret: &str, address: SocketAddr) -> String {
    let site = scene.world.path("site").display().to_string();
    let program = scene.site.url().replace("http://", "");
    let mut text = text.to_owned();
    for (from, to) in [
        ("127.0.0.1:8703", scene.gate.address().to_string().as_str()),
        ("SECRET", secret),
        ("/srv/news", &site),
        ("127.0.0.1:8081", &program),
    ] {
        assert!(text.contains(from), "{from} is not in the sample");
        text = text.replace(from, to);
    }
    text.replace("127.0.0.1:8080", &address.to_string())
        .replace("news.example:8080", &format!("news.example:{}", address.port()))
}

#[test]
fn nginx_asks_the_gate() {
    if !is_there("nginx", "-v", "nginx").unwrap() {
        return;
    }
    let (scene, secret) = scene("X-Original-URI");
    let directory = scene.world.path("nginx");
    fs::create_dir_all(&directory).unwrap();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {}/{name};\n", directory.display()))
        .concat();
    let server = FrontServer::start(&directory.join("log"), |address| {
        let conf = sample(include_str!("../../../../../configs/gate/nginx.conf"), &scene, &secret, address);
        // One process: a worker would live on when its master is killed.
        let main = format!(
            "master_process off;\ndaemon off;\npid {}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n{temporary}{conf}}}\n",
            directory.display()
        );
        fs::write(directory.join("nginx.conf"), main).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-e").arg("stderr").arg("-p").arg(&directory).arg("-c").arg(directory.join("nginx.conf"));
        command
    });
    checks::all(scene, &server);
}

#[test]
fn caddy_asks_the_gate() {
    if !is_there("caddy", "version", "caddy").unwrap() {
        return;
    }
    let (scene, secret) = scene("X-Forwarded-Uri");
    let directory = scene.world.path("caddy");
    fs::create_dir_all(&directory).unwrap();
    let server = FrontServer::start(&directory.join("log"), |address| {
        let conf = sample(include_str!("../../../../../configs/gate/Caddyfile"), &scene, &secret, address);
        // Caddy compares the port as well, and readers say none here.
        let port = address.port();
        let conf = conf.replace(&format!("http://news.example:{port}"), &format!("http://:{port}"));
        fs::write(directory.join("Caddyfile"), conf).unwrap();
        let mut command = Command::new("caddy");
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(directory.join("Caddyfile"));
        command.env("HOME", &directory).env("XDG_DATA_HOME", &directory).env("XDG_CONFIG_HOME", &directory);
        command
    });
    checks::all(scene, &server);
}
