//! What was answered once is true for ever.

use farthing_api::NewRedemption;

use super::asker::{Asker, Outcome};
use super::ledger::Accepted;

impl Asker<'_> {
    /// The answer to a redemption is still there.
    pub(super) fn check_kept(&mut self, earlier: &Accepted) {
        match self.redeem(earlier.publisher, &earlier.key, &earlier.tokens) {
            None | Some(Outcome::Accepted { is_replayed: true }) => {}
            Some(Outcome::Accepted { is_replayed: false }) => {
                self.ledger.lost.push("an accepted redemption was forgotten, and accepted anew".to_owned());
            }
            Some(Outcome::Refused(results)) => {
                self.ledger.lost.push(format!("an accepted redemption was refused later: {results:?}"));
            }
        }
    }

    /// Accepted tokens are spent.
    pub(super) fn check_spent(&mut self, publisher: usize, key: &str, tokens: &[String]) {
        let body = NewRedemption { tokens: tokens.to_vec(), atomic: false };
        match self.post_redemption(publisher, key, &body) {
            Some(Outcome::Accepted { .. }) => {
                self.ledger.double.push(format!("{} accepted tokens were accepted again", tokens.len()));
            }
            Some(Outcome::Refused(results)) => {
                let again = results.iter().filter(|result| *result == "accepted").count();
                if again > 0 {
                    self.ledger.double.push(format!("{again} accepted tokens were accepted again"));
                } else if results.iter().any(|result| result != "spent") {
                    self.ledger.wrong.push(format!("accepted tokens were refused otherwise: {results:?}"));
                }
            }
            None => {}
        }
    }
}
