//! Our issuer and redeemer as processes of their own, on loopback, with stores in a directory that goes with them.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use farthing_api::{IDEMPOTENCY_KEY_HEADER, RedemptionAnswer};
use serde_json::Value;
use tempfile::TempDir;
use ureq::Agent;

pub(crate) const ISSUER_NAME: &str = "issuer.localhost";
const START_DEADLINE: Duration = Duration::from_mins(1);

/// Something that the issuer sells.
#[derive(Clone, Copy)]
pub(crate) struct Pack {
    pub(crate) id: &'static str,
    pub(crate) count: u32,
}

pub(crate) const PACK: Pack = Pack { id: "reader-100", count: 100 };
pub(crate) const SINGLE: Pack = Pack { id: "reader-1", count: 1 };

/// A running issuer and redeemer, and a publisher's key for the latter.
pub(crate) struct Services {
    issuer: Service,
    redeemer: Service,
    api_key: String,
    pub(crate) agent: Agent,
    // Dropped last: the processes write into it.
    _directory: TempDir,
}

struct Service {
    program: &'static str,
    config: PathBuf,
    url: String,
    process: Option<Child>,
}

impl Services {
    /// Sets both up as an operator would, and waits until they are ready.
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let packs: String = [PACK, SINGLE].iter().map(Pack::config).collect();
        let mut issuer = Service::configure("issuer", directory.path(), &packs);
        let mut redeemer = Service::configure("redeemer", directory.path(), "");
        issuer.command(&["store", "init"]);
        redeemer.command(&["store", "init"]);
        issuer.command(&["keys", "init"]);
        let publisher: Value =
            serde_json::from_str(&redeemer.command(&["publishers", "add", "Gazette"])).unwrap();
        let api_key = publisher["api_key"].as_str().unwrap().to_owned();

        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build()
            .new_agent();
        issuer.serve(&agent);
        redeemer.serve(&agent);
        Self { issuer, redeemer, api_key, agent, _directory: directory }
    }

    /// An address at the issuer.
    pub(crate) fn issuer_url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer.url)
    }

    /// A prepaid code for one pack.
    pub(crate) fn voucher(&self, pack: Pack) -> String {
        let codes = self.issuer.command(&["vouchers", "mint", "--pack", pack.id]);
        codes.lines().next().unwrap().trim().to_owned()
    }

    /// Redeems tokens as the publisher: the status, and the answer.
    pub(crate) fn redeem(&self, idempotency_key: &str, tokens: &[Vec<u8>]) -> (u16, RedemptionAnswer) {
        let mut response = self
            .agent
            .post(format!("{}/v1/redemptions", self.redeemer.url))
            .header("Authorization", format!("Bearer {}", self.api_key))
            .header(IDEMPOTENCY_KEY_HEADER, idempotency_key)
            .content_type("application/octet-stream")
            .send(tokens.concat())
            .unwrap();
        let status = response.status().as_u16();
        let body = response.body_mut().read_to_string().unwrap();
        let answer = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{status} {body}: {error}"));
        (status, answer)
    }
}

impl Pack {
    fn config(&self) -> String {
        let Self { id, count } = self;
        // One cent a token, sold at its face value.
        format!(
            "\n[[pack]]\nid = \"{id}\"\ntitle = \"{count} articles\"\ncount = {count}\n\
             value_micros = 10000\ncurrency = \"EUR\"\nprice_minor = {count}\n"
        )
    }
}

impl Service {
    /// Writes the configuration of `program`; both share a keyring.
    fn configure(program: &'static str, directory: &Path, more: &str) -> Self {
        let [port, metrics_port] = free_ports();
        let config = directory.join(format!("{program}.toml"));
        let at = |name: &str| directory.join(name).display().to_string();
        let text = format!(
            "listen = \"127.0.0.1:{port}\"\n\
             metrics_listen = \"127.0.0.1:{metrics_port}\"\n\
             admin_socket = \"{}\"\n\
             issuer_name = \"{ISSUER_NAME}\"\n\
             keyring = \"{}\"\n\
             store = {{ kind = \"embedded\", path = \"{}\" }}\n\
             {more}",
            at(&format!("{program}.sock")),
            at("keys"),
            at(&format!("{program}.db")),
        );
        fs::write(&config, text).unwrap();
        Self { program, config, url: format!("http://127.0.0.1:{port}"), process: None }
    }

    /// A command of the service's program, with its configuration.
    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(multi_call_binary());
        command.arg(self.program).args(arguments).arg("--config").arg(&self.config).stdin(Stdio::null());
        command
    }

    /// Runs a command of an operator and gives what it prints.
    fn command(&self, arguments: &[&str]) -> String {
        let output = self.program(arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} {arguments:?}: {}\n{text}{errors}", self.program, output.status);
        text
    }

    /// Starts serving and waits until the service says that it is ready.
    fn serve(&mut self, agent: &Agent) {
        let log = self.config.with_extension("log");
        let (out, err) = (File::create(&log).unwrap(), File::options().append(true).open(&log).unwrap());
        let process = self.program(&["serve"]).stdout(out).stderr(err).spawn().unwrap();
        // Kept from the start, so that it is ended even if it never becomes ready.
        let process = self.process.insert(process);
        let deadline = Instant::now() + START_DEADLINE;
        let ready = format!("{}/readyz", self.url);
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
