use anyhow::Context;
use farthing_api::{Balance, Envelope, IDEMPOTENCY_KEY_HEADER, NewRedemption, RedemptionAnswer};
use serde::Deserialize;
use serde_json::Value;

use crate::http::{self, Answer};

/// A publisher with an API key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publisher {
    /// Its id.
    pub id: String,
    /// Its key, as shown once.
    pub api_key: String,
}

/// An answer of the redeemer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redeemed {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

impl Redeemed {
    /// The results, if it was an answer with results.
    ///
    /// # Errors
    /// It was a problem.
    pub fn answer(&self) -> anyhow::Result<RedemptionAnswer> {
        serde_json::from_value(self.body.clone()).with_context(|| format!("{} {}", self.status, self.body))
    }
}

impl Publisher {
    pub(crate) fn from_json(line: &str) -> anyhow::Result<Self> {
        serde_json::from_str(line).context("publishers add printed something else than id and api_key")
    }

    /// Redeems tokens, all or none.
    ///
    /// # Errors
    /// There was no answer.
    pub fn redeem(
        &self,
        redeemer: &str,
        idempotency_key: &str,
        tokens: &[String],
    ) -> anyhow::Result<Redeemed> {
        let body = NewRedemption { tokens: tokens.to_vec(), atomic: true };
        self.post(redeemer, idempotency_key, &body)
    }

    /// Redeems as a body says.
    ///
    /// # Errors
    /// There was no answer.
    pub fn post(
        &self,
        redeemer: &str,
        idempotency_key: &str,
        body: &NewRedemption,
    ) -> anyhow::Result<Redeemed> {
        let url = format!("{redeemer}/v1/redemptions");
        let bearer = self.bearer();
        let headers = [("Authorization", bearer.as_str()), (IDEMPOTENCY_KEY_HEADER, idempotency_key)];
        Ok(http::post_json(&url, &headers, &serde_json::to_value(body)?)?.into())
    }

    /// The stored answer of an earlier redemption.
    ///
    /// # Errors
    /// There was no answer.
    pub fn earlier(&self, redeemer: &str, idempotency_key: &str) -> anyhow::Result<Redeemed> {
        self.get(&format!("{redeemer}/v1/redemptions/{idempotency_key}"))
    }

    /// What the publisher was credited, in micros of EUR.
    ///
    /// # Errors
    /// There was no answer.
    pub fn credit_micros(&self, redeemer: &str) -> anyhow::Result<u64> {
        let envelope: Envelope = serde_json::from_value(self.get(&format!("{redeemer}/v1/balance"))?.body)?;
        let balance: Balance = serde_json::from_slice(&envelope.payload.0)?;
        Ok(balance.credit.iter().filter(|entry| entry.currency == "EUR").map(|entry| entry.micros).sum())
    }

    /// The value of the header `Authorization`.
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.api_key)
    }

    fn get(&self, url: &str) -> anyhow::Result<Redeemed> {
        Ok(http::get(url, &[("Authorization", &self.bearer())])?.into())
    }
}

impl From<Answer> for Redeemed {
    fn from(answer: Answer) -> Self {
        Self { status: answer.status, body: answer.json() }
    }
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher").field("id", &self.id).finish_non_exhaustive()
    }
}
