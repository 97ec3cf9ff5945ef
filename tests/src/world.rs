mod books;
mod gates;
mod kept;
mod processes;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, bail};
use farthing_service::redis::test_server::TestServer;

pub use processes::StoreTables;

use crate::programs::Program;
use crate::{CLOCK_VARIABLE, CRASH_VARIABLE, Crashed, Publisher, Reader, ServiceProcess};

/// The pack that every world sells: 100 tokens of one cent.
pub const PACK: &str = "reader-100";

/// One issuer, one redeemer, and whoever deals with them, in a directory of their own.
#[derive(Debug)]
pub struct World {
    directory: PathBuf,
    binary: PathBuf,
    servers: Option<Servers>,
    tables: Option<StoreTables>,
    _temporary: tempfile::TempDir,
}

/// The Redis servers of a world that keeps its records there: one for each service.
struct Servers {
    issuer: Mutex<TestServer>,
    redeemer: Mutex<TestServer>,
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Servers")
    }
}

impl World {
    /// A world in a temporary directory, with stores and keys made.
    ///
    /// `binary` is the program `farthing-demo`.
    ///
    /// # Errors
    /// A program failed.
    pub fn new(binary: impl Into<PathBuf>) -> anyhow::Result<Self> {
        Self::unprepared(binary)?.prepared()
    }

    /// The same on Redis: each service has a server of its own.
    ///
    /// # Errors
    /// A program failed, or redis-server is not installed.
    pub fn on_redis(binary: impl Into<PathBuf>) -> anyhow::Result<Self> {
        Self::unprepared_on_redis(binary)?.prepared()
    }

    /// The same, with the redeemer's store divided into groups of keys.
    ///
    /// # Errors
    /// As [`Self::on_redis`].
    pub fn on_divided_redis(binary: impl Into<PathBuf>, groups: u8) -> anyhow::Result<Self> {
        Self::unprepared_on_redis(binary)?.prepared_with(&["--groups", &groups.to_string()])
    }

    /// Writes the configurations of a world whose stores are at those places; no stores, no keys.
    ///
    /// # Errors
    /// The file system failed.
    pub fn unprepared_on(binary: impl Into<PathBuf>, tables: StoreTables) -> anyhow::Result<Self> {
        let mut world = Self::empty(binary)?;
        world.tables = Some(tables);
        world.write_configurations()?;
        Ok(world)
    }

    /// Starts the Redis servers and writes the configurations only; no stores, no keys.
    ///
    /// # Errors
    /// The file system failed, or redis-server is not installed.
    pub fn unprepared_on_redis(binary: impl Into<PathBuf>) -> anyhow::Result<Self> {
        let mut world = Self::unprepared(binary)?;
        let (issuer, redeemer) = (Mutex::new(TestServer::start()?), Mutex::new(TestServer::start()?));
        world.servers = Some(Servers { issuer, redeemer });
        world.write_configurations()?;
        Ok(world)
    }

    /// Makes stores and keys.
    ///
    /// # Errors
    /// A program failed.
    pub fn prepared(self) -> anyhow::Result<Self> {
        self.prepared_with(&[])
    }

    fn prepared_with(self, of_redeemer: &[&str]) -> anyhow::Result<Self> {
        self.admin(Program::Issuer, &["store", "init"])?;
        self.admin(Program::Redeemer, &[&["store", "init"], of_redeemer].concat())?;
        self.admin(Program::Issuer, &["keys", "init"])?;
        Ok(self)
    }

    /// Writes the configurations only; no stores, no keys.
    ///
    /// # Errors
    /// The file system failed.
    pub fn unprepared(binary: impl Into<PathBuf>) -> anyhow::Result<Self> {
        let world = Self::empty(binary)?;
        world.write_configurations()?;
        Ok(world)
    }

    fn empty(binary: impl Into<PathBuf>) -> anyhow::Result<Self> {
        let temporary = tempfile::Builder::new().prefix("farthing-").tempdir()?;
        let directory = temporary.path().to_owned();
        Ok(Self { directory, binary: binary.into(), servers: None, tables: None, _temporary: temporary })
    }

    fn write_configurations(&self) -> anyhow::Result<()> {
        self.move_clock(0)?;
        let pack = |id: &str, count: u32, micros: u32, price: u32| {
            format!(
                "[[pack]]\nid = \"{id}\"\ntitle = \"{id}\"\ncount = {count}\nvalue_micros = {micros}\n\
                 currency = \"EUR\"\nprice_minor = {price}\n"
            )
        };
        let packs =
            pack(PACK, 100, 10_000, 100) + &pack("single", 1, 10_000, 1) + &pack("big-10", 10, 50_000, 50);
        self.write_configuration(Program::Issuer, &packs)?;
        self.write_configuration(Program::Redeemer, "")
    }

    /// Writes a service's configuration anew, ending in `rest`. Ports are free ones, logs as talkative as can be.
    ///
    /// # Errors
    /// The file system failed.
    pub fn write_configuration(&self, program: Program, rest: &str) -> anyhow::Result<()> {
        let name = program.argument();
        let table = self.tables.as_ref().map(|tables| match program {
            Program::Issuer => &tables.issuer,
            Program::Redeemer | Program::Gate | Program::Wallet => &tables.redeemer,
        });
        let store = match (table, self.server(program)) {
            (Some(table), _) => table.clone(),
            (None, Some(server)) => format!("{{ kind = \"redis\", url = \"{}\" }}", server.url()),
            (None, None) => format!("{{ kind = \"embedded\", path = \"data/{name}.db\" }}"),
        };
        let text = format!(
            "listen = \"127.0.0.1:0\"\nmetrics_listen = \"127.0.0.1:0\"\nadmin_socket = \"data/{name}.sock\"\n\
             issuer_name = \"issuer.localhost\"\nkeyring = \"data/keys\"\nkeyring_poll_seconds = 1\n\
             store = {store}\nsigning_key = \"file:data/{name}.signing-key\"\nlog_level = \"trace\"\n{rest}"
        );
        fs::write(self.configuration(program), text)?;
        Ok(())
    }

    /// The Redis server of a service, in a world on Redis.
    pub fn server(&self, program: Program) -> Option<MutexGuard<'_, TestServer>> {
        let servers = self.servers.as_ref()?;
        let server = if program == Program::Issuer { &servers.issuer } else { &servers.redeemer };
        Some(server.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The file of a service's configuration.
    pub fn configuration(&self, program: Program) -> PathBuf {
        self.directory.join(format!("{}.toml", program.argument()))
    }

    /// A path in the world's directory.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.join(name)
    }

    /// Moves every clock of the world to `seconds` after the machine's.
    ///
    /// # Errors
    /// The file system failed.
    pub fn move_clock(&self, seconds: i64) -> anyhow::Result<()> {
        self.write_clock(&seconds.to_string())
    }

    /// Stops every clock of the world at a unix second.
    ///
    /// # Errors
    /// The file system failed.
    pub fn stop_clock(&self, at: u64) -> anyhow::Result<()> {
        self.write_clock(&format!("@{at}"))
    }

    fn write_clock(&self, text: &str) -> anyhow::Result<()> {
        // Replaced in one step: a process that reads meanwhile must not see half a number.
        let written = self.path("clock.new");
        fs::write(&written, text)?;
        Ok(fs::rename(written, self.path("clock"))?)
    }

    /// A program of this world, ready to run in its directory.
    pub fn command(&self, program: Program) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg(program.argument()).current_dir(&self.directory);
        command.env(CLOCK_VARIABLE, self.path("clock"));
        command.env_remove(CRASH_VARIABLE).env_remove("RUST_LOG").env_remove("FARTHING_PASSPHRASE");
        command
    }

    /// Runs a service's command to its end; what it did, whether it succeeded or not.
    ///
    /// # Errors
    /// It could not be run.
    pub fn try_admin(&self, program: Program, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut command = self.command(program);
        command.args(arguments).arg("--config").arg(self.configuration(program));
        Ok(command.output()?)
    }

    /// Runs a service's command; the lines it printed.
    ///
    /// # Errors
    /// It failed; the error has what it wrote.
    pub fn admin(&self, program: Program, arguments: &[&str]) -> anyhow::Result<Vec<String>> {
        let output = self.try_admin(program, arguments)?;
        printed(&output).with_context(|| format!("{} {}", program.argument(), arguments.join(" ")))
    }

    /// Starts a service.
    ///
    /// # Errors
    /// It does not come to listen.
    pub fn serve(&self, program: Program) -> anyhow::Result<ServiceProcess> {
        match self.try_serve(program, None)? {
            Ok(process) => Ok(process),
            Err(Crashed { status, log }) => bail!("{} ended with {status}: {log}", program.argument()),
        }
    }

    /// Starts a service at the address, given as a URL, at which it listened before.
    ///
    /// # Errors
    /// It does not come to listen.
    pub fn serve_at(&self, program: Program, url: &str) -> anyhow::Result<ServiceProcess> {
        let address = url.trim_start_matches("http://");
        let file = self.configuration(program);
        let free = fs::read_to_string(&file)?;
        fs::write(&file, free.replacen("127.0.0.1:0", address, 1))?;
        let process = self.serve(program);
        fs::write(&file, free)?;
        process
    }

    /// Starts a service that will kill itself at a durable step.
    ///
    /// # Errors
    /// It does not come to listen.
    pub fn serve_until(&self, program: Program, step: &str) -> anyhow::Result<ServiceProcess> {
        match self.try_serve(program, Some(step))? {
            Ok(process) => Ok(process),
            Err(Crashed { status, log }) => bail!("{} ended with {status}: {log}", program.argument()),
        }
    }

    /// Starts a service that may refuse to start.
    ///
    /// # Errors
    /// It neither listens nor ends.
    pub fn try_serve(
        &self,
        program: Program,
        crash_at: Option<&str>,
    ) -> anyhow::Result<Result<ServiceProcess, Crashed>> {
        let mut command = self.command(program);
        command.arg("serve").arg("--config").arg(self.configuration(program));
        if let Some(step) = crash_at {
            command.env(CRASH_VARIABLE, step);
        }
        ServiceProcess::start(command, &self.path(format!("{}.log", program.argument())))
    }

    /// New prepaid codes for a pack.
    ///
    /// # Errors
    /// The issuer refused.
    pub fn vouchers(&self, pack: &str, count: u32) -> anyhow::Result<Vec<String>> {
        self.admin(Program::Issuer, &["vouchers", "mint", "--pack", pack, "--count", &count.to_string()])
    }

    /// One new prepaid code for the pack that every world sells.
    ///
    /// # Errors
    /// The issuer refused.
    pub fn voucher(&self) -> anyhow::Result<String> {
        self.vouchers(PACK, 1)?.pop().context("no voucher was printed")
    }

    /// A new publisher.
    ///
    /// # Errors
    /// The redeemer refused.
    pub fn publisher(&self, name: &str) -> anyhow::Result<Publisher> {
        let printed = self.admin(Program::Redeemer, &["publishers", "add", name])?;
        Publisher::from_json(printed.first().context("no publisher was printed")?)
    }

    /// A reader with a wallet of their own, which is made at their first purchase.
    pub fn reader(&self, name: &str) -> Reader<'_> {
        Reader::new(self, name)
    }

    /// Loses a service's store: its file is removed, or its server emptied.
    ///
    /// # Errors
    /// The file system or the server failed.
    pub fn lose_store(&self, program: Program) -> anyhow::Result<()> {
        match self.server(program) {
            Some(server) => redis::cmd("FLUSHALL").exec(&mut server.connection()?)?,
            None => fs::remove_file(self.path(format!("data/{}.db", program.argument())))?,
        }
        Ok(())
    }

    /// Every record of a service's store.
    ///
    /// # Errors
    /// The service refused.
    pub fn dump(&self, program: Program) -> anyhow::Result<Vec<serde_json::Value>> {
        parse(&self.admin(program, &["store", "dump"])?)
    }
}

/// The lines that a command printed; an error with what it wrote if it failed.
fn printed(output: &Output) -> anyhow::Result<Vec<String>> {
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(std::str::from_utf8(&output.stdout)?.lines().map(str::to_owned).collect())
}

fn parse(lines: &[String]) -> anyhow::Result<Vec<serde_json::Value>> {
    lines.iter().map(|line| Ok(serde_json::from_str(line)?)).collect()
}
