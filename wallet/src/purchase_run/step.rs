use crate::derivation::DerivationError;
use crate::http_message::{HttpRequest, Service};
use crate::token_batch::TokenBatchError;

/// What became durable at a save.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SavePoint {
    /// The intent, before anything is sent.
    Intent,
    /// The issuer's order.
    Order,
    /// That the order is paid.
    Paid,
    /// The token request, before it is sent.
    Request,
    /// The tokens.
    Tokens,
    /// Which keys the redeemer no longer lists.
    VoidKeys,
    /// That and why the purchase goes no further.
    Stopped,
}

impl SavePoint {
    /// The durable step's name; with `.before` appended, that of the moment before it.
    pub const fn step(self) -> &'static str {
        match self {
            Self::Intent => "wallet.intent.saved",
            Self::Order => "wallet.order.saved",
            Self::Paid => "wallet.paid.saved",
            Self::Request => "wallet.request.saved",
            Self::Tokens => "wallet.tokens.saved",
            Self::VoidKeys => "wallet.void-keys.saved",
            Self::Stopped => "wallet.stopped.saved",
        }
    }
}

/// Which call of a purchase a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// The issuer's directory.
    Directory,
    /// The redeemer's keys.
    Keys,
    /// Making the order.
    NewOrder,
    /// Looking at the order.
    Order,
    /// Paying it.
    Payment,
    /// Having the tokens signed.
    Tokens,
}

impl Call {
    pub(super) const fn service(self) -> Service {
        match self {
            Self::Keys => Service::Redeemer,
            Self::Directory | Self::NewOrder | Self::Order | Self::Payment | Self::Tokens => Service::Issuer,
        }
    }
}

/// What the caller is to do next.
#[derive(Debug)]
pub enum Step {
    /// Save the state durably.
    Save(SavePoint),
    /// Send the request and pass the answer to [`receive`](super::PurchaseRun::receive).
    Send {
        /// Which call it is.
        call: Call,
        /// To which service, on connections used for no other.
        service: Service,
        /// The request.
        request: HttpRequest,
    },
    /// The run is over.
    Finished(Ending),
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The tokens are here.
    Bought,
    /// It could not go on now. Nothing is lost, and another run continues it.
    Unfinished {
        /// What happened.
        reason: String,
    },
    /// It does not go on by itself; the purchase says why.
    Stopped {
        /// What happened and what to do.
        reason: String,
    },
}

/// A defect or a wallet that contradicts itself; the purchase stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The position is not one of the wallet's.
    #[error("the wallet has no such purchase")]
    NoPurchase,
    /// Nothing could be derived.
    #[error(transparent)]
    Derivation(#[from] DerivationError),
    /// The token request could not be made.
    #[error(transparent)]
    Batch(#[from] TokenBatchError),
    /// A saved request was derived otherwise than this program derives.
    #[error(
        "the token request that was saved cannot be made again by this farthing: use the one that made it"
    )]
    RequestChanged,
    /// An answer was passed in that no request asked for.
    #[error("an answer came that nothing had asked for")]
    NoQuestion,
}
