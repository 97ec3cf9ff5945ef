//! Payments on their way to the redeemer, and their receipts on the way back.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use farthing_protocol::Token;
use tokio::sync::{Semaphore, oneshot};

use crate::payment::{Bucket, Refusal};
use crate::receipts::Receipts;
use crate::redeemer::{Redeemer, Redemption, Taken, Unsure};

/// How long after an answer that did not come the redeemer is asked whether it took the tokens, and then again.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(25)];
/// Most payments that are asked about like this at a time.
const MOST_LOST: usize = 256;

/// Has tokens redeemed and keeps the receipts. What it has begun goes on without the reader, who may have gone away.
pub(crate) struct Till {
    redeemer: Redeemer,
    receipts: Option<Receipts>,
    lost: Semaphore,
}

/// Tokens, and what the redeemer may know them by.
pub(crate) struct Purchase {
    pub(crate) tokens: Arc<[Token]>,
    /// Why they cannot be taken now, if that is seen without the redeemer. They may have been taken before.
    pub(crate) refusal: Option<Refusal>,
    /// The span that is now, with its Idempotency-Key.
    pub(crate) now: (Bucket, String),
    /// The other spans in which they may have been taken.
    pub(crate) others: Vec<(Bucket, String)>,
}

/// What became of a purchase.
pub(crate) enum Settlement {
    /// The tokens were taken in this span.
    Taken(Bucket),
    /// They were not taken, now or lately.
    Refused(Refusal),
}

impl Till {
    /// Payments at this redeemer; their receipts are kept, if they are.
    pub(crate) fn new(redeemer: Redeemer, receipts: Option<Receipts>) -> Self {
        Self { redeemer, receipts, lost: Semaphore::new(MOST_LOST) }
    }

    /// The redeemer.
    pub(crate) fn redeemer(&self) -> &Redeemer {
        &self.redeemer
    }

    /// Has the tokens of a purchase taken, or finds out that they were. The receipt is kept before this is over; if the
    /// redeemer does not say what it did, it is asked for afterwards.
    ///
    /// # Errors
    /// [`Unsure`].
    pub(crate) async fn settle(self: &Arc<Self>, purchase: Purchase) -> Result<Settlement, Unsure> {
        let till = Arc::clone(self);
        let (told, settled) = oneshot::channel();
        tokio::spawn(async move {
            let settled = till.ask(&purchase).await;
            let is_lost = settled.as_ref().is_err_and(Unsure::may_have_taken);
            // Whoever does not wait any more has the tokens taken all the same: the redeemer has them.
            let _ = told.send(settled);
            if is_lost {
                till.look_for_receipt(&purchase).await;
            }
        });
        settled.await.unwrap_or(Err(Unsure::Stopped))
    }

    async fn ask(&self, purchase: &Purchase) -> Result<Settlement, Unsure> {
        let Purchase { tokens, refusal, now: (bucket, key), others } = purchase;
        let (refusal, asks_for_this) = match refusal {
            Some(refusal) => (Ok(*refusal), true),
            None => match self.redeemer.redeem(key, tokens).await {
                Ok(Redemption::Taken(taken)) => return Ok(self.taken(taken, *bucket).await),
                Ok(Redemption::Refused(refusal)) if refusal.may_follow_payment() => (Ok(refusal), false),
                Ok(Redemption::Refused(refusal)) => return Ok(Settlement::Refused(refusal)),
                Err(unsure @ Unsure::NothingNew(_)) => (Err(unsure), true),
                Err(unsure) => return Err(unsure),
            },
        };
        // Perhaps they were taken for this page a short while ago, and the answer was lost.
        let this = asks_for_this.then_some(&purchase.now);
        for (bucket, key) in this.into_iter().chain(others) {
            if let Some(taken) = self.redeemer.redeemed(key, tokens.len()).await? {
                return Ok(self.taken(taken, *bucket).await);
            }
        }
        refusal.map(Settlement::Refused)
    }

    async fn taken(&self, taken: Taken, bucket: Bucket) -> Settlement {
        if let Some(receipts) = &self.receipts {
            receipts.keep(taken.receipt.as_ref()).await;
        }
        Settlement::Taken(bucket)
    }

    /// Keeps the receipt of tokens that may have been taken, as soon as the redeemer says under which key.
    async fn look_for_receipt(&self, purchase: &Purchase) {
        let Some(receipts) = &self.receipts else { return };
        let Ok(_place) = self.lost.try_acquire() else { return receipts.miss() };
        let mut says_no = false;
        for pause in PAUSES {
            tokio::time::sleep(pause).await;
            says_no = true;
            for (_, key) in [&purchase.now].into_iter().chain(&purchase.others) {
                match self.redeemer.redeemed(key, purchase.tokens.len()).await {
                    Ok(Some(taken)) => return receipts.keep(taken.receipt.as_ref()).await,
                    Ok(None) => {}
                    Err(_) => says_no = false,
                }
            }
        }
        if !says_no {
            receipts.miss();
        }
    }
}

impl fmt::Debug for Till {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Till").field("redeemer", &self.redeemer).finish_non_exhaustive()
    }
}
