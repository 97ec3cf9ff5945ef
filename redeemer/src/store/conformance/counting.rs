//! What is counted: the publishers' credit, and the totals that anyone may audit.

use super::*;

pub async fn credit_is_summed_by_currency<F: Fixture>() {
    let (_fixture, store) = with_sets::<F>().await;
    assert_eq!(credit(&*store, publisher(1)).await, []);
    let tokens = vec![genuine(0, 1), genuine(0, 2), genuine(1, 1), genuine(2, 1)];
    results(&*store, redemption("a", true, tokens)).await;
    let tomorrow = Redemption { now: NOW + SECONDS_PER_DAY, ..redemption("b", true, vec![genuine(0, 3)]) };
    results(&*store, tomorrow).await;
    let other = Redemption { publisher: publisher(2), ..redemption("c", true, vec![genuine(0, 4)]) };
    results(&*store, other).await;
    let line =
        |currency: &str, micros, tokens| BalanceEntry { currency: currency.to_owned(), micros, tokens };
    assert_eq!(credit(&*store, publisher(1)).await, [line("EUR", 50_000, 4), line("USD", 5_000, 1)]);
    assert_eq!(credit(&*store, publisher(2)).await, [line("EUR", 10_000, 1)]);
    assert_eq!(credit(&*store, publisher(3)).await, []);
}

pub async fn totals_are_counted_by_key_and_day<F: Fixture>() {
    let (_fixture, store) = with_sets::<F>().await;
    assert_eq!(store.totals().await.unwrap(), []);
    for (number, now) in [(1, NOW), (2, NOW + 60), (3, NOW + SECONDS_PER_DAY)] {
        let tokens = vec![genuine(0, number), genuine(2, number)];
        let by_two = publisher(u8::try_from(number % 2).unwrap());
        let redemption =
            Redemption { now, publisher: by_two, ..redemption(&format!("k{number}"), true, tokens) };
        results(&*store, redemption).await;
    }
    results(&*store, redemption("refused", true, vec![genuine(0, 1), genuine(1, 9)])).await;
    let totals = store.totals().await.unwrap();
    let lines: Vec<_> = totals
        .iter()
        .map(|(id, day, total)| {
            (id.as_bytes()[0], day.number() - 20_778, total.denomination.to_string(), total.tokens)
        })
        .collect();
    let line = |key, day, denomination: &str, tokens| (key, day, denomination.to_owned(), tokens);
    assert_eq!(
        lines,
        [
            line(0, 0, "EUR-10000", 2),
            line(0, 1, "EUR-10000", 1),
            line(2, 0, "USD-5000", 2),
            line(2, 1, "USD-5000", 1)
        ]
    );
}
