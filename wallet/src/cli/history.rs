use serde_json::json;

use super::failure::Failure;
use super::payment_view::{payment_json, payment_line, stage_line, stage_word};
use super::purchase_view::{pack_line, purchase_json, state_word, voucher_line};
use super::report::Report;
use super::session::Session;
use crate::money::format_micros;
use crate::plural::counted;

/// `farthing history`.
pub(crate) fn history(session: &Session) -> Result<Report, Failure> {
    let wallet = session.open()?;
    let purchases: Vec<_> = wallet
        .state
        .positions(|_| true)
        .into_iter()
        .filter_map(|position| Some((position.number(), wallet.state.purchase(position)?)))
        .collect();
    let json: Vec<_> = purchases.iter().map(|(number, purchase)| purchase_json(*number, purchase)).collect();
    let payments: Vec<_> = wallet.state.page_payments().iter().map(payment_json).collect();
    let mut report = Report::new(json!({
        "purchases": json,
        "payments": payments,
        "exports": wallet.state.exports(),
    }));
    for (number, purchase) in &purchases {
        report.line(format!(
            "purchase {number}  {}  {}  {} from {}",
            purchase.begun,
            state_word(purchase),
            pack_line(purchase),
            purchase.issuer,
        ));
        if let Some(stopped) = &purchase.stopped {
            report.line(format!("    {}", stopped.reason));
        }
        if let Some(line) = voucher_line(purchase) {
            report.line(format!("    {line}"));
        }
    }
    for payment in wallet.state.page_payments() {
        report.line(format!(
            "payment {}  {}  {}  {}",
            payment.number,
            payment.day,
            stage_word(&payment.stage),
            payment_line(payment),
        ));
        if let Some(line) = stage_line(payment) {
            report.line(format!("    {line}"));
        }
    }
    for export in wallet.state.exports() {
        report.line(format!(
            "export {}  {}  {} of {}",
            export.number,
            export.day,
            counted(export.count, "token"),
            format_micros(export.value_micros, &export.currency),
        ));
    }
    if report.lines.is_empty() {
        report.line("Nothing has happened yet.");
    }
    Ok(report)
}
