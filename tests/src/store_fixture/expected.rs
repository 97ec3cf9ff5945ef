use std::fs;
use std::path::Path;

use anyhow::Context;
use farthing_api::{Base64Url, JwkSet, RedemptionAnswer, Totals};
use serde::{Deserialize, Serialize};

use super::EXPECTED;
use crate::{Order, Publisher};

/// What must hold of a fixture's stores, whichever release opens them. A later release may add members, which older
/// fixtures lack: give those a default.
#[derive(Debug, Serialize, Deserialize)]
pub struct Expected {
    /// The version that wrote the stores.
    pub version: String,
    /// Unix seconds, at which its clock stood.
    pub written_at: u64,
    /// Where the services listened: the wallet knows them by these.
    pub urls: OfServices<String>,
    /// A publisher.
    pub publisher: KeptPublisher,
    /// What was redeemed.
    pub redemptions: Vec<KeptRedemption>,
    /// Tokens that the wallet exported and nobody spent.
    pub unspent: Vec<String>,
    /// Codes.
    pub vouchers: Vouchers,
    /// Made and not paid.
    pub pending: KeptOrder,
    /// Paid and not issued.
    pub paid: KeptOrder,
    /// Issued.
    pub issued: IssuedOrder,
    /// Issued under a key that was revoked since.
    pub revoked: IssuedOrder,
    /// The totals of the days before.
    pub totals: OfServices<Totals>,
    /// The public keys that sign them.
    pub signing_keys: OfServices<JwkSet>,
    /// Tokens in the wallet that can be spent.
    pub wallet_tokens: u64,
    /// Tokens of the purchase that the wallet was killed in.
    pub unfinished_tokens: u64,
    /// All tokens that were ever issued, of every value.
    pub issued_tokens: u64,
}

/// Something that both services have.
#[derive(Debug, Serialize, Deserialize)]
pub struct OfServices<T> {
    /// The issuer's.
    pub issuer: T,
    /// The redeemer's.
    pub redeemer: T,
}

/// A publisher with its API key.
#[derive(Debug, Serialize, Deserialize)]
pub struct KeptPublisher {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its API key.
    pub api_key: String,
    /// What it was credited, in micros of EUR.
    pub credit_micros: u64,
}

/// A redemption with its answer.
#[derive(Debug, Serialize, Deserialize)]
pub struct KeptRedemption {
    /// What the publisher named it.
    pub idempotency_key: String,
    /// The tokens, all taken.
    pub tokens: Vec<String>,
    /// The first answer.
    pub answer: RedemptionAnswer,
}

/// Codes of vouchers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Vouchers {
    /// Paid an order of the pack `single`.
    pub used: String,
    /// For the pack `single`.
    pub unused_single: String,
    /// For the pack that the wallet buys.
    pub unused_pack: String,
}

/// An order, as its owner remembers it.
#[derive(Debug, Serialize, Deserialize)]
pub struct KeptOrder {
    /// Its id.
    pub id: String,
    /// Its claim's secret.
    pub secret: Base64Url<[u8; 32]>,
}

/// An order that was issued.
#[derive(Debug, Serialize, Deserialize)]
pub struct IssuedOrder {
    /// The order.
    pub order: KeptOrder,
    /// The token request.
    pub request: Base64Url<Vec<u8>>,
    /// The evaluated elements of the answer.
    pub evaluated: Vec<Base64Url<[u8; 32]>>,
    /// The tokens, which nobody spent.
    pub tokens: Vec<String>,
}

impl Expected {
    /// Reads what a fixture says.
    ///
    /// # Errors
    /// It is not there, or a member is missing.
    pub fn read(fixture: &Path) -> anyhow::Result<Self> {
        let path = fixture.join(EXPECTED);
        let read = || anyhow::Ok(serde_json::from_slice(&fs::read(&path)?)?);
        read().with_context(|| path.display().to_string())
    }
}

impl KeptPublisher {
    /// The publisher, ready to redeem.
    pub fn publisher(&self) -> Publisher {
        Publisher { id: self.id.clone(), api_key: self.api_key.clone() }
    }
}

impl KeptOrder {
    pub(super) fn of(order: &Order) -> Self {
        Self { id: order.id.clone(), secret: Base64Url(*order.secret()) }
    }

    /// The order, at an issuer.
    pub fn order(&self, issuer: &str) -> Order {
        Order::known(issuer, &self.id, self.secret.0)
    }
}
