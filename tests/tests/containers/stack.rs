use std::ffi::OsStr;
use std::fs;
use std::io::{Write, stderr};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use farthing_tests::http;
use serde_json::Value;

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
    ports: [u16; 4],
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

    /// Every port that is published.
    pub fn ports(&self) -> [u16; 4] {
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
        self.compose(&[&["exec", "-T", service], command].concat())
    }

    /// Whether a command in a service's container succeeds.
    pub fn can(&self, service: &str, command: &[&str]) -> bool {
        succeeds(&mut self.command(&[&["exec", "-T", service], command].concat()))
    }

    /// What the engine says about a service's container.
    pub fn inspect(&self, service: &str) -> Value {
        let id = self.compose(&["ps", "--quiet", service]);
        let output = Command::new("docker").args(["inspect", id.trim()]).output().unwrap();
        let containers: Value = serde_json::from_slice(&output.stdout).unwrap();
        containers[0].clone()
    }

    fn logs(&self) -> String {
        self.command(&["logs", "--no-color", "--tail", "20"])
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
        let variables = ["ISSUER_PORT", "REDEEMER_PORT", "ISSUER_METRICS_PORT", "REDEEMER_METRICS_PORT"];
        command.envs(variables.into_iter().zip(self.ports.map(|port| port.to_string())));
        command
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let removed = self.command(&["down", "--volumes", "--remove-orphans"]).output();
        if !removed.is_ok_and(|output| output.status.success()) {
            tell(&format!("the project {} is still there: remove it with `down --volumes`", self.project));
        }
    }
}

/// Ports that nobody listens on, each another.
fn free_ports() -> [u16; 4] {
    let listeners = [(); 4].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}
