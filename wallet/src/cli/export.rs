use farthing_protocol::Denomination;
use serde_json::json;

use super::arguments::Export;
use super::failure::{Exit, Failure};
use super::report::{Report, note};
use super::session::{OpenWallet, Session};
use crate::payment::{export_tokens, exported_tokens};

/// `farthing tokens export`.
pub(crate) fn export(session: &Session, options: &Export) -> Result<Report, Failure> {
    let mut wallet = session.open()?;
    if let Some(number) = options.again {
        return show(&wallet, number);
    }
    let denomination = match (options.value_micros, &options.currency) {
        (Some(value), Some(currency)) => {
            let denomination = Denomination::from_parts(value, currency).map_err(|error| {
                Failure::new(Exit::Usage, format!("--value-micros {value} --currency {currency}: {error}"))
            })?;
            Some(denomination)
        }
        _ => None,
    };
    let count = options.count.unwrap_or(0);
    let number = export_tokens(&mut wallet.state, denomination, count, options.mixed, session.today())?;
    // Whoever sees a token can spend it: it must be marked before anybody does.
    session.save(&wallet.file, &wallet.state, "wallet.export.saved")?;
    let report = show(&wallet, number)?;
    note(session.global.json, &format!("Export {number}: {count} tokens, no longer the wallet's to spend."));
    Ok(report)
}

fn show(wallet: &OpenWallet, number: u64) -> Result<Report, Failure> {
    let export = wallet.state.export(number).ok_or_else(|| {
        Failure::new(Exit::Failed, format!("there is no export {number}; `farthing history` lists them"))
    })?;
    let tokens = exported_tokens(&wallet.state, number);
    let texts: Vec<_> = tokens.iter().map(|token| token.to_base64url()).collect();
    let mut report = Report::new(json!({
        "export": export.number,
        "day": export.day,
        "count": export.count,
        "value_micros": export.value_micros,
        "currency": export.currency,
        "tokens": texts.iter().map(|text| text.as_str()).collect::<Vec<_>>(),
    }));
    report.lines = texts;
    Ok(report)
}
