//! A client: buys, spends, repeats itself, and cheats, as its dice say.

use super::asker::{Asker, Outcome};
use super::ledger::Accepted;
use super::purchases::{Coin, Pack};

/// Tokens that a client holds before it spends some.
const PURSE: usize = 80;
/// Most tokens of one redemption.
const MOST_AT_ONCE: usize = 3;

/// A client with its tokens and vouchers.
pub(super) struct Client<'a> {
    pub(super) asker: Asker<'a>,
    pub(super) vouchers: Vec<(Pack, String)>,
    /// Told apart from those of other clients.
    pub(super) name: String,
    purse: Vec<Coin>,
    redemptions: u64,
}

impl<'a> Client<'a> {
    pub(super) const fn new(asker: Asker<'a>, vouchers: Vec<(Pack, String)>, name: String) -> Self {
        Self { asker, vouchers, name, purse: Vec::new(), redemptions: 0 }
    }

    /// Goes on until the run is over.
    pub(super) fn run(mut self) -> Asker<'a> {
        while !self.asker.shared.is_over() {
            match self.asker.random.below(100) {
                0..35 if self.purse.len() < PURSE => self.buy(),
                35..40 if self.purse.len() < PURSE => self.contest(),
                70..85 => self.spend_twice_at_once(),
                85..92 => self.repeat(),
                92..100 => self.spend_again(),
                _ => self.spend(),
            }
        }
        self.asker
    }

    fn buy(&mut self) {
        let Some((pack, voucher)) = self.vouchers.pop() else { return self.spend() };
        let bought = self.asker.purchase(pack, &voucher);
        self.purse.extend(bought);
        self.asker.ledger.count("purchases");
    }

    fn contest(&mut self) {
        let Some((pack, voucher)) = self.vouchers.pop() else { return self.spend() };
        let bought = self.asker.contested_voucher(pack, &voucher);
        self.purse.extend(bought);
        self.asker.ledger.count("contested vouchers");
    }

    fn key(&mut self) -> String {
        self.redemptions += 1;
        format!("{}-{}", self.name, self.redemptions)
    }

    fn publisher(&mut self) -> usize {
        let publishers = self.asker.shared.publishers.len();
        self.asker.random.below(publishers)
    }

    fn spend(&mut self) {
        let count = 1 + self.asker.random.below(MOST_AT_ONCE);
        let coins: Vec<Coin> = self.purse.drain(..count.min(self.purse.len())).collect();
        if coins.is_empty() {
            // Without vouchers and tokens only the past is left to be repeated.
            return if self.vouchers.is_empty() { self.repeat() } else { self.buy() };
        }
        let (key, publisher) = (self.key(), self.publisher());
        let (tokens, micros) = of(&coins);
        match self.asker.redeem(publisher, &key, &tokens) {
            Some(Outcome::Accepted { .. }) => {
                self.asker.ledger.accept(Accepted { publisher, key, tokens }, micros);
            }
            Some(Outcome::Refused(results)) => {
                self.asker.ledger.lost.push(format!("tokens that nobody else had were refused: {results:?}"));
            }
            None => {}
        }
        self.asker.ledger.count("redemptions");
    }

    /// The same tokens under two keys at the same time: exactly one redemption is accepted.
    fn spend_twice_at_once(&mut self) {
        let Some(coin) = self.purse.pop() else { return self.spend() };
        let keys = [self.key(), self.key()];
        let publishers = [self.publisher(), self.publisher()];
        let (tokens, micros) = of(&[coin]);
        let mut part = self.asker.part();
        let [one, other] = &keys;
        let outcomes = std::thread::scope(|scope| {
            let second = scope.spawn(|| part.redeem(publishers[1], other, &tokens));
            [self.asker.redeem(publishers[0], one, &tokens), second.join().ok().flatten()]
        });
        self.asker.ledger.absorb(part.ledger);
        let mut accepted = 0;
        let all_answered = outcomes.iter().all(Option::is_some);
        for ((outcome, key), publisher) in outcomes.into_iter().zip(keys).zip(publishers) {
            if matches!(outcome, Some(Outcome::Accepted { .. })) {
                accepted += 1;
                let tokens = tokens.clone();
                self.asker.ledger.accept(Accepted { publisher, key, tokens }, micros);
            }
        }
        if all_answered && accepted == 0 {
            self.asker.ledger.lost.push("neither of two redemptions of a token was accepted".to_owned());
        }
        self.asker.ledger.count("double spends at once");
    }

    /// The same redemption gets the answer that it got.
    fn repeat(&mut self) {
        let Some(earlier) = self.asker.random.choose(&self.asker.ledger.accepted).cloned() else { return };
        self.asker.check_kept(&earlier);
        self.asker.ledger.count("repetitions");
    }

    /// Spent tokens under another key get nothing.
    fn spend_again(&mut self) {
        let Some(earlier) = self.asker.random.choose(&self.asker.ledger.accepted).cloned() else { return };
        let (key, publisher) = (self.key(), self.publisher());
        self.asker.check_spent(publisher, &key, &earlier.tokens);
        self.asker.ledger.count("double spends");
    }
}

fn of(coins: &[Coin]) -> (Vec<String>, u64) {
    let tokens = coins.iter().map(|coin| coin.token.clone()).collect();
    (tokens, coins.iter().map(|coin| coin.micros).sum())
}
