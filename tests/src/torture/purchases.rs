//! Buying: an order, its voucher, and a token request that is repeated until it is answered, whatever dies meanwhile.

use data_encoding::BASE64URL_NOPAD;
use farthing_protocol::DirectoryKey;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::asker::{Asker, Verdict, post, said, told};
use crate::programs::Program;
use crate::{Order, key_of};

/// A pack that is bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pack {
    pub(super) id: &'static str,
    pub(super) count: usize,
    pub(super) micros: u64,
}

impl Pack {
    /// Its table in the issuer's configuration.
    pub(super) fn table(&self) -> String {
        let Self { id, count, micros } = self;
        format!(
            "[[pack]]\nid = \"{id}\"\ntitle = \"{id}\"\ncount = {count}\nvalue_micros = {micros}\n\
             currency = \"EUR\"\nprice_minor = 50\n"
        )
    }
}

/// Small ones, for the arithmetic is not what is to be tortured.
pub(super) const PACKS: [Pack; 2] =
    [Pack { id: "single", count: 1, micros: 10_000 }, Pack { id: "big-10", count: 10, micros: 50_000 }];

/// A token and its value.
#[derive(Debug, Clone)]
pub(super) struct Coin {
    pub(super) token: String,
    pub(super) micros: u64,
}

/// An order and its owner's secret.
#[derive(Clone)]
pub(super) struct Owned {
    id: String,
    secret: [u8; 32],
}

/// A request that was sent, and the order with what its tokens are made of.
struct Sent {
    key: DirectoryKey,
    order: Order,
    body: Vec<u8>,
}

/// What an issuer says to a token request.
enum Issuance {
    Tokens(Vec<String>),
    /// The key of the request does not issue any more, and nothing was bound.
    OldKey,
    /// The order was spent on another request, of ours.
    Other,
}

impl Asker<'_> {
    /// Buys with a voucher: the tokens.
    pub(super) fn purchase(&mut self, pack: Pack, voucher: &str) -> Vec<Coin> {
        let Some(order) = self.order(pack) else { return Vec::new() };
        match self.pay(&order, voucher) {
            Some(true) => self.issue(&order, pack),
            Some(false) => {
                self.ledger.lost.push("a voucher that nobody else had was used".to_owned());
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// Pays two orders with one voucher at the same time: exactly one of them is paid.
    pub(super) fn contested_voucher(&mut self, pack: Pack, voucher: &str) -> Vec<Coin> {
        let (Some(one), Some(other)) = (self.order(pack), self.order(pack)) else { return Vec::new() };
        let mut part = self.part();
        let (first, second) = std::thread::scope(|scope| {
            let second = scope.spawn(|| part.pay(&other, voucher));
            (self.pay(&one, voucher), second.join().ok().flatten())
        });
        self.ledger.absorb(part.ledger);
        match (first, second) {
            (Some(true), Some(false)) => self.issue(&one, pack),
            (Some(false), Some(true)) => self.issue(&other, pack),
            (Some(true), Some(true)) => {
                self.ledger.double.push("a voucher paid two orders".to_owned());
                Vec::new()
            }
            (Some(false), Some(false)) => {
                self.ledger.lost.push("a voucher paid neither of two orders".to_owned());
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn order(&mut self, pack: Pack) -> Option<Owned> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).ok()?;
        let claim = BASE64URL_NOPAD.encode(&Sha256::digest(secret));
        let body = json!({"pack": pack.id, "method": "voucher", "claim": claim});
        let mut make = || {
            self.persist("order", Program::Issuer, |issuer| {
                let answer = match told(post(&format!("{issuer}/v1/orders"), &body)) {
                    Ok(answer) => answer,
                    Err(verdict) => return verdict,
                };
                match answer.json()["id"].as_str() {
                    Some(id) if matches!(answer.status, 200 | 201) => Verdict::Answered(id.to_owned()),
                    _ => Verdict::Wrong(said(&answer)),
                }
            })
        };
        let id = make()?;
        let is_same = make()? == id;
        if !is_same {
            self.ledger.lost.push("a claim owned another order when it was asked again".to_owned());
        }
        Some(Owned { id, secret })
    }

    /// Pays an order: whether the voucher was good, which it is not when it paid another.
    fn pay(&mut self, order: &Owned, voucher: &str) -> Option<bool> {
        let body = json!({ "code": voucher });
        let paid = self.persist("payment", Program::Issuer, |issuer| {
            let answer = match told(post(&format!("{issuer}/v1/orders/{}/voucher", order.id), &body)) {
                Ok(answer) => answer,
                Err(verdict) => return verdict,
            };
            match (answer.status, answer.problem().as_str()) {
                (200, _) if answer.json()["state"] == "paid" => Verdict::Answered(true),
                (_, "voucher-used") => Verdict::Answered(false),
                // A server that was replaced may be read for a moment, until it is found out.
                (_, "order-unknown" | "voucher-unknown" | "order-not-payable") => {
                    Verdict::Again(said(&answer))
                }
                _ => Verdict::Wrong(said(&answer)),
            }
        })?;
        self.ledger.vouchers += u64::from(paid);
        Some(paid)
    }

    /// Spends a paid order, repeats that, and tries to spend it on something else.
    fn issue(&mut self, order: &Owned, pack: Pack) -> Vec<Coin> {
        let mut sent: Vec<Sent> = Vec::new();
        let mut at = 0;
        let issued = self.persist("issuance", Program::Issuer, |issuer| {
            if at == sent.len() {
                // Nobody asks again for a key that was just refused.
                match fresh(issuer, order, pack) {
                    Ok(new) if sent.iter().any(|old| old.key.token_key == new.key.token_key) => {
                        at = 0;
                        return Verdict::Again("the directory still has the old key".to_owned());
                    }
                    Ok(new) => sent.push(new),
                    Err(error) => return Verdict::Again(format!("{error:#}")),
                }
            }
            let Some(request) = sent.get_mut(at) else { return Verdict::Again(String::new()) };
            match ask(request, issuer) {
                Verdict::Answered(Issuance::Tokens(tokens)) => return Verdict::Answered(tokens),
                Verdict::Answered(Issuance::OldKey) => at = sent.len(),
                Verdict::Answered(Issuance::Other) => at = (at + 1) % sent.len(),
                Verdict::Again(cause) => return Verdict::Again(cause),
                Verdict::Wrong(answer) => return Verdict::Wrong(answer),
            }
            Verdict::Again("another request may be bound".to_owned())
        });
        let Some(tokens) = issued else { return Vec::new() };
        self.ledger.orders += 1;
        self.ledger.issued += tokens.len() as u64;
        if let Some(request) = sent.get_mut(at)
            && self.random.percent(30)
        {
            self.repeat(request, &tokens);
            self.spend_otherwise(order, pack);
        }
        tokens.into_iter().map(|token| Coin { token, micros: pack.micros }).collect()
    }

    /// The same request gets the same tokens.
    fn repeat(&mut self, request: &mut Sent, tokens: &[String]) {
        let again = self.persist("repeated issuance", Program::Issuer, |issuer| match ask(request, issuer) {
            Verdict::Answered(Issuance::Tokens(tokens)) => Verdict::Answered(tokens),
            Verdict::Answered(_) => Verdict::Again("an issued order was not found as such".to_owned()),
            Verdict::Again(cause) => Verdict::Again(cause),
            Verdict::Wrong(answer) => Verdict::Wrong(answer),
        });
        if again.is_some_and(|again| again != tokens) {
            self.ledger.lost.push("a token request got other tokens when it was repeated".to_owned());
        }
    }

    /// Another request gets none.
    fn spend_otherwise(&mut self, order: &Owned, pack: Pack) {
        let mut other = None;
        let refused = self.persist("second issuance", Program::Issuer, |issuer| {
            if other.is_none() {
                match fresh(issuer, order, pack) {
                    Ok(new) => other = Some(new),
                    Err(error) => return Verdict::Again(format!("{error:#}")),
                }
            }
            let Some(request) = &mut other else { return Verdict::Again(String::new()) };
            match ask(request, issuer) {
                Verdict::Answered(Issuance::Other) => Verdict::Answered(true),
                Verdict::Answered(Issuance::Tokens(_)) => Verdict::Answered(false),
                Verdict::Answered(Issuance::OldKey) => {
                    Verdict::Again("an issued order was not found".to_owned())
                }
                Verdict::Again(cause) => Verdict::Again(cause),
                Verdict::Wrong(answer) => Verdict::Wrong(answer),
            }
        });
        if refused == Some(false) {
            self.ledger.double.push("an order was issued twice".to_owned());
        }
    }
}

/// A request under the key that issues now.
fn fresh(issuer: &str, order: &Owned, pack: Pack) -> anyhow::Result<Sent> {
    let key = key_of(issuer, pack.micros)?;
    let mut order = Order::known(issuer, &order.id, order.secret);
    let body = order.request(&key, pack.count)?;
    Ok(Sent { key, order, body })
}

fn ask(request: &mut Sent, issuer: &str) -> Verdict<Issuance> {
    request.order.ask_at(issuer);
    let answer = match told(request.order.send(&request.body)) {
        Ok(answer) => answer,
        Err(verdict) => return verdict,
    };
    match (answer.status, answer.problem().as_str()) {
        (200, _) => match request.order.tokens(&request.key, &request.body, &answer) {
            Ok(tokens) => Verdict::Answered(Issuance::Tokens(tokens)),
            Err(error) => Verdict::Wrong(format!("{error:#}")),
        },
        (_, "key-not-issuing" | "key-unknown") => Verdict::Answered(Issuance::OldKey),
        (_, "order-used") => Verdict::Answered(Issuance::Other),
        // A server that was replaced may be read for a moment, until it is found out.
        (_, "claim-unknown" | "order-unpaid") => Verdict::Again(said(&answer)),
        _ => Verdict::Wrong(said(&answer)),
    }
}
