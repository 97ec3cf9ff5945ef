use std::ffi::OsStr;
use std::fs;
use std::io::{Write, stderr};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use farthing_tests::http;
use serde_json::Value;

/// Every service, whatever its profile.
const ALL: [&str; 2] = ["--profile", "observability"];
/// The image of Prometheus that the test makes.
const PROMETHEUS: &str = "farthing-test-prometheus";
/// Longest wait for the services to be ready once Compose has started them.
const START: Duration = Duration::from_secs(90);

/// Says something that is seen although the test passes.
pub fn tell(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}

/// The directory that docker-compose.yml is in.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The stack, under a project name, ports and passwords of its own; taken down with its volumes on drop.
pub struct Stack {
    program: &'static [&'static str],
    project: String,
    ports: [u16; 6],
    secrets: tempfile::TempDir,
}

impl Stack {
    /// Builds the images. None, with a loud line, where it is not wanted or there is no engine.
    pub fn build() -> Option<Self> {
        if std::env::var_os("FARTHING_TEST_CONTAINERS").is_none_or(|wanted| wanted != "1") {
            tell(
                "SKIPPED: the containers. FARTHING_TEST_CONTAINERS=1 runs them; images are built, which takes minutes",
            );
            return None;
        }
        if !succeeds(Command::new("docker").arg("info")) {
            tell("SKIPPED: the containers. No Docker engine answers `docker info`");
            return None;
        }
        let programs: [&[&str]; 2] = [&["docker-compose"], &["docker", "compose"]];
        let version = |program: &&&[&str]| {
            succeeds(Command::new(program[0]).args(&program[1..]).args(["version", "--short"]))
        };
        let Some(program) = programs.iter().find(version).copied() else {
            tell("SKIPPED: the containers. There is neither docker-compose nor docker compose");
            return None;
        };
        let secrets = tempfile::tempdir().unwrap();
        // Grafana's is missing, as where its profile is not used.
        for service in ["issuer", "redeemer"] {
            let mut random = [0; 32];
            getrandom::fill(&mut random).unwrap();
            let password = data_encoding::BASE64.encode(&random);
            fs::write(secrets.path().join(format!("{service}-redis-password")), password + "\n").unwrap();
        }
        let stack = Self {
            program,
            project: format!("farthing-test-{}", std::process::id()),
            ports: free_ports(),
            secrets,
        };
        tell(&format!("compose {}", stack.compose(&["version", "--short"]).trim()));
        // One after the other: they share the stage that compiles.
        stack.compose(&["build", "issuer"]);
        stack.compose(&["build", "redeemer"]);
        Some(stack)
    }

    /// Starts what does not run, and waits until both services are ready.
    pub fn up(&self) {
        self.compose(&["up", "--detach"]);
        let deadline = Instant::now() + START;
        for url in [self.issuer_url(), self.redeemer_url()] {
            while !http::get(&format!("{url}/readyz"), &[]).is_ok_and(|answer| answer.status == 200) {
                assert!(Instant::now() < deadline, "{url} does not become ready:\n{}", self.logs());
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }

    /// Where the issuer answers.
    pub fn issuer_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
    }

    /// Where the redeemer answers.
    pub fn redeemer_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[1])
    }

    /// Where Prometheus answers, with its profile.
    pub fn prometheus_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[4])
    }

    /// Every port that is published.
    pub fn ports(&self) -> [u16; 6] {
        self.ports
    }

    /// Runs Compose to success; what it printed.
    pub fn compose(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}\n{}", text(&output), self.logs());
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command in a service's container to success; what it printed.
    pub fn exec(&self, service: &str, command: &[&str]) -> String {
        self.compose(&[&ALL[..], &["exec", "-T", service], command].concat())
    }

    /// Whether a command in a service's container succeeds.
    pub fn can(&self, service: &str, command: &[&str]) -> bool {
        succeeds(&mut self.command(&[&ALL[..], &["exec", "-T", service], command].concat()))
    }

    /// What the engine says about a service's container.
    pub fn inspect(&self, service: &str) -> Value {
        let id = self.compose(&[&ALL[..], &["ps", "--quiet", service]].concat());
        let output = Command::new("docker").args(["inspect", id.trim()]).output().unwrap();
        let containers: Value = serde_json::from_slice(&output.stdout).unwrap();
        containers[0].clone()
    }

    /// Waits until a service's own check says that it is well.
    pub fn await_health(&self, service: &str) {
        let deadline = Instant::now() + START;
        while self.inspect(service)["State"]["Health"]["Status"] != "healthy" {
            assert!(Instant::now() < deadline, "{service} is not healthy:\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(200));
        }
        tell(&format!("{service} is healthy"));
    }

    fn logs(&self) -> String {
        self.command(&[&ALL[..], &["logs", "--no-color", "--tail", "20"]].concat())
            .output()
            .map_or_else(|error| error.to_string(), |output| text(&output))
    }

    fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(self.program[0]);
        command.args(&self.program[1..]).args(["--project-name", &self.project]).args(arguments);
        command.current_dir(root()).stdin(Stdio::null());
        command.env("FARTHING_TAG", "test").env("SECRETS", self.secrets.path());
        // The oldest that will do, unless another is asked for.
        command
            .env("REDIS_IMAGE", std::env::var_os("REDIS_IMAGE").unwrap_or_else(|| "redis:7-bookworm".into()));
        command.env(
            "PROMETHEUS_IMAGE",
            std::env::var_os("PROMETHEUS_IMAGE").unwrap_or_else(|| PROMETHEUS.into()),
        );
        let variables = [
            "ISSUER_PORT",
            "REDEEMER_PORT",
            "ISSUER_METRICS_PORT",
            "REDEEMER_METRICS_PORT",
            "PROMETHEUS_PORT",
            "GRAFANA_PORT",
        ];
        command.envs(variables.into_iter().zip(self.ports.map(|port| port.to_string())));
        command
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let removed = self.command(&[&ALL[..], &["down", "--volumes", "--remove-orphans"]].concat()).output();
        if !removed.is_ok_and(|output| output.status.success()) {
            tell(&format!("the project {} is still there: remove it with `down --volumes`", self.project));
        }
    }
}

/// Builds the image of Prometheus, unless another is named.
pub fn build_prometheus() {
    if std::env::var_os("PROMETHEUS_IMAGE").is_some() {
        return;
    }
    let mut build = Command::new("docker");
    build.args(["build", "--tag", PROMETHEUS]).arg(root().join("tests/tests/containers/prometheus"));
    if let Some(image) = std::env::var_os("RUNTIME_IMAGE") {
        let mut argument = std::ffi::OsString::from("RUNTIME_IMAGE=");
        argument.push(image);
        build.arg("--build-arg").arg(argument);
    }
    let output = build.output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
}

/// Ports that nobody listens on, each another.
fn free_ports() -> [u16; 6] {
    let listeners = [(); 6].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}
