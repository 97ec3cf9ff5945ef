use std::io::Write;

use anyhow::Result;
use serde::Serialize;

use crate::work::Step;

/// Writes what was measured, as tables or as JSON lines.
pub(crate) struct Report<W> {
    out: W,
    json: bool,
}

/// One line of JSON.
#[derive(Serialize)]
struct Row<'a> {
    work: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'a str>,
    #[serde(rename = "impl")]
    implementation: &'a str,
    batch: usize,
    us_per_token: f64,
    ratio_to_bare: f64,
}

impl<W: Write> Report<W> {
    pub(crate) fn new(out: W, json: bool) -> Self {
        Self { out, json }
    }

    /// How the figures came about.
    pub(crate) fn preamble(&mut self, core: Option<usize>, rounds: u32) -> Result<()> {
        if !self.json {
            let place =
                core.map_or_else(|| "not pinned to a core".into(), |core| format!("pinned to core {core}"));
            writeln!(self.out, "Median of {rounds} interleaved rounds, processor time, {place}.")?;
        }
        Ok(())
    }

    pub(crate) fn heading(&mut self, step: Step) -> Result<()> {
        if !self.json {
            let (work, step) = step.names();
            let title = step.map_or_else(|| work.to_owned(), |step| format!("{work}, {step}"));
            writeln!(
                self.out,
                "\n{:>5}  {title:<26}  {:>8}  {:>8}  {:>8}",
                "batch", "us/token", "to voprf", "to bare"
            )?;
        }
        Ok(())
    }

    /// The rows of one batch; `micros` goes with `names`.
    pub(crate) fn batch(&mut self, step: Step, batch: usize, names: &[&str], micros: &[f64]) -> Result<()> {
        let of = |name| {
            names.iter().zip(micros).find(|(it, _)| **it == name).map_or(f64::NAN, |(_, micros)| *micros)
        };
        let (bare, voprf) = (of("bare"), of("voprf"));
        for (implementation, micros) in names.iter().zip(micros) {
            if self.json {
                let (work, step) = step.names();
                let us_per_token = rounded(*micros);
                let ratio_to_bare = rounded(micros / bare);
                let row = Row { work, step, implementation, batch, us_per_token, ratio_to_bare };
                writeln!(self.out, "{}", serde_json::to_string(&row)?)?;
            } else {
                writeln!(
                    self.out,
                    "{batch:>5}  {implementation:<26}  {micros:>8.2}  {:>8.2}  {:>8.2}",
                    micros / voprf,
                    micros / bare
                )?;
            }
        }
        self.out.flush()?;
        Ok(())
    }
}

/// To a thousandth: more digits would be noise.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
