use std::collections::BTreeMap;

use farthing_protocol::Day;
use serde_json::json;

use super::failure::Failure;
use super::payment_view::payment_line;
use super::report::Report;
use super::session::Session;
use super::void_warning::{short_id, tokens_left};
use crate::money::format_micros;
use crate::plural::counted;
use crate::purchase::Purchase;
use crate::wallet_state::WalletState;

/// Days before the end of tokens from which a warning is given.
const WARNING_DAYS: u32 = 14;

/// `farthing balance`.
pub(crate) fn balance(session: &Session) -> Result<Report, Failure> {
    let wallet = session.open()?;
    session.warn_of_void_keys(wallet.state.keys());
    Ok(show(&wallet.state, session.today()))
}

fn show(state: &WalletState, today: Day) -> Report {
    let mut entries = Vec::new();
    let mut lines = Vec::new();
    let mut totals = BTreeMap::<&str, (u64, u64)>::new();
    let mut warnings = Vec::new();
    for held in state.keys() {
        let denomination = held.key.denomination();
        let currency = denomination.currency().code();
        let value_micros = denomination.value_micros().get();
        let redeem_until = held.key.epoch().redeem_until();
        let is_over = held.has_ended(today);
        let ends_soon = !is_over && redeem_until <= today.plus(WARNING_DAYS);
        let is_void = held.void_since.is_some();
        let left = held.left() as u64;
        let (available, void) = if is_void { (0, left) } else { (left, 0) };
        if held.is_spendable(today) {
            let (tokens, micros) = totals.entry(currency).or_default();
            *tokens += available;
            *micros = micros.saturating_add(available.saturating_mul(value_micros));
        }
        let until = match held.void_since {
            Some(day) if !is_over => format!("VOID since {day}, not counted"),
            _ if is_over => format!("ended {redeem_until}"),
            _ => format!("good until {redeem_until}"),
        };
        let tokens = tokens_left(held);
        lines.push(format!(
            "{tokens} from {}, key {}, {until} ({} exported, {} in payments)",
            held.issuer_name,
            short_id(held),
            held.exported(),
            held.in_payments(),
        ));
        if ends_soon && available > 0 {
            let end = if available == 1 { "ends" } else { "end" };
            warnings.push(format!("Warning: {tokens} {end} on {redeem_until}; spend them first."));
        }
        entries.push(json!({
            "issuer_name": held.issuer_name,
            "token_key_id": held.key.token_key_id(),
            "value_micros": value_micros,
            "currency": currency,
            "available": available,
            "void": void,
            "void_since": held.void_since,
            "exported": held.exported(),
            "in_payments": held.in_payments(),
            "redeem_until": redeem_until,
            "ended": is_over,
            "ends_soon": ends_soon,
        }));
    }
    let under_way = state.positions(Purchase::is_resumable).len();
    let sums: Vec<_> = totals
        .iter()
        .map(|(currency, (tokens, micros))| json!({"currency": currency, "tokens": tokens, "micros": micros}))
        .collect();
    let in_flight = state.payments_in_flight();
    let mut report = Report::new(json!({
        "balance": sums,
        "keys": entries,
        "unfinished_purchases": under_way,
        "payments_in_flight": in_flight.len(),
    }));
    for (currency, (tokens, micros)) in &totals {
        report.line(format!("{} in {}", format_micros(*micros, currency), counted(*tokens, "token")));
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
        let (purchases, are) =
            (counted(under_way as u64, "purchase"), if under_way == 1 { "is" } else { "are" });
        report.line(format!("{purchases} {are} not finished: run `farthing resume`."));
    }
    for payment in in_flight {
        let (number, line) = (payment.number, payment_line(payment));
        report.line(format!("Payment {number}, {line}, is not settled: run `farthing resume`."));
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::drive;
    use crate::fake_services::{FakeServices, OTHER_VOUCHER, REDEEMER, VOUCHER, today};
    use crate::purchase_run::PurchaseRun;
    use crate::seed::Seed;
    use crate::service_url::ServiceUrl;

    #[test]
    fn tokens_in_flight_are_not_counted_and_are_shown() {
        let mut services = FakeServices::new();
        let mut state = WalletState::new(Seed::from_bytes([42; 32]));
        let (intent, agreed) = services.plan(&state, VOUCHER);
        let run = PurchaseRun::begin(state.intend(intent, today()), agreed);
        drive(&mut services, &mut state, run).unwrap();
        let page = crate::page_url::PageUrl::parse("https://news.example/a").unwrap();
        state.begin_payment(0, 3, &page, today()).unwrap();
        let report = show(&state, today());
        let lines: Vec<_> = report.lines.iter().map(|line| line.as_str()).collect();
        assert_eq!(lines[0], "0.02 EUR in 2 tokens");
        assert!(lines[1].ends_with("(0 exported, 3 in payments)"), "{}", lines[1]);
        let told = "Payment 1, 0.03 EUR to https://news.example (3 tokens of 0.01 EUR), is not settled: run `farthing \
                    resume`.";
        assert_eq!(lines[2], told);
        assert_eq!(
            (&report.json["payments_in_flight"], &report.json["keys"][0]["in_payments"]),
            (&json!(1), &json!(3))
        );
    }

    #[test]
    fn void_tokens_are_shown_apart_and_keys_are_named() {
        let mut services = FakeServices::new();
        let mut state = WalletState::new(Seed::from_bytes([42; 32]));
        for voucher in [VOUCHER, OTHER_VOUCHER] {
            let (intent, agreed) = services.plan(&state, voucher);
            let run = PurchaseRun::begin(state.intend(intent, today()), agreed);
            drive(&mut services, &mut state, run).unwrap();
            services.now = services.keys[0].facts.epoch().issue_until().start() + 1;
        }
        let mut listing = services.key_listing();
        listing.keys.remove(0);
        let redeemer = ServiceUrl::parse(REDEEMER).unwrap();
        assert_eq!(state.mark_void_keys(&redeemer, &listing, today()).len(), 1);

        let report = show(&state, Day::from_unix(services.now));
        let lines: Vec<_> = report.lines.iter().map(|line| line.as_str()).collect();
        assert_eq!(lines[0], "0.05 EUR in 5 tokens");
        let void = format!("key {}, VOID since {}, not counted", short_id(&state.keys()[0]), today());
        assert!(lines[1].starts_with("  5 tokens of 0.01 EUR") && lines[1].contains(&void), "{}", lines[1]);
        let good = format!("key {}, good until ", short_id(&state.keys()[1]));
        assert!(lines[2].contains(&good), "{}", lines[2]);
        assert_ne!(short_id(&state.keys()[0]), short_id(&state.keys()[1]));
        assert_eq!(report.json["balance"][0]["tokens"], 5);
        let counted = |key: usize| report.json["keys"][key]["available"].as_u64();
        assert_eq!((counted(0), counted(1)), (Some(0), Some(5)));
        assert_eq!(report.json["keys"][0]["void"], 5);
    }
}
