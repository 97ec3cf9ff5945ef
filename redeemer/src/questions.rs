//! How many questions requests may have in flight to the store, beside those of redemptions, which have
//! [places](crate::places): a store that is slow must not collect questions without end, nor the answers' memory.

use farthing_api::ProblemKind;
use farthing_service::problem::ProblemResponse;
use farthing_service::unavailable::Unavailable;
use tokio::sync::Semaphore;

/// At a time. A store that answers in a millisecond answers a million of them in a second.
const MOST: usize = 1_024;

/// Counts the questions in flight.
pub struct Questions(Semaphore);

impl Questions {
    /// None is in flight.
    pub fn new() -> Self {
        Self(Semaphore::new(MOST))
    }

    /// Asks `question`, if there is room for one more.
    ///
    /// # Errors
    /// 503 at once when there is none, or the store does not answer.
    pub async fn ask<T>(
        &self,
        question: impl Future<Output = Result<T, Unavailable>>,
    ) -> Result<T, ProblemResponse> {
        let _room = self.0.try_acquire().map_err(|_| {
            let detail = "as many questions wait for the store as the service has at a time; repeat the same request, \
                          which is safe";
            ProblemResponse::new(ProblemKind::TooManyAtOnce, detail)
        })?;
        Ok(question.await?)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn one_question_too_many_is_refused_at_once() {
        let questions = std::sync::Arc::new(Questions::new());
        let (mut answers, mut waiting) = (Vec::new(), tokio::task::JoinSet::new());
        for _ in 0..MOST {
            let (answer, answered) = oneshot::channel::<()>();
            answers.push(answer);
            let questions = std::sync::Arc::clone(&questions);
            waiting.spawn(async move {
                questions
                    .ask(async { answered.await.map_err(Unavailable::because) })
                    .await
                    .map_err(|refused| refused.to_string())
            });
        }
        while questions.0.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let refused = questions.ask(async { Ok(()) }).await.unwrap_err();
        assert_eq!(refused.problem().kind, ProblemKind::TooManyAtOnce.uri());
        for answer in answers {
            answer.send(()).unwrap();
        }
        assert!(waiting.join_all().await.iter().all(Result::is_ok));
        questions.ask(async { Ok(()) }).await.unwrap();
    }
}
