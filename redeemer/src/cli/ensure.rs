use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use farthing_service::environment::Environment;
use farthing_service::file;
use farthing_service::secret_ref::SecretRef;
use zeroize::Zeroizing;

use crate::admin::Command;
use crate::publishers::ApiKey;

/// `farthing-redeemer publishers ensure`.
#[derive(Debug, Args)]
pub(super) struct Ensure {
    /// What you call it.
    name: String,
    /// The file that the API key is in; where it is not there, a new key is written into it.
    #[arg(long, value_name = "FILE")]
    api_key_file: PathBuf,
}

impl Ensure {
    /// The command for the service. The key is in its file before the store hears of it: whatever dies in between, the same
    /// command line goes on.
    pub(super) fn command(self, environment: &Environment) -> anyhow::Result<Command> {
        let name = self.name.parse().context("NAME")?;
        let key = read_or_make(&self.api_key_file)?;
        environment.step("publisher.key.saved");
        Ok(Command::EnsurePublisher { name, key_id: key.id(), key: key.hash() })
    }
}

/// The API key in a file; a new one, durably, if the file is not there.
fn read_or_make(path: &Path) -> anyhow::Result<ApiKey> {
    let key = ApiKey::random()?;
    let text = Zeroizing::new(format!("{}\n", key.reveal().as_str()));
    match file::create(path, 0o600, text.as_bytes()) {
        Ok(()) => return Ok(key),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).with_context(|| format!("cannot make {}", path.display())),
    }
    let text = SecretRef::File(path.to_owned()).read_text(Path::new(""))?;
    let wrong = || format!("{}: this is no API key; name another file, or remove this one", path.display());
    ApiKey::parse(&text).with_context(wrong)
}
