use std::ffi::OsStr;
use std::fs;
use std::io::{Write, stderr};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use farthing_tests::http;
use serde_json::Value;

use crate::gate;

/// Every service, whatever its profile.
const ALL: [&str; 4] = ["--profile", "observability", "--profile", "gate"];
/// The variables of the published ports.
const PORTS: [&str; 7] = [
    "ISSUER_PORT",
    "REDEEMER_PORT",
    "ISSUER_METRICS_PORT",
    "REDEEMER_METRICS_PORT",
    "PROMETHEUS_PORT",
    "GRAFANA_PORT",
    "GATE_PORT",
];
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

/// A file of YAML below that directory.
pub fn yaml(name: &str) -> Value {
    let text = fs::read_to_string(root().join(name)).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The stack, under a project name, ports and passwords of its own; taken down with its volumes on drop.
pub struct Stack {
    program: &'static [&'static str],
    project: String,
    ports: [u16; PORTS.len()],
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
        for service in ["issuer", "redeemer", "gate", "site"] {
            stack.compose(&[&ALL[..], &["build", service]].concat());
        }
        Some(stack)
    }

    /// Starts what does not run, with what is in these profiles, and waits until the services are ready.
    pub fn up(&self, profiles: &[&str]) {
        let profiles: Vec<_> = profiles.iter().flat_map(|profile| ["--profile", profile]).collect();
        self.compose(&[&profiles[..], &["up", "--detach"]].concat());
        let mut ready = vec![self.issuer_url() + "/readyz", self.redeemer_url() + "/readyz"];
        if profiles.contains(&gate::PROFILE) {
            ready.push(self.gate_url() + "/.well-known/farthing/readyz");
        }
        let deadline = Instant::now() + START;
        for url in ready {
            while !http::get(&url, &[]).is_ok_and(|answer| answer.status == 200) {
                assert!(Instant::now() < deadline, "{url} does not answer 200:\n{}", self.logs());
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }

    /// Ends what runs, whatever its profile, by `stop` or `down`.
    pub fn end(&self, how: &str) {
        self.compose(&[&ALL[..], &[how]].concat());
    }

    /// Where the issuer answers.
    pub fn issuer_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
    }

    /// Where the redeemer answers.
    pub fn redeemer_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[1])
    }

    /// Where the gate answers, with its profile.
    pub fn gate_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[6])
    }

    /// A prepaid code for the pack that is sold.
    pub fn voucher(&self) -> String {
        let printed = self.exec("issuer", &["farthing-issuer", "vouchers", "mint", "--pack", "reader-100"]);
        printed.trim().to_owned()
    }

    /// Where Prometheus answers, with its profile.
    pub fn prometheus_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[4])
    }

    /// Every port that is published.
    pub fn ports(&self) -> [u16; PORTS.len()] {
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
        command.envs(PORTS.into_iter().zip(self.ports.map(|port| port.to_string())));
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
fn free_ports() -> [u16; PORTS.len()] {
    let listeners = [(); PORTS.len()].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}
