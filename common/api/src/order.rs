use serde::{Deserialize, Serialize};

use crate::Base64Url;

/// Body of `POST /v1/orders`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// Id of the pack to buy.
    pub pack: String,
    /// Payment method, one of the pack's.
    pub method: String,
    /// SHA-256 of the 32-byte claim secret that the wallet keeps: whoever shows the secret owns the order.
    pub claim: Base64Url<[u8; 32]>,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OrderState {
    /// Not paid yet.
    Pending,
    /// Paid, and waiting for its token request.
    Paid,
    /// Bound to one token request, which may be repeated.
    Issued,
    /// Not paid in time.
    Expired,
    /// Paid in part; the rest is awaited.
    Underpaid,
    /// Paid after it had expired; the operator decides.
    Late,
    /// Being paid back.
    Refunding,
    /// Paid back.
    Refunded,
    /// The payment was taken back by its provider.
    Reversed,
}

/// An order as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OrderView {
    /// Random, 128 bits as base64url.
    pub id: String,
    /// Where it stands.
    pub state: OrderState,
    /// Id of the pack as it was when ordered.
    pub pack: String,
    /// Tokens in the pack.
    pub count: u32,
    /// Value of one token, in millionths of the currency's unit.
    pub value_micros: u64,
    /// ISO 4217 code.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[A-Z]{3}$")))]
    pub currency: String,
    /// What is to be paid, in the currency's minor unit.
    pub price_minor: u64,
    /// Payment method.
    pub method: String,
    /// How to pay by this method, in words.
    pub instructions: String,
    /// Unix second, a UTC midnight, from which an unpaid order is expired.
    pub expires: u64,
    /// Full id of the token key that the order was spent on, once it is issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_key_id: Option<Base64Url<[u8; 32]>>,
    /// SHA-256 of the token request's body that the order was spent on, once it is issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_digest: Option<Base64Url<[u8; 32]>>,
}

/// Body of `POST /v1/orders/{id}/voucher`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VoucherPayment {
    /// The prepaid code as printed; case, spaces and dashes do not matter.
    pub code: String,
}
