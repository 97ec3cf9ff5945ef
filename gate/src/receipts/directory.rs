use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use farthing_protocol::Day;

/// Receipts are added to `DAY.new.jsonl`. When the day is over they go into `DAY.jsonl`, each once and sorted, so that the
/// order in which they came is forgotten.
const NEW: &str = ".new.jsonl";
const SORTED: &str = ".jsonl";

/// A directory of receipts, one JSON document a line.
pub(super) struct Directory {
    path: PathBuf,
    /// Locked: of two processes one would sort while the other writes.
    _lock: File,
    /// The last day that receipts were added to.
    last: Option<Day>,
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
            Ok(()) => Ok(Self { path, _lock: lock, last: None }),
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
    pub(super) fn append(&mut self, day: Day, lines: &[String]) -> io::Result<()> {
        if self.last.is_none_or(|last| last < day) {
            self.sort_before(day)?;
            self.last = Some(day);
        }
        let path = self.path.join(format!("{day}{NEW}"));
        let is_new = !path.exists();
        let mut file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(&path)?;
        let end = end_of_lines(&mut file)?;
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        if let Err(error) = file.write_all(text.as_bytes()).and_then(|()| file.sync_data()) {
            let _ = file.set_len(end);
            return Err(error);
        }
        if is_new { self.sync() } else { Ok(()) }
    }

    /// Sorts the receipts of the days before `today`.
    fn sort_before(&self, today: Day) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let day = name.to_str().and_then(|name| name.strip_suffix(NEW)).and_then(|day| day.parse().ok());
            if let Some(day) = day.filter(|day: &Day| *day < today) {
                self.sort(day)?;
            }
        }
        Ok(())
    }

    fn sort(&self, day: Day) -> io::Result<()> {
        let (new, sorted) = (self.path.join(format!("{day}{NEW}")), self.path.join(format!("{day}{SORTED}")));
        let mut lines = BTreeSet::new();
        for path in [&new, &sorted] {
            lines.extend(
                read_if_there(path)?
                    .split_inclusive('\n')
                    .filter(|line| line.ends_with('\n'))
                    .map(str::to_owned),
            );
        }
        let temporary = self.path.join(format!(".{day}{SORTED}.tmp"));
        let mut file =
            OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
        file.write_all(lines.into_iter().collect::<String>().as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, &sorted)?;
        self.sync()?;
        // Until this is durable too, they are in both files, which counts them once.
        fs::remove_file(&new)
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
