//! Bad requests of every kind, as one table against any issuer and redeemer: each is named by its problem, nothing is
//! bound, paid or spent by them, and a good purchase and redemption follow.

mod case;
mod issuer;
mod raw;
mod redeemer;

use farthing_tests::{Order, PACK, Publisher, key_of};
use serde_json::json;

const CENT: u64 = 10_000;
/// Stands in values that an answer must not repeat.
const MARKER: &str = "zq7marker";

/// What the table is sent to, and what it takes for it.
pub struct Services<'a> {
    /// The beginning of the issuer's URLs.
    pub issuer: &'a str,
    /// The beginning of the redeemer's URLs.
    pub redeemer: &'a str,
    /// Codes for the pack that every issuer of the tests sells.
    pub vouchers: [String; 2],
    /// A publisher without invalid tokens in this hour.
    pub publisher: &'a Publisher,
}

/// Sends everything. How many requests that were.
pub fn check(services: &Services<'_>) -> usize {
    let [spent_voucher, voucher] = &services.vouchers;
    let mut order = Order::paid(services.issuer, PACK, spent_voucher).unwrap();
    let unpaid = Order::make(services.issuer, PACK).unwrap();
    let key = key_of(services.issuer, CENT).unwrap();
    let request = order.request(&key, 100).unwrap();

    let cases = issuer::cases(&issuer::Scene {
        url: services.issuer,
        order: &order,
        unpaid: &unpaid,
        request: &request,
        spent_voucher,
        voucher,
    });
    case::check(&cases, services.issuer);
    assert_eq!((order.state().unwrap(), unpaid.state().unwrap()), ("paid".into(), "pending".into()));
    assert_eq!(unpaid.pay(voucher).unwrap().status, 200, "what was refused was not used");
    let issued = order.send(&request).unwrap();
    assert_eq!(issued.status, 200, "{}", issued.json());
    let tokens = order.tokens(&key, &request, &issued).unwrap();

    let publisher = services.publisher;
    let before = publisher.credit_micros(services.redeemer).unwrap();
    let of_tokens = redeemer::cases(publisher, &tokens);
    case::check(&of_tokens, services.redeemer);
    assert_eq!(publisher.credit_micros(services.redeemer).unwrap(), before, "nothing was taken");
    let taken = publisher.redeem(services.redeemer, "after-bad-input", &tokens).unwrap();
    assert_eq!((taken.status, &taken.body["accepted"]), (200, &json!(100)), "{}", taken.body);
    assert_eq!(publisher.credit_micros(services.redeemer).unwrap(), before + 100 * CENT);

    cases.len() + of_tokens.len() + raw::check(services.issuer) + raw::check(services.redeemer)
}
