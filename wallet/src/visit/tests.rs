use farthing_api::ProblemKind;
use proptest::prelude::*;

use super::*;
use crate::driver::drive;
use crate::fake_gate::{CONTENT, FakeGate, PASS_SECONDS, SITE};
use crate::fake_services::{COUNT, FakeServices, NOW, VOUCHER, cent, epoch, key, problem, today};
use crate::page_payment::{PaymentStage, SetAside};
use crate::purchase_run::PurchaseRun;
use crate::seed::Seed;

fn page(path: &str) -> PageUrl {
    PageUrl::parse(&format!("{SITE}{path}")).unwrap()
}

fn cents(count: u64) -> Limit {
    Limit::UpTo(Amount { micros: count * 10_000, currency: "EUR".parse().unwrap() })
}

/// A wallet with `count` tokens of one cent, and a site that takes them: `/a` costs three, `/b` two.
fn bought(count: u32) -> (WalletState, FakeGate) {
    let mut services = FakeServices::new();
    services.pack.count = count;
    let mut state = WalletState::new(Seed::from_bytes([42; 32]));
    let (intent, agreed) = services.plan(&state, VOUCHER);
    let run = PurchaseRun::begin(state.intend(intent, today()), agreed);
    drive(&mut services, &mut state, run).unwrap();
    (state, FakeGate::new(services.keys, &[("/a", 30_000), ("/b", 20_000)]))
}

/// How a visit went.
#[derive(Debug)]
struct Went {
    ending: Ending,
    saved: Vec<&'static str>,
    waited: Vec<u64>,
    body: Vec<u8>,
}

/// Takes every step of a visit. `lost` says from which answer on, counted from 0, none arrives.
fn go(state: &mut WalletState, gate: &mut FakeGate, visit: Visit, lost: Option<usize>) -> Went {
    go_until(state, gate, visit, lost, usize::MAX).expect("it went to its end")
}

/// The same, where every answer arrives; how it ended.
fn steps(state: &mut WalletState, gate: &mut FakeGate, visit: &mut Visit) -> Ending {
    loop {
        match visit.next(state, NOW).unwrap() {
            Step::Send { request, .. } => visit.receive(state, Ok(gate.answer(&request)), NOW).unwrap(),
            Step::Save(_) | Step::Wait { .. } => {}
            Step::Finished(ending) => return ending,
        }
    }
}

/// The same, up to a crash before step `crash`. The state is what was saved last.
fn go_until(
    state: &mut WalletState,
    gate: &mut FakeGate,
    mut visit: Visit,
    lost: Option<usize>,
    crash: usize,
) -> Option<Went> {
    let mut on_disk = state.to_json().unwrap();
    let (mut saved, mut waited, mut body, mut asked) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..crash {
        match visit.next(state, NOW).unwrap() {
            Step::Save(point) => {
                on_disk = state.to_json().unwrap();
                saved.push(point.step());
            }
            Step::Send { request, pays } => {
                assert_eq!(
                    pays,
                    request.headers.iter().any(|(name, _)| matches!(*name, "Authorization" | "Origin"))
                );
                let answer = gate.answer(&request);
                body.clone_from(&answer.body);
                let arrives = lost.is_none_or(|first| asked < first);
                asked += 1;
                let answer = if arrives { Ok(answer) } else { Err(TransportFailure("time-out".to_owned())) };
                visit.receive(state, answer, NOW).unwrap();
            }
            Step::Wait { seconds, .. } => waited.push(seconds),
            Step::Finished(ending) => return Some(Went { ending, saved, waited, body }),
        }
    }
    *state = WalletState::from_json(&on_disk).unwrap();
    None
}

fn stages(state: &WalletState) -> Vec<&PaymentStage> {
    state.page_payments().iter().map(|payment| &payment.stage).collect()
}

const FULL: Ending = Ending::Page { preview_of: None };

#[test]
fn a_page_is_paid_once_and_opened_by_its_pass_afterwards() {
    let (mut state, mut gate) = bought(COUNT);
    let went = go(&mut state, &mut gate, Visit::to(page("/a"), cents(3)), None);
    assert_eq!((went.ending, went.body.as_slice()), (FULL, CONTENT));
    assert_eq!(went.saved, ["wallet.payment.saved", "wallet.payment.settled"]);
    assert_eq!((stages(&state), state.keys()[0].left(), gate.spent()), (vec![&PaymentStage::Spent], 2, 3));

    let mut state = WalletState::from_json(&state.to_json().unwrap()).unwrap();
    let again = Visit::to(page("/a"), Limit::Nothing);
    assert_eq!(go(&mut state, &mut gate, again, None).ending, FULL);
    assert_eq!(gate.arrived, ["GET /a", "GET /a with 3 tokens", "GET /a with a pass"]);
    assert_eq!(state.cookies_for(&page("/a"), NOW + PASS_SECONDS), None);
}

#[test]
fn nothing_is_paid_beyond_the_limit_or_for_what_is_free() {
    let (mut state, mut gate) = bought(COUNT);
    let price = Amount { micros: 30_000, currency: "EUR".parse().unwrap() };
    let dollars = Limit::UpTo(Amount { currency: "USD".parse().unwrap(), ..price });
    for limit in [Limit::Nothing, cents(2), dollars] {
        let went = go(&mut state, &mut gate, Visit::to(page("/a"), limit), None);
        assert_eq!((went.ending, went.saved.len()), (Ending::Price { price }, 0));
    }
    let went = go(&mut state, &mut gate, Visit::to(page("/free"), Limit::Anything), None);
    assert_eq!((went.ending, went.saved.len(), gate.spent()), (FULL, 0, 0));
    gate.previews = true;
    let preview = go(&mut state, &mut gate, Visit::to(page("/a"), cents(2)), None);
    assert_eq!((preview.ending, gate.spent()), (Ending::Page { preview_of: Some(price) }, 0));
    let whole = go(&mut state, &mut gate, Visit::to(page("/a"), Limit::Anything), None);
    assert_eq!((whole.ending, whole.body.as_slice(), gate.spent()), (FULL, CONTENT, 3));
}

#[test]
fn a_lost_answer_costs_nothing_because_the_same_tokens_are_shown_again() {
    let (mut state, mut gate) = bought(COUNT);
    let went = go(&mut state, &mut gate, Visit::to(page("/a"), cents(3)), Some(1));
    assert!(matches!(went.ending, Ending::InFlight { number: 1, .. }), "{:?}", went.ending);
    assert_eq!((gate.spent(), state.keys()[0].left()), (3, 2));
    assert_eq!(went.waited.len(), 5);
    let again = go(&mut state, &mut gate, Visit::to(page("/a"), Limit::Nothing), None);
    assert_eq!((again.ending, again.body.as_slice()), (FULL, CONTENT), "it was allowed before");
    assert_eq!((gate.spent(), stages(&state)), (3, vec![&PaymentStage::Spent]));
}

#[test]
fn what_is_on_its_way_to_a_site_is_settled_before_it_is_paid_again() {
    let (mut state, mut gate) = bought(COUNT);
    go(&mut state, &mut gate, Visit::to(page("/a"), cents(3)), Some(1));
    gate.arrived.clear();
    // What costs nothing needs no word of it, and what may not be paid neither.
    assert_eq!(go(&mut state, &mut gate, Visit::to(page("/free"), cents(3)), None).ending, FULL);
    let price = Amount { micros: 20_000, currency: "EUR".parse().unwrap() };
    let told = go(&mut state, &mut gate, Visit::to(page("/b"), Limit::Nothing), None);
    assert_eq!(
        (told.ending, gate.arrived.as_slice()),
        (Ending::Price { price }, &["GET /free", "GET /b"].map(str::to_owned)[..])
    );
    // As long as nobody knows, nothing new is paid.
    gate.arrived.clear();
    let hindered = go(&mut state, &mut gate, Visit::to(page("/b"), cents(3)), Some(1));
    assert!(matches!(hindered.ending, Ending::InFlight { number: 1, .. }), "{:?}", hindered.ending);
    assert_eq!((state.page_payments().len(), gate.spent(), hindered.waited.len()), (1, 3, 5));
    // The word comes, and then the page of now is paid.
    gate.arrived.clear();
    let mut visit = Visit::to(page("/b"), cents(3));
    assert_eq!(steps(&mut state, &mut gate, &mut visit), FULL);
    assert_eq!((visit.settled_first(), visit.payment()), (&[1][..], Some(2)));
    assert_eq!(gate.arrived, ["GET /b", "GET /a with 3 tokens", "GET /b", "GET /b with 2 tokens"]);
    assert_eq!((gate.spent(), stages(&state)), (5, vec![&PaymentStage::Spent; 2]));
}

#[test]
fn a_page_that_was_paid_for_under_another_address_is_not_paid_again() {
    let (mut state, mut gate) = bought(COUNT);
    gate.prices.insert("/a?x=1".to_owned(), 30_000);
    go(&mut state, &mut gate, Visit::to(page("/a?x=1"), cents(3)), Some(1));
    let went = go(&mut state, &mut gate, Visit::to(page("/a"), cents(3)), None);
    assert_eq!((went.ending, went.body.as_slice()), (FULL, CONTENT));
    assert_eq!((gate.spent(), stages(&state)), (3, vec![&PaymentStage::Spent]));
    assert_eq!(gate.arrived.last().unwrap(), "GET /a with a pass");
}

#[test]
fn a_refused_earlier_payment_does_not_hinder_a_new_one() {
    let (mut state, mut gate) = bought(COUNT);
    go(&mut state, &mut gate, Visit::to(page("/a"), cents(3)), Some(1));
    gate.repeats = false;
    assert_eq!(go(&mut state, &mut gate, Visit::to(page("/b"), cents(2)), None).ending, FULL);
    assert_eq!((gate.spent(), stages(&state)), (5, vec![&PaymentStage::Spent; 2]));
}

#[test]
fn a_site_that_cannot_answer_now_leaves_the_tokens_in_flight() {
    let (mut state, mut gate) = bought(COUNT);
    gate.instead = vec![problem(ProblemKind::Unavailable)];
    let visit = Visit::to(page("/a"), cents(3));
    let went = go(&mut state, &mut gate, visit, None);
    assert_eq!(went.ending, Ending::Unfinished { reason: "the site answered 503: as told".to_owned() });
    assert_eq!(stages(&state), Vec::<&PaymentStage>::new(), "nothing was shown");

    let asks = gate.answer(&HttpRequest::get(format!("{SITE}/a"), "*/*"));
    gate.instead = [vec![problem(ProblemKind::Unavailable); 6], vec![asks]].concat();
    let went = go(&mut state, &mut gate, Visit::to(page("/a"), cents(3)), None);
    assert!(matches!(went.ending, Ending::InFlight { number: 1, .. }), "{:?}", went.ending);
    assert_eq!(state.payments_in_flight().len(), 1);
    assert_eq!(gate.arrived[3..], ["GET /a with 3 tokens"; 6], "the same again");
    gate.instead = vec![problem(ProblemKind::Unavailable)];
    let settling = Visit::settling(&state, 1).unwrap();
    let unsettled = go(&mut state, &mut gate, settling, None);
    assert!(matches!(unsettled.ending, Ending::InFlight { .. }), "{unsettled:?}");
    assert!(unsettled.waited.is_empty(), "others may be next: {unsettled:?}");
    let settling = Visit::settling(&state, 1).unwrap();
    let settled = go(&mut state, &mut gate, settling, None);
    assert_eq!((settled.ending, gate.spent()), (Ending::Settled, 3));
    assert_eq!(Visit::settling(&state, 1).unwrap_err(), VisitError::NoPayment(1));
    let page = go(&mut state, &mut gate, Visit::to(page("/a"), Limit::Nothing), None);
    assert_eq!(page.ending, FULL, "its pass was kept");
}

#[test]
fn a_payment_is_repeated_until_its_answer_comes() {
    let busy = |kind, seconds: &str| {
        let mut busy = problem(kind);
        busy.headers.push(("retry-after".to_owned(), seconds.to_owned()));
        busy
    };
    let (unavailable, too_many) = (ProblemKind::Unavailable, ProblemKind::TooManyRequests);
    for (first, waited) in [
        (vec![problem(unavailable)], vec![2]),
        (vec![busy(unavailable, "1"), busy(too_many, "20")], vec![2, 20]),
        (vec![busy(unavailable, "Wed, 21 Oct 2026 07:28:00 GMT")], vec![2]),
    ] {
        let (mut state, mut gate) = bought(COUNT);
        let asks = gate.answer(&HttpRequest::get(format!("{SITE}/a"), "*/*"));
        gate.instead = std::iter::once(asks).chain(first).rev().collect();
        let went = go(&mut state, &mut gate, Visit::to(page("/a"), cents(3)), None);
        assert_eq!((went.ending, went.body.as_slice(), went.waited), (FULL, CONTENT, waited));
        assert_eq!((stages(&state), gate.spent()), (vec![&PaymentStage::Spent], 3));
        assert_eq!(went.saved, ["wallet.payment.saved", "wallet.payment.settled"]);
    }
    // Who asks for an hour gets it.
    let (mut state, mut gate) = bought(COUNT);
    let asks = gate.answer(&HttpRequest::get(format!("{SITE}/a"), "*/*"));
    gate.instead = vec![busy(too_many, "3600"), asks];
    let went = go(&mut state, &mut gate, Visit::to(page("/a"), cents(3)), None);
    assert!(matches!(went.ending, Ending::InFlight { .. }) && went.waited.is_empty(), "{went:?}");
}

#[test]
fn a_refusal_of_a_repetition_tells_nothing_of_the_first_attempt() {
    for (kind, stage) in [
        (ProblemKind::TokenSpent, PaymentStage::Spent),
        (ProblemKind::PaymentAmount, PaymentStage::SetAside { reason: SetAside::Unsure }),
    ] {
        let (mut state, mut gate) = bought(COUNT);
        let asks = gate.answer(&HttpRequest::get(format!("{SITE}/a"), "*/*"));
        gate.instead = vec![problem(kind), problem(ProblemKind::Unavailable), asks];
        go(&mut state, &mut gate, Visit::to(page("/a"), cents(3)), None);
        assert_eq!((stages(&state), state.keys()[0].left()), (vec![&stage], 2));
    }
}

#[test]
fn tokens_come_back_when_none_was_spent_and_stay_away_when_they_are_worthless() {
    for (kind, stage, left) in [
        (ProblemKind::PaymentAmount, PaymentStage::Refused, 5),
        (ProblemKind::TokenKeyUnknown, PaymentStage::Refused, 5),
        (ProblemKind::TokenSpent, PaymentStage::SetAside { reason: SetAside::Spent }, 2),
        (ProblemKind::TokenExpired, PaymentStage::SetAside { reason: SetAside::Expired }, 2),
        (ProblemKind::TokenRevoked, PaymentStage::SetAside { reason: SetAside::Revoked }, 2),
    ] {
        let (mut state, mut gate) = bought(COUNT);
        let asks = gate.answer(&HttpRequest::get(format!("{SITE}/a"), "*/*"));
        gate.instead = vec![problem(kind), asks];
        let went = go(&mut state, &mut gate, Visit::to(page("/a"), cents(3)), None);
        assert!(matches!(went.ending, Ending::Refused { number: 1, .. }), "{kind:?}: {:?}", went.ending);
        assert_eq!((stages(&state), state.keys()[0].left()), (vec![&stage], left));
        assert_eq!(went.saved, ["wallet.payment.saved", "wallet.payment.settled"]);
    }
}

#[test]
fn a_payment_that_can_no_longer_be_repeated_is_known_to_be_spent() {
    let (mut state, mut gate) = bought(COUNT);
    go(&mut state, &mut gate, Visit::to(page("/a"), cents(3)), Some(1));
    gate.repeats = false;
    let again = go(&mut state, &mut gate, Visit::to(page("/a"), cents(3)), None);
    assert_eq!((again.ending, gate.spent()), (Ending::SpentEarlier { number: 1 }, 3));
    assert_eq!((stages(&state), state.keys()[0].left()), (vec![&PaymentStage::Spent], 2));
    // The price has changed since an attempt whose answer was lost: nobody can say whether that one arrived.
    let (mut state, mut gate) = bought(COUNT);
    go(&mut state, &mut gate, Visit::to(page("/a"), cents(3)), Some(1));
    gate.prices.insert("/a".to_owned(), 40_000);
    let again = go(&mut state, &mut gate, Visit::to(page("/a"), cents(3)), None);
    assert!(matches!(again.ending, Ending::Refused { number: 1, .. }), "{:?}", again.ending);
    assert_eq!(stages(&state), [&PaymentStage::SetAside { reason: SetAside::Unsure }]);
    state.release_payment(1).unwrap();
    assert_eq!(state.keys()[0].left(), 5);
}

#[test]
fn more_tokens_than_a_header_carries_are_posted() {
    let (mut state, mut gate) = bought(93);
    gate.prices.extend([
        ("/30".to_owned(), 300_000),
        ("/31".to_owned(), 310_000),
        ("/32?x=y".to_owned(), 320_000),
    ]);
    assert_eq!(go(&mut state, &mut gate, Visit::to(page("/30"), Limit::Anything), None).ending, FULL);
    let went = go(&mut state, &mut gate, Visit::to(page("/31"), Limit::Anything), None);
    assert_eq!((went.ending, went.body.as_slice()), (FULL, CONTENT));
    assert_eq!(
        gate.arrived,
        ["GET /30", "GET /30 with 30 tokens", "GET /31", "POST /31 with 31 tokens", "GET /31 with a pass"]
    );
    let went = go(&mut state, &mut gate, Visit::to(page("/32?x=y"), Limit::Anything), Some(1));
    assert!(matches!(went.ending, Ending::InFlight { number: 3, .. }), "{:?}", went.ending);
    let again = go(&mut state, &mut gate, Visit::to(page("/32?x=y"), Limit::Nothing), None);
    assert_eq!((again.ending, again.body.as_slice()), (FULL, CONTENT));
    assert_eq!((gate.spent(), state.keys()[0].left()), (93, 0));
}

#[test]
fn a_page_that_costs_nothing_any_more_gives_posted_tokens_back() {
    let (mut state, mut gate) = bought(40);
    gate.prices.insert("/a".to_owned(), 400_000);
    let asks = gate.answer(&HttpRequest::get(format!("{SITE}/a"), "*/*"));
    gate.prices.clear();
    gate.instead = vec![asks];
    let went = go(&mut state, &mut gate, Visit::to(page("/a"), Limit::Anything), None);
    assert_eq!((went.ending, went.body.as_slice()), (FULL, CONTENT));
    assert_eq!((stages(&state), state.keys()[0].left()), (vec![&PaymentStage::Refused], 40));
}

#[test]
fn a_page_that_became_free_while_tokens_were_on_their_way_gives_them_back() {
    let (mut state, mut gate) = bought(COUNT);
    let asks = gate.answer(&HttpRequest::get(format!("{SITE}/a"), "*/*"));
    gate.prices.clear();
    gate.instead = vec![asks.clone()];
    let went = go(&mut state, &mut gate, Visit::to(page("/a"), Limit::Anything), None);
    assert_eq!((went.ending, went.body.as_slice()), (FULL, CONTENT));
    assert_eq!(went.saved, ["wallet.payment.saved", "wallet.payment.settled"]);
    assert_eq!((stages(&state), state.keys()[0].left()), (vec![&PaymentStage::Refused], 5));
    // An attempt whose answer was lost may have been taken before the page became free.
    gate.instead = vec![asks];
    go(&mut state, &mut gate, Visit::to(page("/a"), Limit::Anything), Some(1));
    let again = go(&mut state, &mut gate, Visit::to(page("/a"), Limit::Anything), None);
    assert_eq!(again.ending, FULL);
    assert_eq!(stages(&state)[1], &PaymentStage::SetAside { reason: SetAside::Unsure });
}

#[test]
fn a_page_that_was_free_and_asks_again_is_not_said_to_be_paid_and_is_not_paid_twice() {
    let (mut state, mut gate) = bought(COUNT);
    let asks = gate.answer(&HttpRequest::get(format!("{SITE}/a"), "*/*"));
    let headers = vec![("Farthing-Access".to_owned(), "free".to_owned())];
    let free = HttpResponse { status: 200, headers, body: Vec::new() };
    gate.instead = vec![asks.clone(), free, asks];
    let went = go(&mut state, &mut gate, Visit::to(page("/a"), Limit::Anything), None);
    let reason = "https://news.example said that nothing is due, and asks for tokens again".to_owned();
    assert_eq!(went.ending, Ending::Stopped { reason });
    assert_eq!((stages(&state), gate.spent()), (vec![&PaymentStage::Refused], 0));
}

#[test]
fn redirects_are_followed_on_the_site_and_no_token_leaves_it() {
    let (mut state, mut gate) = bought(COUNT);
    gate.redirects.insert("/old".to_owned(), "/a".to_owned());
    let visit = Visit::to(page("/old"), cents(3));
    assert_eq!(go(&mut state, &mut gate, visit, None).ending, FULL);
    assert_eq!(gate.arrived, ["GET /old", "GET /a", "GET /a with 3 tokens"]);
    for (path, location) in
        [("/away", "https://evil.example/a"), ("/plain", "http://news.example/a"), ("/loop", "/loop")]
    {
        gate.redirects.insert(path.to_owned(), location.to_owned());
        let went = go(&mut state, &mut gate, Visit::to(page(path), Limit::Anything), None);
        assert!(matches!(went.ending, Ending::Stopped { .. }), "{path}: {:?}", went.ending);
    }
    assert_eq!(gate.spent(), 3);
    // An answer to tokens that leads elsewhere settles nothing and is not followed.
    let asks = gate.answer(&HttpRequest::get(format!("{SITE}/b"), "*/*"));
    let headers = vec![("Location".to_owned(), "https://evil.example/b".to_owned())];
    gate.instead = vec![HttpResponse { status: 307, headers, body: Vec::new() }, asks];
    let went = go(&mut state, &mut gate, Visit::to(page("/b"), cents(2)), None);
    assert!(matches!(went.ending, Ending::InFlight { .. }), "{:?}", went.ending);
}

#[test]
fn what_is_lacking_is_said() {
    let (mut state, mut gate) = bought(2);
    let went = go(&mut state, &mut gate, Visit::to(page("/a"), Limit::Anything), None);
    let Ending::NoTokens(lacking) = went.ending else { panic!("{:?}", went.ending) };
    let text = lacking.to_string();
    assert!(text.contains("costs 0.03 EUR") && text.contains("has 2 tokens of 0.01 EUR"), "{text}");
    assert!(text.contains("`farthing packs --issuer https://issuer.example`"), "{text}");
    // The site takes another key's tokens.
    let mut other = FakeGate::new(vec![key(7, epoch(3), cent())], &[("/a", 10_000)]);
    let went = go(&mut state, &mut other, Visit::to(page("/a"), Limit::Anything), None);
    assert!(matches!(went.ending, Ending::NoTokens(_)), "{:?}", went.ending);
    other.instead = vec![problem(ProblemKind::NotFound)];
    let went = go(&mut state, &mut other, Visit::to(page("/a"), Limit::Anything), None);
    assert_eq!(went.ending, Ending::Stopped { reason: "the site answered 404: as told".to_owned() });
}

#[test]
fn an_answer_that_nothing_asked_for_is_refused() {
    let (mut state, _) = bought(COUNT);
    let answer = Err(TransportFailure("no".to_owned()));
    assert_eq!(Visit::to(page("/a"), cents(3)).receive(&mut state, answer, NOW), Err(VisitError::NoQuestion));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is lost on the way and wherever the wallet dies: in the end each page was paid once, and every token is
    /// either spent at the site or in the wallet.
    #[test]
    fn no_token_is_lost_and_no_page_paid_twice(
        attempts in proptest::collection::vec((0..2_usize, proptest::option::of(0..3_usize), 1..20_usize), 0..6),
    ) {
        let (mut state, mut gate) = bought(COUNT);
        for (which, lost, crash) in attempts {
            let visit = Visit::to(page(["/a", "/b"][which]), Limit::Anything);
            let _ = go_until(&mut state, &mut gate, visit, lost, crash);
        }
        for path in ["/a", "/b"] {
            let went = go(&mut state, &mut gate, Visit::to(page(path), Limit::Anything), None);
            prop_assert_eq!(went.ending, FULL);
            prop_assert_eq!(&went.body[..], CONTENT);
        }
        prop_assert_eq!(gate.spent(), 5);
        prop_assert!(stages(&state).iter().all(|stage| **stage == PaymentStage::Spent));
        prop_assert_eq!((state.page_payments().len(), state.keys()[0].left()), (2, 0));
    }
}
