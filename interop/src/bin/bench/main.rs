//! Farthing's arithmetic beside its peers': wire bytes in, wire bytes out, one pinned core, one run.
//!
//! `cargo xtask bench issue|redeem|client` builds and runs it.

mod bare;
mod case;
mod challenge_bypass;
mod farthing;
mod implementation;
mod measurement;
mod privacypass;
mod report;
mod voprf;
mod work;

use std::io::Write;
use std::rc::Rc;

use anyhow::{Result, ensure};
use clap::Parser;

use crate::case::Case;
use crate::implementation::{Implementation, Pass};
use crate::report::Report;
use crate::work::{Step, Work};

#[derive(Parser)]
#[command(
    about = "Compares implementations in microseconds of processor time per token (medians of interleaved rounds)"
)]
struct Arguments {
    /// What is done to the tokens
    work: Work,
    /// One JSON object a line instead of tables
    #[arg(long)]
    json: bool,
    /// Numbers of tokens handled at once
    #[arg(long, value_delimiter = ',', default_value = "1,10,30,100,1000", value_parser = clap::value_parser!(u16).range(1..))]
    batches: Vec<u16>,
    /// How often everything is measured
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let core = measurement::pin_to_one_core()?;
    let implementations: [Box<dyn Implementation>; 6] = [
        Box::new(bare::Bare),
        Box::new(farthing::Farthing),
        Box::new(voprf::Voprf),
        Box::new(challenge_bypass::ChallengeBypass),
        Box::new(privacypass::ristretto255()),
        Box::new(privacypass::p384()),
    ];
    let mut report = Report::new(std::io::stdout().lock(), arguments.json);
    report.preamble(core, arguments.rounds)?;
    for step in arguments.work.steps() {
        report.heading(*step)?;
        for batch in &arguments.batches {
            let case = Rc::new(Case::new(usize::from(*batch))?);
            let (taking_part, too_slow): (Vec<_>, Vec<_>) = implementations
                .iter()
                .map(Box::as_ref)
                .partition(|implementation| implementation.largest_batch() >= case.size());
            let mut passes = Vec::new();
            for implementation in &taking_part {
                passes.push(implementation.pass(*step, &case)?);
            }
            check_agreement(&taking_part, *step, &case, &mut passes)?;
            let micros = measurement::micros_per_token(&mut passes, case.size(), arguments.rounds)?;
            let names: Vec<_> = taking_part.iter().map(|it| it.name()).collect();
            report.batch(*step, case.size(), &names, &micros)?;
            for implementation in too_slow {
                writeln!(
                    std::io::stderr(),
                    "{}: no batch of {}, its largest here is {} to keep the run short",
                    implementation.name(),
                    case.size(),
                    implementation.largest_batch()
                )?;
            }
        }
    }
    Ok(())
}

/// Whoever implements our suite must have computed our values, or its time says nothing.
fn check_agreement(
    implementations: &[&dyn Implementation],
    step: Step,
    case: &Case,
    passes: &mut [Pass],
) -> Result<()> {
    for (implementation, pass) in implementations.iter().zip(passes) {
        let answer = pass()?;
        ensure!(
            !implementation.computes_our_values(step)
                || step.values(&answer, case.size()) == case.values(step),
            "{} and farthing disagree on a batch of {} in step {step:?}",
            implementation.name(),
            case.size()
        );
    }
    Ok(())
}
