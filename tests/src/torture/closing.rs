//! The end of a run: every answer that was given is compared with the stores.

use anyhow::ensure;
use serde_json::Value;

use super::asker::Asker;
use super::ledger::Ledger;
use crate::programs::Program;
use crate::{Finished, World};

/// Tokens that are shown to be spent in one request.
const AT_ONCE: usize = 100;

impl Asker<'_> {
    /// Asks for everything once more; what is missing is added to the ledger.
    pub(super) fn check_promises(&mut self, told: &Ledger) {
        for accepted in &told.accepted {
            self.check_kept(accepted);
        }
        let tokens: Vec<String> =
            told.accepted.iter().flat_map(|accepted| accepted.tokens.iter().cloned()).collect();
        for (number, some) in tokens.chunks(AT_ONCE).enumerate() {
            self.check_spent(0, &format!("closing-{number}"), some);
        }
    }

    /// The publishers have the credit of what was accepted.
    pub(super) fn check_credit(&mut self, told: &Ledger) -> anyhow::Result<()> {
        let redeemer = self.shared.services.url(Program::Redeemer, 0);
        for (number, publisher) in self.shared.publishers.iter().enumerate() {
            let wanted = told.credit.get(&number).copied().unwrap_or_default();
            let found = publisher.credit_micros(&redeemer)?;
            self.compare("the credit of a publisher, in micros", found, wanted);
        }
        Ok(())
    }

    /// Each store agrees with itself.
    pub(super) fn check_stores(&mut self, world: &World) -> anyhow::Result<()> {
        for program in [Program::Issuer, Program::Redeemer] {
            let found = world.check_of_another(program, 1)?;
            let what = format!("findings in the store of the {}: {found:?}", program.argument());
            self.compare(&what, found.len() as u64, 0);
        }
        Ok(())
    }

    /// As many vouchers are used as paid an order.
    pub(super) fn check_vouchers(&mut self, world: &World, told: &Ledger) -> anyhow::Result<()> {
        let records = world.dump_of_another(Program::Issuer, 1)?;
        let is_used = |record: &&Value| {
            let name = record["key"].as_str().unwrap_or_default();
            // On Redis it is a field of its own, on the embedded store a member of the record.
            record["table"] == "vouchers"
                && (name.ends_with(&data_encoding::HEXLOWER.encode(b"used-by"))
                    || !record["record"]["used_by"].is_null())
        };
        let used = records.iter().filter(is_used).count();
        self.compare("used vouchers", used as u64, told.vouchers);
        Ok(())
    }

    /// The signed totals are what was issued and accepted. The days must be over.
    pub(super) fn check_totals(&mut self, world: &World, told: &Ledger) -> anyhow::Result<()> {
        let (issuer, redeemer) =
            (self.shared.services.url(Program::Issuer, 0), self.shared.services.url(Program::Redeemer, 0));
        let audit = ["audit", "--issuer", &issuer, "--redeemer", &redeemer];
        // When more was redeemed than issued it fails, and prints its totals all the same.
        let Finished { status, printed: audited, error } = world.reader("auditor").run(&audit)?;
        ensure!(audited["audits"].is_array(), "the audit ended with {status}: {}", error.trim());
        let sum = |member: &str| -> u64 {
            let audits = audited["audits"].as_array().into_iter().flatten();
            let keys = audits.flat_map(|audit| audit["keys"].as_array().into_iter().flatten());
            keys.filter_map(|key| key[member].as_u64()).sum()
        };
        let accepted = told.accepted.iter().map(|accepted| accepted.tokens.len() as u64).sum();
        self.compare("the total of issued tokens", sum("issued"), told.issued);
        self.compare("the total of redeemed tokens", sum("redeemed"), accepted);
        Ok(())
    }

    fn compare(&mut self, what: &str, found: u64, wanted: u64) {
        let kind = if found < wanted { &mut self.ledger.lost } else { &mut self.ledger.double };
        if found != wanted {
            kind.push(format!("{what}: {found} in the store, {wanted} by the answers"));
        }
    }
}
