use serde::{Deserialize, Serialize};

/// Media type of every error answer.
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// Declares the one table of problem kinds: name, status, slug, title.
macro_rules! problem_kinds {
    ($($(#[$doc:meta])* $kind:ident = $status:literal $slug:literal $title:literal;)*) => {
        /// Every kind of error answer. The table in this file is the only place that knows status and title.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ProblemKind { $($(#[$doc])* $kind,)* }

        impl ProblemKind {
            /// Every kind, in the table's order.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// The HTTP status it is answered with.
            pub const fn status(self) -> u16 {
                match self { $(Self::$kind => $status,)* }
            }

            /// What documentation calls it: the end of its URI.
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$kind => $slug,)* }
            }

            /// The member `type`, a URI that never changes.
            pub const fn uri(self) -> &'static str {
                match self { $(Self::$kind => concat!("urn:farthing:problem:", $slug),)* }
            }

            /// The member `title`: the same words for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$kind => $title,)* }
            }
        }
    };
}

problem_kinds! {
    /// The request is not HTTP or JSON of the expected form.
    BadRequest = 400 "bad-request" "The request cannot be read";
    /// Servers do not agree about which page the path names.
    AmbiguousPath = 400 "ambiguous-path" "The path can be read in two ways";
    /// The tokens in the request do not decode.
    PaymentMalformed = 400 "payment-malformed" "The payment cannot be read";
    /// No `Idempotency-Key`, or one out of form.
    IdempotencyKeyMissing = 400 "idempotency-key-missing" "An Idempotency-Key header is required";
    /// No claim secret, or one that owns no order.
    ClaimUnknown = 401 "claim-unknown" "This claim secret owns no order";
    /// No API key, an unknown one, or a revoked one.
    ApiKeyUnknown = 401 "api-key-unknown" "A valid publisher API key is required";
    /// The page has a price, and the request shows neither a pass nor tokens.
    PaymentRequired = 401 "payment-required" "This page is paid for with tokens";
    /// The tokens are not worth what is due. None was spent.
    PaymentAmount = 401 "payment-amount" "The tokens are not worth the price";
    /// A token was spent before, or stands twice in the payment. None was spent now.
    TokenSpent = 401 "token-spent" "A token was spent before";
    /// The time of a token's key is over. None was spent.
    TokenExpired = 401 "token-expired" "A token is too old";
    /// The key of a token was revoked. None was spent.
    TokenRevoked = 401 "token-revoked" "The key of a token was revoked";
    /// A token is of a key that is not taken here. None was spent.
    TokenKeyUnknown = 401 "token-key-unknown" "A token is of another issuer or key";
    /// A token is forged, or was made for another challenge. None was spent.
    TokenInvalid = 401 "token-invalid" "A token is not genuine";
    /// The order is not paid.
    OrderUnpaid = 402 "order-unpaid" "The order is not paid";
    /// The request comes from a page of another site.
    OriginForeign = 403 "origin-foreign" "The request comes from another site";
    /// Only the publisher's own proxy may ask this.
    ProxySecretWrong = 403 "proxy-secret-wrong" "Only the site's own proxy may ask this";
    /// No such path.
    NotFound = 404 "not-found" "There is nothing at this path";
    /// No such pack is for sale.
    PackUnknown = 404 "pack-unknown" "No such pack is for sale";
    /// No order has this id.
    OrderUnknown = 404 "order-unknown" "There is no such order";
    /// No voucher has this code.
    VoucherUnknown = 404 "voucher-unknown" "No voucher has this code";
    /// No answer is kept for this Idempotency-Key.
    RedemptionUnknown = 404 "redemption-unknown" "No answer is kept for this Idempotency-Key";
    /// The publisher has no statement with this id.
    StatementUnknown = 404 "statement-unknown" "There is no such statement";
    /// The path exists, the method does not.
    MethodNotAllowed = 405 "method-not-allowed" "The method is not allowed here";
    /// The claim already owns an order for another pack.
    ClaimTaken = 409 "claim-taken" "This claim already owns another order";
    /// The order cannot be paid in its state.
    OrderNotPayable = 409 "order-not-payable" "The order cannot be paid any more";
    /// The order was spent on another token request.
    OrderUsed = 409 "order-used" "The order was spent on another token request";
    /// The voucher paid another order.
    VoucherUsed = 409 "voucher-used" "The voucher was used before";
    /// The body is longer than this call takes.
    BodyTooLong = 413 "body-too-long" "The body is too long";
    /// The media type is not one that this call takes.
    MediaType = 415 "media-type" "The media type is not supported";
    /// The gate stands before other sites than this.
    HostUnknown = 421 "host-unknown" "There is no such site here";
    /// The body does not decode.
    Malformed = 422 "malformed" "The body does not decode";
    /// The token type is not the one issued here.
    TokenType = 422 "token-type" "The token type is not issued here";
    /// An element is not a canonical encoding of a group element, or is the identity.
    InvalidElement = 422 "invalid-element" "An element is not a valid group element";
    /// The number of elements is not the pack's.
    ElementCount = 422 "element-count" "The number of elements is not the pack's";
    /// No live key has the truncated id.
    KeyUnknown = 422 "key-unknown" "No key has this truncated token key id";
    /// The full key id in the header is not the one that the truncated id names.
    KeyMismatch = 422 "key-mismatch" "The full token key id names another key";
    /// The key does not issue now.
    KeyNotIssuing = 422 "key-not-issuing" "The key does not issue now";
    /// The key was revoked, or its tokens are no longer taken.
    KeyEnded = 422 "key-ended" "The key of this order has ended";
    /// The key's denomination is not the order's.
    WrongDenomination = 422 "wrong-denomination" "The key is of another denomination than the order";
    /// The payment method is not one of the pack's.
    MethodUnknown = 422 "method-unknown" "The pack cannot be paid by this method";
    /// The voucher is for another pack.
    VoucherPack = 422 "voucher-pack" "The voucher is for another pack";
    /// The Idempotency-Key was used with other tokens.
    IdempotencyKeyReused = 422 "idempotency-key-reused" "The Idempotency-Key was used with other tokens";
    /// More tokens than one redemption may carry, or none.
    TokenCount = 422 "token-count" "A redemption carries 1 to 1,000 tokens";
    /// The client's network address sent too many requests.
    TooManyRequests = 429 "too-many-requests" "There were too many requests";
    /// The order's token request was repeated too often.
    TooManyRepetitions = 429 "too-many-repetitions" "The token request was repeated too often";
    /// The publisher sent too many tokens that no key made.
    TooManyInvalidTokens = 429 "too-many-invalid-tokens" "There were too many invalid tokens";
    /// As many of the publisher's answers are kept as one publisher may have.
    TooManyRedemptions = 429 "too-many-redemptions" "There were too many redemptions";
    /// The request has more headers than any should, or longer ones.
    HeadersTooLong = 431 "headers-too-long" "The headers are too long";
    /// A defect of the service; the cause is in its log.
    Internal = 500 "internal" "The service failed";
    /// The site behind the gate does not answer.
    UpstreamAway = 502 "upstream-away" "The site does not answer";
    /// The store did not answer in time or cannot be trusted: nothing is known, and repeating is safe.
    Unavailable = 503 "unavailable" "The service cannot answer now";
    /// So many orders wait for payment that no other is taken: the state of the service, not of who asks.
    TooManyOrders = 503 "too-many-orders" "Too many orders wait for payment";
    /// So many answers are kept that no redemption is taken: the state of the service, not of who asks.
    TooManyKeptAnswers = 503 "too-many-kept-answers" "Too many answers are kept";
    /// So much is in work, of the publisher's or of all, that this was not begun: repeating is safe.
    TooManyAtOnce = 503 "too-many-at-once" "Too much is in work";
}

impl ProblemKind {
    /// The kind of a `type` URI, if it is one of ours.
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.uri() == uri)
    }
}

/// Body of every error answer: problem details of RFC 9457.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// The kind as a URI.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uri")))]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status again.
    pub status: u16,
    /// What was wrong in this request, and what to do about it.
    pub detail: String,
    /// The part of the request that was wrong: a JSON member, a header, or a member of a binary message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl Problem {
    /// The problem of `kind`, with words for this occurrence.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind: kind.uri().to_owned(),
            title: kind.title().to_owned(),
            status: kind.status(),
            detail: detail.into(),
            field: None,
        }
    }

    /// Names the part of the request that was wrong.
    #[must_use]
    pub fn in_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_an_error_status_and_a_uri_of_its_own() {
        let uris: HashSet<_> = ProblemKind::ALL.iter().map(|kind| kind.uri()).collect();
        assert_eq!(uris.len(), ProblemKind::ALL.len());
        for kind in ProblemKind::ALL {
            assert!((400..600).contains(&kind.status()), "{kind:?}");
            assert_eq!(ProblemKind::from_uri(kind.uri()), Some(*kind));
        }
    }
}
