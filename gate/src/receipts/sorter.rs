use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use farthing_protocol::Day;

use super::directory::Directory;

/// Sorts the receipts of days that are over, on a thread of its own: whatever is wrong with an old file, new receipts are
/// written.
pub(super) struct Sorter {
    days: Sender<Day>,
    /// The last day that receipts were added to.
    last: Option<Day>,
}

impl Sorter {
    /// A sorter of this directory. Its thread ends with this value.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(directory: Arc<Directory>) -> io::Result<Self> {
        let (days, told) = channel();
        thread::Builder::new().name("receipts-sorting".to_owned()).spawn(move || run(&directory, &told))?;
        Ok(Self { days, last: None })
    }

    /// Takes note that receipts were added to the file of a day: those before it are over.
    pub(super) fn added(&mut self, day: Day) {
        if self.last.is_none_or(|last| last < day) {
            self.last = Some(day);
            // The thread ends with this value alone.
            let _ = self.days.send(day);
        }
    }
}

fn run(directory: &Directory, told: &Receiver<Day>) {
    let failed = |file: &str, cause: &io::Error| {
        tracing::error!(
            %file, %cause,
            "receipts of a day that is over were not sorted: they tell the order in which they came until it is mended, \
             and are tried again on the next day; new ones are kept"
        );
    };
    for today in told {
        match directory.unsorted_before(today) {
            Ok(days) => {
                for day in days {
                    if let Err((file, cause)) = directory.sort(day) {
                        failed(&file.display().to_string(), &cause);
                    }
                }
            }
            Err(cause) => failed("the directory", &cause),
        }
    }
}
