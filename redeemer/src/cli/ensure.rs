use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use farthing_service::environment::Environment;
use farthing_service::file;
use farthing_service::program::print_lines;
use farthing_service::secret_ref::SecretRef;
use zeroize::Zeroizing;

use crate::admin::{self, Command};
use crate::config::Config;
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
    /// Does it. The key is in a file beside its own before the store hears of it, and in its own when it is known to be a
    /// publisher's: whatever dies in between, the same command goes on; and a key that was erased does not come back.
    pub(super) fn run(
        self,
        config: &Config,
        environment: &Environment,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let name = self.name.parse().context("NAME")?;
        let file = &self.api_key_file;
        let mut unfinished = file.clone().into_os_string();
        unfinished.push(".new");
        let unfinished = PathBuf::from(unfinished);
        let is_there = || file.try_exists().with_context(|| format!("cannot read {}", file.display()));
        let made = if is_there()? { None } else { Some(read_or_make(&unfinished)?) };
        // The same command, at the same time, may have ended just before this one made a key.
        let (key, is_new) = match made {
            Some(key) if !is_there()? => (key, true),
            _ => (read(file)?, false),
        };
        environment.step("publisher.key.saved");
        let command = Command::EnsurePublisher { name, key_id: key.id(), key: key.hash(), is_new };
        let answer = admin::run(command, config, environment)?;
        if is_new && let Err(error) = file::link(&unfinished, file) {
            // The same command, at the same time, was faster, and had the same key.
            if !file.exists() {
                return Err(error).with_context(|| format!("cannot make {}", file.display()));
            }
        }
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", unfinished.display()));
            }
            _ => {}
        }
        print_lines(answer, out)
    }
}

/// The API key in a file; a new one, durably, if the file is not there.
fn read_or_make(path: &Path) -> anyhow::Result<ApiKey> {
    let key = ApiKey::random()?;
    let text = Zeroizing::new(format!("{}\n", key.reveal().as_str()));
    match file::create(path, 0o600, text.as_bytes()) {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(path),
        Err(error) => Err(error).with_context(|| format!("cannot make {}", path.display())),
    }
}

fn read(path: &Path) -> anyhow::Result<ApiKey> {
    let text = SecretRef::File(path.to_owned()).read_text(Path::new(""))?;
    let wrong = || format!("{}: this is no API key; name another file, or remove this one", path.display());
    ApiKey::parse(&text).with_context(wrong)
}
