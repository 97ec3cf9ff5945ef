//! A real redis-server for tests: its own process, directory and socket.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io};

use super::{Address, Deployment, Durability};

/// Longest wait for the server to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Every write is on disk before it is answered, as the stores demand.
const FIT_FOR_MONEY: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];
/// Redis's own name for it, from version 7 on.
const APPEND_ONLY_DIRECTORY: &str = "appendonlydir";

/// A running server. It is killed when the value is dropped, and its directory removed.
pub struct TestServer {
    directory: tempfile::TempDir,
    child: Child,
}

impl TestServer {
    /// Starts a server that is fit for money: every write on disk before it is answered, nothing evicted.
    ///
    /// # Errors
    /// redis-server is not installed, or does not come to listen.
    pub fn start() -> io::Result<Self> {
        Self::start_with(FIT_FOR_MONEY)
    }

    /// Starts a server with other settings.
    ///
    /// # Errors
    /// redis-server is not installed, or does not come to listen.
    pub fn start_with(settings: &[&str]) -> io::Result<Self> {
        Self::start_in(tempfile::Builder::new().prefix("redis-").tempdir()?, settings)
    }

    /// Starts a server, fit for money, on a copy of append-only files that another has written.
    ///
    /// # Errors
    /// They cannot be copied, redis-server is not installed, or does not come to listen.
    pub fn start_on(append_only_files: &Path) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("redis-").tempdir()?;
        let copy = directory.path().join(APPEND_ONLY_DIRECTORY);
        fs::create_dir(&copy)?;
        for entry in fs::read_dir(append_only_files)? {
            let entry = entry?;
            fs::copy(entry.path(), copy.join(entry.file_name()))?;
        }
        Self::start_in(directory, FIT_FOR_MONEY)
    }

    fn start_in(directory: tempfile::TempDir, settings: &[&str]) -> io::Result<Self> {
        let child = spawn(&directory, settings)?;
        let server = Self { directory, child };
        server.wait_until_it_listens()?;
        Ok(server)
    }

    /// Kills the server as `kill -9` does, and starts it again on the same files.
    ///
    /// # Errors
    /// It does not come back.
    pub fn kill_and_restart(&mut self) -> io::Result<()> {
        self.kill()?;
        self.restart()
    }

    /// Kills the server as `kill -9` does.
    ///
    /// # Errors
    /// The system refused.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts a killed server again on the same files.
    ///
    /// # Errors
    /// It does not come back.
    pub fn restart(&mut self) -> io::Result<()> {
        self.child = spawn(&self.directory, FIT_FOR_MONEY)?;
        self.wait_until_it_listens()
    }

    /// Where its files are.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Where its append-only files are.
    pub fn append_only_files(&self) -> PathBuf {
        self.directory().join(APPEND_ONLY_DIRECTORY)
    }

    /// How it is reached.
    pub fn address(&self) -> Address {
        Address::new(self.url(), None)
    }

    /// The same as a URL.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// The server as a store's deployment, which is fit for money.
    pub fn deployment(&self) -> Deployment {
        Deployment::standalone(self.address(), Durability::EachWrite)
    }

    /// A synchronous connection, for a test's own commands.
    ///
    /// # Errors
    /// The server does not answer.
    pub fn connection(&self) -> Result<::redis::Connection, ::redis::RedisError> {
        ::redis::Client::open(self.url())?.get_connection()
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("redis.sock")
    }

    fn wait_until_it_listens(&self) -> io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answered =
                self.connection().and_then(|mut server| ::redis::cmd("PING").query::<String>(&mut server));
            match answered {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(io::Error::other(error)),
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn spawn(directory: &tempfile::TempDir, settings: &[&str]) -> io::Result<Child> {
    Command::new("redis-server")
        .args(["--port", "0", "--unixsocket", "redis.sock", "--save", "", "--dir", "."])
        .args(settings)
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| {
            io::Error::new(error.kind(), format!("redis-server: {error}; apt-get install redis-server"))
        })
}
