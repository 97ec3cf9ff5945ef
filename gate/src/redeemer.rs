use std::fmt;
use std::io;
use std::time::Duration;

use actix_web::web::Bytes;
use farthing_api::{
    Envelope, IDEMPOTENCY_KEY_HEADER, KeyListing, Problem, ProblemKind, RedemptionAnswer, TokenResult,
};
use farthing_protocol::Token;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use thiserror::Error;

use crate::origin::Origin;
use crate::outbound::{self, HttpClient};
use crate::payment::Refusal;

/// Longest answer: a result for each of 1,000 tokens, or some hundred keys.
const LONGEST: usize = 256 * 1024;
const CONNECT: Duration = Duration::from_secs(5);
/// What is wrong with an answer that says of tokens neither that they were taken nor why not.
const CONTRADICTS: &str = "its status and its results do not go together";
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// The redeemer, as this publisher knows it.
pub struct Redeemer {
    origin: Origin,
    bearer: HeaderValue,
    client: HttpClient,
    patience: Duration,
}

/// Tokens were taken.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken {
    /// What the redeemer signed for them.
    pub receipt: Option<Envelope>,
}

/// What the redeemer did with tokens.
#[derive(Debug, PartialEq, Eq)]
pub enum Redemption {
    /// It took all of them.
    Taken(Taken),
    /// It took none of them.
    Refused(Refusal),
}

impl Redemption {
    /// What an answer says of so many tokens. They were taken only where all of it says so: what knows no reason against them
    /// is no payment yet.
    fn read(status: StatusCode, answer: RedemptionAnswer, tokens: usize) -> Result<Self, Unsure> {
        let RedemptionAnswer { results, receipt, .. } = answer;
        if results.len() != tokens {
            return Err(Unsure::Unreadable("it has another number of results".to_owned()));
        }
        let are_accepted = tokens > 0 && results.iter().all(|result| *result == TokenResult::Accepted);
        match Refusal::of_results(&results) {
            Some(refusal) => Ok(Self::Refused(refusal)),
            None if are_accepted && status == StatusCode::OK => Ok(Self::Taken(Taken { receipt })),
            None => Err(Unsure::Unreadable(CONTRADICTS.to_owned())),
        }
    }
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
    pub async fn redeem(&self, key: &str, tokens: &[Token]) -> Result<Redemption, Unsure> {
        let body: Vec<u8> = tokens.iter().flat_map(Token::encode).collect();
        let request = self
            .request(Method::POST, PathAndQuery::from_static("/v1/redemptions"))
            .header(CONTENT_TYPE, OCTETS)
            .header(IDEMPOTENCY_KEY_HEADER, key);
        match self.ask(request, body).await? {
            (status @ (StatusCode::OK | StatusCode::CONFLICT), answer) => {
                Redemption::read(status, read(&answer)?, tokens.len())
            }
            (status, answer) => Err(refused(status, &answer)),
        }
    }

    /// Whether so many tokens were taken under an Idempotency-Key.
    ///
    /// # Errors
    /// [`Unsure`].
    pub async fn redeemed(&self, key: &str, tokens: usize) -> Result<Option<Taken>, Unsure> {
        let path = format!("/v1/redemptions/{key}");
        let path = path.parse().map_err(|_| Unsure::Unreadable("its path cannot be written".to_owned()))?;
        match self.ask(self.request(Method::GET, path), Vec::new()).await? {
            (StatusCode::OK, answer) => match Redemption::read(StatusCode::OK, read(&answer)?, tokens)? {
                Redemption::Taken(taken) => Ok(Some(taken)),
                Redemption::Refused(_) => Err(Unsure::Unreadable(CONTRADICTS.to_owned())),
            },
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: StatusCode, results: &[TokenResult], tokens: usize) -> Result<Redemption, Unsure> {
        let results = serde_json::to_value(results).unwrap();
        let answer =
            serde_json::json!({ "results": results, "accepted": 2, "credited": [], "replayed": false });
        Redemption::read(status, serde_json::from_value(answer).unwrap(), tokens)
    }

    #[test]
    fn tokens_are_taken_only_where_all_of_the_answer_says_so() {
        use TokenResult::{Accepted, NotTried, Spent};
        const OK: StatusCode = StatusCode::OK;
        const CONFLICT: StatusCode = StatusCode::CONFLICT;
        assert_eq!(read(OK, &[Accepted, Accepted], 2).unwrap(), Redemption::Taken(Taken { receipt: None }));
        for status in [OK, CONFLICT] {
            let refused = Redemption::Refused(Refusal::Spent);
            assert_eq!(read(status, &[Accepted, Spent], 2).unwrap(), refused);
        }
        for (status, results, tokens) in [
            (CONFLICT, &[NotTried, NotTried][..], 2),
            (CONFLICT, &[Accepted, Accepted], 2),
            (OK, &[Accepted, NotTried], 2),
            (OK, &[Accepted], 2),
            (OK, &[Accepted, Accepted], 1),
            (CONFLICT, &[], 0),
            (OK, &[], 0),
        ] {
            let unsure = read(status, results, tokens).unwrap_err();
            assert!(unsure.may_have_taken(), "{status} {results:?}: {unsure}");
        }
    }
}
