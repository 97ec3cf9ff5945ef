//! A program of ours as a process of its own, on loopback.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use serde_json::Value;
use ureq::Agent;

pub(crate) const ISSUER_NAME: &str = "issuer.localhost";
const START_DEADLINE: Duration = Duration::from_mins(1);

/// A program with a configuration, and its process once it serves; ended on drop.
pub(crate) struct Service {
    program: &'static str,
    config: PathBuf,
    url: String,
    process: Option<Child>,
}

impl Service {
    /// Writes the configuration of `program` into `directory`: what each has, and `more`.
    pub(crate) fn configure(program: &'static str, directory: &Path, more: &str) -> Self {
        let [port, metrics_port] = free_ports();
        let config = directory.join(format!("{program}.toml"));
        let text = format!(
            "listen = \"127.0.0.1:{port}\"\n\
             metrics_listen = \"127.0.0.1:{metrics_port}\"\n\
             admin_socket = \"{program}.sock\"\n\
             issuer_name = \"{ISSUER_NAME}\"\n\
             {more}"
        );
        fs::write(&config, text).unwrap();
        Self { program, config, url: format!("http://127.0.0.1:{port}"), process: None }
    }

    /// An address at the service.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// A command of the service's program, with its configuration.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(self.program);
        command.args(arguments).arg("--config").arg(&self.config);
        command
    }

    /// Runs a command of an operator and gives what it prints.
    pub(crate) fn admin(&self, arguments: &[&str]) -> String {
        printed(&mut self.command(arguments))
    }

    /// Starts serving and waits until the service says, at this path, that it is ready.
    pub(crate) fn serve(&mut self, agent: &Agent, ready: &str) {
        let log = self.config.with_extension("log");
        let (out, err) = (File::create(&log).unwrap(), File::options().append(true).open(&log).unwrap());
        let process = self.command(&["serve"]).stdout(out).stderr(err).spawn().unwrap();
        let ready = self.url(ready);
        // Kept from the start, so that it is ended even if it never becomes ready.
        let process = self.process.insert(process);
        let deadline = Instant::now() + START_DEADLINE;
        while !agent.get(&ready).call().is_ok_and(|response| response.status().is_success()) {
            let ended = process.try_wait().unwrap();
            if ended.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(&log).unwrap();
                panic!("{} is not ready (ended: {ended:?}):\n{log}", self.program);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

/// One of our programs, ready for its arguments.
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new(multi_call_binary());
    command.arg(name).stdin(Stdio::null());
    command
}

/// Runs a command to success; what it prints.
pub(crate) fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{text}{errors}", output.status);
    text
}

/// Ports that nobody listens on now.
fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// The program that holds all of ours: where `FARTHING_DEMO_BIN` says, or else built here.
fn multi_call_binary() -> PathBuf {
    static BINARY: std::sync::LazyLock<PathBuf> = std::sync::LazyLock::new(|| {
        env::var_os("FARTHING_DEMO_BIN").map_or_else(build_multi_call_binary, PathBuf::from)
    });
    BINARY.clone()
}

fn build_multi_call_binary() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let output = Command::new(env!("CARGO"))
        .current_dir(workspace)
        .args(["build", "--package", "farthing-tests", "--bin", "farthing-demo"])
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "farthing-demo does not build");
    let messages = String::from_utf8(output.stdout).unwrap();
    let executable = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back();
    executable.unwrap()
}
