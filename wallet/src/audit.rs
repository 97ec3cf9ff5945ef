//! Comparing the issuer's totals with the redeemer's: nothing may be redeemed that was not issued.

use std::collections::{BTreeMap, BTreeSet};

use farthing_api::{KeyTotals, Totals};
use farthing_protocol::{Day, TokenKeyId};
use serde::Serialize;

use crate::service_answer::tame;

/// Why totals cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// The two services are not of one issuer.
    #[error(
        "the issuer counts for `{issuer}` and the redeemer for `{redeemer}`: they do not belong together"
    )]
    IssuerName {
        /// The name in the issuer's totals.
        issuer: String,
        /// The name in the redeemer's.
        redeemer: String,
    },
    /// One of the totals contradicts itself or the other.
    #[error("the {service}'s totals cannot be read: {reason}")]
    Content {
        /// Whose.
        service: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Both know a key, and not as the same.
    #[error("issuer and redeemer disagree about the value of a token of key {token_key_id}")]
    Denomination {
        /// The key.
        token_key_id: String,
    },
}

/// What the comparison showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// The issuer's name in both totals.
    pub issuer_name: String,
    /// The last day of the issuer's totals.
    pub issued_through: Day,
    /// The last day of the redeemer's totals.
    pub redeemed_through: Day,
    /// The last day whose redemptions were compared. Issued tokens are counted through this day or a later one.
    pub compared_through: Day,
    /// One line a key, in the issuer's order, then those that only the redeemer has.
    pub keys: Vec<KeyAudit>,
    /// One line a currency: what is outstanding, in millionths of its unit.
    pub outstanding_micros: BTreeMap<String, u64>,
    /// Whether more was redeemed than issued under any key.
    pub excess: bool,
}

/// The counts of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyAudit {
    /// The key.
    pub token_key_id: TokenKeyId,
    /// Value of one token, in millionths of the currency's unit.
    pub value_micros: u64,
    /// ISO 4217 code.
    pub currency: String,
    /// Tokens issued.
    pub issued: u64,
    /// Tokens redeemed.
    pub redeemed: u64,
    /// Issued and not redeemed.
    pub outstanding: u64,
    /// Redeemed and never issued: the key was stolen, or a service lies.
    pub excess: u64,
}

/// Compares two totals whose signatures were checked.
///
/// A token is redeemed after it was issued, so redemptions through a day D are compared with what was issued through
/// D or later. When the redeemer is ahead of the issuer, its later days are left out.
///
/// # Errors
///
/// [`AuditError`].
pub fn compare(by_issuer: &Totals, by_redeemer: &Totals) -> Result<AuditReport, AuditError> {
    if by_issuer.issuer_name != by_redeemer.issuer_name {
        return Err(AuditError::IssuerName {
            issuer: tame(&by_issuer.issuer_name),
            redeemer: tame(&by_redeemer.issuer_name),
        });
    }
    let issued_through = day("issuer", &by_issuer.through)?;
    let redeemed_through = day("redeemer", &by_redeemer.through)?;
    let compared_through = redeemed_through.min(issued_through);

    let mut counts = BTreeMap::new();
    for entry in &by_redeemer.keys {
        let count = count_through("redeemer", entry, redeemed_through, compared_through)?;
        if counts.insert(entry.token_key_id.0, (entry, count)).is_some() {
            return Err(duplicate("redeemer", entry));
        }
    }
    let mut keys = Vec::with_capacity(by_issuer.keys.len());
    let mut seen = BTreeSet::new();
    for entry in &by_issuer.keys {
        if !seen.insert(entry.token_key_id.0) {
            return Err(duplicate("issuer", entry));
        }
        let issued = count_through("issuer", entry, issued_through, issued_through)?;
        let redeemed = match counts.remove(&entry.token_key_id.0) {
            Some((other, count)) => {
                if (other.value_micros, &other.currency) != (entry.value_micros, &entry.currency) {
                    return Err(AuditError::Denomination { token_key_id: entry.token_key_id.encode() });
                }
                count
            }
            None => 0,
        };
        keys.push(KeyAudit::new(entry, issued, redeemed));
    }
    keys.extend(counts.into_values().map(|(entry, count)| KeyAudit::new(entry, 0, count)));

    let mut outstanding_micros = BTreeMap::<String, u64>::new();
    for key in &keys {
        let value = key.outstanding.saturating_mul(key.value_micros);
        let sum = outstanding_micros.entry(key.currency.clone()).or_default();
        *sum = sum.saturating_add(value);
    }
    Ok(AuditReport {
        issuer_name: tame(&by_issuer.issuer_name),
        issued_through,
        redeemed_through,
        compared_through,
        excess: keys.iter().any(|key| key.excess > 0),
        keys,
        outstanding_micros,
    })
}

impl AuditReport {
    /// Whether no token was counted on either side.
    pub fn is_empty(&self) -> bool {
        self.keys.iter().all(|key| key.issued == 0 && key.redeemed == 0)
    }
}

impl KeyAudit {
    fn new(entry: &KeyTotals, issued: u64, redeemed: u64) -> Self {
        Self {
            token_key_id: TokenKeyId::from_bytes(entry.token_key_id.0),
            value_micros: entry.value_micros,
            currency: tame(&entry.currency),
            issued,
            redeemed,
            outstanding: issued.saturating_sub(redeemed),
            excess: redeemed.saturating_sub(issued),
        }
    }
}

/// What was counted through `through`, once it is certain that the days add up to the total.
fn count_through(
    service: &'static str,
    entry: &KeyTotals,
    last: Day,
    through: Day,
) -> Result<u64, AuditError> {
    let wrong = |reason: String| AuditError::Content { service, reason };
    let id = entry.token_key_id.encode();
    let mut sum = 0_u64;
    let mut later = 0_u64;
    let mut previous = None;
    for total in &entry.days {
        let on = day(service, &total.day)?;
        if previous.is_some_and(|previous| previous >= on) || on > last {
            return Err(wrong(format!("the days of key {id} are out of order")));
        }
        previous = Some(on);
        sum = sum
            .checked_add(total.tokens)
            .ok_or_else(|| wrong(format!("the days of key {id} add up to more than can be counted")))?;
        if on > through {
            later += total.tokens;
        }
    }
    if sum != entry.tokens {
        return Err(wrong(format!(
            "the days of key {id} add up to {sum} tokens, its total is {}",
            entry.tokens
        )));
    }
    Ok(sum - later)
}

fn day(service: &'static str, text: &str) -> Result<Day, AuditError> {
    text.parse()
        .map_err(|_| AuditError::Content { service, reason: format!("`{}` is not a day", tame(text)) })
}

fn duplicate(service: &'static str, entry: &KeyTotals) -> AuditError {
    AuditError::Content { service, reason: format!("key {} is listed twice", entry.token_key_id) }
}

#[cfg(test)]
mod tests {
    use farthing_api::{Base64Url, DayTotal};

    use super::*;

    fn totals(service: &str, through: &str, keys: &[(u8, &[(&str, u64)])]) -> Totals {
        let keys = keys.iter().map(|(id, days)| KeyTotals {
            token_key_id: Base64Url([*id; 32]),
            value_micros: 10_000,
            currency: "EUR".into(),
            tokens: days.iter().map(|(_, tokens)| tokens).sum(),
            orders: None,
            days: days
                .iter()
                .map(|(day, tokens)| DayTotal { day: (*day).into(), tokens: *tokens, orders: None })
                .collect(),
        });
        Totals {
            service: service.into(),
            issuer_name: "issuer.example".into(),
            through: through.into(),
            keys: keys.collect(),
        }
    }

    #[test]
    fn what_is_outstanding_is_counted_by_key_and_valued_by_currency() {
        let issuer = totals(
            "issuer",
            "2026-01-02",
            &[(1, &[("2026-01-01", 100), ("2026-01-02", 100)]), (2, &[("2026-01-02", 50)])],
        );
        let redeemer = totals("redeemer", "2026-01-02", &[(1, &[("2026-01-02", 30)])]);
        let report = compare(&issuer, &redeemer).unwrap();
        assert!(!report.excess);
        assert_eq!(report.keys.iter().map(|key| key.outstanding).collect::<Vec<_>>(), [170, 50]);
        assert_eq!(report.outstanding_micros["EUR"], 2_200_000);
    }

    #[test]
    fn more_redeemed_than_issued_is_an_excess_and_so_is_a_key_that_never_issued() {
        let issuer = totals("issuer", "2026-01-02", &[(1, &[("2026-01-01", 100)])]);
        let redeemer =
            totals("redeemer", "2026-01-02", &[(1, &[("2026-01-02", 101)]), (9, &[("2026-01-02", 1)])]);
        let report = compare(&issuer, &redeemer).unwrap();
        assert!(report.excess);
        assert_eq!(report.keys.iter().map(|key| key.excess).collect::<Vec<_>>(), [1, 1]);
        assert_eq!(report.outstanding_micros["EUR"], 0);
    }

    #[test]
    fn redemptions_of_days_that_the_issuer_has_not_published_are_left_out() {
        let issuer = totals("issuer", "2026-01-01", &[(1, &[("2026-01-01", 100)])]);
        let redeemer = totals("redeemer", "2026-01-02", &[(1, &[("2026-01-01", 20), ("2026-01-02", 200)])]);
        let report = compare(&issuer, &redeemer).unwrap();
        assert!(!report.excess);
        assert_eq!(report.keys[0].redeemed, 20);
        assert_eq!(report.compared_through.to_string(), "2026-01-01");

        let ahead = totals("issuer", "2026-01-03", &[(1, &[("2026-01-01", 100), ("2026-01-03", 120)])]);
        assert!(!compare(&ahead, &redeemer).unwrap().excess, "issued later counts: the bound is then weaker");
    }

    #[test]
    fn totals_that_contradict_themselves_are_refused() {
        let issuer = totals("issuer", "2026-01-02", &[(1, &[("2026-01-01", 100)])]);
        let redeemer = totals("redeemer", "2026-01-02", &[(1, &[("2026-01-01", 1)])]);
        let mut other = redeemer.clone();
        other.issuer_name = "other.example".into();
        assert!(matches!(compare(&issuer, &other), Err(AuditError::IssuerName { .. })));
        let mut sum = redeemer.clone();
        sum.keys[0].tokens = 0;
        let mut twice = redeemer.clone();
        twice.keys.push(twice.keys[0].clone());
        let mut late = redeemer.clone();
        late.through = "2025-12-31".into();
        let mut day = redeemer.clone();
        day.through = "yesterday".into();
        for bad in [sum, twice, late, day] {
            assert!(matches!(compare(&issuer, &bad), Err(AuditError::Content { .. })), "{bad:?}");
        }
        let mut value = redeemer;
        value.keys[0].value_micros = 1;
        assert!(matches!(compare(&issuer, &value), Err(AuditError::Denomination { .. })));
    }
}
