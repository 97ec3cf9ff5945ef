//! Payments on their way to the redeemer, and their receipts on the way back.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use farthing_protocol::Token;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot, watch};

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
    /// Where payments go on: threads that serve connections end with these.
    runtime: Handle,
    /// Payments that are not finished.
    begun: watch::Sender<usize>,
    /// Since when the gate stops, if it does.
    stopping: watch::Sender<Option<Instant>>,
    /// Receipts that were asked for in vain since it does.
    given_up: AtomicUsize,
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
    /// Payments at this redeemer, as long as the Tokio runtime lives that this is called in; their receipts are kept, if they
    /// are.
    pub(crate) fn new(redeemer: Redeemer, receipts: Option<Receipts>) -> Self {
        Self {
            redeemer,
            receipts,
            lost: Semaphore::new(MOST_LOST),
            runtime: Handle::current(),
            begun: watch::Sender::new(0),
            stopping: watch::Sender::new(None),
            given_up: AtomicUsize::new(0),
        }
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
        let (told, settled) = oneshot::channel();
        let begun = Begun::count(Arc::clone(self));
        self.runtime.spawn(async move {
            let Begun(till) = &begun;
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

    /// The gate begins to stop: receipts whose answer was lost are asked for once more, at once.
    pub(crate) fn stop(&self) {
        self.stopping.send_if_modified(|since| {
            let begins = since.is_none();
            since.get_or_insert_with(Instant::now);
            begins
        });
    }

    /// Finishes what was begun, until `patience` after the gate began to stop. Says in the log how many receipts may be
    /// missing.
    pub(crate) async fn close(&self, patience: Duration) {
        let Some(receipts) = &self.receipts else { return };
        self.stop();
        let left = self.stopping.borrow().map_or(patience, |since| patience.saturating_sub(since.elapsed()));
        let mut begun = self.begun.subscribe();
        let finished = tokio::time::timeout(left, begun.wait_for(|begun| *begun == 0)).await;
        let unfinished = if finished.is_ok() { 0 } else { *self.begun.borrow() };
        let missing = unfinished + self.given_up.load(Ordering::Relaxed) + receipts.waiting();
        if missing > 0 {
            tracing::error!(
                missing,
                "the gate stops, and at most so many receipts are missing for good; the redeemer's own books have what was paid"
            );
        }
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
        let mut stopping = self.stopping.subscribe();
        let mut says_no = false;
        for pause in PAUSES {
            let stops = tokio::time::timeout(pause, stopping.wait_for(Option::is_some)).await.is_ok();
            says_no = true;
            for (_, key) in [&purchase.now].into_iter().chain(&purchase.others) {
                match self.redeemer.redeemed(key, purchase.tokens.len()).await {
                    Ok(Some(taken)) => return receipts.keep(taken.receipt.as_ref()).await,
                    Ok(None) => {}
                    Err(_) => says_no = false,
                }
            }
            if stops {
                // A question that the redeemer still works on may be answered with no, and then take them.
                self.given_up.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
        if !says_no {
            receipts.miss();
        }
    }
}

/// A payment that is counted until it is finished, or its task is dropped.
struct Begun(Arc<Till>);

impl Begun {
    fn count(till: Arc<Till>) -> Self {
        till.begun.send_modify(|begun| *begun += 1);
        Self(till)
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.begun.send_modify(|begun| *begun -= 1);
    }
}

impl fmt::Debug for Till {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Till").field("redeemer", &self.redeemer).finish_non_exhaustive()
    }
}
