use serde::{Deserialize, Serialize};

/// Answer of `GET /v1/packs`: what is for sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PackListing {
    /// Every pack, in the operator's order.
    pub packs: Vec<PackView>,
}

/// One pack: `count` tokens of one denomination at one price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PackView {
    /// The operator's name for it, as orders name it.
    pub id: String,
    /// What a person reads.
    pub title: String,
    /// Tokens in the pack.
    pub count: u32,
    /// Value of one token, in millionths of the currency's unit.
    pub value_micros: u64,
    /// ISO 4217 code.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[A-Z]{3}$")))]
    pub currency: String,
    /// Price of the whole pack, in the currency's minor unit.
    pub price_minor: u64,
    /// Payment methods that an order may name.
    pub methods: Vec<String>,
}
