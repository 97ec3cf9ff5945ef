use farthing_api::{Problem, ProblemKind, TokenResult};

use crate::prices::Amount;

/// Why tokens did not pay. Nothing was spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The page has a price, and there were no tokens.
    Unpaid {
        /// The price.
        due: Amount,
    },
    /// They are worth more or less than the price.
    Amount {
        /// What they are worth, in micros.
        paid: i128,
        /// The price.
        due: Amount,
    },
    /// They are of another currency.
    OtherCurrency {
        /// The price.
        due: Amount,
    },
    /// What was pasted are no tokens.
    Unreadable,
    /// One stands twice in the payment.
    Twice,
    /// One was spent before.
    Spent,
    /// The time of one's key is over.
    Expired,
    /// The key of one was revoked.
    Revoked,
    /// No accepted key issued one.
    KeyUnknown,
    /// One is an answer to another challenge.
    OtherChallenge,
    /// One is forged.
    Invalid,
}

impl Refusal {
    /// Why tokens were refused that have these results; `None` when none of them says why.
    pub fn of_results(results: &[TokenResult]) -> Option<Self> {
        // The worst first: what can never pay is told before what was paid with.
        let order = [
            (TokenResult::Invalid, Self::Invalid),
            (TokenResult::UnknownKey, Self::KeyUnknown),
            (TokenResult::Revoked, Self::Revoked),
            (TokenResult::Expired, Self::Expired),
            (TokenResult::Spent, Self::Spent),
        ];
        order.into_iter().find(|(result, _)| results.contains(result)).map(|(_, refusal)| refusal)
    }

    /// Whether tokens may be refused like this that were taken together a short while ago, for the same page: they are
    /// spent then, and the time of their key may have come to an end.
    pub const fn may_follow_payment(self) -> bool {
        match self {
            Self::Spent | Self::Expired | Self::Revoked | Self::KeyUnknown => true,
            Self::Unpaid { .. }
            | Self::Amount { .. }
            | Self::OtherCurrency { .. }
            | Self::Unreadable
            | Self::Twice
            | Self::OtherChallenge
            | Self::Invalid => false,
        }
    }

    /// The problem, in words for the person who reads.
    pub fn problem(self) -> Problem {
        let again = "nothing was spent now; pay with other tokens";
        let (kind, detail) = match self {
            Self::Unpaid { due } => {
                (ProblemKind::PaymentRequired, format!("this page costs {due}; show tokens of that value"))
            }
            Self::Amount { paid, due } => {
                let paid = due.currency.decimal(paid, '.');
                let currency = due.currency;
                (
                    ProblemKind::PaymentAmount,
                    format!(
                        "this page costs {due}, and the tokens are worth {paid} {currency}; nothing was spent; pay \
                         exactly {due}, because a gate gives no change"
                    ),
                )
            }
            Self::OtherCurrency { due } => (
                ProblemKind::PaymentAmount,
                format!("this page costs {due}, and a token is of another currency; {again}"),
            ),
            Self::Unreadable => (
                ProblemKind::PaymentMalformed,
                format!("what was sent are no tokens, of base64url and one a line; {again}"),
            ),
            Self::Twice => (ProblemKind::TokenSpent, format!("a token stands twice in the payment; {again}")),
            Self::Spent => (
                ProblemKind::TokenSpent,
                format!(
                    "a token was spent before: for another page, or for this one longer ago than a payment can be \
                     repeated; {again}"
                ),
            ),
            Self::Expired => {
                (ProblemKind::TokenExpired, format!("a token is too old to be taken anywhere; {again}"))
            }
            Self::Revoked => (
                ProblemKind::TokenRevoked,
                format!("the key of a token was revoked, so that it is taken nowhere; {again}"),
            ),
            Self::KeyUnknown => (
                ProblemKind::TokenKeyUnknown,
                format!("a token is of another issuer, or too old to be taken; {again}"),
            ),
            Self::OtherChallenge => (
                ProblemKind::TokenInvalid,
                format!("a token was made for another issuer's or another site's challenge; {again}"),
            ),
            Self::Invalid => (ProblemKind::TokenInvalid, format!("a token is not genuine; {again}")),
        };
        Problem::new(kind, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_a_401_that_says_what_to_do() {
        let due = Amount { micros: 50_000.try_into().unwrap(), currency: "EUR".parse().unwrap() };
        for refusal in [
            Refusal::Unpaid { due },
            Refusal::Amount { paid: 40_000, due },
            Refusal::OtherCurrency { due },
            Refusal::Unreadable,
            Refusal::Twice,
            Refusal::Spent,
            Refusal::Expired,
            Refusal::Revoked,
            Refusal::KeyUnknown,
            Refusal::OtherChallenge,
            Refusal::Invalid,
        ] {
            let problem = refusal.problem();
            assert_eq!(problem.status, if refusal == Refusal::Unreadable { 400 } else { 401 }, "{refusal:?}");
            let says = problem.detail.contains("nothing was spent") || problem.detail.contains("show tokens");
            assert!(says, "{}", problem.detail);
        }
        let problem = Refusal::Amount { paid: 40_000, due }.problem();
        assert!(problem.detail.contains("costs 0.05 EUR") && problem.detail.contains("worth 0.04 EUR"));
    }

    #[test]
    fn the_worst_result_is_told() {
        use TokenResult::{Accepted, Expired, Invalid, NotTried, Revoked, Spent, UnknownKey};
        for (results, refusal) in [
            (&[Accepted, Accepted][..], None),
            (&[NotTried, Spent], Some(Refusal::Spent)),
            (&[Spent, Expired], Some(Refusal::Expired)),
            (&[Expired, Revoked], Some(Refusal::Revoked)),
            (&[Revoked, UnknownKey], Some(Refusal::KeyUnknown)),
            (&[UnknownKey, Invalid, Spent], Some(Refusal::Invalid)),
        ] {
            assert_eq!(Refusal::of_results(results), refusal);
        }
    }
}
