//! When a payment is shown again whose answer did not come, or was "not now".
//!
//! A gate gives the pass for a repetition during 400 seconds at least after it took the tokens, so a lost answer is best
//! asked for again at once.

/// How many seconds are waited before each repetition.
const PAUSES: [u64; 5] = [2, 4, 9, 15, 30];
/// The longest wait that a site may ask for. Beyond it, it is left to the reader.
const LONGEST_PAUSE: u64 = 60;
/// No repetition begins later than this after the payment was first sent: each may take two minutes, and the last of them
/// must not end when a gate has stopped repeating its answer.
const LAST_BEGINS: u64 = 180;

/// The repetitions of one payment.
#[derive(Debug, Default)]
pub(super) struct Repetitions {
    first_sent: Option<u64>,
    pauses: usize,
}

impl Repetitions {
    /// Notes that the payment is sent, at the unix second `now`.
    pub(super) fn sent(&mut self, now: u64) {
        self.first_sent.get_or_insert(now);
    }

    /// How many seconds to wait before the payment is shown again, if it is: as many as the site asked for, if those are
    /// more than it would be.
    pub(super) fn next_pause(&mut self, retry_after: Option<u64>, now: u64) -> Option<u64> {
        let pause = (*PAUSES.get(self.pauses)?).max(retry_after.unwrap_or(0));
        let waited = now.saturating_sub(self.first_sent.unwrap_or(now));
        if pause > LONGEST_PAUSE || waited + pause > LAST_BEGINS {
            return None;
        }
        self.pauses += 1;
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pauses if every answer takes `seconds` and asks for `retry_after`.
    fn pauses(seconds: u64, retry_after: Option<u64>) -> Vec<u64> {
        let (mut repetitions, mut now) = (Repetitions::default(), 1_000);
        let mut pauses = Vec::new();
        loop {
            repetitions.sent(now);
            now += seconds;
            let Some(pause) = repetitions.next_pause(retry_after, now) else { return pauses };
            now += pause;
            pauses.push(pause);
        }
    }

    #[test]
    fn there_are_five_within_a_minute() {
        assert_eq!(pauses(0, None), PAUSES);
        assert_eq!(PAUSES.iter().sum::<u64>(), 60);
    }

    #[test]
    fn what_the_site_asks_for_is_heeded_as_far_as_it_is_short() {
        assert_eq!(pauses(0, Some(10)), [10, 10, 10, 15, 30]);
        assert_eq!(pauses(0, Some(60)), [60, 60, 60]);
        assert!(pauses(0, Some(61)).is_empty());
        assert!(pauses(0, Some(u64::MAX)).is_empty());
    }

    #[test]
    fn none_begins_when_its_answer_could_come_too_late() {
        assert_eq!(pauses(30, None), [2, 4, 9, 15]);
        assert_eq!(pauses(120, None), [2]);
        assert!(pauses(180, None).is_empty());
    }
}
