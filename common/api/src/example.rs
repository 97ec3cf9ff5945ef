//! An example of each document, for who reads the services' OpenAPI documents.

use crate::{
    AdjustmentEntry, ApiKeyEntry, Balance, BalanceEntry, Base64Url, CreditEntry, DayTotal, Envelope,
    EnvelopeSignature, Jwk, JwkSet, KeyEntry, KeyListing, KeyTotals, NewOrder, NewRedemption, OrderState,
    OrderView, PackListing, PackView, PayoutEntry, PayoutListing, PublisherData, RECEIPT_PAYLOAD_TYPE,
    Receipt, RedemptionAnswer, SignedAmount, Statement, StatementAdjustment, StatementCredit,
    StatementListing, StatementSummary, TokenResult, Totals, VoucherPayment,
};

/// 2026-11-21, the first day on which the examples' key issues.
const NOT_BEFORE: u64 = 1_795_219_200;
/// 28 days later.
const ISSUE_UNTIL: u64 = 1_797_638_400;
/// 84 days after that.
const REDEEM_UNTIL: u64 = 1_804_896_000;

/// Has an example of itself.
pub trait Example {
    /// It.
    fn example() -> Self;
}

impl Envelope {
    /// An example of an envelope around `payload`. Its signature is none.
    pub fn example_of(payload_type: &str, payload: Vec<u8>) -> Self {
        Self {
            payload: Base64Url(payload),
            payload_type: payload_type.to_owned(),
            signatures: vec![EnvelopeSignature { keyid: Jwk::example().kid, sig: Base64Url([5; 64]) }],
        }
    }
}

impl Example for PackListing {
    fn example() -> Self {
        let pack = PackView {
            id: "reader-100".to_owned(),
            title: "100 articles of one cent".to_owned(),
            count: 100,
            value_micros: 10_000,
            currency: euro(),
            price_minor: 100,
            methods: vec!["voucher".to_owned()],
        };
        Self { packs: vec![pack] }
    }
}

impl Example for NewOrder {
    fn example() -> Self {
        Self { pack: "reader-100".to_owned(), method: "voucher".to_owned(), claim: Base64Url([1; 32]) }
    }
}

impl Example for OrderView {
    fn example() -> Self {
        Self {
            id: Base64Url([2; 16]).encode(),
            state: OrderState::Issued,
            pack: "reader-100".to_owned(),
            count: 100,
            value_micros: 10_000,
            currency: euro(),
            price_minor: 100,
            method: "voucher".to_owned(),
            instructions: "Send a voucher code for this pack.".to_owned(),
            expires: NOT_BEFORE + 8 * 86_400,
            token_key_id: Some(Base64Url([3; 32])),
            request_digest: Some(Base64Url([4; 32])),
        }
    }
}

impl Example for VoucherPayment {
    fn example() -> Self {
        Self { code: "00000-00000-00000-00000-000000".to_owned() }
    }
}

impl Example for Jwk {
    fn example() -> Self {
        Self {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            x: Base64Url([6; 32]),
            kid: Base64Url([7; 32]).encode(),
            retired: false,
        }
    }
}

impl Example for JwkSet {
    fn example() -> Self {
        Self { keys: vec![Jwk::example()] }
    }
}

impl Example for Totals {
    fn example() -> Self {
        let key = KeyTotals {
            token_key_id: Base64Url([3; 32]),
            value_micros: 10_000,
            currency: euro(),
            tokens: 200,
            orders: Some(2),
            days: vec![DayTotal { day: "2026-11-21".to_owned(), tokens: 200, orders: Some(2) }],
        };
        Self {
            service: "issuer".to_owned(),
            issuer_name: "issuer.example".to_owned(),
            through: "2026-11-21".to_owned(),
            keys: vec![key],
        }
    }
}

impl Example for KeyListing {
    fn example() -> Self {
        let key = KeyEntry {
            token_key_id: Base64Url([3; 32]),
            token_key: Base64Url([8; 32]),
            value_micros: 10_000,
            currency: euro(),
            not_before: NOT_BEFORE,
            issue_until: ISSUE_UNTIL,
            redeem_until: REDEEM_UNTIL,
        };
        Self { issuer_name: "issuer.example".to_owned(), keys: vec![key] }
    }
}

impl Example for NewRedemption {
    fn example() -> Self {
        Self { tokens: vec![Base64Url([9; 162]).encode()], atomic: true }
    }
}

impl Example for RedemptionAnswer {
    fn example() -> Self {
        let receipt = serde_json::to_vec(&Receipt::example()).unwrap_or_default();
        Self {
            results: vec![TokenResult::Accepted],
            accepted: 1,
            credited: vec![credit(1)],
            replayed: false,
            receipt: Some(Envelope::example_of(RECEIPT_PAYLOAD_TYPE, receipt)),
        }
    }
}

impl Example for Receipt {
    fn example() -> Self {
        Self {
            redemption: Base64Url([10; 16]),
            publisher: publisher(),
            day: "2026-11-21".to_owned(),
            credited: vec![credit(1)],
        }
    }
}

impl Example for Balance {
    fn example() -> Self {
        let balance = SignedAmount { currency: euro(), micros: 11_980_000, tokens: 1_198 };
        let unstated = CreditEntry {
            day: "2026-11-21".to_owned(),
            currency: euro(),
            value_micros: 10_000,
            tokens: 1_200,
        };
        Self {
            publisher: publisher(),
            at: NOT_BEFORE + 86_399,
            credit: vec![credit(1_200)],
            balance: vec![balance],
            unstated: vec![unstated],
            last_statements: vec!["EUR.2026-11-20".to_owned()],
        }
    }
}

impl Example for StatementSummary {
    fn example() -> Self {
        Self {
            id: "EUR.2026-11-30".to_owned(),
            currency: euro(),
            from: "2026-11-21".to_owned(),
            through: "2026-11-30".to_owned(),
            closed: "2026-12-02".to_owned(),
            commission_basis_points: 500,
            carried_in_micros: 0,
            gross_micros: 11_980_000,
            fee_micros: 599_000,
            net_minor: 1_138,
            carried_micros: 1_000,
        }
    }
}

impl Example for StatementListing {
    fn example() -> Self {
        Self { publisher: publisher(), statements: vec![StatementSummary::example()] }
    }
}

impl Example for Statement {
    fn example() -> Self {
        let credit = StatementCredit { day: "2026-11-21".to_owned(), value_micros: 10_000, tokens: 1_200 };
        let adjustment = StatementAdjustment {
            id: Base64Url([11; 16]).encode(),
            day: "2026-11-22".to_owned(),
            value_micros: 10_000,
            tokens: -2,
            reason: "taken back".to_owned(),
        };
        Self {
            publisher: publisher(),
            summary: StatementSummary::example(),
            credits: vec![credit],
            adjustments: vec![adjustment],
        }
    }
}

impl Example for PayoutEntry {
    fn example() -> Self {
        Self {
            id: Base64Url([12; 16]).encode(),
            statement: "EUR.2026-11-30".to_owned(),
            currency: euro(),
            amount_minor: 1_138,
            reference: "farthing 2026-11".to_owned(),
            payout_reference: Some("DE02 1203 0000 0000 2020 51".to_owned()),
            reverses: None,
            made: "2027-01-02".to_owned(),
        }
    }
}

impl Example for PayoutListing {
    fn example() -> Self {
        Self { publisher: publisher(), payouts: vec![PayoutEntry::example()] }
    }
}

impl Example for PublisherData {
    fn example() -> Self {
        let statement = Statement::example();
        let adjusted = statement.adjustments.iter().map(|entry| AdjustmentEntry {
            id: entry.id.clone(),
            day: entry.day.clone(),
            currency: euro(),
            value_micros: entry.value_micros,
            tokens: entry.tokens,
            reason: entry.reason.clone(),
            made: "2026-11-23".to_owned(),
        });
        let credited = statement.credits.iter().map(|line| CreditEntry {
            day: line.day.clone(),
            currency: euro(),
            value_micros: line.value_micros,
            tokens: line.tokens,
        });
        let key = ApiKeyEntry {
            id: "0123456789abcdef".to_owned(),
            created: "2026-11-20".to_owned(),
            revoked: false,
        };
        let Balance { publisher, credit, balance, .. } = Balance::example();
        Self {
            publisher,
            name: "The Daily Example".to_owned(),
            payout_reference: Some("DE02 1203 0000 0000 2020 51".to_owned()),
            created: "2026-11-20".to_owned(),
            keys: vec![key],
            credit,
            balance,
            credits: credited.collect(),
            adjustments: adjusted.collect(),
            statements: vec![statement],
            payouts: vec![PayoutEntry::example()],
        }
    }
}

fn euro() -> String {
    "EUR".to_owned()
}

fn publisher() -> String {
    Base64Url([13; 16]).encode()
}

fn credit(tokens: u64) -> BalanceEntry {
    BalanceEntry { currency: euro(), micros: tokens * 10_000, tokens }
}
