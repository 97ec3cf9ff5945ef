//! Files that are either wholly there and durable, or not there at all.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// Writes `contents` to a new file at `path` with exactly the permission bits `mode` (such as `0o640`, whatever the
/// umask), durably and without ever replacing anything.
///
/// The bytes go to a temporary file in the same directory, named `.NAME.HEX.tmp`, which is synced, linked to its
/// name and removed; then the directory is synced. Of several writers exactly one succeeds. A crash can leave the
/// temporary file behind, so whoever lists such a directory skips names that begin with a dot.
///
/// # Errors
/// `AlreadyExists` when there is a file at `path`, which is then untouched; otherwise what the file system said.
/// After an error the file is absent, or, if only the directory could not be synced, present and not surely durable.
pub fn create(path: &Path, mode: u32, contents: &[u8]) -> io::Result<()> {
    create_with(path, mode, |file| file.write_all(contents))
}

/// As [`create`], with contents that `write` writes.
///
/// # Errors
/// As [`create`], or what `write` returned; then there is no file.
pub fn create_with<E: From<io::Error>>(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    let name = path.file_name().ok_or_else(|| io::Error::other("the path names no file"))?;
    let directory = directory_of(path);
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let suffix = data_encoding::HEXLOWER.encode(&random);
    let temporary = Temporary(directory.join(format!(".{}.{suffix}.tmp", name.to_string_lossy())));

    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary.0)?;
    write(&mut file)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    // What root makes in a service's directory is the service's. Whoever is not root cannot give files away, and does
    // not need to.
    let owner = fs::metadata(directory)?;
    let _ = fchown(&file, Some(owner.uid()), Some(owner.gid()));
    file.sync_all()?;
    fs::hard_link(&temporary.0, path)?;
    drop(temporary);
    Ok(File::open(directory)?.sync_all()?)
}

/// Gives a file a further name in the same directory, durably and without ever replacing anything.
///
/// # Errors
/// `AlreadyExists` when there is a file of that name; otherwise what the file system said.
pub fn link(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)?;
    File::open(directory_of(to))?.sync_all()
}

/// Makes the directories above `path` that are missing, readable by owner and group only.
///
/// # Errors
/// What the file system said.
pub fn create_parent_directories(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o750).create(directory_of(path))
}

/// The directory that `path` lies in; of a bare name, the current one.
fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A file that goes when the value does, so that no way out of [`create`] leaves it.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // A file that cannot be removed does no harm: its name begins with a dot.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_file_has_its_mode_and_contents_and_leaves_no_temporary() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        create(&path, 0o640, b"first").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
        assert_eq!(names(directory.path()), ["key"]);
    }

    #[test]
    fn a_file_that_exists_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        create(&path, 0o600, b"first").unwrap();
        let error = create(&path, 0o600, b"second").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(names(directory.path()), ["key"]);
    }

    #[test]
    fn of_many_writers_exactly_one_wins_and_its_contents_are_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let winners: Vec<u8> = std::thread::scope(|scope| {
            let path = &path;
            let writers: Vec<_> = (0..8_u8)
                .map(|writer| {
                    scope.spawn(move || create(path, 0o600, &[writer; 4096]).is_ok().then_some(writer))
                })
                .collect();
            writers.into_iter().filter_map(|writer| writer.join().unwrap()).collect()
        });
        assert_eq!(winners.len(), 1);
        assert_eq!(fs::read(&path).unwrap(), [winners[0]; 4096]);
        assert_eq!(names(directory.path()), ["key"]);
    }

    #[test]
    fn a_missing_directory_is_an_error_until_it_is_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data/keys/key");
        assert_eq!(create(&path, 0o600, b"").unwrap_err().kind(), io::ErrorKind::NotFound);
        create_parent_directories(&path).unwrap();
        create(&path, 0o600, b"").unwrap();
        let mode = fs::metadata(path.parent().unwrap()).unwrap().permissions().mode();
        assert_eq!(mode & 0o027, 0, "{mode:o}");
    }
}
