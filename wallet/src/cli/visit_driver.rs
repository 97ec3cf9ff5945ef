use super::failure::{Exit, Failure};
use super::report::note;
use super::session::{OpenWallet, Session};
use crate::http_client::OpenAnswer;
use crate::plural::counted;
use crate::visit::{Ending, Step, Visit, VisitError};

/// The most bytes of an answer that is no page: words of a gate, or a site's error page.
const MAX_WORDS: u64 = 256 * 1024;

/// Takes every step of a visit with this session's file and connections. With [`Ending::Page`] comes the answer whose body
/// is the page.
pub(super) fn drive(
    session: &Session,
    wallet: &mut OpenWallet,
    visit: &mut Visit,
) -> Result<(Ending, Option<OpenAnswer>), Failure> {
    let mut page = None;
    loop {
        let now = session.environment.clock.now();
        match visit.next(&wallet.state, now)? {
            Step::Save(point) => session.save(&wallet.file, &wallet.state, point.step())?,
            Step::Send { request, pays } => {
                // What was not read of the answer before is of no interest any more.
                page = None;
                let answer = match session.open_page(&request, pays) {
                    Ok(answer) if (200..300).contains(&answer.head.status) => {
                        let head = answer.head.clone();
                        page = Some(answer);
                        Ok(head)
                    }
                    // What it says in words may break off; what it says in its head does not.
                    Ok(answer) => {
                        let head = answer.head.clone();
                        Ok(answer.whole(MAX_WORDS).unwrap_or(head))
                    }
                    Err(failure) => Err(failure),
                };
                if pays && answer.is_ok() {
                    session.environment.step("wallet.payment.answered");
                }
                visit.receive(&mut wallet.state, answer, session.environment.clock.now())?;
            }
            Step::Wait { seconds, reason } => {
                let again = counted(seconds, "second");
                note(session.global.json, &format!("{reason}. The same payment is sent again in {again}."));
                session.environment.clock.wait(seconds);
            }
            Step::Finished(ending) => return Ok((ending, page)),
        }
    }
}

impl From<VisitError> for Failure {
    fn from(error: VisitError) -> Self {
        Self::new(Exit::Failed, error.to_string())
    }
}
