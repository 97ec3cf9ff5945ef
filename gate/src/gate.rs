use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use farthing_protocol::{RedemptionHeader, Token};
use farthing_service::clock::{Clock, SystemClock};
use farthing_service::issuer_name::{self, InvalidIssuerName};
use thiserror::Error;

use crate::key_watch::KeyWatch;
use crate::origin::InvalidOrigin;
use crate::pass::{self, Scope};
use crate::payment::{Bucket, Refusal, check, idempotency_key};
use crate::prices::{Amount, Asked, Price};
use crate::receipts::Receipts;
use crate::redeemer::{Redeemer, Unsure};
use crate::secret::GateSecret;
use crate::till::{Purchase, Settlement, Till};
use crate::visit::Visit;

/// How long a question to the redeemer may take, in a site that says nothing of it.
const PATIENCE: Duration = Duration::from_secs(8);

/// Decides who is let in, and has tokens redeemed. It keeps nothing: what it must know of the past it reads from passes,
/// and asks the redeemer.
pub struct Gate {
    clock: Arc<dyn Clock>,
    secret: GateSecret,
    till: Arc<Till>,
    keys: KeyWatch,
}

/// What a gate needs that is part of a site: see [`Paywall`](crate::Paywall).
pub struct GateOptions<'a> {
    /// Where the redeemer is, such as `https://redeemer.example`.
    pub redeemer: &'a str,
    /// The publisher's API key there.
    pub api_key: &'a str,
    /// The issuer whose tokens are taken.
    pub issuer_name: &'a str,
    /// The key that signs passes: 32 random bytes, which stay the same, and are shared by all processes of the site.
    pub secret: &'a [u8; 32],
    /// The directory in which the redeemer's receipts are kept, if they are. No other process keeps its own there. A site that
    /// stops calls [`Gate::close`] then: without it, receipts that are on their way are missing for good.
    pub receipts: Option<&'a Path>,
}

/// Why a gate cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The redeemer's URL is none.
    #[error("redeemer: {0}")]
    Redeemer(#[from] InvalidOrigin),
    /// The issuer's name is none.
    #[error(transparent)]
    Issuer(#[from] InvalidIssuerName),
    /// The API key has other characters than such keys have, or over https there are no certificate authorities.
    #[error(transparent)]
    Connection(#[from] io::Error),
    /// The directory of the receipts cannot be made, or is another process's.
    #[error("receipts: {0}")]
    Receipts(io::Error),
}

/// What becomes of a visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Admission {
    /// The page costs nothing.
    Free,
    /// The page has a price, and shows something of itself all the same. Nobody has paid.
    Preview {
        /// What `WWW-Authenticate` says, if a payment is possible now.
        challenge: Option<String>,
    },
    /// The reader has a pass.
    Pass,
    /// The reader has just paid, or repeated a payment.
    Paid {
        /// What `Set-Cookie` says: the pass.
        cookie: String,
    },
    /// The page has a price, and another spelling than it was asked for in: it is to be asked for again, before anybody
    /// pays. Browsers send a pass to the spelling alone that it was given for.
    Respelled {
        /// Path and query.
        location: String,
    },
    /// The reader must pay. Nothing was spent.
    Refused {
        /// Why.
        refusal: Refusal,
        /// What is due.
        due: Amount,
        /// For how many seconds a payment opens the page.
        opens_for: u64,
        /// Whether the page shows something of itself to those who have not paid.
        has_preview: bool,
        /// What `WWW-Authenticate` says.
        challenge: String,
    },
}

/// It cannot be said whether a reader has paid: the same request later is right, and costs nothing twice.
#[derive(Debug, Error)]
pub(crate) enum Undecided {
    /// The redeemer did not say.
    #[error(transparent)]
    Redeemer(#[from] Unsure),
    /// The redeemer has not yet said which keys it accepts.
    #[error("the redeemer has not yet said which token keys it accepts")]
    NoKeys,
    /// No accepted key can pay a price.
    #[error(
        "no accepted token key can pay a price: its tokens must be worth a whole part of it, in its currency, and \
         not too many be needed"
    )]
    NoKeyPays,
}

impl Gate {
    /// A gate that has payments taken at `till`, and waits to be told its keys by [`KeyWatch::watch`] of [`Self::keys`].
    pub(crate) fn new(clock: Arc<dyn Clock>, secret: GateSecret, till: Till, keys: KeyWatch) -> Self {
        Self { clock, secret, till: Arc::new(till), keys }
    }

    /// A gate for a site of one's own. Within the Tokio runtime it asks the redeemer for its keys, and goes on asking as
    /// long as that runs.
    ///
    /// # Errors
    /// [`StartError`]. A redeemer that is away is none: readers are answered 503 until it is back.
    pub async fn start(options: GateOptions<'_>) -> Result<Arc<Self>, StartError> {
        let redeemer = Redeemer::new(options.redeemer.parse()?, options.api_key, PATIENCE)?;
        let keys = KeyWatch::new(issuer_name::parse(options.issuer_name)?, RedemptionHeader::MAX_TOKENS);
        let secret = GateSecret::from_bytes(options.secret);
        let receipts = options.receipts.map(|directory| Receipts::open(directory.to_owned(), |_| {}));
        let till = Till::new(redeemer, receipts.transpose().map_err(StartError::Receipts)?);
        let gate = Arc::new(Self::new(Arc::new(SystemClock), secret, till, keys));
        gate.keys.refresh(gate.redeemer()).await;
        let watching = Arc::clone(&gate);
        tokio::spawn(async move { watching.keys.watch(watching.redeemer(), |_| {}).await });
        Ok(gate)
    }

    /// The keys whose tokens are taken.
    pub(crate) fn keys(&self) -> &KeyWatch {
        &self.keys
    }

    /// The redeemer.
    pub(crate) fn redeemer(&self) -> &Redeemer {
        self.till.redeemer()
    }

    /// Begins to stop: what is being waited for is waited for no longer than [`close`](Self::close) says.
    pub(crate) fn stop(&self) {
        self.till.stop();
    }

    /// Finishes the payments that were begun and keeps their receipts, for as long as `patience`, counted from the beginning of
    /// the stop if that was told before. Receipts whose answer was lost are asked for once more. What may be missing then is
    /// said in the log. Without [`receipts`](GateOptions::receipts) there is nothing to wait for: a reader whose answer is lost
    /// repeats the payment.
    ///
    /// For a site that stops, once its server has ended and no payments begin, while the Tokio runtime still runs.
    pub async fn close(&self, patience: Duration) {
        self.till.close(patience).await;
    }

    /// Unix seconds.
    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }

    /// Whether a visit is let in. Tokens are spent only if the page has a price, there is no pass for it, and they are worth
    /// exactly what is due.
    ///
    /// # Errors
    /// [`Undecided`]; nothing is lost.
    pub(crate) async fn admit(&self, visit: &Visit, asked: Asked<'_>) -> Result<Admission, Undecided> {
        let Asked::Price(price, scope) = asked else { return Ok(Admission::Free) };
        if let (None, Some(location)) = (&visit.payment, visit.respelled()) {
            return Ok(Admission::Respelled { location });
        }
        let now = self.now();
        let opens = |value: &String| pass::opens(value, &self.secret, &scope, now);
        if visit.passes.iter().any(opens) {
            return Ok(Admission::Pass);
        }
        match &visit.payment {
            Some(tokens) => self.settle(tokens, price, &scope, now).await,
            None if price.preview => {
                let keys = self.keys.current();
                let challenge = keys.and_then(|keys| keys.www_authenticate(price.amount(), now));
                Ok(Admission::Preview { challenge })
            }
            None => self.refuse(Refusal::Unpaid { due: price.amount() }, price, now),
        }
    }

    /// Has tokens redeemed for what `price` opens at `scope`.
    async fn settle(
        &self,
        tokens: &Arc<[Token]>,
        price: &Price,
        scope: &Scope,
        now: u64,
    ) -> Result<Admission, Undecided> {
        let keys = self.keys.current().ok_or(Undecided::NoKeys)?;
        let refusal = match check(tokens, price.amount(), &keys, now) {
            Ok(()) => None,
            Err(refusal) if refusal.may_follow_payment() => Some(refusal),
            Err(refusal) => return self.refuse(refusal, price, now),
        };
        let key = |bucket| (bucket, idempotency_key(&self.secret, bucket, scope, price, tokens));
        let bucket = Bucket::of(now);
        let others = bucket.others().into_iter().map(key).collect();
        let purchase = Purchase { tokens: Arc::clone(tokens), refusal, now: key(bucket), others };
        match self.till.settle(purchase).await? {
            Settlement::Taken(span) => {
                let end = span.pass_end(price.pass_seconds());
                if now < end {
                    Ok(Admission::Paid { cookie: scope.cookie(&self.secret, end, now) })
                } else {
                    self.refuse(Refusal::Spent, price, now)
                }
            }
            Settlement::Refused(refusal) => self.refuse(refusal, price, now),
        }
    }

    fn refuse(&self, refusal: Refusal, price: &Price, now: u64) -> Result<Admission, Undecided> {
        let (due, opens_for) = (price.amount(), price.pass_seconds());
        let keys = self.keys.current().ok_or(Undecided::NoKeys)?;
        let challenge = keys.www_authenticate(due, now).ok_or(Undecided::NoKeyPays)?;
        Ok(Admission::Refused { refusal, due, opens_for, has_preview: price.preview, challenge })
    }
}
