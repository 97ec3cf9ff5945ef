use std::collections::HashSet;

use farthing_api::{Base64Url, OrderState};

use super::*;
use crate::driver::{DriveError, Driver, drive};
use crate::fake_services::{COUNT, FakeServices, ISSUER, OTHER_VOUCHER, VOUCHER, problem};
use crate::held_token::HeldToken;
use crate::http_message::{HttpRequest, Service};
use crate::purchase::VoucherRefusal;
use crate::seed::Seed;

/// Where a run is cut off: the n-th save or exchange, and whether just before or just after it takes effect.
#[derive(Debug, Clone, Copy)]
struct Cut {
    point: usize,
    after: bool,
}

#[derive(Debug)]
struct Killed;

/// Keeps what was saved, counts saves and exchanges, and dies where it is told to.
struct TestDriver<'a> {
    services: &'a mut FakeServices,
    saved: Option<String>,
    points: Vec<String>,
    cut: Option<Cut>,
}

impl<'a> TestDriver<'a> {
    fn new(services: &'a mut FakeServices) -> Self {
        Self { services, saved: None, points: Vec::new(), cut: None }
    }

    /// Whether this point is the one to die at, before or after.
    fn is_cut(&self, after: bool) -> bool {
        self.cut.is_some_and(|cut| cut.point + 1 == self.points.len() && cut.after == after)
    }
}

impl Driver for TestDriver<'_> {
    type Error = Killed;

    fn save(&mut self, state: &WalletState, point: SavePoint) -> Result<(), Killed> {
        self.points.push(point.step().to_owned());
        if self.is_cut(false) {
            return Err(Killed);
        }
        self.saved = Some(state.to_json().unwrap().to_string());
        if self.is_cut(true) { Err(Killed) } else { Ok(()) }
    }

    fn exchange(
        &mut self,
        call: Call,
        service: Service,
        request: &HttpRequest,
    ) -> Result<HttpResponse, TransportFailure> {
        assert_eq!(service == Service::Issuer, request.url.starts_with(ISSUER));
        self.points.push(format!("{call:?}"));
        if self.is_cut(false) {
            return Err(TransportFailure("the connection was refused".into()));
        }
        let answer = self.services.answer(request);
        if self.is_cut(true) {
            return Err(TransportFailure("the answer was lost".into()));
        }
        Ok(answer)
    }

    fn now(&self) -> u64 {
        self.services.now
    }
}

fn new_state() -> WalletState {
    WalletState::new(Seed::from_bytes([42; 32]))
}

fn intend(services: &FakeServices, state: &mut WalletState, voucher: &str) -> PurchaseRun {
    let (intent, agreed) = services.plan(state, voucher);
    let position = state.intend(intent, Day::from_unix(services.now));
    PurchaseRun::begin(position, agreed)
}

fn buy(driver: &mut TestDriver<'_>, state: &mut WalletState) -> Result<Ending, DriveError<Killed>> {
    let run = intend(driver.services, state, VOUCHER);
    drive(driver, state, run)
}

fn resume(services: &mut FakeServices, state: &mut WalletState) -> Ending {
    let position = state.positions(Purchase::is_resumable)[0];
    drive(&mut TestDriver::new(services), state, PurchaseRun::resume(position)).unwrap()
}

fn tokens(state: &WalletState) -> Vec<&HeldToken> {
    state.keys().iter().flat_map(|key| &key.tokens).collect()
}

/// The wallet has exactly the paid tokens, all different, and a redeemer would take each.
fn assert_bought(services: &FakeServices, state: &WalletState) {
    let tokens = tokens(state);
    assert_eq!(tokens.len(), COUNT as usize);
    let distinct: HashSet<_> = tokens.iter().map(|held| held.token.as_bytes()).collect();
    assert_eq!(distinct.len(), tokens.len());
    assert!(tokens.iter().all(|held| services.accepts(&held.token)));
    assert!(state.purchases().iter().any(Purchase::is_done));
}

#[test]
fn a_whole_purchase_saves_before_it_sends_and_ends_with_the_tokens() {
    let mut services = FakeServices::new();
    let mut state = new_state();
    let mut driver = TestDriver::new(&mut services);
    assert_eq!(buy(&mut driver, &mut state).unwrap(), Ending::Bought);
    assert_eq!(
        driver.points,
        [
            "wallet.intent.saved",
            "NewOrder",
            "wallet.order.saved",
            "Payment",
            "wallet.paid.saved",
            "wallet.request.saved",
            "Tokens",
            "wallet.tokens.saved"
        ]
    );
    let saved = driver.saved.take().unwrap();
    let reloaded = WalletState::from_json(&saved).unwrap();
    assert_eq!(*state.to_json().unwrap(), *reloaded.to_json().unwrap());
    assert_bought(&services, &reloaded);
}

#[test]
fn cut_off_anywhere_and_resumed_from_what_was_saved_it_gives_exactly_the_paid_tokens() {
    for rotates in [false, true] {
        for after in [false, true] {
            for point in 0..8 {
                let cut = Cut { point, after };
                let mut services = FakeServices::new();
                let mut state = new_state();
                let mut driver = TestDriver::new(&mut services);
                driver.cut = Some(cut);
                let ending = buy(&mut driver, &mut state);
                assert!(!matches!(ending, Ok(Ending::Bought)), "{cut:?}");
                let saved = driver.saved.take();
                if rotates {
                    services.now = services.keys[0].facts.epoch().issue_until().start() + 1;
                }

                let Some(saved) = saved else {
                    assert!(services.arrived.is_empty(), "nothing leaves before the intent is saved");
                    continue;
                };
                let mut state = WalletState::from_json(&saved).unwrap();
                if state.purchases()[0].is_under_way() {
                    assert_eq!(resume(&mut services, &mut state), Ending::Bought, "{cut:?}");
                }
                assert_bought(&services, &state);
                assert_eq!(services.orders.len(), 1, "{cut:?}");
                assert_eq!(services.orders[0].view.state, OrderState::Issued);
            }
        }
    }
}

#[test]
fn cut_off_again_and_again_it_still_ends() {
    let mut services = FakeServices::new();
    let mut state = new_state();
    let run = intend(&services, &mut state, VOUCHER);
    let mut saved = state.to_json().unwrap().to_string();
    drop(run);
    for round in 0.. {
        let mut state = WalletState::from_json(&saved).unwrap();
        if state.positions(Purchase::is_under_way).is_empty() {
            assert_bought(&services, &state);
            return;
        }
        assert!(round < 40, "no progress");
        let mut driver = TestDriver::new(&mut services);
        driver.cut = Some(Cut { point: 2 + round % 4, after: round % 3 == 0 });
        let position = state.positions(Purchase::is_under_way)[0];
        let _ = drive(&mut driver, &mut state, PurchaseRun::resume(position));
        if let Some(newer) = driver.saved.take() {
            saved = newer;
        }
    }
}

#[test]
fn an_answer_that_was_lost_before_a_rotation_still_gives_tokens_of_the_old_key() {
    let mut services = FakeServices::new();
    let mut state = new_state();
    let mut driver = TestDriver::new(&mut services);
    driver.cut = Some(Cut { point: 6, after: true });
    assert!(matches!(buy(&mut driver, &mut state).unwrap(), Ending::Unfinished { .. }));
    let old = services.keys[0].facts.clone();
    services.now = old.epoch().issue_until().start() + 1;
    assert_eq!(resume(&mut services, &mut state), Ending::Bought);
    assert_eq!(state.keys()[0].key, old);
    assert_bought(&services, &state);
}

#[test]
fn a_request_that_never_arrived_is_made_again_under_the_key_that_now_issues() {
    let mut services = FakeServices::new();
    let mut state = new_state();
    let mut driver = TestDriver::new(&mut services);
    driver.cut = Some(Cut { point: 6, after: false });
    assert!(matches!(buy(&mut driver, &mut state).unwrap(), Ending::Unfinished { .. }));
    services.now = services.keys[0].facts.epoch().issue_until().start() + 1;
    assert_eq!(resume(&mut services, &mut state), Ending::Bought);
    assert_eq!(state.keys()[0].key, services.keys[1].facts);
    assert_bought(&services, &state);
}

#[test]
fn a_key_that_is_listed_and_refused_does_not_loop() {
    let mut services = FakeServices::new();
    let mut state = new_state();
    services.instead.insert("/token-request", problem(ProblemKind::KeyNotIssuing));
    let ending = buy(&mut TestDriver::new(&mut services), &mut state).unwrap();
    assert!(matches!(ending, Ending::Unfinished { .. }), "{ending:?}");
    assert_eq!(resume(&mut services, &mut state), Ending::Bought);
}

#[test]
fn a_proof_that_does_not_hold_gives_no_token_and_loses_nothing() {
    let mut services = FakeServices::new();
    let mut state = new_state();
    services.spoils_proofs = true;
    let ending = buy(&mut TestDriver::new(&mut services), &mut state).unwrap();
    let Ending::Stopped { reason } = ending else { panic!("{ending:?}") };
    assert!(reason.contains("proof"), "{reason}");
    assert!(tokens(&state).is_empty());
    assert!(!state.purchases()[0].is_under_way(), "it does not block other purchases");
    services.spoils_proofs = false;
    assert_eq!(resume(&mut services, &mut state), Ending::Bought);
    assert_bought(&services, &state);
}

#[test]
fn keys_that_differ_stop_a_resumed_purchase_before_its_request() {
    let mut services = FakeServices::new();
    let mut state = new_state();
    let mut driver = TestDriver::new(&mut services);
    driver.cut = Some(Cut { point: 4, after: true });
    assert!(buy(&mut driver, &mut state).is_err());
    let mut listing = services.key_listing();
    listing.keys[0].redeem_until += 86_400;
    services.listing = Some(listing);
    services.arrived.clear();
    let ending = resume(&mut services, &mut state);
    let Ending::Unfinished { reason } = ending else { panic!("{ending:?}") };
    assert!(reason.contains("disagree"), "{reason}");
    assert!(services.arrived.iter().all(|call| !call.contains("token-request")));
}

#[test]
fn a_voucher_that_does_not_pay_ends_the_purchase_and_not_the_next_one() {
    let mut services = FakeServices::new();
    let (unknown, spent) = ("00000-00000-00000-00000-00000-0", "11111-11111-11111-11111-11111-0");
    services.vouchers.insert(spent.into(), Some("another order".into()));
    let mut state = new_state();
    for (voucher, refusal, text) in [
        (unknown, VoucherRefusal::Unknown, "no voucher has this code: look at it again"),
        (spent, VoucherRefusal::Used, "this voucher has paid another order. Nothing was paid"),
    ] {
        let run = intend(&services, &mut state, voucher);
        let ending = drive(&mut TestDriver::new(&mut services), &mut state, run).unwrap();
        let Ending::Stopped { reason } = ending else { panic!("{ending:?}") };
        assert!(reason.starts_with(text), "{reason}");
        let stopped = WalletState::from_json(&state.to_json().unwrap()).unwrap();
        assert_eq!(stopped.purchases().last().unwrap().voucher_refusal(), Some(refusal));
    }
    assert!(state.positions(Purchase::is_resumable).is_empty());
    assert_eq!(buy(&mut TestDriver::new(&mut services), &mut state).unwrap(), Ending::Bought);
    assert_eq!(
        state.purchases().iter().map(|purchase| purchase.order_index).collect::<Vec<_>>(),
        [0, 1, 2],
        "an order index is never used twice"
    );
    assert_bought(&services, &state);
}

#[test]
fn an_order_unlike_the_listed_pack_is_not_paid() {
    let mut services = FakeServices::new();
    let mut state = new_state();
    let run = intend(&services, &mut state, VOUCHER);
    services.pack.price_minor += 1;
    let ending = drive(&mut TestDriver::new(&mut services), &mut state, run).unwrap();
    assert!(matches!(ending, Ending::Stopped { .. }), "{ending:?}");
    assert_eq!(services.vouchers[VOUCHER], None);
    assert!(state.purchases()[0].stopped.as_ref().unwrap().is_final);
}

#[test]
fn an_order_spent_by_somebody_else_is_said_so() {
    let mut services = FakeServices::new();
    let mut state = new_state();
    let mut driver = TestDriver::new(&mut services);
    driver.cut = Some(Cut { point: 6, after: false });
    assert!(matches!(buy(&mut driver, &mut state).unwrap(), Ending::Unfinished { .. }));
    services.orders[0].view.state = OrderState::Issued;
    services.orders[0].view.request_digest = Some(Base64Url([1; 32]));
    let ending = resume(&mut services, &mut state);
    let Ending::Stopped { reason } = ending else { panic!("{ending:?}") };
    assert!(reason.contains("somebody else"), "{reason}");
    assert!(tokens(&state).is_empty());
}

#[test]
fn whatever_the_order_has_become_is_explained_and_only_what_is_final_is_final() {
    for (order_state, is_final) in [
        (OrderState::Expired, true),
        (OrderState::Late, false),
        (OrderState::Refunding, false),
        (OrderState::Refunded, true),
        (OrderState::Reversed, true),
    ] {
        let mut services = FakeServices::new();
        let mut state = new_state();
        let mut driver = TestDriver::new(&mut services);
        driver.cut = Some(Cut { point: 2, after: true });
        assert!(buy(&mut driver, &mut state).is_err());
        services.orders[0].view.state = order_state;
        let ending = resume(&mut services, &mut state);
        assert!(matches!(ending, Ending::Stopped { .. }), "{order_state:?}: {ending:?}");
        assert_eq!(state.purchases()[0].stopped.as_ref().unwrap().is_final, is_final, "{order_state:?}");
    }
}

#[test]
fn a_service_that_cannot_answer_leaves_the_purchase_under_way() {
    let paths = ["/v1/orders", "/v1/orders/order-0/voucher", "/token-request"];
    let foreign = HttpResponse { status: 404, headers: Vec::new(), body: b"<html>".to_vec() };
    for path in paths {
        for answer in [problem(ProblemKind::Unavailable), foreign.clone()] {
            let mut services = FakeServices::new();
            let mut state = new_state();
            services.instead.insert(path, answer);
            let ending = buy(&mut TestDriver::new(&mut services), &mut state).unwrap();
            assert!(matches!(ending, Ending::Unfinished { .. }), "{path}: {ending:?}");
            assert!(state.purchases()[0].is_under_way());
            assert_eq!(resume(&mut services, &mut state), Ending::Bought);
            assert_bought(&services, &state);
        }
    }
}

#[test]
fn an_answer_that_nothing_asked_for_is_refused() {
    let mut services = FakeServices::new();
    let mut state = new_state();
    let mut run = intend(&services, &mut state, VOUCHER);
    let answer = Ok(problem(ProblemKind::Internal));
    assert_eq!(run.receive(&mut state, answer, services.now), Err(RunError::NoQuestion));
    assert!(matches!(run.next(&mut state), Ok(Step::Save(SavePoint::Intent))));
    services.now += 1;
}

#[test]
fn a_payment_that_the_issuer_forgot_is_made_again_once() {
    let mut services = FakeServices::new();
    let mut state = new_state();
    let mut driver = TestDriver::new(&mut services);
    driver.cut = Some(Cut { point: 6, after: false });
    assert!(matches!(buy(&mut driver, &mut state).unwrap(), Ending::Unfinished { .. }));
    assert!(state.purchases()[0].is_paid());
    // The issuer was restored from a backup: the order is unpaid and the voucher unused.
    services.orders[0].view.state = OrderState::Pending;
    services.vouchers.insert(VOUCHER.to_owned(), None);
    assert_eq!(resume(&mut services, &mut state), Ending::Bought);
    assert_bought(&services, &state);
}

#[test]
fn a_run_that_sees_a_key_of_earlier_tokens_missing_saves_that_they_are_void() {
    let mut services = FakeServices::new();
    let mut state = new_state();
    assert_eq!(buy(&mut TestDriver::new(&mut services), &mut state).unwrap(), Ending::Bought);
    let run = intend(&services, &mut state, OTHER_VOUCHER);
    let mut driver = TestDriver::new(&mut services);
    driver.cut = Some(Cut { point: 4, after: true });
    assert!(drive(&mut driver, &mut state, run).is_err());
    services.now = services.keys[0].facts.epoch().issue_until().start() + 1;
    let mut listing = services.key_listing();
    listing.keys.remove(0);
    services.listing = Some(listing);
    let position = state.positions(Purchase::is_resumable)[0];
    let mut driver = TestDriver::new(&mut services);
    assert_eq!(drive(&mut driver, &mut state, PurchaseRun::resume(position)).unwrap(), Ending::Bought);
    let kept = driver.points.iter().position(|point| point == "wallet.void-keys.saved").unwrap();
    let sent = driver.points.iter().position(|point| point == "Tokens").unwrap();
    assert!(kept < sent, "{:?}", driver.points);
    assert!(state.keys()[0].void_since.is_some());
    assert!(state.keys()[1].void_since.is_none());
}
