use serde_json::json;

use super::arguments::Packs;
use super::failure::Failure;
use super::purchase_view::printable;
use super::report::Report;
use super::session::Session;
use crate::http_message::Service;
use crate::issuer_client;
use crate::money::{format_micros, format_minor};
use crate::plural::counted;

/// `farthing packs`.
pub(crate) fn packs(session: &Session, options: &Packs) -> Result<Report, Failure> {
    let (call, answer) = session.ask(Service::Issuer, &issuer_client::packs_request(&options.issuer))?;
    let listing = issuer_client::read_packs(&call, &answer)?;
    let mut report = Report::new(json!({"packs": listing.packs}));
    for pack in &listing.packs {
        let currency = printable(&pack.currency);
        report.line(format!(
            "{}  {}: {} of {} for {} ({})",
            printable(&pack.id),
            printable(&pack.title),
            counted(pack.count.into(), "token"),
            format_micros(pack.value_micros, &currency),
            format_minor(pack.price_minor, &currency),
            printable(&pack.methods.join(", ")),
        ));
    }
    if listing.packs.is_empty() {
        report.line("Nothing is for sale.");
    }
    Ok(report)
}
