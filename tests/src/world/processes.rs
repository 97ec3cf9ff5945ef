use std::fs;
use std::path::PathBuf;

use anyhow::bail;

use super::{World, parse, printed};
use crate::programs::Program;
use crate::{Crashed, ServiceProcess};

/// The tables `store` of the configurations in a world whose stores somebody else has made ready.
#[derive(Debug, Clone)]
pub struct StoreTables {
    /// The issuer's.
    pub issuer: String,
    /// The redeemer's.
    pub redeemer: String,
}

impl World {
    /// Makes stores and keys, the redeemer's store divided into groups of keys.
    ///
    /// # Errors
    /// A program failed.
    pub fn prepared_in(self, groups: u8) -> anyhow::Result<Self> {
        match groups {
            0 | 1 => self.prepared(),
            _ => self.prepared_with(&["--groups", &groups.to_string()]),
        }
    }

    /// Starts another process of a service, on the same store and keys, that may refuse to start. It has an admin socket
    /// and a log of its own.
    ///
    /// # Errors
    /// It neither listens nor ends.
    pub fn try_serve_another(
        &self,
        program: Program,
        number: usize,
    ) -> anyhow::Result<Result<ServiceProcess, Crashed>> {
        let (name, file) = (program.argument(), self.configuration(program));
        let first = fs::read_to_string(&file)?;
        let another = self.another_configuration(program, number);
        fs::write(&another, first.replace(&format!("{name}.sock"), &format!("{name}-{number}.sock")))?;
        let mut command = self.command(program);
        command.arg("serve").arg("--config").arg(another);
        ServiceProcess::start(command, &self.path(format!("{name}-{number}.log")))
    }

    /// What `store check` finds in a service's store, told by a process of [`Self::try_serve_another`].
    ///
    /// # Errors
    /// The store was not checked.
    pub fn check_of_another(&self, program: Program, number: usize) -> anyhow::Result<Vec<String>> {
        let mut command = self.command(program);
        command.args(["store", "check", "--config"]).arg(self.another_configuration(program, number));
        let output = command.output()?;
        let found: Vec<_> = std::str::from_utf8(&output.stdout)?.lines().map(str::to_owned).collect();
        if !output.status.success() && found.is_empty() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(if output.status.success() { Vec::new() } else { found })
    }

    /// Every record of a service's store, told by a process of [`Self::try_serve_another`].
    ///
    /// # Errors
    /// The service refused.
    pub fn dump_of_another(&self, program: Program, number: usize) -> anyhow::Result<Vec<serde_json::Value>> {
        let mut command = self.command(program);
        command.args(["store", "dump", "--config"]).arg(self.another_configuration(program, number));
        parse(&printed(&command.output()?)?)
    }

    fn another_configuration(&self, program: Program, number: usize) -> PathBuf {
        self.path(format!("{}-{number}.toml", program.argument()))
    }
}
