//! A request that is repeated until it is answered, as every client of ours must be able to do.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use farthing_api::NewRedemption;
use serde_json::Value;

use super::ledger::Ledger;
use super::random::Random;
use super::services::Services;
use crate::http::{self, Answer};
use crate::programs::Program;
use crate::{Publisher, Redeemed};

/// Longest wait for an answer once everything is healed.
const PATIENCE: Duration = Duration::from_secs(90);
/// Longest wait for clients to come on before the next thing fails.
const RESPITE: Duration = Duration::from_secs(4);

/// What all clients of a run share.
pub(super) struct Shared<'a> {
    pub(super) services: Services<'a>,
    pub(super) publishers: Vec<Publisher>,
    /// No new operation is begun.
    pub(super) is_over: AtomicBool,
    answers: AtomicU64,
    healed: Mutex<Option<Instant>>,
}

impl<'a> Shared<'a> {
    pub(super) fn new(services: Services<'a>, publishers: Vec<Publisher>) -> Self {
        Self {
            services,
            publishers,
            is_over: AtomicBool::new(false),
            answers: AtomicU64::new(0),
            healed: Mutex::new(None),
        }
    }

    /// Whether no new operation is begun.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// Says that nothing fails any more.
    pub(super) fn heal(&self) {
        *self.healed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Waits until some requests were answered, or a few seconds if none is: where something fails all the time, nobody gets
    /// far enough to be wronged.
    pub(super) fn let_clients_come_on(&self, answers: u64) {
        let (began, before) = (Instant::now(), self.answers.load(Ordering::SeqCst));
        while self.answers.load(Ordering::SeqCst) < before + answers
            && began.elapsed() < RESPITE
            && !self.is_over()
        {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn has_given_up(&self) -> bool {
        let healed = *self.healed.lock().unwrap_or_else(PoisonError::into_inner);
        healed.is_some_and(|healed| healed.elapsed() > PATIENCE)
    }
}

/// What an answer means to who asked.
pub(super) enum Verdict<T> {
    /// It is an answer.
    Answered(T),
    /// Nothing is known, or the store that answered was behind: ask again.
    Again(String),
    /// No service may say that.
    Wrong(String),
}

/// One client, or a part of it that asks at the same time as another part.
pub(super) struct Asker<'a> {
    pub(super) shared: &'a Shared<'a>,
    pub(super) random: Random,
    pub(super) ledger: Ledger,
}

impl<'a> Asker<'a> {
    pub(super) fn new(shared: &'a Shared<'a>, random: Random) -> Self {
        Self { shared, random, ledger: Ledger::default() }
    }

    /// Another part of the same client.
    pub(super) fn part(&mut self) -> Self {
        Self::new(self.shared, self.random.fork())
    }

    /// Asks one process of a service after the other until there is an answer. Without one, in time after everything was
    /// healed, what was promised is lost.
    pub(super) fn persist<T>(
        &mut self,
        what: &str,
        program: Program,
        mut ask: impl FnMut(&str) -> Verdict<T>,
    ) -> Option<T> {
        let mut is_repeated = false;
        loop {
            let url = self.shared.services.url(program, self.random.below(8));
            match ask(&url) {
                Verdict::Answered(answer) => {
                    self.ledger.resolved += u64::from(is_repeated);
                    self.shared.answers.fetch_add(1, Ordering::SeqCst);
                    return Some(answer);
                }
                Verdict::Wrong(answer) => {
                    self.ledger.wrong.push(format!("{what}: {answer}"));
                    return None;
                }
                Verdict::Again(cause) if self.shared.has_given_up() => {
                    self.ledger.lost.push(format!("{what}: {cause}"));
                    return None;
                }
                Verdict::Again(_) => {
                    is_repeated = true;
                    std::thread::sleep(self.random.time(20, 120));
                }
            }
        }
    }

    /// Sends a redemption until it is answered: accepted, and whether that is an earlier answer; or refused.
    pub(super) fn redeem(&mut self, publisher: usize, key: &str, tokens: &[String]) -> Option<Outcome> {
        let body = NewRedemption { tokens: tokens.to_vec(), atomic: true };
        self.post_redemption(publisher, key, &body)
    }

    /// The same, of a body that says whether all tokens are to be taken or none.
    pub(super) fn post_redemption(
        &mut self,
        publisher: usize,
        key: &str,
        body: &NewRedemption,
    ) -> Option<Outcome> {
        let publisher = self.shared.publishers.get(publisher)?;
        self.persist("redemption", Program::Redeemer, |redeemer| {
            let answer = match publisher.post(redeemer, key, body) {
                Ok(Redeemed { status: 503 | 429, body }) => return Verdict::Again(body.to_string()),
                Ok(answer) => answer,
                Err(error) => return Verdict::Again(format!("{error:#}")),
            };
            let results: Vec<String> = match &answer.body["results"] {
                Value::Array(results) => {
                    results.iter().filter_map(|result| result.as_str().map(str::to_owned)).collect()
                }
                _ => Vec::new(),
            };
            match answer.status {
                200 => Verdict::Answered(Outcome::Accepted {
                    is_replayed: answer.body["replayed"] == Value::Bool(true),
                }),
                // A key that the other process has made is seen a second later.
                409 if results.iter().any(|result| result == "unknown-key") => {
                    Verdict::Again("unknown-key".to_owned())
                }
                409 if !results.is_empty() => Verdict::Answered(Outcome::Refused(results)),
                // The publisher was added before anything failed.
                401 => Verdict::Again(answer.body.to_string()),
                status => Verdict::Wrong(format!("{status} {}", answer.body)),
            }
        })
    }
}

/// How a redemption was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All tokens were taken.
    Accepted {
        /// Whether the answer is an earlier one.
        is_replayed: bool,
    },
    /// What was said of each token.
    Refused(Vec<String>),
}

/// An answer that says anything; the others mean that nothing is known, or that something is very wrong.
pub(super) fn told<T>(answer: anyhow::Result<Answer>) -> Result<Answer, Verdict<T>> {
    match answer {
        Ok(answer) if matches!(answer.status, 503 | 429) => Err(Verdict::Again(answer.json().to_string())),
        Ok(answer) if answer.status >= 500 => Err(Verdict::Wrong(said(&answer))),
        Ok(answer) => Ok(answer),
        Err(error) => Err(Verdict::Again(format!("{error:#}"))),
    }
}

/// An answer in words.
pub(super) fn said(answer: &Answer) -> String {
    format!("{} {}", answer.status, answer.json())
}

/// `POST` of JSON without headers.
pub(super) fn post(url: &str, body: &Value) -> anyhow::Result<Answer> {
    http::post_json(url, &[], body)
}
