//! How a purchase is shown.

use serde_json::{Value, json};

use crate::money::{format_micros, format_minor};
use crate::purchase::{Payment, Purchase, Stage};

/// `100 articles: 100 tokens of 0.01 EUR for 1.00 EUR`.
pub(crate) fn pack_line(purchase: &Purchase) -> String {
    let pack = &purchase.pack;
    format!(
        "{}: {} tokens of {} for {}",
        printable(&pack.title),
        pack.count,
        format_micros(pack.value_micros, &pack.currency),
        format_minor(pack.price_minor, &pack.currency),
    )
}

/// Where it stands, in a word.
pub(crate) const fn state_word(purchase: &Purchase) -> &'static str {
    match (&purchase.stage, &purchase.stopped) {
        (Stage::Done { .. }, _) => "done",
        (_, Some(_)) => "stopped",
        (Stage::Intended, None) => "intended",
        (Stage::Ordered { .. }, None) => "ordered",
        (Stage::Paid { .. }, None) => "paid",
        (Stage::Requested { .. }, None) => "requested",
    }
}

/// The voucher's code, while it is not known to be spent.
pub(crate) fn unspent_code(purchase: &Purchase) -> Option<&str> {
    match &purchase.payment {
        Payment::Voucher { code } if !purchase.is_paid() => Some(code.reveal()),
        Payment::Voucher { .. } => None,
    }
}

/// The JSON of a purchase.
pub(crate) fn purchase_json(number: usize, purchase: &Purchase) -> Value {
    let token_key_id = match &purchase.stage {
        Stage::Requested { key, .. } => Some(key.token_key_id()),
        Stage::Done { token_key_id, .. } => Some(*token_key_id),
        Stage::Intended | Stage::Ordered { .. } | Stage::Paid { .. } => None,
    };
    json!({
        "purchase": number,
        "state": state_word(purchase),
        "paid": purchase.is_paid(),
        "issuer_name": purchase.issuer_name,
        "issuer": purchase.issuer,
        "redeemer": purchase.redeemer,
        "pack": purchase.pack.id,
        "title": purchase.pack.title,
        "count": purchase.pack.count,
        "value_micros": purchase.pack.value_micros,
        "currency": purchase.pack.currency,
        "price_minor": purchase.pack.price_minor,
        "begun": purchase.begun,
        "order": purchase.order_id(),
        "token_key_id": token_key_id,
        "unspent_voucher": unspent_code(purchase),
        "reason": purchase.stopped.as_ref().map(|stopped| stopped.reason.as_str()),
        "resumable": purchase.is_resumable(),
    })
}

/// A service's text without control characters, which a terminal might obey.
pub(crate) fn printable(text: &str) -> String {
    crate::service_answer::tame(text)
}
