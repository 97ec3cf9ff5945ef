use super::tokens::NoTokens;
use crate::http_message::HttpRequest;
use crate::money::Amount;

/// What became durable at a save.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SavePoint {
    /// The payment, before its tokens leave.
    Payment,
    /// What became of it.
    Settled,
}

impl SavePoint {
    /// The durable step's name; with `.before` appended, that of the moment before it.
    pub const fn step(self) -> &'static str {
        match self {
            Self::Payment => "wallet.payment.saved",
            Self::Settled => "wallet.payment.settled",
        }
    }
}

/// What the caller is to do next.
#[derive(Debug)]
pub enum Step {
    /// Save the state durably.
    Save(SavePoint),
    /// Send the request to the page's origin, on connections used for no other service, and pass the answer to
    /// [`receive`](super::Visit::receive). The body of an answer with a status of 200 to 299 may be left out: it is the
    /// page, or of no interest.
    Send {
        /// The request.
        request: HttpRequest,
        /// Whether it carries tokens.
        pays: bool,
    },
    /// Wait before the next step, which sends the same request again.
    Wait {
        /// For how long.
        seconds: u64,
        /// What happened.
        reason: String,
    },
    /// The visit is over.
    Finished(Ending),
}

/// How a visit ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The body of the last answer is the page.
    Page {
        /// What the whole page costs, if this is what is shown of it for nothing.
        preview_of: Option<Amount>,
    },
    /// The page costs more than was allowed. Nothing was paid.
    Price {
        /// What it costs.
        price: Amount,
    },
    /// The wallet has no tokens with which it could be paid. Nothing was paid.
    NoTokens(NoTokens),
    /// It is not known what became of the payment. Its tokens stay in flight.
    InFlight {
        /// The payment's number.
        number: u64,
        /// What happened.
        reason: String,
    },
    /// The payment was refused; its stage says what became of the tokens.
    Refused {
        /// The payment's number.
        number: u64,
        /// Why.
        reason: String,
    },
    /// An earlier attempt spent the tokens, longer ago than the site repeats its answer.
    SpentEarlier {
        /// The payment's number.
        number: u64,
    },
    /// The payment went through. The page was not asked for.
    Settled,
    /// The page could not be had now. If there was a payment, it is settled.
    Unfinished {
        /// What happened.
        reason: String,
    },
    /// The page could not be had. If there was a payment, it is settled.
    Stopped {
        /// What happened and what to do.
        reason: String,
    },
}

/// A defect, or a wallet that contradicts itself; the payment stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VisitError {
    /// The number is not one of a payment in flight.
    #[error("the wallet has no payment {0} in flight")]
    NoPayment(u64),
    /// The tokens of a payment cannot be shown.
    #[error("the tokens of payment {number} cannot be shown: {reason}")]
    Tokens {
        /// The payment's number.
        number: u64,
        /// Why.
        reason: String,
    },
    /// An answer was passed in that no request asked for.
    #[error("an answer came that nothing had asked for")]
    NoQuestion,
}
