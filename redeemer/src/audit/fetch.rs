use std::time::Duration;

use thiserror::Error;
use tokio::sync::oneshot;
use ureq::Agent;

use super::config::TotalsUrl;

/// Longest wait for the whole document.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest document. A key's day takes some sixty bytes, so this is a century.
const LONGEST: u64 = 16 * 1024 * 1024;

/// Why the issuer's totals are not there.
#[derive(Debug, Error)]
pub enum FetchError {
    /// It does not answer.
    #[error("the issuer's totals cannot be fetched: {0}")]
    Unreachable(#[from] ureq::Error),
    /// It answers something else.
    #[error("the issuer's totals cannot be fetched: the answer was {0}; see audit.issuer_totals_url")]
    Refused(u16),
    /// The system gave no thread.
    #[error("the issuer's totals cannot be fetched: no thread could be started: {0}")]
    Thread(#[from] std::io::Error),
    /// A defect.
    #[error("fetching the issuer's totals panicked, which is a defect")]
    Panicked,
}

/// Fetches what is published at `url`. Whether it is believed is another question.
///
/// # Errors
/// [`FetchError`].
pub async fn fetch(url: &TotalsUrl) -> Result<Vec<u8>, FetchError> {
    let url = url.as_str().to_owned();
    let (sender, receiver) = oneshot::channel();
    // A thread of its own: the end of the service does not wait for it.
    std::thread::Builder::new().name("audit".to_owned()).spawn(move || {
        let _ = sender.send(get(&url, PATIENCE));
    })?;
    receiver.await.map_err(|_| FetchError::Panicked)?
}

fn get(url: &str, patience: Duration) -> Result<Vec<u8>, FetchError> {
    // The issuer is where the configuration says, and nowhere that the environment or an answer says.
    let config = Agent::config_builder().proxy(None).max_redirects(0).http_status_as_error(false);
    let agent = config.timeout_global(Some(patience)).user_agent("farthing").build().new_agent();
    let mut answer = agent.get(url).header("Accept", "application/json").call()?;
    if answer.status() != 200 {
        return Err(FetchError::Refused(answer.status().as_u16()));
    }
    Ok(answer.body_mut().with_config().limit(LONGEST).read_to_vec()?)
}
