use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use farthing_protocol::Day;

/// Receipts are added to `DAY.new.jsonl`. When the day is over they go into `DAY.jsonl`, each once and sorted, so that the
/// order in which they came is forgotten. Meanwhile they are in `DAY.sorting.jsonl`, to which nothing is added.
const NEW: &str = ".new.jsonl";
const SORTING: &str = ".sorting.jsonl";
const SORTED: &str = ".jsonl";

/// A directory of receipts, one JSON document a line.
pub(super) struct Directory {
    path: PathBuf,
    /// Locked: of two processes one would sort while the other writes.
    _lock: File,
    /// Held while receipts are added to a file, and while a file gets another name.
    pub(super) names: Mutex<()>,
}

impl Directory {
    /// The directory at `path`, made with mode 0700 if it is not there.
    ///
    /// # Errors
    /// What the file system said, or that another process has it.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join(".lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock, names: Mutex::default() }),
            Err(TryLockError::WouldBlock) => Err(io::Error::other(
                "another gate keeps its receipts here; give each a directory of its own",
            )),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Adds lines to the file of a day, durably.
    ///
    /// # Errors
    /// What the file system said. No part of them is there then, as far as it allowed that.
    pub(super) fn append(&self, day: Day, lines: &[String]) -> io::Result<()> {
        let _adding = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.file(day, NEW);
        let mut file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(&path)?;
        let end = end_of_lines(&mut file)?;
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
        // With its first lines the file's name must be durable, too.
        let written = written.and_then(|()| if end == 0 { self.sync() } else { Ok(()) });
        if written.is_err() {
            let _ = file.set_len(end);
        }
        written
    }

    /// The days before `today` whose receipts are not sorted yet.
    ///
    /// # Errors
    /// What the file system said.
    pub(super) fn unsorted_before(&self, today: Day) -> io::Result<BTreeSet<Day>> {
        let mut days = BTreeSet::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let name = name.to_str().unwrap_or_default();
            let day = name.strip_suffix(NEW).or_else(|| name.strip_suffix(SORTING));
            days.extend(day.and_then(|day| day.parse().ok()).filter(|day: &Day| *day < today));
        }
        Ok(days)
    }

    /// Sorts the receipts of a day.
    ///
    /// # Errors
    /// The file that could not be read or written, and what the file system said.
    pub(super) fn sort(&self, day: Day) -> Result<(), (PathBuf, io::Error)> {
        // What an earlier attempt left comes first: nothing may take its name.
        self.merge(day)?;
        let new = self.file(day, NEW);
        let renaming = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let renamed = fs::rename(&new, self.file(day, SORTING));
        drop(renaming);
        match renamed {
            Ok(()) => self.merge(day),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err((new, error)),
        }
    }

    /// Adds what is being sorted to what is sorted.
    fn merge(&self, day: Day) -> Result<(), (PathBuf, io::Error)> {
        let (sorting, sorted) = (self.file(day, SORTING), self.file(day, SORTED));
        let mut lines = BTreeSet::new();
        for path in [&sorting, &sorted] {
            let text = read_if_there(path).map_err(|error| (path.clone(), error))?;
            lines.extend(text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(str::to_owned));
        }
        if !sorting.exists() {
            return Ok(());
        }
        let text: String = lines.into_iter().collect();
        self.replace(&sorted, day, &text).map_err(|error| (sorted, error))?;
        // Until this is durable too, they are in both files, which counts them once.
        fs::remove_file(&sorting).map_err(|error| (sorting, error))
    }

    /// Writes a file of a day anew, durably and as a whole.
    fn replace(&self, path: &Path, day: Day, text: &str) -> io::Result<()> {
        let temporary = self.path.join(format!(".{day}{SORTED}.tmp"));
        let mut file =
            OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        self.sync()
    }

    fn file(&self, day: Day, ending: &str) -> PathBuf {
        self.path.join(format!("{day}{ending}"))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

fn read_if_there(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read,
    }
}

/// Where the last whole line of a file ends: a stop may have left a part of one.
fn end_of_lines(file: &mut File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let mut end = length;
    let mut byte = [0];
    while end > 0 {
        file.seek(SeekFrom::Start(end - 1))?;
        file.read_exact(&mut byte)?;
        if byte == *b"\n" {
            return Ok(end);
        }
        end -= 1;
    }
    Ok(0)
}
