use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::bail;
use rustix::process::{Pid, Signal, kill_process};

use crate::sockets::TcpSocket;

/// Longest wait for a service to listen or to end.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A running service. It is killed when the value is dropped.
#[derive(Debug)]
pub struct ServiceProcess {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
}

/// How a service ended before it was asked to.
#[derive(Debug)]
pub struct Crashed {
    /// Its status.
    pub status: ExitStatus,
    /// What it wrote.
    pub log: String,
}

impl ServiceProcess {
    /// Starts a service and waits until it listens. What it writes is added to `log`.
    ///
    /// # Errors
    /// It ended instead (as [`Crashed`] within), or does not listen in time.
    pub fn start(mut command: Command, log: &Path) -> anyhow::Result<Result<Self, Crashed>> {
        let before = fs::read_to_string(log).unwrap_or_default().len();
        let file = File::options().create(true).append(true).open(log)?;
        let mut child = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).spawn()?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let written = fs::read_to_string(log)?;
            let new = written.get(before..).unwrap_or_default();
            if let Some(address) = listening(new) {
                return Ok(Ok(Self { child, address, log: log.to_owned() }));
            }
            if let Some(status) = child.try_wait()? {
                let written = fs::read_to_string(log)?;
                let log = written.get(before..).unwrap_or_default().to_owned();
                return Ok(Err(Crashed { status, log }));
            }
            if Instant::now() > deadline {
                let _ = child.kill();
                bail!("the service did not listen in {PATIENCE:?}: {new}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How many connections it has open to a service on this machine.
    ///
    /// # Errors
    /// The system does not say.
    pub fn connections_to(&self, service: SocketAddr) -> std::io::Result<usize> {
        let sockets = TcpSocket::of(self.id())?;
        Ok(sockets.iter().filter(|socket| socket.remote == service.port()).count())
    }

    /// The address as the beginning of URLs.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The file that its log goes to.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Stops it with SIGSTOP: it keeps its connections, and says nothing.
    ///
    /// # Errors
    /// The system refused.
    pub fn pause(&self) -> anyhow::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), Signal::STOP)?)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// The system refused.
    pub fn go_on(&self) -> anyhow::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), Signal::CONT)?)
    }

    /// Kills it with SIGKILL and waits.
    ///
    /// # Errors
    /// The system refused.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it with SIGHUP to read its configuration again; the log has what comes of it.
    ///
    /// # Errors
    /// The system refused.
    pub fn hang_up(&self) -> anyhow::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), Signal::HUP)?)
    }

    /// Asks it to stop with SIGTERM and waits until it has.
    ///
    /// # Errors
    /// It does not stop in time, or with another status than 0.
    pub fn stop(mut self) -> anyhow::Result<()> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM)?;
        let status = self.wait()?;
        if status.success() { Ok(()) } else { bail!("the service stopped with {status}") }
    }

    /// Waits until it has killed itself at its crash point.
    ///
    /// # Errors
    /// It goes on, or ended otherwise.
    pub fn wait_for_crash(mut self) -> anyhow::Result<()> {
        let status = self.wait()?;
        if status.signal() == Some(9) {
            Ok(())
        } else {
            bail!("the service did not crash but ended with {status}")
        }
    }

    fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("the service did not end in {PATIENCE:?}")
    }
}

impl Drop for ServiceProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in the line that a service writes once it listens.
fn listening(log: &str) -> Option<SocketAddr> {
    let line = log.lines().find(|line| line.contains("listening") && line.contains("addr="))?;
    let address = line.split("addr=").nth(1)?.split_whitespace().next()?;
    address.parse().ok()
}
