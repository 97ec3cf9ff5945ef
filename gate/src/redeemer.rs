use std::fmt;
use std::io;
use std::time::Duration;

use actix_web::web::Bytes;
use farthing_api::{IDEMPOTENCY_KEY_HEADER, KeyListing, Problem, ProblemKind, RedemptionAnswer};
use farthing_protocol::Token;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use thiserror::Error;

use crate::origin::Origin;
use crate::outbound::{self, HttpClient};

/// Longest answer: a result for each of 1,000 tokens, or some hundred keys.
const LONGEST: usize = 256 * 1024;
const CONNECT: Duration = Duration::from_secs(5);
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// The redeemer, as this publisher knows it.
pub struct Redeemer {
    origin: Origin,
    bearer: HeaderValue,
    client: HttpClient,
    patience: Duration,
}

/// The redeemer did not say what became of the tokens: the same question later is safe. Says nothing of the request.
#[derive(Debug, Error)]
pub enum Unsure {
    /// There was no answer.
    #[error("the redeemer cannot be reached: {0}")]
    Unreachable(String),
    /// There was none in time.
    #[error("the redeemer did not answer in time")]
    Late,
    /// It does not know this publisher.
    #[error(
        "the redeemer does not take redeemer.api_key; put one in force with `farthing-redeemer publishers keys add`"
    )]
    ApiKey,
    /// It takes nothing new at present, and still gives the answers that it keeps.
    #[error("the redeemer takes nothing new: it answered {0}")]
    NothingNew(u16),
    /// It has not begun, because it has too much to do.
    #[error("the redeemer has too much to do: it answered {0}")]
    Busy(u16),
    /// It answered something else.
    #[error("the redeemer answered {0}")]
    Status(u16),
    /// It answered what is no answer.
    #[error("the redeemer's answer cannot be read: {0}")]
    Unreadable(String),
    /// The gate stops, and waits for no answer.
    #[error("the gate stops")]
    Stopped,
}

impl Unsure {
    /// Whether it may have done what it was asked to.
    pub const fn may_have_taken(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Late | Self::Unreadable(_) | Self::Stopped => true,
            Self::Status(status) => *status >= 500,
            Self::ApiKey | Self::NothingNew(_) | Self::Busy(_) => false,
        }
    }
}

impl Redeemer {
    /// The redeemer at `origin`, asked in the name of the publisher who has `api_key`; each question takes at most
    /// `patience`.
    ///
    /// # Errors
    /// The key is none, or over https the certificate authorities cannot be read.
    pub fn new(origin: Origin, api_key: &str, patience: Duration) -> io::Result<Self> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {api_key}"))
            .map_err(|_| io::Error::other("an API key has printable characters alone"))?;
        bearer.set_sensitive(true);
        let client = outbound::client(&origin, CONNECT)?;
        Ok(Self { origin, bearer, client, patience })
    }

    /// Has tokens redeemed, all or none, under an Idempotency-Key.
    ///
    /// # Errors
    /// [`Unsure`].
    pub async fn redeem(&self, key: &str, tokens: &[Token]) -> Result<RedemptionAnswer, Unsure> {
        let body: Vec<u8> = tokens.iter().flat_map(Token::encode).collect();
        let request = self
            .request(Method::POST, PathAndQuery::from_static("/v1/redemptions"))
            .header(CONTENT_TYPE, OCTETS)
            .header(IDEMPOTENCY_KEY_HEADER, key);
        match self.ask(request, body).await? {
            (StatusCode::OK | StatusCode::CONFLICT, answer) => {
                let answer: RedemptionAnswer = read(&answer)?;
                if answer.results.len() == tokens.len() {
                    Ok(answer)
                } else {
                    Err(Unsure::Unreadable("it has another number of results".to_owned()))
                }
            }
            (status, answer) => Err(refused(status, &answer)),
        }
    }

    /// The answer that is kept under an Idempotency-Key, if it took every token.
    ///
    /// # Errors
    /// [`Unsure`].
    pub async fn redeemed(&self, key: &str) -> Result<Option<RedemptionAnswer>, Unsure> {
        let path = format!("/v1/redemptions/{key}");
        let path = path.parse().map_err(|_| Unsure::Unreadable("its path cannot be written".to_owned()))?;
        match self.ask(self.request(Method::GET, path), Vec::new()).await? {
            (StatusCode::OK, answer) => read(&answer).map(Some),
            (StatusCode::CONFLICT | StatusCode::NOT_FOUND, _) => Ok(None),
            (status, answer) => Err(refused(status, &answer)),
        }
    }

    /// The keys that it accepts now.
    ///
    /// # Errors
    /// [`Unsure`].
    pub async fn keys(&self) -> Result<KeyListing, Unsure> {
        match self.ask(self.request(Method::GET, PathAndQuery::from_static("/v1/keys")), Vec::new()).await? {
            (StatusCode::OK, answer) => read(&answer),
            (status, answer) => Err(refused(status, &answer)),
        }
    }

    fn request(&self, method: Method, path: PathAndQuery) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(self.origin.url(path))
            .header(AUTHORIZATION, self.bearer.clone())
            .header(ACCEPT, HeaderValue::from_static("application/json"))
    }

    async fn ask(
        &self,
        request: http::request::Builder,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Bytes), Unsure> {
        let body = Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync();
        let request = request.body(body).map_err(|error| Unsure::Unreachable(error.to_string()))?;
        let exchange = async {
            let answer =
                self.client.request(request).await.map_err(|error| Unsure::Unreachable(causes(&error)))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, LONGEST).collect().await;
            let body = body.map_err(|error| Unsure::Unreachable(error.to_string()))?;
            Ok((head.status, body.to_bytes()))
        };
        tokio::time::timeout(self.patience, exchange).await.map_err(|_| Unsure::Late)?
    }
}

fn read<T: serde::de::DeserializeOwned>(answer: &[u8]) -> Result<T, Unsure> {
    serde_json::from_slice(answer).map_err(|error| Unsure::Unreadable(format!("line {}", error.line())))
}

fn refused(status: StatusCode, answer: &[u8]) -> Unsure {
    let says = |kind: ProblemKind| {
        serde_json::from_slice::<Problem>(answer).is_ok_and(|problem| problem.kind == kind.uri())
    };
    match status {
        StatusCode::UNAUTHORIZED => Unsure::ApiKey,
        StatusCode::TOO_MANY_REQUESTS => Unsure::NothingNew(status.as_u16()),
        StatusCode::SERVICE_UNAVAILABLE if says(ProblemKind::TooManyKeptAnswers) => {
            Unsure::NothingNew(status.as_u16())
        }
        // Who is told that comes again soon, and more questions would make it busier.
        StatusCode::SERVICE_UNAVAILABLE if says(ProblemKind::TooManyAtOnce) => Unsure::Busy(status.as_u16()),
        _ => Unsure::Status(status.as_u16()),
    }
}

/// An error with its causes: hyper's own says little.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

impl fmt::Debug for Redeemer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redeemer").field("origin", &self.origin).finish_non_exhaustive()
    }
}
