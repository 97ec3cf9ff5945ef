//! Reading what a service answered, and telling a word of the service from a failure on the way.

use farthing_api::{PROBLEM_MEDIA_TYPE, Problem, ProblemKind};
use serde::de::DeserializeOwned;
use url::Url;

use crate::http_message::{HttpResponse, Service, TransportFailure};

/// The longest piece of somebody else's text that is shown.
const MAX_SHOWN: usize = 300;

/// Why a call gave nothing. `call` is method and URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// No answer came: nobody knows whether the request arrived.
    #[error("cannot reach the {service} at {origin}: {cause}")]
    Unreachable {
        /// Which service.
        service: Service,
        /// Where it was looked for.
        origin: String,
        /// What the transport said.
        cause: String,
    },
    /// The service could not do it now (408, 429, 5xx).
    #[error("{call}: answered {status}, cannot do it now{}", shown(.detail))]
    Unavailable {
        /// The call.
        call: String,
        /// HTTP status.
        status: u16,
        /// The service's words, if any.
        detail: String,
    },
    /// The service refused, in its own words.
    #[error("{call}: refused: {}{}", .kind.title(), shown(.detail))]
    Refused {
        /// The call.
        call: String,
        /// Which refusal.
        kind: ProblemKind,
        /// The service's words.
        detail: String,
    },
    /// An answer that is not one of the service's: a proxy, a login page, another program.
    #[error("{call}: answered {status}, which is no answer of a Farthing service: {reason}; check the URL")]
    Foreign {
        /// The call.
        call: String,
        /// HTTP status.
        status: u16,
        /// What was expected.
        reason: String,
    },
}

impl ServiceError {
    /// The failure of a call that got no answer. `call` is method and URL.
    pub fn unreachable(service: Service, call: &str, failure: &TransportFailure) -> Self {
        let url = call.split_once(' ').map_or(call, |(_, url)| url);
        let origin = Url::parse(url).map(|url| url.origin().ascii_serialization());
        let origin = origin.unwrap_or_else(|_| url.to_owned());
        Self::Unreachable { service, origin, cause: tame(&failure.0) }
    }

    /// Whether the same call may succeed later.
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unavailable { .. })
    }

    /// Whether there is no such path where it was asked: the URL may be that of another service.
    pub const fn is_no_such_path(&self) -> bool {
        matches!(self, Self::Refused { kind: ProblemKind::NotFound, .. } | Self::Foreign { status: 404, .. })
    }

    /// The refusal, if the service spoke clearly.
    pub const fn refusal(&self) -> Option<ProblemKind> {
        match self {
            Self::Refused { kind, .. } => Some(*kind),
            Self::Unreachable { .. } | Self::Unavailable { .. } | Self::Foreign { .. } => None,
        }
    }
}

fn shown(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(" ({detail})") }
}

/// A service's text, made safe for a terminal: what is not seen is gone, length bounded.
pub(crate) fn tame(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !is_format(*c)).take(MAX_SHOWN).collect()
}

/// Whether a character shapes text without being seen: general category Cf of Unicode 17, which reorders what is read
/// and hides what is written, and the separators of lines and paragraphs.
const fn is_format(c: char) -> bool {
    matches!(
        c,
        '\u{AD}'
            | '\u{600}'..='\u{605}'
            | '\u{61C}'
            | '\u{6DD}'
            | '\u{70F}'
            | '\u{890}'..='\u{891}'
            | '\u{8E2}'
            | '\u{180E}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}'
            | '\u{110BD}'
            | '\u{110CD}'
            | '\u{13430}'..='\u{1343F}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E007F}'
    )
}

/// Reads a JSON answer that came with one of the `expected` statuses.
///
/// # Errors
///
/// [`ServiceError`], by status and content.
pub(crate) fn read_json<T: DeserializeOwned>(
    call: &str,
    answer: &HttpResponse,
    expected: &[u16],
) -> Result<T, ServiceError> {
    check_status(call, answer, expected)?;
    serde_json::from_slice(&answer.body).map_err(|error| ServiceError::Foreign {
        call: call.to_owned(),
        status: answer.status,
        reason: tame(&format!("its JSON does not read: {error}")),
    })
}

/// Passes an answer that came with one of the `expected` statuses.
///
/// # Errors
///
/// [`ServiceError`], by status and content.
pub(crate) fn check_status(call: &str, answer: &HttpResponse, expected: &[u16]) -> Result<(), ServiceError> {
    let call = call.to_owned();
    let status = answer.status;
    if expected.contains(&status) {
        return Ok(());
    }
    let problem = problem_of(answer);
    if matches!(status, 408 | 429 | 500..) {
        let detail = problem.map(|problem| tame(&problem.detail)).unwrap_or_default();
        return Err(ServiceError::Unavailable { call, status, detail });
    }
    let known = problem.as_ref().and_then(|problem| {
        let kind = ProblemKind::from_uri(&problem.kind)?;
        Some((kind, tame(&problem.detail)))
    });
    Err(match known {
        Some((kind, detail)) => ServiceError::Refused { call, kind, detail },
        None if (300..400).contains(&status) => {
            ServiceError::Foreign { call, status, reason: "redirects are not followed".to_owned() }
        }
        None => ServiceError::Foreign { call, status, reason: "it explains nothing".to_owned() },
    })
}

/// The problem that an answer holds, if it holds one.
pub(crate) fn problem_of(answer: &HttpResponse) -> Option<Problem> {
    if answer.media_type() != PROBLEM_MEDIA_TYPE {
        return None;
    }
    let problem: Problem = serde_json::from_slice(&answer.body).ok()?;
    (problem.status == answer.status).then_some(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, media_type: &str, body: &str) -> HttpResponse {
        let headers = vec![("Content-Type".to_owned(), media_type.to_owned())];
        HttpResponse { status, headers, body: body.as_bytes().to_vec() }
    }

    fn problem(kind: ProblemKind) -> HttpResponse {
        let body = serde_json::to_string(&Problem::new(kind, "why\u{1b}[31m")).unwrap();
        answer(kind.status(), PROBLEM_MEDIA_TYPE, &body)
    }

    #[test]
    fn what_cannot_be_seen_is_not_shown() {
        let text = "a\u{202E}b\u{2066}c\u{200B}d\u{AD}e\u{FEFF}f\u{7}g\u{E0041}h\u{2029}i\u{61C}ü";
        assert_eq!(tame(text), "abcdefghiü");
    }

    #[test]
    fn a_service_that_is_not_reached_is_named() {
        let failure = TransportFailure("connection refused".into());
        let error =
            ServiceError::unreachable(Service::Redeemer, "GET https://r.example:8443/v1/keys", &failure);
        assert_eq!(
            error.to_string(),
            "cannot reach the redeemer at https://r.example:8443: connection refused"
        );
        assert!(error.may_pass());
        let other = check_status("GET u", &problem(ProblemKind::NotFound), &[200]).unwrap_err();
        assert!(other.is_no_such_path() && !other.may_pass());
    }

    #[test]
    fn only_the_services_own_words_are_a_refusal() {
        let refused = check_status("GET u", &problem(ProblemKind::VoucherUnknown), &[200]).unwrap_err();
        assert_eq!(refused.refusal(), Some(ProblemKind::VoucherUnknown));
        assert_eq!(refused.to_string(), "GET u: refused: No voucher has this code (why[31m)");
        for other in [
            answer(404, "text/html", "<h1>Not found</h1>"),
            answer(404, PROBLEM_MEDIA_TYPE, "{}"),
            answer(302, "text/html", ""),
            answer(403, PROBLEM_MEDIA_TYPE, &String::from_utf8(problem(ProblemKind::NotFound).body).unwrap()),
            problem(ProblemKind::Unavailable),
            answer(502, "text/html", "bad gateway"),
            answer(429, "text/plain", "slow down"),
            answer(200, "text/html", "hello"),
        ] {
            let error = read_json::<Problem>("GET u", &other, &[200]).unwrap_err();
            assert_eq!(error.refusal(), None, "{error}");
        }
    }
}
