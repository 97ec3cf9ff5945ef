//! The totals that anyone may audit: what was redeemed under each key, in finished days.

use std::collections::BTreeMap;

use farthing_api::{Base64Url, DayTotal, KeyTotals, TOTALS_PAYLOAD_TYPE, Totals};
use farthing_protocol::{Day, IssuerName, TokenKeyId};
use farthing_service::birth::ServiceKind;
use farthing_service::problem::ProblemResponse;

use crate::service::Redeemer;
use crate::store::RedeemedTotal;

impl Redeemer {
    /// The totals through yesterday, signed. A day that has not ended is left out: counters that move with each
    /// redemption would tell when it was made.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn signed_totals(&self) -> Result<farthing_api::Envelope, ProblemResponse> {
        let today = Day::from_unix(self.environment.now());
        let totals = totals(&self.config.issuer_name, self.totals.totals().await?, today);
        self.signing_key
            .sign_envelope(TOTALS_PAYLOAD_TYPE, &totals)
            .map_err(|error| ProblemResponse::internal(&error))
    }
}

fn totals(issuer_name: &IssuerName, counts: Vec<(TokenKeyId, Day, RedeemedTotal)>, today: Day) -> Totals {
    let mut keys: BTreeMap<TokenKeyId, KeyTotals> = BTreeMap::new();
    for (id, day, count) in counts.into_iter().filter(|(_, day, _)| *day < today) {
        let key = keys.entry(id).or_insert_with(|| KeyTotals {
            token_key_id: Base64Url(id.to_bytes()),
            value_micros: count.denomination.value_micros().get(),
            currency: count.denomination.currency().to_string(),
            tokens: 0,
            orders: None,
            days: Vec::new(),
        });
        key.tokens += count.tokens;
        key.days.push(DayTotal { day: day.to_string(), tokens: count.tokens, orders: None });
    }
    let mut keys: Vec<_> = keys.into_values().collect();
    keys.sort_by(|one, other| first_day(one).cmp(&first_day(other)));
    let through = Day::from_number(today.number().saturating_sub(1)).unwrap_or(today);
    Totals {
        service: ServiceKind::Redeemer.name().to_owned(),
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
        let day = |number| Day::from_number(number).unwrap();
        let count = |tokens| RedeemedTotal { denomination: "EUR-10000".parse().unwrap(), tokens };
        let (first, second) = (TokenKeyId::from_bytes([9; 32]), TokenKeyId::from_bytes([1; 32]));
        let counts = vec![
            (second, day(6), count(5)),
            (second, day(7), count(50)),
            (first, day(4), count(100)),
            (first, day(6), count(200)),
        ];
        let totals = totals(&IssuerName::new("issuer.example").unwrap(), counts, day(7));
        assert_eq!(totals.through, "1970-01-07");
        let seen: Vec<_> = totals.keys.iter().map(|key| (key.tokens, key.days.len())).collect();
        assert_eq!(seen, [(300, 2), (5, 1)]);
    }
}
