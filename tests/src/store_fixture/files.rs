//! A world's files in the repository: databases compressed, and without what belongs to running processes.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::Context;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// Added to the names of compressed files.
const COMPRESSED: &str = ".gz";

/// What belongs to running processes, by its extension.
const LEFT_OUT: [&str; 3] = ["log", "sock", "lock"];

/// Copies a directory, with all below it, into the repository.
pub(crate) fn pack(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for_each(from, |name, path| {
        if path.is_dir() {
            return pack(path, &to.join(name));
        }
        let extension = path.extension().unwrap_or_default();
        if name.starts_with("clock") || LEFT_OUT.iter().any(|left_out| extension == *left_out) {
            return Ok(());
        }
        if extension != "db" {
            fs::copy(path, to.join(name))?;
            return Ok(());
        }
        let file = File::create(to.join(format!("{name}{COMPRESSED}")))?;
        let mut encoder = GzEncoder::new(file, Compression::best());
        io::copy(&mut File::open(path)?, &mut encoder)?;
        encoder.finish()?.sync_all()?;
        Ok(())
    })
}

/// Copies it back. Git keeps no modes: what is unpacked is its owner's alone, as the services demand of secrets.
pub(crate) fn unpack(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(to)?;
    for_each(from, |name, path| {
        if path.is_dir() {
            return unpack(path, &to.join(name));
        }
        let create = |name: &str| {
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(to.join(name)).context("create")
        };
        let mut file = File::open(path)?;
        match name.strip_suffix(COMPRESSED) {
            Some(name) => io::copy(&mut GzDecoder::new(file), &mut create(name)?)?,
            None => io::copy(&mut file, &mut create(name)?)?,
        };
        Ok(())
    })
}

fn for_each(directory: &Path, mut work: impl FnMut(&str, &Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut entries = fs::read_dir(directory)
        .and_then(Iterator::collect::<io::Result<Vec<_>>>)
        .with_context(|| format!("cannot read {}", directory.display()))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.to_str().with_context(|| format!("the name of {} is no text", path.display()))?;
        work(name, &path).with_context(|| format!("cannot copy {}", path.display()))?;
    }
    Ok(())
}
