//! Payments for pages that are in flight: what became of them, and taking their tokens back.

use super::failure::{Exit, Failure};
use super::payment_view::{payment_json, payment_line, stage_line};
use super::report::Report;
use super::session::{OpenWallet, Session};
use super::visit_driver::drive;
use crate::page_payment::{PagePayment, PaymentStage};
use crate::visit::{Ending, Visit};

/// Shows the tokens of every payment in flight to its site again, oldest first, and adds to the report what became of them.
/// Says how many there were.
pub(super) fn settle_payments(
    session: &Session,
    wallet: &mut OpenWallet,
    report: &mut Report,
) -> Result<usize, Failure> {
    let numbers: Vec<_> = wallet.state.payments_in_flight().iter().map(|payment| payment.number).collect();
    let mut shown = Vec::new();
    for number in &numbers {
        let mut visit = Visit::settling(&wallet.state, *number)?;
        let (ending, _) = drive(session, wallet, &mut visit)?;
        let Some(payment) = wallet.state.page_payment(*number) else { continue };
        shown.push(payment_json(payment));
        match told(payment, &ending) {
            Ok(line) => report.line(line),
            Err(failure) => add_failure(report, failure),
        }
    }
    report.json["payments"] = shown.into();
    Ok(numbers.len())
}

/// What became of a payment, in words.
pub(super) fn told(payment: &PagePayment, ending: &Ending) -> Result<String, Failure> {
    let (number, line) = (payment.number, payment_line(payment));
    match ending {
        Ending::InFlight { reason, .. } => Err(Failure::new(
            Exit::Unfinished,
            format!(
                "payment {number}, {line}, is not settled: {reason}. Its tokens are kept for this page: get it again, or run \
                 `farthing resume`, within 6 minutes of the first attempt. If the site took them then, they open nothing \
                 later"
            ),
        )),
        Ending::Refused { reason, .. } => {
            let kept = match (&payment.stage, stage_line(payment)) {
                (PaymentStage::Refused, _) => "No token was spent, and all are back in the wallet".to_owned(),
                (_, Some(aside)) => format!("Its tokens are set aside: {aside}"),
                (_, None) => String::new(),
            };
            Err(Failure::new(
                Exit::Failed,
                format!("payment {number}, {line}, was refused: {reason}. {kept}"),
            ))
        }
        Ending::SpentEarlier { .. } => Err(Failure::new(
            Exit::Failed,
            format!(
                "payment {number}, {line}, was spent by an earlier attempt, whose answer was lost longer ago than the \
                 site repeats it. Getting the page again pays again"
            ),
        )),
        Ending::Page { .. }
        | Ending::Price { .. }
        | Ending::NoTokens(_)
        | Ending::Settled
        | Ending::Unfinished { .. }
        | Ending::Stopped { .. } => Ok(format!("Payment {number} is settled: {line}.")),
    }
}

fn add_failure(report: &mut Report, failure: Failure) {
    match &mut report.failure {
        None => report.failure = Some(failure),
        Some(known) => {
            known.message = format!("{}\nfarthing: {}", known.message, failure.message);
            if failure.exit == Exit::Unfinished {
                known.exit = Exit::Unfinished;
            }
        }
    }
}

/// Takes the tokens of one payment back.
pub(super) fn release(session: &Session, wallet: &mut OpenWallet, number: u64) -> Result<Report, Failure> {
    wallet.state.release_payment(number).map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    session.save(&wallet.file, &wallet.state, "wallet.payment.settled")?;
    let payment = wallet.state.page_payment(number);
    let mut report = Report::new(
        serde_json::json!({"payments": payment.map(payment_json).into_iter().collect::<Vec<_>>()}),
    );
    if let Some(payment) = payment {
        report.line(format!(
            "The tokens of payment {number}, {}, are back in the wallet. If they are spent, what is paid with them is \
             refused.",
            payment_line(payment)
        ));
    }
    Ok(report)
}
