use proptest::prelude::*;

use farthing_protocol::Denomination;

use super::*;
use crate::ledger::EntryId;

fn day(number: u32) -> Day {
    Day::from_number(20_000 + number).unwrap()
}

fn entries(credits: Vec<CreditLine>, adjustments: Vec<Adjustment>) -> Entries {
    Entries::of(credits, adjustments).unwrap()
}

fn points(points: u16) -> BasisPoints {
    serde_json::from_value(points.into()).unwrap()
}

fn credit(number: u32, denomination: &str, tokens: u64) -> CreditLine {
    CreditLine { day: day(number), denomination: denomination.parse().unwrap(), tokens }
}

fn adjustment(number: u32, denomination: &str, tokens: i64) -> Adjustment {
    Adjustment {
        id: EntryId::random().unwrap(),
        publisher: PublisherId::from_bytes([1; 16]),
        day: day(number),
        denomination: denomination.parse().unwrap(),
        tokens: tokens.try_into().unwrap(),
        reason: "a test".parse().unwrap(),
        made: day(number),
    }
}

fn closing(through: u32, commission: u16) -> Closing {
    Closing {
        publisher: PublisherId::from_bytes([1; 16]),
        through: day(through),
        closed: day(through + 1),
        commission: points(commission),
    }
}

fn balances(statement: &Statement) -> bool {
    let unit = i128::from(statement.currency.minor_unit_micros());
    i128::from(statement.carried_in_micros) + i128::from(statement.gross_micros)
        == i128::from(statement.fee_micros)
            + i128::from(statement.net_minor) * unit
            + i128::from(statement.carried_micros)
}

#[test]
fn a_statement_says_what_is_paid_and_what_is_carried() {
    let credits = vec![credit(1, "EUR-2500", 7), credit(2, "EUR-10000", 3), credit(2, "JPY-500000", 3)];
    let entries = entries(credits, vec![adjustment(2, "EUR-10000", -1)]);
    let closed = close(&closing(2, 1_000), &entries, &[]).unwrap();
    let seen: Vec<_> = closed
        .iter()
        .map(|one| {
            let Statement { gross_micros, fee_micros, net_minor, carried_micros, .. } = one;
            (one.id().to_string(), *gross_micros, *fee_micros, *net_minor, *carried_micros)
        })
        .collect();
    assert_eq!(
        seen,
        [
            (format!("EUR.{}", day(2)), 37_500, 3_750, 3, 3_750),
            (format!("JPY.{}", day(2)), 1_500_000, 150_000, 1, 350_000),
        ]
    );
    assert_eq!((closed[0].from, closed[0].closed), (day(1), day(3)));
}

#[test]
fn late_entries_get_into_the_next_statement_and_none_changes() {
    let mut entries = entries(vec![credit(1, "EUR-2500", 1)], vec![]);
    let first = close(&closing(1, 0), &entries, &[]).unwrap();
    assert_eq!((first[0].net_minor, first[0].carried_micros), (0, 2_500));
    assert_eq!(close(&closing(1, 0), &entries, &first).unwrap(), [], "it is closed");
    entries.credits[0].tokens = 4;
    entries.adjustments.push(adjustment(0, "EUR-10000", -3));
    assert_eq!(close(&closing(1, 0), &entries, &first).unwrap(), [], "what is late waits");
    let second = close(&closing(2, 0), &entries, &first).unwrap();
    assert_eq!(second[0].from, day(2));
    assert_eq!(second[0].credits, [credit(1, "EUR-2500", 3)]);
    assert_eq!((second[0].gross_micros, second[0].carried_in_micros), (-22_500, 2_500));
    assert_eq!((second[0].net_minor, second[0].carried_micros), (-2, 0));
    assert!(close(&closing(9, 0), &entries, &[first, second].concat()).unwrap().is_empty());
}

#[test]
fn a_days_credit_in_several_parts_is_one_line() {
    let parts = [credit(2, "EUR-2500", 1), credit(1, "EUR-2500", 2), credit(2, "EUR-2500", 5)];
    let whole = entries(parts.to_vec(), vec![]);
    assert_eq!(whole.credits, [credit(1, "EUR-2500", 2), credit(2, "EUR-2500", 6)]);
    let parts = [credit(2, "EUR-2500", u64::MAX), credit(2, "EUR-2500", 1)];
    assert_eq!(Entries::of(parts, vec![]), Err(LedgerOverflow));
}

#[test]
fn sums_beyond_64_bits_are_refused() {
    let largest = format!("EUR-{}", Denomination::MAX_VALUE_MICROS);
    let entries = entries(vec![credit(1, &largest, u64::MAX), credit(2, &largest, u64::MAX)], vec![]);
    assert_eq!(close(&closing(2, 10_000), &entries, &[]), Err(LedgerOverflow));
    assert_eq!(entries.balance(), Err(LedgerOverflow));
}

fn denomination() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("EUR-1"), Just("EUR-2500"), Just("EUR-10000"), Just("JPY-333333"), Just("BHD-7")]
}

proptest! {
    /// Whatever is entered, early or late, and however often it is closed under whatever commission.
    #[test]
    fn every_statement_balances_and_everything_is_stated_once(
        rounds in proptest::collection::vec(
            (
                proptest::collection::vec((0..6_u32, denomination(), 1..1_000_000_u64), 0..6),
                proptest::collection::vec((0..6_u32, denomination(), -1_000_000..-1_i64), 0..3),
                0..8_u32,
                0..=10_000_u16,
            ),
            1..6,
        ),
    ) {
        let mut entries = Entries::default();
        let mut statements: Vec<Statement> = Vec::new();
        let last = (vec![], vec![], 20, 500);
        for (credits, adjustments, through, commission) in rounds.into_iter().chain([last]) {
            for (on, denomination, tokens) in credits {
                let new = credit(on, denomination, tokens);
                let same = |line: &&mut CreditLine| (line.day, line.denomination) == (new.day, new.denomination);
                match entries.credits.iter_mut().find(same) {
                    Some(line) => line.tokens += tokens,
                    None => entries.credits.push(new),
                }
            }
            entries.adjustments.extend(adjustments.iter().map(|(on, name, tokens)| adjustment(*on, name, *tokens)));
            let closing = closing(through, commission);
            let closed = close(&closing, &entries, &statements).unwrap();
            for statement in &closed {
                prop_assert!(balances(statement));
                prop_assert!(statement.carried_micros < statement.currency.minor_unit_micros());
                prop_assert!(statement.from <= statement.through);
            }
            statements.extend(closed);
            prop_assert_eq!(close(&closing, &entries, &statements).unwrap(), vec![]);
            // What is in statements and what is not yet are all that was credited, by day and denomination.
            let open = unstated(&entries, &statements).unwrap();
            let stated = statements.iter().flat_map(|statement| &statement.credits);
            let sum = Entries::of(stated.chain(&open.credits).copied(), vec![]).unwrap();
            prop_assert_eq!(sum.credits, Entries::of(entries.credits.iter().copied(), vec![]).unwrap().credits);
            prop_assert!(open.credits.iter().all(|line| line.tokens > 0));
            let stated = statements.iter().map(|statement| statement.adjustments.len()).sum::<usize>();
            prop_assert_eq!(stated + open.adjustments.len(), entries.adjustments.len());
        }
        for sum in entries.balance().unwrap() {
            let of_it = statements.iter().filter(|statement| statement.currency.code() == sum.currency);
            prop_assert_eq!(of_it.clone().map(|statement| statement.gross_micros).sum::<i64>(), sum.micros);
            // Nothing is lost between statements: what was carried out is carried in.
            let mut carried = 0;
            for statement in of_it {
                prop_assert_eq!(statement.carried_in_micros, carried);
                carried = statement.carried_micros;
            }
        }
    }
}
