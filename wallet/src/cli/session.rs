use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use farthing_protocol::Day;
use zeroize::Zeroizing;

use super::arguments::Global;
use super::failure::{Exit, Failure};
use super::report::note;
use crate::driver::Driver;
use crate::environment::Environment;
use crate::http_client::{HttpClient, OpenAnswer};
use crate::http_message::{HttpRequest, HttpResponse, Service, TransportFailure};
use crate::passphrase::{self, Purpose};
use crate::purchase_run::{Call, SavePoint};
use crate::seed::Seed;
use crate::service_answer::ServiceError;
use crate::wallet_file::{WalletFile, WalletFileError, WalletLock, check_directory};
use crate::wallet_state::WalletState;

/// After so long it is said who is being waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// One run of the program: its options, its surroundings, its connections.
pub(crate) struct Session {
    pub(crate) global: Global,
    pub(crate) environment: Environment,
    http: HttpClient,
    warnings: RefCell<Vec<String>>,
}

/// An open wallet: what it remembers and where that is kept.
pub(crate) struct OpenWallet {
    pub(crate) file: WalletFile,
    pub(crate) state: WalletState,
    /// Whether it was made just now. It has no file before the first save.
    pub(crate) is_new: bool,
}

impl Session {
    pub(crate) fn new(global: Global, environment: Environment) -> Self {
        Self { global, environment, http: HttpClient::new(), warnings: RefCell::default() }
    }

    /// Says at once what must not be missed, and keeps it for the JSON of the report or the failure.
    pub(crate) fn warn(&self, text: &str) {
        let mut warnings = self.warnings.borrow_mut();
        if !warnings.iter().any(|known| known == text) {
            note(self.global.json, text);
            warnings.push(text.to_owned());
        }
    }

    /// What was warned of.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings.borrow().clone()
    }

    pub(crate) fn today(&self) -> Day {
        Day::from_unix(self.environment.clock.now())
    }

    /// Opens the wallet that is there.
    pub(crate) fn open(&self) -> Result<OpenWallet, Failure> {
        let (path, _) = self.wallet_path()?;
        if !path.exists() {
            return Err(WalletFileError::Missing { path }.into());
        }
        self.open_locked(WalletLock::acquire(&path)?)
    }

    /// Opens the wallet, or prepares a new one if there is none.
    pub(crate) fn open_or_make(&self) -> Result<OpenWallet, Failure> {
        let (path, is_default) = self.wallet_path()?;
        if is_default {
            make_directory(&path)?;
        }
        if path.exists() {
            return self.open_locked(WalletLock::acquire(&path)?);
        }
        check_directory(&path)?;
        // Before the lock, so that whoever goes away when asked leaves nothing behind.
        let passphrase = self.passphrase(Purpose::Make(&path))?;
        let lock = WalletLock::acquire(&path)?;
        if lock.wallet_exists() {
            let (file, state) = lock.open(&passphrase)?;
            return Ok(OpenWallet { file, state, is_new: false });
        }
        let file = lock.create(&passphrase, self.environment.work_factor)?;
        let mut seed = Zeroizing::new([0; Seed::LENGTH]);
        getrandom::fill(seed.as_mut_slice()).map_err(|error| {
            Failure::new(Exit::Failed, format!("the system gives no randomness: {error}"))
        })?;
        Ok(OpenWallet { file, state: WalletState::new(Seed::from_bytes(*seed)), is_new: true })
    }

    fn open_locked(&self, lock: WalletLock) -> Result<OpenWallet, Failure> {
        let (file, mut state) = lock.open(&self.passphrase(Purpose::Open)?)?;
        // Whatever is saved next says no more than it must about pages that were read.
        state.forget_ended_passes(self.environment.clock.now());
        Ok(OpenWallet { file, state, is_new: false })
    }

    fn passphrase(&self, purpose: Purpose<'_>) -> Result<age::secrecy::SecretString, Failure> {
        let variable = std::env::var_os(passphrase::VARIABLE);
        Ok(passphrase::obtain(self.global.passphrase_file.as_deref(), variable, purpose)?)
    }

    /// Sends a request that changes nothing, and names it for messages.
    pub(crate) fn ask(
        &self,
        service: Service,
        request: &HttpRequest,
    ) -> Result<(String, HttpResponse), ServiceError> {
        let call = request.to_string();
        let answer = self.exchange(service, request);
        let answer = answer.map_err(|failure| ServiceError::unreachable(service, &call, &failure))?;
        Ok((call, answer))
    }

    fn exchange(&self, service: Service, request: &HttpRequest) -> Result<HttpResponse, TransportFailure> {
        self.patiently(service, request, || self.http.exchange(service, request))
    }

    /// Sends a request to a site, and leaves the body of the answer unread. `pays` says that it carries tokens.
    pub(crate) fn open_page(
        &self,
        request: &HttpRequest,
        pays: bool,
    ) -> Result<OpenAnswer, TransportFailure> {
        self.patiently(Service::Origin, request, || self.http.open_page(request, pays))
    }

    /// Waits for an answer. If it takes long, says who is being waited for.
    fn patiently<T>(&self, service: Service, request: &HttpRequest, send: impl FnOnce() -> T) -> T {
        let json = self.global.json;
        let (answered, waiting) = mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || {
                if waiting.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                    note(json, &format!("Waiting for the {service} ({request}) ..."));
                }
            });
            let answer = send();
            drop(answered);
            answer
        })
    }

    /// Saves, and reports the durable step before and after.
    pub(crate) fn save(
        &self,
        file: &WalletFile,
        state: &WalletState,
        step: &str,
    ) -> Result<(), WalletFileError> {
        self.environment.step(&format!("{step}.before"));
        file.save(state)?;
        self.environment.step(step);
        Ok(())
    }

    /// The wallet's path, and whether it is the default one.
    fn wallet_path(&self) -> Result<(PathBuf, bool), Failure> {
        if let Some(path) = &self.global.wallet {
            return Ok((path.clone(), false));
        }
        let absolute =
            |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let data = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")));
        match data {
            Some(data) => Ok((data.join("farthing/wallet"), true)),
            None => Err(Failure::new(
                Exit::Usage,
                "there is no home directory: say where the wallet is with --wallet",
            )),
        }
    }
}

/// Takes a purchase's steps with this session's file and connections.
pub(crate) struct SessionDriver<'a> {
    pub(crate) session: &'a Session,
    pub(crate) file: &'a WalletFile,
}

impl Driver for SessionDriver<'_> {
    type Error = WalletFileError;

    fn save(&mut self, state: &WalletState, point: SavePoint) -> Result<(), WalletFileError> {
        self.session.save(self.file, state, point.step())?;
        if point == SavePoint::VoidKeys {
            self.session.warn_of_void_keys(state.keys());
        }
        Ok(())
    }

    fn exchange(
        &mut self,
        call: Call,
        service: Service,
        request: &HttpRequest,
    ) -> Result<HttpResponse, TransportFailure> {
        let answer = self.session.exchange(service, request)?;
        if call == Call::Tokens {
            self.session.environment.step("wallet.response.received");
        }
        Ok(answer)
    }

    fn now(&self) -> u64 {
        self.session.environment.clock.now()
    }
}

fn make_directory(wallet: &Path) -> Result<(), Failure> {
    let Some(directory) = wallet.parent() else { return Ok(()) };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot make the directory {}: {error}", directory.display()))
    })
}
