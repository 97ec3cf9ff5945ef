use farthing_api::{Base64Url, OrderState, OrderView};
use farthing_protocol::{Day, Denomination, TokenKeyId};
use farthing_service::record::Record;
use serde::{Deserialize, Serialize};

use super::{Claim, OrderId};

/// One order: what was ordered, and how far it is. Times are days, so that no order is told from its neighbours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Names it to whoever pays.
    pub id: OrderId,
    /// Names its owner.
    pub claim: Claim,
    /// What was ordered, as it was for sale that day.
    pub pack: OrderedPack,
    /// How it is paid.
    pub method: Method,
    /// The day on which it was made.
    pub created: Day,
    /// The first day on which it can no longer be paid.
    pub expires: Day,
    /// How far it is.
    pub progress: Progress,
    /// Counts changes: whoever replaces an order names the revision that it saw.
    pub revision: u32,
}

/// The part of a pack that an order keeps, whatever becomes of the pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderedPack {
    /// The pack's id.
    pub id: String,
    /// Tokens.
    pub count: u32,
    /// What each is worth.
    pub denomination: Denomination,
    /// Price of all, in the currency's minor unit.
    pub price_minor: u64,
}

/// Payment methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// A prepaid code.
    Voucher,
}

impl Method {
    /// Every method, in the order in which packs offer them.
    pub const ALL: &'static [Self] = &[Self::Voucher];

    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Voucher => "voucher",
        }
    }

    /// The method of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|method| method.name() == name)
    }

    const fn instructions(self) -> &'static str {
        match self {
            Self::Voucher => "POST {\"code\": \"...\"} with the prepaid code to /v1/orders/{id}/voucher",
        }
    }
}

/// The stored part of an order's state; that an unpaid order has expired follows from the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// Not paid.
    Pending,
    /// Paid, not spent.
    Paid,
    /// Spent on one token request.
    Issued(Binding),
}

/// The token request that an order was spent on. The same request gets the same evaluated elements again; no other
/// gets any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// SHA-256 of the request's body.
    pub request_digest: Base64Url<[u8; 32]>,
    /// The key that evaluated it.
    pub token_key_id: TokenKeyId,
}

/// A step in an order's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It was paid in full.
    Pay,
    /// It is spent on a token request.
    Issue(Binding),
}

impl Order {
    /// Where the order stands on a day.
    pub fn state(&self, today: Day) -> OrderState {
        match self.progress {
            Progress::Pending if today >= self.expires => OrderState::Expired,
            Progress::Pending => OrderState::Pending,
            Progress::Paid => OrderState::Paid,
            Progress::Issued(_) => OrderState::Issued,
        }
    }

    /// Whether it was paid, and perhaps issued since.
    pub const fn is_paid(&self) -> bool {
        match self.progress {
            Progress::Pending => false,
            Progress::Paid | Progress::Issued(_) => true,
        }
    }

    /// The order after a step: the one place that knows which steps are legal.
    ///
    /// # Errors
    /// The state from which the step cannot be taken.
    pub fn advance(&self, step: Step, today: Day) -> Result<Self, OrderState> {
        let progress = match (self.state(today), step) {
            (OrderState::Pending, Step::Pay) => Progress::Paid,
            (OrderState::Paid, Step::Issue(binding)) => Progress::Issued(binding),
            (state, Step::Pay | Step::Issue(_)) => return Err(state),
        };
        Ok(Self { progress, revision: self.revision + 1, ..self.clone() })
    }

    /// The token request it was spent on, if it was.
    pub const fn binding(&self) -> Option<Binding> {
        match self.progress {
            Progress::Issued(binding) => Some(binding),
            Progress::Pending | Progress::Paid => None,
        }
    }

    /// The order as its owner sees it.
    pub fn view(&self, today: Day) -> OrderView {
        let binding = self.binding();
        OrderView {
            id: self.id.to_string(),
            state: self.state(today),
            pack: self.pack.id.clone(),
            count: self.pack.count,
            value_micros: self.pack.denomination.value_micros().get(),
            currency: self.pack.denomination.currency().to_string(),
            price_minor: self.pack.price_minor,
            method: self.method.name().to_owned(),
            instructions: self.method.instructions().replace("{id}", &self.id.to_string()),
            expires: self.expires.start(),
            token_key_id: binding.map(|binding| Base64Url(binding.token_key_id.to_bytes())),
            request_digest: binding.map(|binding| binding.request_digest),
        }
    }
}

impl Record for Order {
    const KIND: &'static str = "order";
    const VERSION: u8 = 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: u32) -> Day {
        Day::from_number(number).unwrap()
    }

    fn order() -> Order {
        Order {
            id: OrderId::random().unwrap(),
            claim: Claim::from_bytes([1; 32]),
            pack: OrderedPack {
                id: "reader-100".to_owned(),
                count: 100,
                denomination: "EUR-10000".parse().unwrap(),
                price_minor: 100,
            },
            method: Method::Voucher,
            created: day(10),
            expires: day(12),
            progress: Progress::Pending,
            revision: 0,
        }
    }

    fn binding(byte: u8) -> Binding {
        Binding { request_digest: Base64Url([byte; 32]), token_key_id: TokenKeyId::from_bytes([byte; 32]) }
    }

    #[test]
    fn an_order_is_paid_once_and_issued_once() {
        let pending = order();
        assert_eq!(pending.advance(Step::Issue(binding(1)), day(10)), Err(OrderState::Pending));
        let paid = pending.advance(Step::Pay, day(11)).unwrap();
        assert_eq!((paid.state(day(11)), paid.revision), (OrderState::Paid, 1));
        assert_eq!(paid.advance(Step::Pay, day(11)), Err(OrderState::Paid));
        let issued = paid.advance(Step::Issue(binding(1)), day(11)).unwrap();
        assert_eq!((issued.binding(), issued.revision), (Some(binding(1)), 2));
        for step in [Step::Pay, Step::Issue(binding(1)), Step::Issue(binding(2))] {
            assert_eq!(issued.advance(step, day(11)), Err(OrderState::Issued));
        }
    }

    #[test]
    fn only_an_unpaid_order_expires() {
        let pending = order();
        assert_eq!(pending.state(day(11)), OrderState::Pending);
        assert_eq!(pending.state(day(12)), OrderState::Expired);
        assert_eq!(pending.advance(Step::Pay, day(12)), Err(OrderState::Expired));
        let paid = pending.advance(Step::Pay, day(11)).unwrap();
        assert_eq!(paid.state(day(1_000)), OrderState::Paid);
        assert!(paid.advance(Step::Issue(binding(1)), day(1_000)).is_ok());
    }

    #[test]
    fn debug_names_neither_owner_nor_order() {
        let order = order();
        let shown = format!("{order:?}");
        assert!(shown.contains("OrderId(..)") && shown.contains("Claim(..)"), "{shown}");
        assert!(!shown.contains(&order.id.to_string()));
    }
}
