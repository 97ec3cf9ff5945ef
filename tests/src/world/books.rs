use anyhow::Context;
use farthing_protocol::{Day, SECONDS_PER_DAY};
use serde_json::Value;

use super::World;
use crate::Publisher;
use crate::programs::Program;

impl World {
    /// What [`Self::keep_books`] needs of the redeemer's configuration: statements can be paid at once.
    pub const PAYS_AT_ONCE: &str = "payout_hold_days = 0\n";

    /// Enters a token of a cent for a publisher on `day`, turns the clock to the morning after, closes the statements through
    /// `day`, and records a payout of one cent. The statement's id.
    ///
    /// # Errors
    /// The redeemer refused.
    pub fn keep_books(&self, publisher: &Publisher, day: Day) -> anyhow::Result<String> {
        let adjust = ["ledger", "adjust", &publisher.id, "--day", &day.to_string(), "--tokens", "1"];
        let adjust =
            [&adjust[..], &["--denomination", "EUR-10000", "--reason", "a page counted twice"]].concat();
        self.admin(Program::Redeemer, &adjust)?;
        self.stop_clock(day.start() + SECONDS_PER_DAY + 3_600)?;
        let closed =
            self.admin(Program::Redeemer, &["statements", "close", "--through", &day.to_string()])?;
        let closed: Value = serde_json::from_str(closed.first().context("no statement was closed")?)?;
        let statement = closed["statement"]["id"].as_str().context("a statement has no id")?.to_owned();
        let pay = ["payouts", "record", &publisher.id, &statement, "--amount-minor", "1"];
        self.admin(Program::Redeemer, &[&pay[..], &["--reference", "transfer 7"]].concat())?;
        Ok(statement)
    }
}
