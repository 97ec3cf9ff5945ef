//! One process of Redis or Valkey: a server, a Sentinel, or a cluster's node.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use redis::{FromRedisValue, Value};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::fault_proxy::{Fault, FaultProxy};

/// The environment variable that names another program than `redis-server`, such as `valkey-server`.
pub const SERVER_VARIABLE: &str = "FARTHING_TEST_REDIS_SERVER";

/// Longest wait for a process to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest wait for one answer.
const ANSWER: Duration = Duration::from_secs(2);
/// Sentinels look at the others some times a second instead of every two or ten, so that a failover and what follows
/// it take seconds; what they do is the same.
const HASTE: &[&str] = &[
    "SENTINEL",
    "DEBUG",
    "INFO-PERIOD",
    "500",
    "PUBLISH-PERIOD",
    "300",
    "ASK-PERIOD",
    "300",
    "SLAVE-RECONF-TIMEOUT",
    "2000",
    "MIN-LINK-RECONNECT-PERIOD",
    "2000",
    "ELECTION-TIMEOUT",
    "3000",
    "TILT-PERIOD",
    "5000",
];
/// Ports below those that the system gives to outgoing connections, so that one that was free stays so.
const PORTS: (u16, u16) = (10_000, 32_000);

/// A process with a directory, a port and a proxy before it. It is killed when the value is dropped.
#[derive(Debug)]
pub struct Node {
    directory: TempDir,
    port: u16,
    is_sentinel: bool,
    proxy: Option<FaultProxy>,
    child: Option<Child>,
    is_stopped: bool,
}

impl Node {
    /// Starts a server behind a proxy, on the lines of a configuration file; `announce` says those in which it names
    /// the proxy's port as its own.
    ///
    /// # Errors
    /// It is not installed, or does not answer.
    pub fn server(lines: &[String], announce: impl FnOnce(u16) -> Vec<String>) -> anyhow::Result<Self> {
        let mut node = Self::prepare(false)?;
        let proxy = FaultProxy::start(free_port()?, node.port)?;
        let announced = announce(proxy.port());
        node.proxy = Some(proxy);
        node.configure(&[lines, &announced].concat())?;
        node.start()?;
        Ok(node)
    }

    /// Starts a Sentinel.
    ///
    /// # Errors
    /// It is not installed, or does not answer.
    pub fn sentinel(lines: &[String]) -> anyhow::Result<Self> {
        let mut node = Self::prepare(true)?;
        node.configure(lines)?;
        node.start()?;
        Ok(node)
    }

    fn prepare(is_sentinel: bool) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("redis-").tempdir()?;
        Ok(Self { directory, port: free_port()?, is_sentinel, proxy: None, child: None, is_stopped: false })
    }

    /// Writes the file that the process rewrites itself when its role changes.
    fn configure(&self, lines: &[String]) -> anyhow::Result<()> {
        let directory = self.directory.path().display();
        let own = format!("port {}\nbind 127.0.0.1\nprotected-mode no\ndir {directory}\n", self.port);
        Ok(fs::write(self.directory.path().join("node.conf"), own + &lines.join("\n") + "\n")?)
    }

    /// Starts the process, again if it was killed, and waits until it answers.
    ///
    /// # Errors
    /// It is not installed, or does not answer.
    pub fn start(&mut self) -> anyhow::Result<()> {
        let program = std::env::var(SERVER_VARIABLE).unwrap_or_else(|_| "redis-server".to_owned());
        let log = File::options().create(true).append(true).open(self.directory.path().join("log"))?;
        let mut command = Command::new(&program);
        command.arg("node.conf").args(self.is_sentinel.then_some("--sentinel"));
        command.current_dir(self.directory.path()).stdin(Stdio::null());
        let child = command.stdout(log.try_clone()?).stderr(log).spawn();
        self.child = Some(child.with_context(|| format!("{program}; apt-get install redis-server"))?);
        self.is_stopped = false;
        let deadline = Instant::now() + PATIENCE;
        while self.ask::<String>(&["PING"]).is_err() {
            let ended = self.child.as_mut().map(Child::try_wait).transpose()?.flatten();
            if ended.is_some() || Instant::now() > deadline {
                bail!("{program} does not answer: {}", self.log_end());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // Older ones know no haste.
        let _ = self.is_sentinel.then(|| self.ask::<()>(HASTE));
        Ok(())
    }

    /// The last lines that it wrote.
    pub fn log_end(&self) -> String {
        let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(8)..).unwrap_or_default().join("\n")
    }

    /// Kills the process as `kill -9` does.
    ///
    /// # Errors
    /// The system refused.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        self.is_stopped = false;
        Ok(())
    }

    /// Stops the process with SIGSTOP: it keeps its connections, and says nothing.
    ///
    /// # Errors
    /// It does not run.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.is_stopped = true;
        self.signal(Signal::STOP)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// It does not run.
    pub fn go_on(&mut self) -> anyhow::Result<()> {
        self.is_stopped = false;
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let child = self.child.as_ref().context("the process was killed")?;
        Ok(kill_process(Pid::from_child(child), signal)?)
    }

    /// Has its proxy, if it has one, misbehave.
    pub fn set_fault(&self, fault: Fault) {
        if let Some(proxy) = &self.proxy {
            proxy.set(fault);
        }
    }

    /// The port at which it is to be reached: the proxy's.
    pub fn public_port(&self) -> u16 {
        self.proxy.as_ref().map_or(self.port, FaultProxy::port)
    }

    /// The port at which it listens.
    pub const fn own_port(&self) -> u16 {
        self.port
    }

    /// Whether it runs and was not stopped.
    pub const fn is_well(&self) -> bool {
        self.child.is_some() && !self.is_stopped
    }

    /// A connection past the proxy.
    ///
    /// # Errors
    /// It does not answer.
    fn connection(&self) -> anyhow::Result<redis::Connection> {
        // A stopped process would let us wait for its first answer for ever.
        if !self.is_well() {
            bail!("the server at {} does not run", self.port);
        }
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port))?;
        let connection = client.get_connection_with_timeout(ANSWER)?;
        connection.set_read_timeout(Some(ANSWER))?;
        Ok(connection)
    }

    /// Asks it past the proxy.
    ///
    /// # Errors
    /// It does not answer, or refuses.
    pub fn ask<T: FromRedisValue>(&self, parts: &[&str]) -> anyhow::Result<T> {
        let (name, arguments) = parts.split_first().context("an empty command")?;
        let mut command = redis::cmd(name);
        for argument in arguments {
            command.arg(*argument);
        }
        Ok(command.query(&mut self.connection()?)?)
    }

    /// What it does.
    ///
    /// # Errors
    /// It does not answer.
    pub fn role(&self) -> anyhow::Result<Role> {
        let role: Vec<Value> = self.ask(&["ROLE"])?;
        let is =
            |name: &Value, wanted: &str| matches!(name, Value::BulkString(name) if name == wanted.as_bytes());
        match role.as_slice() {
            [name, Value::Int(offset), Value::Array(replicas)] if is(name, "master") => {
                Ok(Role::Master { offset: *offset, replicas: replicas.len() })
            }
            [name, _, _, state, Value::Int(offset)] if is(name, "slave") => {
                Ok(Role::Replica { offset: *offset, is_connected: is(state, "connected") })
            }
            _ => bail!("it answered ROLE with something else"),
        }
    }
}

/// What a server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It takes the writes.
    Master {
        /// How far it has come in the stream of writes.
        offset: i64,
        /// How many replicas follow.
        replicas: usize,
    },
    /// It follows.
    Replica {
        /// How far it has come in the stream of writes.
        offset: i64,
        /// Whether it is in order.
        is_connected: bool,
    },
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// A port on which nobody listens.
pub(super) fn free_port() -> anyhow::Result<u16> {
    for _ in 0..1_000 {
        let mut random = [0; 2];
        getrandom::fill(&mut random)?;
        let port = PORTS.0 + u16::from_be_bytes(random) % (PORTS.1 - PORTS.0);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port was found")
}
