use clap::ValueEnum;

/// What a run compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Work {
    /// The issuer: blinded elements to evaluated elements and their proof
    Issue,
    /// The redeemer: token inputs and authenticators to yes or no
    Redeem,
    /// The client: blinding, then the check of the proof with unblinding
    Client,
}

/// What is timed: a work, or one half of the client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Issue,
    Redeem,
    Blind,
    Finalize,
}

impl Work {
    pub(crate) const fn steps(self) -> &'static [Step] {
        match self {
            Self::Issue => &[Step::Issue],
            Self::Redeem => &[Step::Redeem],
            Self::Client => &[Step::Blind, Step::Finalize],
        }
    }
}

impl Step {
    /// The work it is part of, and its own name where the work has several.
    pub(crate) const fn names(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Issue => ("issue", None),
            Self::Redeem => ("redeem", None),
            Self::Blind => ("client", Some("blind")),
            Self::Finalize => ("client", Some("finalize")),
        }
    }

    /// The part of a pass's answer that depends on key, inputs and blinds alone: no random proof, no framing.
    pub(crate) fn values(self, answer: &[u8], batch: usize) -> &[u8] {
        match self {
            Self::Redeem => &[],
            Self::Finalize => answer,
            Self::Blind => &answer[answer.len().saturating_sub(32 * batch)..],
            Self::Issue => {
                let proof = answer.len().saturating_sub(64);
                &answer[proof.saturating_sub(32 * batch)..proof]
            }
        }
    }
}
