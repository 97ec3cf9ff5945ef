//! An issuer and a redeemer in memory, for tests of the client's logic: they answer with the real protocol and the
//! real arithmetic, and misbehave when told to.

use std::collections::HashMap;

use farthing_api::{
    Base64Url, KeyEntry, KeyListing, NewOrder, OrderState, OrderView, PROBLEM_MEDIA_TYPE, PackListing,
    PackView, Problem, ProblemKind, TOKEN_KEY_ID_HEADER, VoucherPayment,
};
use farthing_protocol::{
    AmortizedBatchTokenRequest, AmortizedBatchTokenResponse, Day, Denomination, DirectoryKey,
    IssuerDirectory, IssuerName, KeyEpoch, Token, TokenKeyId,
};
use farthing_voprf::SecretKey;
use sha2::{Digest, Sha256};

use crate::driver::Driver;
use crate::held_token::TokenBytes;
use crate::http_message::{HttpRequest, HttpResponse, Method, Service, TransportFailure};
use crate::key_agreement::{AgreedKey, agree};
use crate::key_facts::KeyFacts;
use crate::purchase::Payment;
use crate::purchase_run::{Call, SavePoint};
use crate::service_url::ServiceUrl;
use crate::voucher_code::VoucherCode;
use crate::wallet_state::{Intent, WalletState};

pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const REDEEMER: &str = "https://redeemer.example";
pub(crate) const ISSUER_NAME: &str = "issuer.example";
pub(crate) const VOUCHER: &str = "G00DC-0DE00-00000-00000-00001-0";
pub(crate) const OTHER_VOUCHER: &str = "G00DC-0DE00-00000-00000-00002-0";
pub(crate) const COUNT: u32 = 5;
/// 2026-11-21T13:00:00Z.
pub(crate) const NOW: u64 = 1_795_266_000;

pub(crate) struct FakeKey {
    secret: SecretKey,
    pub(crate) facts: KeyFacts,
}

impl FakeKey {
    /// Whether it issued the token.
    pub(crate) fn accepts(&self, token: &Token) -> bool {
        let output = self.secret.evaluate(&[token.token_input()]).unwrap();
        output[0] == *token.authenticator().as_bytes()
    }
}

pub(crate) struct FakeOrder {
    pub(crate) claim: [u8; 32],
    pub(crate) view: OrderView,
}

pub(crate) struct FakeServices {
    pub(crate) now: u64,
    pub(crate) keys: Vec<FakeKey>,
    pub(crate) pack: PackView,
    pub(crate) orders: Vec<FakeOrder>,
    /// Codes and the order that each paid.
    pub(crate) vouchers: HashMap<String, Option<String>>,
    /// The redeemer's list, when it is to differ from the issuer's keys.
    pub(crate) listing: Option<KeyListing>,
    /// Whether the issuer spoils its proofs.
    pub(crate) spoils_proofs: bool,
    /// Answers given instead of the next ones to a path.
    pub(crate) instead: HashMap<&'static str, HttpResponse>,
    /// Method and URL of every request that arrived.
    pub(crate) arrived: Vec<String>,
}

pub(crate) fn key(seed: u8, epoch: KeyEpoch, denomination: Denomination) -> FakeKey {
    let secret = SecretKey::derive(&[seed; 32], b"PrivacyPass").unwrap();
    let facts = KeyFacts::new(secret.public_key().clone(), denomination, epoch);
    FakeKey { secret, facts }
}

/// The day of [`NOW`].
pub(crate) fn today() -> Day {
    Day::from_unix(NOW)
}

/// The epoch that began `ago` days before [`NOW`].
pub(crate) fn epoch(ago: u32) -> KeyEpoch {
    let first = Day::from_number(Day::from_unix(NOW).number() - ago).unwrap();
    KeyEpoch::starting(first, 28, 84).unwrap()
}

pub(crate) fn cent() -> Denomination {
    Denomination::from_parts(10_000, "EUR").unwrap()
}

impl FakeServices {
    /// One key that issues and the one after it, one pack, one voucher.
    pub(crate) fn new() -> Self {
        let current = epoch(3);
        let next = KeyEpoch::starting(current.issue_until(), 28, 84).unwrap();
        let pack = PackView {
            id: "reader-5".into(),
            title: "5 articles".into(),
            count: COUNT,
            value_micros: 10_000,
            currency: "EUR".into(),
            price_minor: 5,
            methods: vec!["voucher".into()],
        };
        Self {
            now: NOW,
            keys: vec![key(1, current, cent()), key(2, next, cent())],
            pack,
            orders: Vec::new(),
            vouchers: HashMap::from([(VOUCHER.to_owned(), None), (OTHER_VOUCHER.to_owned(), None)]),
            listing: None,
            spoils_proofs: false,
            instead: HashMap::new(),
            arrived: Vec::new(),
        }
    }

    pub(crate) fn directory(&self) -> IssuerDirectory {
        let listed = |key: &FakeKey| DirectoryKey {
            token_type: 5,
            token_key: key.facts.public_key().to_bytes().to_vec(),
            not_before: Some(key.facts.epoch().not_before().start()),
            value_micros: Some(key.facts.denomination().value_micros().get()),
            currency: Some(key.facts.denomination().currency().code().to_owned()),
            issue_until: Some(key.facts.epoch().issue_until().start()),
            redeem_until: Some(key.facts.epoch().redeem_until().start()),
        };
        let (ended, live): (Vec<_>, Vec<_>) =
            self.keys.iter().partition(|key| key.facts.epoch().issue_until().start() <= self.now);
        IssuerDirectory {
            issuer_request_uri: "/token-request".into(),
            issuer_name: Some(IssuerName::new(ISSUER_NAME).unwrap()),
            token_keys: live.into_iter().map(listed).collect(),
            redeem_only_keys: ended.into_iter().map(listed).collect(),
            revoked_keys: Vec::new(),
        }
    }

    pub(crate) fn key_listing(&self) -> KeyListing {
        let keys = self.keys.iter().map(|key| KeyEntry {
            token_key_id: Base64Url(key.facts.token_key_id().to_bytes()),
            token_key: Base64Url(key.facts.public_key().to_bytes()),
            value_micros: key.facts.denomination().value_micros().get(),
            currency: key.facts.denomination().currency().code().to_owned(),
            not_before: key.facts.epoch().not_before().start(),
            issue_until: key.facts.epoch().issue_until().start(),
            redeem_until: key.facts.epoch().redeem_until().start(),
        });
        let own = KeyListing { issuer_name: ISSUER_NAME.into(), keys: keys.collect() };
        self.listing.clone().unwrap_or(own)
    }

    /// What `farthing buy` decides after looking at the services.
    pub(crate) fn plan(&self, state: &WalletState, voucher: &str) -> (Intent, AgreedKey) {
        let issuer = ServiceUrl::parse(ISSUER).unwrap();
        let agreed =
            agree(&issuer, &self.directory(), &self.key_listing(), &self.pack, state.keys(), self.now)
                .unwrap();
        let intent = Intent {
            issuer_name: IssuerName::new(ISSUER_NAME).unwrap(),
            issuer,
            redeemer: ServiceUrl::parse(REDEEMER).unwrap(),
            pack: self.pack.clone(),
            payment: Payment::Voucher { code: VoucherCode::new(voucher).unwrap() },
        };
        (intent, agreed)
    }

    /// Answers as the services would.
    pub(crate) fn answer(&mut self, request: &HttpRequest) -> HttpResponse {
        self.arrived.push(request.to_string());
        if let Some(path) = request.url.strip_prefix(REDEEMER) {
            assert_eq!((request.method, path), (Method::Get, "/v1/keys"));
            assert!(header(request, "Authorization").is_none(), "the redeemer learns no claim");
            return json(200, &self.key_listing());
        }
        let path = request.url.strip_prefix(ISSUER).expect("only two services are spoken to");
        if let Some(answer) = self.instead.remove(path) {
            return answer;
        }
        match (request.method, path) {
            (Method::Get, IssuerDirectory::PATH) => json(200, &self.directory()),
            (Method::Get, "/v1/packs") => json(200, &PackListing { packs: vec![self.pack.clone()] }),
            (Method::Post, "/v1/orders") => self.make_order(request),
            (Method::Get, "/v1/order") => match self.owned_order(request) {
                Some(order) => json(200, &order.view),
                None => problem(ProblemKind::ClaimUnknown),
            },
            (Method::Post, "/token-request") => self.issue(request),
            (Method::Post, path) => {
                let id = path.strip_prefix("/v1/orders/").and_then(|rest| rest.strip_suffix("/voucher"));
                self.pay(id.expect("a path of the API"), request)
            }
            (Method::Get, path) => panic!("GET {path}"),
        }
    }

    fn make_order(&mut self, request: &HttpRequest) -> HttpResponse {
        let order: NewOrder = serde_json::from_slice(&request.body).unwrap();
        if order.pack != self.pack.id {
            return problem(ProblemKind::PackUnknown);
        }
        if let Some(known) = self.orders.iter().find(|known| known.claim == order.claim.0) {
            return json(200, &known.view);
        }
        let view = OrderView {
            id: format!("order-{}", self.orders.len()),
            state: OrderState::Pending,
            pack: order.pack,
            count: self.pack.count,
            value_micros: self.pack.value_micros,
            currency: self.pack.currency.clone(),
            price_minor: self.pack.price_minor,
            method: order.method,
            instructions: "Pay with a voucher.".into(),
            expires: Day::from_unix(self.now).plus(7).start(),
            token_key_id: None,
            request_digest: None,
        };
        self.orders.push(FakeOrder { claim: order.claim.0, view: view.clone() });
        json(201, &view)
    }

    fn pay(&mut self, id: &str, request: &HttpRequest) -> HttpResponse {
        assert!(header(request, "Authorization").is_none(), "a payer need not own the order");
        let payment: VoucherPayment = serde_json::from_slice(&request.body).unwrap();
        let order = self.orders.iter_mut().find(|order| order.view.id == id).expect("an order");
        match self.vouchers.get_mut(&payment.code) {
            None => problem(ProblemKind::VoucherUnknown),
            Some(Some(_)) => problem(ProblemKind::VoucherUsed),
            Some(unused) if order.view.state == OrderState::Pending => {
                *unused = Some(id.to_owned());
                order.view.state = OrderState::Paid;
                json(200, &order.view)
            }
            Some(_) => problem(ProblemKind::OrderNotPayable),
        }
    }

    fn issue(&mut self, request: &HttpRequest) -> HttpResponse {
        let decoded = AmortizedBatchTokenRequest::decode(&request.body).unwrap();
        let id: TokenKeyId = header(request, TOKEN_KEY_ID_HEADER).unwrap().parse().unwrap();
        let digest = Base64Url(<[u8; 32]>::from(Sha256::digest(&*request.body)));
        let now = self.now;
        let spoils_proofs = self.spoils_proofs;
        let key = self.keys.iter().find(|key| key.facts.token_key_id() == id).expect("a known key");
        assert_eq!(id.truncated(), decoded.truncated_token_key_id());
        let claim = claim_of(request);
        let Some(order) = self.orders.iter_mut().find(|order| order.claim == claim) else {
            return problem(ProblemKind::ClaimUnknown);
        };
        match order.view.state {
            OrderState::Paid => {
                if !key.facts.epoch().issues_at(now) {
                    return problem(ProblemKind::KeyNotIssuing);
                }
                assert_eq!(decoded.blinded_msgs().len(), order.view.count as usize);
                order.view.state = OrderState::Issued;
                order.view.token_key_id = Some(Base64Url(id.to_bytes()));
                order.view.request_digest = Some(digest);
            }
            OrderState::Issued if order.view.request_digest == Some(digest) => {}
            OrderState::Issued => return problem(ProblemKind::OrderUsed),
            _ => return problem(ProblemKind::OrderUnpaid),
        }
        let evaluation = key.secret.evaluate_blinded(&decoded.elements(), &[9; 32]).unwrap();
        let mut proof = evaluation.proof;
        proof[0] ^= u8::from(spoils_proofs);
        let response = AmortizedBatchTokenResponse::from_elements(&evaluation.elements, proof).unwrap();
        HttpResponse {
            status: 200,
            headers: vec![("content-type".into(), AmortizedBatchTokenResponse::MEDIA_TYPE.into())],
            body: response.encode(),
        }
    }

    fn owned_order(&self, request: &HttpRequest) -> Option<&FakeOrder> {
        let claim = claim_of(request);
        self.orders.iter().find(|order| order.claim == claim)
    }

    /// Whether a redeemer with these keys would take the token.
    pub(crate) fn accepts(&self, token: &TokenBytes) -> bool {
        let token = Token::decode(token.as_bytes()).unwrap();
        let key = self.keys.iter().find(|key| key.facts.token_key_id() == *token.token_key_id()).unwrap();
        key.accepts(&token)
    }
}

/// Saves nowhere.
impl Driver for FakeServices {
    type Error = std::convert::Infallible;

    fn save(&mut self, _state: &WalletState, _point: SavePoint) -> Result<(), Self::Error> {
        Ok(())
    }

    fn exchange(
        &mut self,
        _call: Call,
        _service: Service,
        request: &HttpRequest,
    ) -> Result<HttpResponse, TransportFailure> {
        Ok(self.answer(request))
    }

    fn now(&self) -> u64 {
        self.now
    }
}

fn claim_of(request: &HttpRequest) -> [u8; 32] {
    let bearer = header(request, "Authorization").unwrap();
    let secret = Base64Url::<Vec<u8>>::decode(bearer.strip_prefix("Bearer ").unwrap()).unwrap();
    assert_eq!(secret.len(), 32);
    Sha256::digest(secret).into()
}

pub(crate) fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
}

pub(crate) fn json(status: u16, value: &impl serde::Serialize) -> HttpResponse {
    let headers = vec![("content-type".into(), "application/json".into())];
    HttpResponse { status, headers, body: serde_json::to_vec(value).unwrap() }
}

pub(crate) fn problem(kind: ProblemKind) -> HttpResponse {
    let headers = vec![("content-type".into(), PROBLEM_MEDIA_TYPE.into())];
    let body = serde_json::to_vec(&Problem::new(kind, "as told")).unwrap();
    HttpResponse { status: kind.status(), headers, body }
}
