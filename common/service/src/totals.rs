//! The totals that anyone may audit: what was counted under each token key, in finished days.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use farthing_api::{Base64Url, DayTotal, Envelope, KeyTotals, ProblemKind, TOTALS_PAYLOAD_TYPE, Totals};
use farthing_protocol::{Day, Denomination, IssuerName, TokenKeyId};

use crate::birth::ServiceKind;
use crate::openapi::{Answer, Content, Operation};
use crate::problem::ProblemResponse;
use crate::signing_key::SigningKey;

/// What was counted under one key on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayCount {
    /// The key.
    pub key: TokenKeyId,
    /// The day.
    pub day: Day,
    /// What each token is worth.
    pub denomination: Denomination,
    /// Tokens.
    pub tokens: u64,
    /// Orders, where the service has any.
    pub orders: Option<u64>,
}

/// The totals through yesterday, signed. A day that has not ended is left out: counters that move with each purchase
/// or redemption would tell when it was made.
///
/// # Errors
/// The document has no JSON form, which its type gives no cause for.
pub fn signed(
    key: &SigningKey,
    service: ServiceKind,
    issuer_name: &IssuerName,
    counts: impl IntoIterator<Item = DayCount>,
    today: Day,
) -> Result<Envelope, ProblemResponse> {
    let totals = finished(service, issuer_name, counts, today);
    key.sign_envelope(TOTALS_PAYLOAD_TYPE, &totals).map_err(|error| ProblemResponse::internal(&error))
}

/// What is said of the path at which they are.
pub fn operation() -> Operation {
    Operation::new("totals", "Show the signed totals of finished days")
        .described(
            "What was counted under each token key through yesterday. Anybody may compare the issuer's with the \
             redeemer's: of no key can more be redeemed than issued.",
        )
        .answers(
            StatusCode::OK,
            Answer::new("The totals.", Content::signed::<Totals>(TOTALS_PAYLOAD_TYPE)).cached(),
        )
        .problems(&[ProblemKind::Unavailable])
}

fn finished(
    service: ServiceKind,
    issuer_name: &IssuerName,
    counts: impl IntoIterator<Item = DayCount>,
    today: Day,
) -> Totals {
    let mut keys: BTreeMap<TokenKeyId, KeyTotals> = BTreeMap::new();
    for count in counts.into_iter().filter(|count| count.day < today) {
        let key = keys.entry(count.key).or_insert_with(|| KeyTotals {
            token_key_id: Base64Url(count.key.to_bytes()),
            value_micros: count.denomination.value_micros().get(),
            currency: count.denomination.currency().to_string(),
            tokens: 0,
            orders: count.orders.map(|_| 0),
            days: Vec::new(),
        });
        key.tokens += count.tokens;
        key.orders = key.orders.zip(count.orders).map(|(sum, orders)| sum + orders);
        key.days.push(DayTotal { day: count.day.to_string(), tokens: count.tokens, orders: count.orders });
    }
    let mut keys: Vec<_> = keys.into_values().collect();
    keys.sort_by(|one, other| first_day(one).cmp(&first_day(other)));
    let through = Day::from_number(today.number().saturating_sub(1)).unwrap_or(today);
    Totals {
        service: service.name().to_owned(),
        issuer_name: issuer_name.to_string(),
        through: through.to_string(),
        keys,
    }
}

fn first_day(key: &KeyTotals) -> Option<&str> {
    key.days.first().map(|total| total.day.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn today_is_left_out_and_days_add_up() {
        let count = |key, day, tokens, orders| DayCount {
            key: TokenKeyId::from_bytes([key; 32]),
            day: Day::from_number(day).unwrap(),
            denomination: "EUR-10000".parse().unwrap(),
            tokens,
            orders,
        };
        for orders in [Some(1), None] {
            let counts = [
                count(1, 6, 5, orders),
                count(1, 7, 50, orders),
                count(9, 4, 100, orders),
                count(9, 6, 200, orders),
            ];
            let name = IssuerName::new("issuer.example").unwrap();
            let totals = finished(ServiceKind::Issuer, &name, counts, Day::from_number(7).unwrap());
            assert_eq!(totals.through, "1970-01-07");
            let seen: Vec<_> =
                totals.keys.iter().map(|key| (key.tokens, key.orders, key.days.len())).collect();
            assert_eq!(seen, [(300, orders.map(|_| 2), 2), (5, orders, 1)]);
        }
    }
}
