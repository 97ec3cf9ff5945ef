//! How a purchase is shown.

use serde_json::{Value, json};

use crate::money::{format_micros, format_minor};
use crate::plural::counted;
use crate::purchase::{Payment, Purchase, Stage, VoucherRefusal};

/// `100 articles: 100 tokens of 0.01 EUR for 1.00 EUR`.
pub(crate) fn pack_line(purchase: &Purchase) -> String {
    let pack = &purchase.pack;
    format!(
        "{}: {} of {} for {}",
        printable(&pack.title),
        counted(pack.count.into(), "token"),
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

/// The voucher's code, unless the purchase is known to be paid.
fn unpaid_code(purchase: &Purchase) -> Option<&str> {
    match &purchase.payment {
        Payment::Voucher { code } if !purchase.is_paid() => Some(code.reveal()),
        Payment::Voucher { .. } => None,
    }
}

/// The voucher's code, while it may still pay for something.
pub(crate) fn unspent_code(purchase: &Purchase) -> Option<&str> {
    unpaid_code(purchase).filter(|_| purchase.voucher_refusal().is_none())
}

/// `voucher 7K3QX-...: not known to be spent`, unless the purchase is known to be paid.
pub(crate) fn voucher_line(purchase: &Purchase) -> Option<String> {
    let what = match purchase.voucher_refusal() {
        None => "not known to be spent",
        Some(VoucherRefusal::Used) => "refused as used",
        Some(VoucherRefusal::Unknown) => "no such code",
    };
    Some(format!("voucher {}: {what}", unpaid_code(purchase)?))
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
        "refused_voucher": unpaid_code(purchase).filter(|_| purchase.voucher_refusal().is_some()),
        "voucher_refusal": purchase.voucher_refusal(),
        "reason": purchase.stopped.as_ref().map(|stopped| stopped.reason.as_str()),
        "resumable": purchase.is_resumable(),
    })
}

/// A service's text without control characters, which a terminal might obey.
pub(crate) fn printable(text: &str) -> String {
    crate::service_answer::tame(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::drive;
    use crate::fake_services::{FakeServices, VOUCHER, today};
    use crate::purchase_run::PurchaseRun;
    use crate::seed::Seed;
    use crate::wallet_state::WalletState;

    #[test]
    fn a_voucher_is_shown_with_what_became_of_it() {
        for (used_by, line, reason) in [
            (None, None, "null"),
            (Some(Some("another order")), Some("refused as used"), "\"used\""),
            (Some(None), Some("no such code"), "\"unknown\""),
        ] {
            let mut services = FakeServices::new();
            match used_by {
                Some(Some(order)) => drop(services.vouchers.insert(VOUCHER.into(), Some(order.to_owned()))),
                Some(None) => drop(services.vouchers.remove(VOUCHER)),
                None => {}
            }
            let mut state = WalletState::new(Seed::from_bytes([42; 32]));
            let (intent, agreed) = services.plan(&state, VOUCHER);
            let run = PurchaseRun::begin(state.intend(intent, today()), agreed);
            let unspent = Some(format!("voucher {VOUCHER}: not known to be spent"));
            assert_eq!(voucher_line(&state.purchases()[0]), unspent);
            drive(&mut services, &mut state, run).unwrap();
            let purchase = &state.purchases()[0];
            assert_eq!(voucher_line(purchase), line.map(|line| format!("voucher {VOUCHER}: {line}")));
            assert_eq!(unspent_code(purchase), None);
            assert_eq!(purchase_json(1, purchase)["voucher_refusal"].to_string(), reason);
        }
    }
}
