use askama::Template;
use data_encoding::BASE64;
use farthing_protocol::{Currency, Day};
use farthing_service::language::Language;
use sha2::{Digest, Sha256};

use super::plot::Plot;
use super::texts::Texts;
use crate::ledger::{
    Account, BasisPoints, Due, LedgerOverflow, Outstanding, Payout, Statement, due, outstanding,
};
use crate::publishers::{ApiKeyId, ApiKeyRecord, PayoutReference, Publisher, PublisherName};

/// All of a page's style. It has no comments: askama passes it on as it is, and its digest is in the policy.
const STYLE: &str = include_str!("../../templates/dashboard.css");

/// A page in one language, and the policy under which browsers show it.
pub struct Page {
    language: Language,
}

/// What is shown to a publisher.
pub struct Shown<'a> {
    /// To whom.
    pub publisher: &'a Publisher,
    /// The key that it is signed in with.
    pub own_key: ApiKeyId,
    /// What it earned and was paid.
    pub account: &'a Account,
    /// Today.
    pub today: Day,
    /// The operator's share.
    pub commission: BasisPoints,
    /// How long statements are held.
    pub hold_days: u32,
    /// Whether every payout is in the store: where one may be missing, nobody is told what is to be paid.
    pub payouts_known: bool,
    /// A key that was made just now.
    pub new_key: Option<NewKey<'a>>,
    /// What was not done.
    pub notice: Option<Notice>,
}

/// An API key that is shown, once.
#[derive(Clone, Copy)]
pub struct NewKey<'a> {
    /// What it is called from then on.
    pub id: ApiKeyId,
    /// All of it.
    pub text: &'a str,
}

/// Why something was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// What was shown is no API key in force.
    KeyRefused,
    /// The form does not seem to come from one of these pages.
    OriginForeign,
    /// The browser's network address asks too often.
    TooManyRequests,
    /// Nobody knows whether it was done.
    Unavailable,
    /// Nobody knows whether a key was made, which nobody was shown then.
    KeyUnknown,
    /// There are as many keys as there may be.
    TooManyKeys,
    /// The key is the only one.
    LastKey,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The template failed.
    #[error("the page cannot be written: {0}")]
    Template(#[from] askama::Error),
    /// A sum is beyond 64 bits.
    #[error(transparent)]
    Ledger(#[from] LedgerOverflow),
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    tag: &'static str,
    style: &'static str,
    texts: &'static Texts,
    notice: Option<NoticeView>,
}

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Dashboard<'a> {
    tag: &'static str,
    style: &'static str,
    texts: &'static Texts,
    name: &'a str,
    notice: Option<NoticeView>,
    new_key: Option<NewKey<'a>>,
    plots: Vec<PlotView>,
    payouts_known: bool,
    paid_to: Option<&'a str>,
    sums: Vec<Sum>,
    statements: Vec<StatementRow>,
    payouts: Vec<PayoutRow>,
    tables: [(&'static str, &'static str); 3],
    keys: Vec<KeyRow>,
}

struct NoticeView {
    text: &'static str,
    /// Whether the page is to be opened anew, which is not to send a form again.
    opens_anew: bool,
}

struct PlotView {
    currency: Currency,
    total: String,
    top: String,
    first: String,
    last: String,
    bars: Vec<BarView>,
    rows: Vec<(String, String)>,
}

struct BarView {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
    label: String,
}

struct Sum {
    currency: String,
    credited: String,
    balance: String,
    open: String,
}

struct StatementRow {
    id: String,
    from: Day,
    through: Day,
    gross: String,
    fee: String,
    net: String,
    unpaid: String,
    payable_from: String,
}

struct PayoutRow {
    made: Day,
    statement: String,
    amount: String,
    reference: String,
}

struct KeyRow {
    id: ApiKeyId,
    created: Day,
    state: &'static str,
    may_be_revoked: bool,
}

impl Page {
    /// Pages in this language.
    pub const fn new(language: Language) -> Self {
        Self { language }
    }

    /// The policy of every page: its own style and forms to this very service, and nothing else.
    pub fn policy() -> String {
        let digest = BASE64.encode(&Sha256::digest(STYLE));
        format!(
            "default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
    }

    /// The page that asks for an API key.
    ///
    /// # Errors
    /// [`RenderError::Template`].
    pub fn sign_in(&self, notice: Option<Notice>) -> Result<String, RenderError> {
        let (tag, texts) = (self.language.tag(), self.texts());
        Ok(SignIn { tag, style: STYLE, texts, notice: notice.map(|notice| self.notice(notice)) }.render()?)
    }

    /// A publisher's page.
    ///
    /// # Errors
    /// [`RenderError`].
    pub fn dashboard(&self, shown: &Shown<'_>) -> Result<String, RenderError> {
        let texts = self.texts();
        let Shown { publisher, account, today, .. } = shown;
        let due = due(&account.statements, &account.payouts, *today, shown.hold_days, |_| false)?;
        let plots = Plot::all(&account.entries.credits, *today);
        // The newest first.
        let statements = account.statements.iter().rev().map(|statement| self.statement(statement, &due));
        let payouts = account.payouts.iter().rev().map(|payout| self.payout(payout));
        Ok(Dashboard {
            tag: self.language.tag(),
            style: STYLE,
            texts,
            name: publisher.name().map_or("", PublisherName::as_str),
            notice: shown.notice.map(|notice| self.notice(notice)),
            new_key: shown.new_key,
            plots: plots.iter().map(|plot| self.plot(plot)).collect(),
            payouts_known: shown.payouts_known,
            paid_to: publisher.payout_reference().map(PayoutReference::as_str),
            sums: self.sums(shown)?,
            statements: statements.collect(),
            payouts: payouts.collect(),
            tables: [
                (texts.redemptions, "redemptions"),
                (texts.statements, "statements"),
                (texts.payouts, "payouts"),
            ],
            keys: self.keys(shown),
        }
        .render()?)
    }

    const fn texts(&self) -> &'static Texts {
        Texts::of(self.language)
    }

    const fn notice(&self, notice: Notice) -> NoticeView {
        let texts = self.texts();
        let (text, opens_anew) = match notice {
            Notice::KeyRefused => (texts.key_refused, false),
            Notice::OriginForeign => (texts.origin_foreign, false),
            Notice::TooManyRequests => (texts.too_many_requests, true),
            Notice::Unavailable => (texts.unavailable, true),
            Notice::KeyUnknown => (texts.key_unknown, true),
            Notice::TooManyKeys => (texts.too_many_keys, false),
            Notice::LastKey => (texts.last_key, false),
        };
        NoticeView { text, opens_anew }
    }

    fn amount(&self, currency: Currency, micros: i128) -> String {
        format!("{}\u{a0}{currency}", currency.decimal(micros, self.language.decimal()))
    }

    fn minor(&self, currency: Currency, minor: i128) -> String {
        self.amount(currency, minor * i128::from(currency.minor_unit_micros()))
    }

    fn plot(&self, plot: &Plot) -> PlotView {
        let amount = |micros| self.amount(plot.currency, micros);
        let bars = plot.bars.iter().map(|bar| BarView {
            x: bar.x,
            y: bar.y,
            width: bar.width,
            height: bar.height,
            label: format!("{}: {}", bar.day, amount(bar.micros)),
        });
        let day = |bar: Option<&super::plot::Bar>| bar.map(|bar| bar.day.to_string()).unwrap_or_default();
        let rows = plot.bars.iter().map(|bar| (bar.day.to_string(), amount(bar.micros)));
        PlotView {
            currency: plot.currency,
            total: amount(plot.total_micros),
            top: amount(plot.top_micros),
            first: day(plot.bars.first()),
            last: day(plot.bars.last()),
            bars: bars.collect(),
            rows: rows.collect(),
        }
    }

    fn sums(&self, shown: &Shown<'_>) -> Result<Vec<Sum>, RenderError> {
        let Shown { publisher, account, today, commission, .. } = shown;
        let open = outstanding(publisher.id, *today, *commission, account)?;
        let credit = account.entries.credit().map_err(|_| LedgerOverflow)?;
        let balance = account.entries.balance()?;
        let sum = |of_it: &farthing_api::SignedAmount| {
            // It was written from a currency.
            let currency: Currency = of_it.currency.parse().ok()?;
            let credited = credit.iter().find(|line| line.currency == of_it.currency);
            let open = open.iter().find(|open| open.currency == currency);
            Some(Sum {
                currency: of_it.currency.clone(),
                credited: self.amount(currency, credited.map_or(0, |line| line.micros.into())),
                balance: self.amount(currency, of_it.micros.into()),
                open: self.minor(currency, open.map_or(0, |Outstanding { minor, .. }| (*minor).into())),
            })
        };
        Ok(balance.iter().filter_map(sum).collect())
    }

    fn statement(&self, statement: &Statement, due: &[Due]) -> StatementRow {
        let currency = statement.currency;
        let unpaid = due.iter().find(|due| due.statement == statement.id());
        StatementRow {
            id: statement.id().to_string(),
            from: statement.from,
            through: statement.through,
            gross: self.amount(currency, statement.gross_micros.into()),
            fee: self.amount(currency, statement.fee_micros.into()),
            net: self.minor(currency, statement.net_minor.into()),
            unpaid: self.minor(currency, unpaid.map_or(0, |due| due.unpaid_minor.into())),
            payable_from: unpaid.map(|due| due.payable_from.to_string()).unwrap_or_default(),
        }
    }

    fn payout(&self, payout: &Payout) -> PayoutRow {
        let reference = payout.reference.as_str();
        PayoutRow {
            made: payout.made,
            statement: payout.statement.to_string(),
            amount: self.minor(payout.statement.currency, payout.amount_minor.into()),
            reference: match payout.reverses {
                Some(_) => format!("{}: {reference}", self.texts().reversed),
                None => reference.to_owned(),
            },
        }
    }

    fn keys(&self, shown: &Shown<'_>) -> Vec<KeyRow> {
        let texts = self.texts();
        let is_last = shown.publisher.keys_in_force().count() < 2;
        let row = |key: &ApiKeyRecord| KeyRow {
            id: key.id,
            created: key.created,
            state: match key {
                key if key.revoked => texts.revoked,
                key if key.id == shown.own_key => texts.this_session,
                _ => texts.in_force,
            },
            may_be_revoked: !key.revoked && !is_last,
        };
        // The newest first.
        shown.publisher.keys.iter().rev().map(row).collect()
    }
}

#[cfg(test)]
mod tests;
