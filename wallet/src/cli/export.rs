use farthing_protocol::Denomination;
use serde_json::json;

use super::arguments::Export;
use super::failure::{Exit, Failure};
use super::report::{Report, note};
use super::session::{OpenWallet, Session};
use super::void_warning::short_id;
use crate::payment::{export_tokens, exported_tokens};
use crate::plural::counted;

/// `farthing tokens export`.
pub(crate) fn export(session: &Session, options: &Export) -> Result<Report, Failure> {
    let mut wallet = session.open()?;
    if let Some(number) = options.again {
        return show(session, &wallet, number);
    }
    session.warn_of_void_keys(wallet.state.keys());
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
    let report = show(session, &wallet, number)?;
    let tokens = counted(count as u64, "token");
    note(session.global.json, &format!("Export {number}: {tokens}, no longer the wallet's to spend."));
    Ok(report)
}

fn show(session: &Session, wallet: &OpenWallet, number: u64) -> Result<Report, Failure> {
    let export = wallet.state.export(number).ok_or_else(|| {
        Failure::new(Exit::Failed, format!("there is no export {number}; `farthing history` lists them"))
    })?;
    for held in wallet.state.keys().iter().filter(|held| held.void_since.is_some()) {
        if held.tokens.iter().any(|token| token.export == Some(number)) {
            session.warn(&format!(
                "WARNING: tokens of export {number} are void: the redeemer no longer lists their key {}. Do not show \
                 them to anybody",
                short_id(held)
            ));
        }
    }
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
