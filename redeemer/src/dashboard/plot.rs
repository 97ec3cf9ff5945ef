use std::collections::BTreeMap;

use farthing_protocol::{Currency, Day};

use crate::ledger::CreditLine;

/// How many days are shown, today included.
pub(super) const DAYS: u32 = 30;

/// Of the plot without its labels, in units of its own.
const WIDTH: u32 = 600;
const HEIGHT: u32 = 160;

/// What was credited in one currency on each of the last days, as bars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plot {
    pub(super) currency: Currency,
    /// One a day, oldest first.
    pub(super) bars: Vec<Bar>,
    /// What all of them come to.
    pub(super) total_micros: i128,
    /// The highest.
    pub(super) top_micros: i128,
}

/// The bar of a day, from the upper left corner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) day: Day,
    pub(super) micros: i128,
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Plot {
    /// A plot for each currency that the publisher was ever credited in, in the alphabet's order.
    pub(super) fn all(credits: &[CreditLine], today: Day) -> Vec<Self> {
        let mut sums: BTreeMap<Currency, BTreeMap<Day, i128>> = BTreeMap::new();
        for line in credits {
            let worth = i128::from(line.denomination.value_micros().get()) * i128::from(line.tokens);
            *sums.entry(line.denomination.currency()).or_default().entry(line.day).or_default() += worth;
        }
        sums.into_iter().map(|(currency, sums)| Self::of(currency, &sums, today)).collect()
    }

    fn of(currency: Currency, sums: &BTreeMap<Day, i128>, today: Day) -> Self {
        let first = today.number().saturating_sub(DAYS - 1);
        let days = (first..=today.number()).filter_map(Day::from_number);
        let days: Vec<_> = days.map(|day| (day, sums.get(&day).copied().unwrap_or(0))).collect();
        let top_micros = days.iter().map(|(_, micros)| *micros).max().unwrap_or(0);
        let step = WIDTH / DAYS;
        let bar = |(number, (day, micros)): (u32, &(Day, i128))| {
            let height = height(*micros, top_micros);
            Bar { day: *day, micros: *micros, x: number * step, y: HEIGHT - height, width: step - 4, height }
        };
        let bars: Vec<_> = (0..).zip(&days).map(bar).collect();
        Self { currency, total_micros: days.iter().map(|(_, micros)| micros).sum(), top_micros, bars }
    }
}

/// What is worth anything can be seen.
fn height(micros: i128, top: i128) -> u32 {
    if micros <= 0 || top <= 0 {
        return 0;
    }
    let height = micros.saturating_mul(HEIGHT.into()) / top;
    u32::try_from(height).unwrap_or(HEIGHT).clamp(2, HEIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(day: &str, denomination: &str, tokens: u64) -> CreditLine {
        CreditLine { day: day.parse().unwrap(), denomination: denomination.parse().unwrap(), tokens }
    }

    #[test]
    fn bars_are_days_and_as_high_as_their_worth() {
        let credits = [
            line("2026-10-23", "EUR-10000", 900),
            line("2026-10-24", "EUR-10000", 1),
            line("2026-11-21", "EUR-10000", 100),
            line("2026-11-21", "EUR-50000", 20),
            line("2026-11-22", "EUR-10000", 50),
            line("2026-11-22", "XTS-10000", 1),
        ];
        let [euro, test] = &Plot::all(&credits, "2026-11-22".parse().unwrap())[..] else { panic!() };
        assert_eq!((euro.currency.code(), test.currency.code()), ("EUR", "XTS"));
        assert_eq!((euro.bars.len(), euro.total_micros, euro.top_micros), (30, 2_510_000, 2_000_000));
        let sizes: Vec<_> = euro.bars.iter().map(|bar| bar.height).filter(|height| *height > 0).collect();
        assert_eq!(sizes, [2, 160, 40], "the first day is too old, and a cent can still be seen");
        assert_eq!((euro.bars[0].day.to_string().as_str(), euro.bars[29].x), ("2026-10-24", 580));
        assert!(euro.bars.iter().all(|bar| bar.y + bar.height == HEIGHT && bar.x + bar.width <= WIDTH));
        let later = Plot::all(&credits, "2027-11-22".parse().unwrap());
        assert_eq!((later[0].total_micros, later[0].top_micros), (0, 0));
    }
}
