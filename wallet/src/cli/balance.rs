use std::collections::BTreeMap;

use serde_json::json;

use super::failure::Failure;
use super::report::Report;
use super::session::Session;
use crate::money::format_micros;
use crate::purchase::Purchase;

/// Days before the end of tokens from which a warning is given.
const WARNING_DAYS: u32 = 14;

/// `farthing balance`.
pub(crate) fn balance(session: &Session) -> Result<Report, Failure> {
    let wallet = session.open()?;
    let today = session.today();
    let mut entries = Vec::new();
    let mut lines = Vec::new();
    let mut totals = BTreeMap::<&str, (u64, u64)>::new();
    let mut warnings = Vec::new();
    for held in wallet.state.keys() {
        let denomination = held.key.denomination();
        let currency = denomination.currency().code();
        let value_micros = denomination.value_micros().get();
        let redeem_until = held.key.epoch().redeem_until();
        let is_over = redeem_until <= today;
        let ends_soon = !is_over && redeem_until <= today.plus(WARNING_DAYS);
        let available = held.available() as u64;
        if !is_over {
            let (tokens, micros) = totals.entry(currency).or_default();
            *tokens += available;
            *micros = micros.saturating_add(available.saturating_mul(value_micros));
        }
        let value = format_micros(value_micros, currency);
        let until = if is_over { "ended" } else { "good until" };
        lines.push(format!(
            "{available} tokens of {value} from {}, {until} {redeem_until} ({} exported)",
            held.issuer_name,
            held.exported(),
        ));
        if ends_soon && available > 0 {
            warnings.push(format!(
                "Warning: {available} tokens of {value} end on {redeem_until}; spend them first."
            ));
        }
        entries.push(json!({
            "issuer_name": held.issuer_name,
            "token_key_id": held.key.token_key_id(),
            "value_micros": value_micros,
            "currency": currency,
            "available": available,
            "exported": held.exported(),
            "redeem_until": redeem_until,
            "ended": is_over,
            "ends_soon": ends_soon,
        }));
    }
    let under_way = wallet.state.positions(Purchase::is_resumable).len();
    let sums: Vec<_> = totals
        .iter()
        .map(|(currency, (tokens, micros))| json!({"currency": currency, "tokens": tokens, "micros": micros}))
        .collect();
    let mut report =
        Report::new(json!({"balance": sums, "keys": entries, "unfinished_purchases": under_way}));
    for (currency, (tokens, micros)) in &totals {
        report.line(format!("{} in {tokens} tokens", format_micros(*micros, currency)));
    }
    if totals.is_empty() {
        report.line("No tokens.");
    }
    for line in lines {
        report.line(format!("  {line}"));
    }
    for warning in warnings {
        report.line(warning);
    }
    if under_way > 0 {
        report.line(format!("{under_way} purchases are not finished: run `farthing resume`."));
    }
    Ok(report)
}
