use crate::http_message::{HttpRequest, HttpResponse, Service, TransportFailure};
use crate::purchase_run::{Call, Ending, PurchaseRun, RunError, SavePoint, Step};
use crate::wallet_state::WalletState;

/// The surroundings of a purchase for callers that can wait: where the state is kept and how requests are sent.
/// Callers that cannot wait, such as a browser, take the steps of [`PurchaseRun`] themselves.
pub trait Driver {
    /// Why the state could not be saved.
    type Error;

    /// Saves the state; it is durable when this returns.
    ///
    /// # Errors
    ///
    /// The driver's own; the run ends there.
    fn save(&mut self, state: &WalletState, point: SavePoint) -> Result<(), Self::Error>;

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    ///
    /// [`TransportFailure`] when none came, or none that was safe to read.
    fn exchange(
        &mut self,
        call: Call,
        service: Service,
        request: &HttpRequest,
    ) -> Result<HttpResponse, TransportFailure>;

    /// Unix seconds.
    fn now(&self) -> u64;
}

/// Why a run broke off, other than by what a service did.
#[derive(Debug, thiserror::Error)]
pub enum DriveError<E> {
    /// The state could not be saved. What was saved before still stands, and nothing was sent since.
    #[error(transparent)]
    Save(E),
    /// The run itself failed.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Takes every step of a run until it ends.
///
/// # Errors
///
/// [`DriveError`]; the purchase can then be resumed from what was saved last.
pub fn drive<D: Driver>(
    driver: &mut D,
    state: &mut WalletState,
    mut run: PurchaseRun,
) -> Result<Ending, DriveError<D::Error>> {
    loop {
        match run.next(state)? {
            Step::Save(point) => driver.save(state, point).map_err(DriveError::Save)?,
            Step::Send { call, service, request } => {
                let answer = driver.exchange(call, service, &request);
                run.receive(state, answer, driver.now())?;
            }
            Step::Finished(ending) => return Ok(ending),
        }
    }
}
