//! The terminal's settings while a passphrase is typed: whatever ends the program must put them back, or the reader's
//! shell goes on without echo.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// The settings of a terminal as they were found.
struct Found<T> {
    terminal: T,
    settings: Termios,
}

impl<T: AsFd> Found<T> {
    fn of(terminal: T) -> io::Result<Self> {
        let settings = tcgetattr(&terminal)?;
        Ok(Self { terminal, settings })
    }

    fn put_back(&self) -> io::Result<()> {
        Ok(tcsetattr(&self.terminal, OptionalActions::Now, &self.settings)?)
    }
}

type Shared = Arc<Mutex<Option<Found<File>>>>;

/// While this lives, signals that end the program put the terminal's settings back first.
pub(crate) struct EchoGuard(Shared);

impl EchoGuard {
    /// Takes note of the settings of the controlling terminal.
    ///
    /// # Errors
    ///
    /// There is no terminal, or signals cannot be waited for.
    pub(crate) fn new() -> io::Result<Self> {
        let shared: Shared = Arc::new(Mutex::new(Some(Found::of(File::open("/dev/tty")?)?)));
        let mut signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM])?;
        let watched = Arc::clone(&shared);
        // It stays to the program's end: a signal that was waited for once does not end the program by itself again.
        thread::Builder::new().name("terminal-echo".to_owned()).spawn(move || {
            for signal in signals.forever() {
                if let Some(found) = lock(&watched).as_ref() {
                    // Nothing more can be done for a terminal that is gone.
                    let _ = found.put_back();
                }
                // It ends the program, and if it could not, the next signal tries again.
                let _ = emulate_default_handler(signal);
            }
        })?;
        Ok(Self(shared))
    }
}

impl Drop for EchoGuard {
    fn drop(&mut self) {
        lock(&self.0).take();
    }
}

fn lock(shared: &Shared) -> MutexGuard<'_, Option<Found<File>>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use rustix::pty::{OpenptFlags, openpt};
    use rustix::termios::LocalModes;

    use super::*;

    #[test]
    fn settings_are_put_back_as_they_were_found() {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        let found = Found::of(&terminal).unwrap();
        let hidden = LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        assert!(found.settings.local_modes.contains(hidden));
        let mut silent = found.settings.clone();
        silent.local_modes.remove(hidden);
        tcsetattr(&terminal, OptionalActions::Now, &silent).unwrap();
        assert!(!tcgetattr(&terminal).unwrap().local_modes.intersects(hidden));
        found.put_back().unwrap();
        assert!(tcgetattr(&terminal).unwrap().local_modes.contains(hidden));
    }
}
