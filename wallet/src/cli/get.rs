use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use super::arguments::Get;
use super::failure::{Exit, Failure};
use super::hints::quoted;
use super::payment_view::{payment_json, payment_line, stage_line};
use super::report::{Report, note};
use super::session::Session;
use super::settle::told;
use super::visit_driver::drive;
use crate::http_client::OpenAnswer;
use crate::money::Amount;
use crate::page_payment::{PagePayment, PaymentStage};
use crate::plural::counted;
use crate::visit::{Ending, Limit, Visit};

/// `farthing get`: the page, paid for if it asks and that is allowed.
pub(crate) fn get(session: &Session, options: &Get) -> Result<Report, Failure> {
    let limit = limit(options)?;
    if session.global.json && options.output.is_none() {
        let text = "--json prints one JSON object: say with --output where the page goes. Nothing was done";
        return Err(Failure::new(Exit::Usage, text));
    }
    let mut wallet = session.open()?;
    if options
        .output
        .as_deref()
        .is_some_and(|path| path.canonicalize().is_ok_and(|path| path == wallet.file.path()))
    {
        let text = "--output names the wallet itself: give the page another file. Nothing was done";
        return Err(Failure::new(Exit::Usage, text));
    }
    let mut visit = Visit::to(options.url.clone(), limit);
    let (ending, answer) = drive(session, &mut wallet, &mut visit)?;
    let find = |number: &u64| wallet.state.page_payment(*number).cloned();
    let settled_first: Vec<_> = visit.settled_first().iter().filter_map(find).collect();
    for earlier in &settled_first {
        let text = format!("An earlier payment to this site was settled first. {}", outcome(earlier));
        note(session.global.json, &text);
    }
    let shown = match &ending {
        // It may be an earlier one, before which nothing new is paid.
        Ending::InFlight { number, .. } => Some(*number),
        _ => visit.payment(),
    };
    let payment = shown.as_ref().and_then(find);
    // The page may be long, and the wallet is needed no more.
    drop(wallet);
    let Ending::Page { preview_of } = ending else {
        return Err(failure(&visit, payment.as_ref(), &ending));
    };
    if let Some(payment) = &payment {
        note(session.global.json, &outcome(payment));
    }
    if let Some(price) = preview_of {
        let text = format!("This is a preview; the whole page costs {price}: {}", paying(&visit, price));
        note(session.global.json, &text);
    }
    let length = match answer {
        Some(answer) => write_page(answer, options.output.as_deref())?,
        None => 0,
    };
    let mut report = Report::new(json!({
        "url": visit.page().to_string(),
        "payment": payment.as_ref().map(payment_json),
        "settled_first": settled_first.iter().map(payment_json).collect::<Vec<_>>(),
        "preview_of_micros": preview_of.map(|price| price.micros),
        "output": options.output,
        "length": length,
    }));
    if let Some(path) = &options.output {
        report.line(format!("Wrote {} to {}.", counted(length, "byte"), path.display()));
    }
    Ok(report)
}

fn limit(options: &Get) -> Result<Limit, Failure> {
    match options.max.as_deref() {
        Some([number, currency]) => Amount::parse(number, currency)
            .map(Limit::UpTo)
            .map_err(|error| Failure::new(Exit::Usage, format!("--max: {error}. Nothing was done"))),
        _ if options.yes => Ok(Limit::Anything),
        _ => Ok(Limit::Nothing),
    }
}

/// What became of a payment that is settled.
fn outcome(payment: &PagePayment) -> String {
    let (number, line) = (payment.number, payment_line(payment));
    match (&payment.stage, stage_line(payment)) {
        (PaymentStage::Spent, _) => format!("Paid {line}."),
        (_, Some(aside)) => format!("Payment {number}, {line}, was not taken now: {aside}."),
        (_, None) => format!("Payment {number}, {line}, was not taken: its tokens are back."),
    }
}

/// What to type to pay.
fn paying(visit: &Visit, price: Amount) -> String {
    format!("`farthing get --max {price} {}` pays it", quoted(&visit.page().to_string()))
}

fn failure(visit: &Visit, payment: Option<&PagePayment>, ending: &Ending) -> Failure {
    let failed = |text: String| Failure::new(Exit::Failed, text);
    let paid = payment.map(|payment| {
        let open = "what was paid for stays open as long as the site said, so get it again";
        format!(". Payment {}, {}, is settled: {open}", payment.number, payment_line(payment))
    });
    let paid = paid.unwrap_or_default();
    match ending {
        Ending::Price { price } => {
            failed(format!("the page costs {price}, and nothing was paid: {}", paying(visit, *price)))
        }
        Ending::NoTokens(lacking) => failed(lacking.to_string()),
        Ending::Stopped { reason } => failed(format!("{reason}{paid}")),
        Ending::Unfinished { reason } => Failure::new(Exit::Unfinished, format!("{reason}{paid}")),
        Ending::InFlight { number, reason } if visit.payment() != Some(*number) => {
            let text = format!(
                "nothing was paid, because payment {number} to this site, for another page, is not settled: {reason}. Run \
                 `farthing resume` until it is, or `farthing resume --release {number}` to take its tokens back \
                 whatever became of them"
            );
            Failure::new(Exit::Unfinished, text)
        }
        Ending::Page { .. }
        | Ending::Settled
        | Ending::InFlight { .. }
        | Ending::Refused { .. }
        | Ending::SpentEarlier { .. } => {
            let told = payment.map(|payment| told(payment, ending));
            match told {
                Some(Err(failure)) => failure,
                Some(Ok(text)) => failed(text),
                None => failed("the visit ended without a page".to_owned()),
            }
        }
    }
}

/// Writes the page as it comes, and says how long it was.
fn write_page(answer: OpenAnswer, output: Option<&Path>) -> Result<u64, Failure> {
    let mut body = answer.into_body();
    let written = if let Some(path) = output {
        File::create(path).and_then(|mut file| {
            let length = io::copy(&mut body, &mut file)?;
            file.sync_all()?;
            Ok(length)
        })
    } else {
        let mut out = io::stdout().lock();
        io::copy(&mut body, &mut out).and_then(|length| out.flush().map(|()| length))
    };
    written.map_err(|error| {
        let place = output.map_or_else(|| "standard output".to_owned(), |path| path.display().to_string());
        let text = format!(
            "the page could not be copied to {place}: {error}. If it was paid for, it stays open as long as the site \
             said: get it again"
        );
        Failure::new(Exit::Unfinished, text)
    })
}
