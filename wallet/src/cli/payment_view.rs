//! How a payment for a page is shown.

use serde_json::{Value, json};

use crate::money::format_micros;
use crate::page_payment::{PagePayment, PaymentStage, SetAside};
use crate::plural::counted;

/// `0.03 EUR to https://news.example (3 tokens of 0.01 EUR)`.
pub(crate) fn payment_line(payment: &PagePayment) -> String {
    format!(
        "{} to {} ({} of {})",
        format_micros(payment.micros(), &payment.currency),
        payment.origin,
        counted(payment.count, "token"),
        format_micros(payment.value_micros, &payment.currency),
    )
}

/// Where it stands, in a word.
pub(crate) const fn stage_word(stage: &PaymentStage) -> &'static str {
    match stage {
        PaymentStage::InFlight { .. } => "in-flight",
        PaymentStage::Spent => "spent",
        PaymentStage::Refused => "refused",
        PaymentStage::SetAside { .. } => "set-aside",
        PaymentStage::Released => "released",
    }
}

/// What became of its tokens, where a word does not say it.
pub(crate) fn stage_line(payment: &PagePayment) -> Option<String> {
    let number = payment.number;
    let why = match &payment.stage {
        PaymentStage::InFlight { .. } => {
            return payment.page().map(|page| format!("not settled, for {page}: run `farthing resume`"));
        }
        PaymentStage::SetAside { reason } => match reason {
            SetAside::Spent => "the site says that one of its tokens was spent before",
            SetAside::Expired => "the site says that one of its tokens is too old",
            SetAside::Revoked => "the site says that the key of one of its tokens was revoked",
            SetAside::Unsure => "it was refused, and an earlier attempt may have spent its tokens",
        },
        PaymentStage::Spent | PaymentStage::Refused | PaymentStage::Released => return None,
    };
    Some(format!("{why}; `farthing resume --release {number}` takes them back all the same"))
}

/// The JSON of a payment.
pub(crate) fn payment_json(payment: &PagePayment) -> Value {
    let set_aside = match &payment.stage {
        PaymentStage::SetAside { reason } => Some(*reason),
        _ => None,
    };
    json!({
        "payment": payment.number,
        "state": stage_word(&payment.stage),
        "day": payment.day,
        "origin": payment.origin,
        "page": payment.page().map(|page| page.to_string()),
        "count": payment.count,
        "value_micros": payment.value_micros,
        "micros": payment.micros(),
        "currency": payment.currency,
        "set_aside": set_aside,
    })
}
