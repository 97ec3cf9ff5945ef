//! The processes of both services, which are killed, stopped and started again while clients ask them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::programs::Program;
use crate::{Crashed, ServiceProcess, World};

/// Longest wait for a service that refuses to start because its store does not answer.
const PATIENCE: Duration = Duration::from_secs(150);

/// One process, and where it was last to be found.
struct Place {
    program: Program,
    number: usize,
    process: Mutex<Option<ServiceProcess>>,
    url: Mutex<String>,
}

/// All processes.
pub(super) struct Services<'a> {
    world: &'a World,
    places: Vec<Place>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Services<'a> {
    /// Starts so many processes of each service.
    pub(super) fn start(world: &'a World, of_each: usize) -> anyhow::Result<Self> {
        let mut it = Self { world, places: Vec::new() };
        for program in [Program::Issuer, Program::Redeemer] {
            for number in 1..=of_each {
                it.places.push(Place { program, number, process: Mutex::default(), url: Mutex::default() });
            }
        }
        for at in 0..it.places.len() {
            it.serve(at)?;
        }
        Ok(it)
    }

    /// How many processes there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Where one process of a service is to be found, or was before it was killed.
    pub(super) fn url(&self, program: Program, choice: usize) -> String {
        let places: Vec<_> = self.places.iter().filter(|place| place.program == program).collect();
        let chosen = places.get(choice % places.len().max(1));
        chosen.map(|place| held(&place.url).clone()).unwrap_or_default()
    }

    /// Starts a process, again if it refuses because its store is away.
    pub(super) fn serve(&self, at: usize) -> anyhow::Result<()> {
        let place = self.places.get(at).context("no such process")?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.world.try_serve_another(place.program, place.number)? {
                Ok(process) => {
                    *held(&place.url) = process.url();
                    *held(&place.process) = Some(process);
                    return Ok(());
                }
                Err(Crashed { status, log }) if Instant::now() > deadline => {
                    bail!("{} does not start: {status} {log}", place.program.argument());
                }
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    /// Kills a process as `kill -9` does.
    pub(super) fn kill(&self, at: usize) -> anyhow::Result<()> {
        self.take(at)?.kill()
    }

    /// Has a process end as an operator does.
    pub(super) fn end(&self, at: usize) -> anyhow::Result<()> {
        self.take(at)?.stop()
    }

    fn take(&self, at: usize) -> anyhow::Result<ServiceProcess> {
        let place = self.places.get(at).context("no such process")?;
        held(&place.process).take().context("the process was killed already")
    }

    /// Stops a process, or lets it go on.
    pub(super) fn pause(&self, at: usize, is_to_stop: bool) -> anyhow::Result<()> {
        let place = self.places.get(at).context("no such process")?;
        let process = held(&place.process);
        let process = process.as_ref().context("the process was killed")?;
        if is_to_stop { process.pause() } else { process.go_on() }
    }
}
