use farthing_service::language::Language;

use crate::payment::Refusal;

/// The page's words in one language.
pub(super) struct Texts {
    pub(super) costs: &'static str,
    pub(super) what: &'static str,
    pub(super) opens_for: &'static str,
    pub(super) how: &'static str,
    pub(super) command: &'static str,
    pub(super) copy: &'static str,
    pub(super) copied: &'static str,
    pub(super) paste: &'static str,
    pub(super) pay: &'static str,
    pub(super) wallet: &'static str,
    minutes: [&'static str; 2],
    hours: [&'static str; 2],
    days: [&'static str; 2],
    amount: &'static str,
    spent: &'static str,
    expired: &'static str,
    revoked: &'static str,
    foreign: &'static str,
    unreadable: &'static str,
}

const ENGLISH: Texts = Texts {
    costs: "This page costs",
    what: "You pay with tokens that you have bought before. They are like coins: nobody can tell from them who you are, \
           where you bought them, or what else you have read. There is no account and no name.",
    opens_for: "Whoever pays can read it for",
    how: "How to pay",
    command: "With the command-line wallet, type:",
    copy: "Copy",
    copied: "Copied",
    paste: "Or paste tokens here that make up the price, one a line, as “farthing tokens export” hands them out:",
    pay: "Pay",
    wallet: "A wallet in this browser can pay here.",
    minutes: ["minute", "minutes"],
    hours: ["hour", "hours"],
    days: ["day", "days"],
    amount: "The tokens were worth more or less than the price, and there is no change. None of them was spent.",
    spent: "A token was spent before, for another page or too long ago to be shown again. Nothing was spent now.",
    expired: "A token is too old. Nothing was spent.",
    revoked: "The issuer has withdrawn a token's key. Nothing was spent.",
    foreign: "A token is not one that this site takes, or is too old. Nothing was spent.",
    unreadable: "These are no tokens, or parts are missing. Nothing was spent.",
};

const GERMAN: Texts = Texts {
    costs: "Diese Seite kostet",
    what: "Bezahlt wird mit Token, die Sie vorher gekauft haben. Sie sind wie Münzen: Niemand kann ihnen ansehen, wer Sie \
           sind, wo Sie sie gekauft oder was Sie sonst gelesen haben. Es gibt kein Konto und keinen Namen.",
    opens_for: "Wer bezahlt, kann sie lesen für",
    how: "So bezahlen Sie",
    command: "Mit der Brieftasche auf der Kommandozeile:",
    copy: "Kopieren",
    copied: "Kopiert",
    paste: "Oder fügen Sie hier Token ein, die den Preis ergeben, je Zeile eines, wie „farthing tokens export“ sie herausgibt:",
    pay: "Bezahlen:",
    wallet: "Eine Brieftasche in diesem Browser kann hier bezahlen.",
    minutes: ["Minute", "Minuten"],
    hours: ["Stunde", "Stunden"],
    days: ["Tag", "Tage"],
    amount: "Die Token waren mehr oder weniger wert als der Preis, und es gibt kein Wechselgeld. Keines wurde ausgegeben.",
    spent: "Ein Token war schon ausgegeben, für eine andere Seite oder vor zu langer Zeit. Jetzt wurde nichts ausgegeben.",
    expired: "Ein Token ist zu alt. Es wurde nichts ausgegeben.",
    revoked: "Der Aussteller hat den Schlüssel eines Tokens zurückgezogen. Es wurde nichts ausgegeben.",
    foreign: "Ein Token ist keines, das diese Seite annimmt, oder zu alt. Es wurde nichts ausgegeben.",
    unreadable: "Das sind keine Token, oder es fehlen Teile. Es wurde nichts ausgegeben.",
};

impl Texts {
    /// The words in a language.
    pub(super) const fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }

    /// Why tokens that were shown did not pay, for a person; nothing when there were none.
    pub(super) const fn reason(&self, refusal: Refusal) -> Option<&'static str> {
        match refusal {
            Refusal::Unpaid { .. } => None,
            Refusal::Amount { .. } => Some(self.amount),
            Refusal::Spent | Refusal::Twice => Some(self.spent),
            Refusal::Expired => Some(self.expired),
            Refusal::Revoked => Some(self.revoked),
            Refusal::Unreadable => Some(self.unreadable),
            Refusal::OtherCurrency { .. }
            | Refusal::KeyUnknown
            | Refusal::OtherChallenge
            | Refusal::Invalid => Some(self.foreign),
        }
    }

    /// A span of time in its largest whole unit.
    pub(super) fn span(&self, seconds: u64) -> String {
        let (count, [one, many]) = match seconds {
            seconds if seconds >= 86_400 && seconds.is_multiple_of(86_400) => (seconds / 86_400, self.days),
            seconds if seconds >= 3_600 && seconds.is_multiple_of(3_600) => (seconds / 3_600, self.hours),
            seconds => (seconds / 60, self.minutes),
        };
        format!("{count} {}", if count == 1 { one } else { many })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_whole_units() {
        for (seconds, english, german) in [
            (60, "1 minute", "1 Minute"),
            (5_400, "90 minutes", "90 Minuten"),
            (7_200, "2 hours", "2 Stunden"),
            (86_400, "1 day", "1 Tag"),
            (604_800, "7 days", "7 Tage"),
        ] {
            assert_eq!((ENGLISH.span(seconds).as_str(), GERMAN.span(seconds).as_str()), (english, german));
        }
    }
}
