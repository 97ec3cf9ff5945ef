use std::fmt;

use farthing_api::{Base64Url, PackView};
use farthing_protocol::{Day, IssuerName, TokenKeyId};
use serde::{Deserialize, Serialize};

use crate::key_facts::KeyFacts;
use crate::service_url::ServiceUrl;
use crate::voucher_code::VoucherCode;

/// One purchase, from the intent, which is saved before anything leaves the machine, to the tokens.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purchase {
    /// Which of the issuer's orders of this wallet it is: an input of the derivation, never used twice.
    pub order_index: u64,
    /// The issuer's name as challenges carry it: an input of the derivation.
    pub issuer_name: IssuerName,
    /// Where the issuer is reached.
    pub issuer: ServiceUrl,
    /// Where the redeemer is reached whose keys are compared with the issuer's.
    pub redeemer: ServiceUrl,
    /// The pack as it was listed.
    pub pack: PackView,
    /// How it is paid.
    pub payment: Payment,
    /// The day on which it began.
    pub begun: Day,
    /// How far it is known to have come.
    pub stage: Stage,
    /// Why it stopped, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
}

/// How a purchase is paid.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Payment {
    /// By a prepaid code.
    Voucher {
        /// The code.
        code: VoucherCode,
    },
}

impl Payment {
    /// The method's name in orders and packs.
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Voucher { .. } => "voucher",
        }
    }
}

/// How far a purchase has come. Each stage was saved before the next thing was sent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Stage {
    /// Nothing is known to have reached the issuer.
    Intended,
    /// The issuer has the order, unpaid.
    Ordered {
        /// The issuer's name for the order.
        order: OrderId,
    },
    /// The order is paid and waits for its token request.
    Paid {
        /// The issuer's name for the order.
        order: OrderId,
    },
    /// The token request is made and may have been sent. It is sent again until it is answered.
    Requested {
        /// The issuer's name for the order.
        order: OrderId,
        /// The key, with every fact as it was when the request was made. The request derives from it.
        key: Box<KeyFacts>,
        /// Where the request goes.
        url: String,
        /// SHA-256 of the request's body, which is derived again whenever it is sent.
        digest: Base64Url<[u8; 32]>,
    },
    /// The tokens are here.
    Done {
        /// The issuer's name for the order.
        order: OrderId,
        /// The key that signed them.
        token_key_id: TokenKeyId,
    },
}

/// Why a purchase went no further.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stopped {
    /// What happened and what to do.
    pub reason: String,
    /// Whether nothing can change it: `farthing resume` then leaves it alone.
    pub is_final: bool,
    /// What the issuer had against the voucher, if that was it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voucher: Option<VoucherRefusal>,
}

/// Why a voucher will never pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VoucherRefusal {
    /// No voucher has the code.
    Unknown,
    /// It has paid another order.
    Used,
}

impl Purchase {
    /// Whether its tokens are here.
    pub const fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done { .. })
    }

    /// Whether it is under way: to be resumed before anything new is bought.
    pub const fn is_under_way(&self) -> bool {
        !self.is_done() && self.stopped.is_none()
    }

    /// Whether `farthing resume` has anything to try.
    pub fn is_resumable(&self) -> bool {
        !self.is_done() && self.stopped.as_ref().is_none_or(|stopped| !stopped.is_final)
    }

    /// Whether its payment is known to have been taken.
    pub const fn is_paid(&self) -> bool {
        matches!(self.stage, Stage::Paid { .. } | Stage::Requested { .. } | Stage::Done { .. })
    }

    /// What the issuer had against its voucher, if that stopped it.
    pub fn voucher_refusal(&self) -> Option<VoucherRefusal> {
        self.stopped.as_ref()?.voucher
    }

    /// The issuer's name for the order, once it has one.
    pub const fn order_id(&self) -> Option<&OrderId> {
        match &self.stage {
            Stage::Intended => None,
            Stage::Ordered { order }
            | Stage::Paid { order }
            | Stage::Requested { order, .. }
            | Stage::Done { order, .. } => Some(order),
        }
    }
}

/// The issuer's name for an order: 1 to 64 characters of base64url, so that it fits into a path as it is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrderId(String);

/// A text that is no order id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an order id is 1 to 64 characters of A-Z, a-z, 0-9, - and _")]
pub struct InvalidOrderId;

impl OrderId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for OrderId {
    type Error = InvalidOrderId;

    fn try_from(text: String) -> Result<Self, InvalidOrderId> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text))
        } else {
            Err(InvalidOrderId)
        }
    }
}

impl From<OrderId> for String {
    fn from(id: OrderId) -> Self {
        id.0
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OrderId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_id_cannot_leave_its_place_in_a_path() {
        assert_eq!(OrderId::try_from("aZ09-_".to_owned()).unwrap().as_str(), "aZ09-_");
        for text in ["", "../x", "a/b", "a?b", "a b", "%2e", "ä", &"a".repeat(65)] {
            assert!(OrderId::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
