//! What an answer to a payment says about its tokens.

use farthing_api::{ACCESS_HEADER, ProblemKind};

use super::offer::Offers;
use crate::http_message::HttpResponse;
use crate::page_payment::{PaymentStage, SetAside};
use crate::page_url::PageUrl;
use crate::pass::Pass;
use crate::service_answer::{problem_of, tame};

/// What became of tokens that were shown.
#[derive(Debug)]
pub(super) enum Verdict {
    /// They are spent, and the passes are what they bought.
    Paid(Vec<Pass>),
    /// The page costs nothing any more, and they were not looked at.
    Free,
    /// They were refused, and none was spent by this request.
    Refused {
        /// The site's reason, if it is one that we know.
        kind: Option<ProblemKind>,
        /// The site's words.
        reason: String,
    },
    /// Nobody knows.
    Unsure {
        /// What happened.
        reason: String,
    },
}

/// Refusals that come before any token is spent, or instead of it.
const SPENT_NOTHING: [ProblemKind; 15] = [
    ProblemKind::BadRequest,
    ProblemKind::AmbiguousPath,
    ProblemKind::PaymentMalformed,
    ProblemKind::PaymentRequired,
    ProblemKind::PaymentAmount,
    ProblemKind::TokenSpent,
    ProblemKind::TokenExpired,
    ProblemKind::TokenRevoked,
    ProblemKind::TokenKeyUnknown,
    ProblemKind::TokenInvalid,
    ProblemKind::OriginForeign,
    ProblemKind::NotFound,
    ProblemKind::BodyTooLong,
    ProblemKind::MediaType,
    ProblemKind::HostUnknown,
];

impl Verdict {
    /// Reads the answer to a payment for `page`. `posted` says that it was sent by POST, and not with the request for the
    /// page itself.
    pub(super) fn of(page: &PageUrl, answer: &HttpResponse, posted: bool, now: u64) -> Self {
        let passes = Pass::of_answer(page, answer, now);
        // A gate gives the pass along with whatever the site behind it says.
        if !passes.is_empty() {
            return Self::Paid(passes);
        }
        // So it does with its word that nothing was due.
        if answer.header(ACCESS_HEADER) == Some("free") {
            return Self::Free;
        }
        let status = answer.status;
        let asks = Offers::of(answer).ask_for_tokens();
        match status {
            // A site of the standard alone takes tokens and gives no pass. With a challenge it is a preview.
            200..300 if !posted && !asks => Self::Paid(passes),
            _ => {
                let problem = problem_of(answer);
                let kind = problem.as_ref().and_then(|problem| ProblemKind::from_uri(&problem.kind));
                let words = problem.map(|problem| tame(&problem.detail)).filter(|words| !words.is_empty());
                let says = words
                    .map_or_else(|| format!("it answered {status}"), |words| format!("it says: {words}"));
                let asks_again = asks && matches!(status, 200..300 | 401 | 402);
                match kind {
                    Some(kind) if SPENT_NOTHING.contains(&kind) => {
                        Self::Refused { kind: Some(kind), reason: says }
                    }
                    // In the standard's words: these tokens were no answer to the challenge.
                    None if asks_again => Self::Refused { kind: None, reason: says },
                    _ => Self::Unsure { reason: says },
                }
            }
        }
    }
}

/// What becomes of a payment that was refused.
///
/// A payment that was sent before may have been taken then, whatever is said of it now: that it is spent tells that it was,
/// and any other reason tells nothing.
pub(super) const fn stage_of_refusal(kind: Option<ProblemKind>, sent_before: bool) -> PaymentStage {
    let reason = match (kind, sent_before) {
        (Some(ProblemKind::TokenSpent), true) => return PaymentStage::Spent,
        (Some(ProblemKind::TokenSpent), false) => SetAside::Spent,
        (Some(ProblemKind::TokenExpired), _) => SetAside::Expired,
        (Some(ProblemKind::TokenRevoked), _) => SetAside::Revoked,
        (_, true) => SetAside::Unsure,
        (_, false) => return PaymentStage::Refused,
    };
    PaymentStage::SetAside { reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_services::problem;

    fn page() -> PageUrl {
        PageUrl::parse("https://news.example/a").unwrap()
    }

    fn answer(status: u16, headers: &[(&str, &str)]) -> HttpResponse {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        HttpResponse { status, headers: headers.collect(), body: Vec::new() }
    }

    #[test]
    fn a_pass_is_the_proof_of_a_payment_whatever_the_site_behind_says() {
        for status in [200, 204, 302, 404, 502, 503] {
            let given = answer(status, &[("Set-Cookie", "__Secure-farthing-pass=a; Path=/; Max-Age=9")]);
            assert!(
                matches!(Verdict::of(&page(), &given, false, 0), Verdict::Paid(passes) if passes.len() == 1)
            );
        }
        let other = answer(503, &[("Set-Cookie", "session=a; Path=/; Max-Age=9")]);
        assert!(matches!(Verdict::of(&page(), &other, false, 0), Verdict::Unsure { .. }));
        assert!(
            matches!(Verdict::of(&page(), &answer(200, &[]), false, 0), Verdict::Paid(passes) if passes.is_empty())
        );
        for status in [200, 204, 302, 404, 502] {
            let free = answer(status, &[("Farthing-Access", "free")]);
            assert!(matches!(Verdict::of(&page(), &free, false, 0), Verdict::Free), "{status}");
        }
        let both =
            [("Farthing-Access", "free"), ("Set-Cookie", "__Secure-farthing-pass=a; Path=/; Max-Age=9")];
        assert!(matches!(Verdict::of(&page(), &answer(200, &both), false, 0), Verdict::Paid(_)));
        let paid = answer(200, &[("Farthing-Access", "paid")]);
        assert!(matches!(Verdict::of(&page(), &paid, false, 0), Verdict::Paid(_)));
        let free = answer(204, &[("Farthing-Access", "free")]);
        assert!(matches!(Verdict::of(&page(), &free, true, 0), Verdict::Free));
        // A proxy may have taken the pass out of it.
        for status in [200, 204] {
            assert!(matches!(Verdict::of(&page(), &answer(status, &[]), true, 0), Verdict::Unsure { .. }));
        }
    }

    #[test]
    fn only_what_says_so_spent_nothing() {
        for kind in SPENT_NOTHING {
            let verdict = Verdict::of(&page(), &problem(kind), false, 0);
            assert!(
                matches!(verdict, Verdict::Refused { kind: Some(found), .. } if found == kind),
                "{verdict:?}"
            );
        }
        let challenge = "PrivateToken challenge=\"AAUADmlzc3Vlci5leGFtcGxlAAAA\"";
        let again = answer(401, &[("WWW-Authenticate", challenge)]);
        assert!(matches!(Verdict::of(&page(), &again, false, 0), Verdict::Refused { kind: None, .. }));
        let preview = answer(200, &[("WWW-Authenticate", challenge)]);
        assert!(matches!(Verdict::of(&page(), &preview, false, 0), Verdict::Refused { kind: None, .. }));
        for unsure in [
            problem(ProblemKind::Unavailable),
            problem(ProblemKind::TooManyRequests),
            problem(ProblemKind::Internal),
            problem(ProblemKind::UpstreamAway),
            answer(401, &[]),
            answer(403, &[]),
            answer(302, &[("Location", "/login")]),
            answer(502, &[]),
        ] {
            let verdict = Verdict::of(&page(), &unsure, false, 0);
            assert!(matches!(verdict, Verdict::Unsure { .. }), "{unsure:?}: {verdict:?}");
        }
    }

    #[test]
    fn a_refusal_of_what_was_sent_before_is_not_believed_to_be_the_first_word() {
        use ProblemKind::{PaymentAmount, TokenExpired, TokenRevoked, TokenSpent};
        let aside = |reason| PaymentStage::SetAside { reason };
        for (kind, first, again) in [
            (Some(TokenSpent), aside(SetAside::Spent), PaymentStage::Spent),
            (Some(TokenExpired), aside(SetAside::Expired), aside(SetAside::Expired)),
            (Some(TokenRevoked), aside(SetAside::Revoked), aside(SetAside::Revoked)),
            (Some(PaymentAmount), PaymentStage::Refused, aside(SetAside::Unsure)),
            (None, PaymentStage::Refused, aside(SetAside::Unsure)),
        ] {
            assert_eq!(stage_of_refusal(kind, false), first);
            assert_eq!(stage_of_refusal(kind, true), again);
        }
    }
}
