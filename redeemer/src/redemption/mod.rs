//! Redeeming tokens: reading the request, judging each token, and what becomes of them all together.
//!
//! `redeem` brings the request, the keyring, the time and the store together; everything else here is pure.

mod answer;
mod idempotency;
mod judgement;
mod redeem;
mod request;
mod settlement;
mod spent_mark;

pub use answer::Answer;
pub use idempotency::{IdempotencyKey, IdempotencyMac, IdempotencySecret, RequestMac};
pub use judgement::{FoundKey, Judged, Judgement, KeyFacts, judge};
#[cfg(any(test, feature = "bench-support"))]
pub use request::SubmittedToken;
pub use request::{MAX_BODY, RedemptionRequest};
pub use settlement::{CreditOverflow, accepted_by_key, credited, settle, sum_by_currency};
pub use spent_mark::SpentMark;
