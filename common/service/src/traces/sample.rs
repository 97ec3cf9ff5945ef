//! Some of the traces of one kind, chosen by chance.

use super::random;
use super::recording::Trace;
use crate::metrics::STEP;

/// At most so many traces as it was told, each that was added with the same chance.
#[derive(Debug, Default)]
pub(super) struct Sample {
    seen: u64,
    kept: Vec<Trace>,
}

impl Sample {
    /// Adds a trace; when `most` are kept, it takes the place of one of them, or is dropped.
    pub(super) fn add(&mut self, trace: Trace, most: usize) -> Result<(), getrandom::Error> {
        self.seen += 1;
        if self.kept.len() < most {
            self.kept.push(trace);
        } else if let Some(place) = self.kept.get_mut(index(random::below(self.seen)?)) {
            *place = trace;
        }
        Ok(())
    }

    /// What may be shown: whole tens, in random order. Which of them are left over is chance as well.
    pub(super) fn in_tens(mut self) -> Result<Vec<Trace>, getrandom::Error> {
        random::shuffle(&mut self.kept)?;
        let shown = self.kept.len() - self.kept.len() % index(STEP);
        self.kept.truncate(shown);
        Ok(self.kept)
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(added: u32, most: usize) -> Sample {
        let mut sample = Sample::default();
        for milliseconds in 0..added {
            sample.add(Trace { milliseconds, parts: Vec::new() }, most).unwrap();
        }
        sample
    }

    proptest! {
        #[test]
        fn whole_tens_are_shown_and_each_trace_once(added in 0_u32..300, most in 10_usize..200) {
            let mut shown: Vec<_> =
                sample(added, most).in_tens().unwrap().iter().map(|trace| trace.milliseconds).collect();
            prop_assert_eq!(shown.len(), most.min(added as usize) / 10 * 10);
            shown.sort_unstable();
            prop_assert!(shown.is_sorted_by(|one, next| one < next), "shown twice: {:?}", shown);
        }
    }

    #[test]
    fn late_traces_are_kept_as_often_as_early_ones() {
        // Of 1,000, ten are kept, 300 times: each half has 1,500 in the mean, and strays from it by 27.
        let late: usize = (0..300)
            .map(|_| sample(1_000, 10).in_tens().unwrap())
            .map(|shown| shown.iter().filter(|trace| trace.milliseconds >= 500).count())
            .sum();
        assert!((1_200..=1_800).contains(&late), "{late} of 3000 are late");
    }
}
