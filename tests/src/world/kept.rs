use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use farthing_service::redis::test_server::TestServer;

use super::{Servers, World};
use crate::programs::Program;
use crate::store_fixture::{self, files};

impl World {
    /// A world on a copy of a kept one: its configurations, keyring, secrets, wallets and stores. The clock stands at
    /// `now`.
    ///
    /// # Errors
    /// The file system failed, or redis-server is not installed.
    pub fn kept(binary: impl Into<PathBuf>, fixture: &Path, now: u64) -> anyhow::Result<Self> {
        let mut world = Self::empty(binary)?;
        world.stop_clock(now)?;
        files::unpack(fixture, &world.directory)?;
        let servers = [Program::Issuer, Program::Redeemer].map(store_fixture::server_directory);
        if let [issuer, redeemer] = servers.map(|name| world.path(name))
            && issuer.exists()
        {
            let (issuer, redeemer) = (TestServer::start_on(&issuer)?, TestServer::start_on(&redeemer)?);
            world.servers = Some(Servers { issuer: Mutex::new(issuer), redeemer: Mutex::new(redeemer) });
            world.replace_in_configurations(|url| (store_fixture::REDIS_URL.to_owned(), url))?;
        }
        Ok(world)
    }

    /// Keeps this world, whose services have stopped, in `fixture`. Its Redis servers are killed.
    ///
    /// # Errors
    /// The file system failed.
    pub fn keep(&self, fixture: &Path) -> anyhow::Result<()> {
        self.replace_in_configurations(|url| (url, store_fixture::REDIS_URL.to_owned()))?;
        files::pack(&self.directory, fixture)?;
        for program in [Program::Issuer, Program::Redeemer] {
            if let Some(mut server) = self.server(program) {
                server.kill()?;
                let kept = fixture.join(store_fixture::server_directory(program));
                files::pack(&server.append_only_files(), &kept)?;
            }
        }
        Ok(())
    }

    /// Replaces a text of each configuration, made from its Redis server's URL, by another.
    fn replace_in_configurations(
        &self,
        from_and_to: impl Fn(String) -> (String, String),
    ) -> anyhow::Result<()> {
        for program in [Program::Issuer, Program::Redeemer] {
            if let Some(server) = self.server(program) {
                let (from, to) = from_and_to(server.url());
                let file = self.configuration(program);
                fs::write(&file, fs::read_to_string(&file)?.replace(&from, &to))?;
            }
        }
        Ok(())
    }
}
