use anyhow::Result;

use crate::{requirements, tool};

/// Builds the programs and has them write the stores that later versions must open.
pub(crate) fn run() -> Result<()> {
    requirements::provide()?;
    let build = ["build", "--quiet", "--locked", "--package", "farthing-tests", "--bins"];
    tool::run(&mut tool::cargo(&tool::root(), build))?;
    let writer = tool::target().join("debug").join("farthing-store-fixture");
    let stores = tool::root().join("tests").join("stores");
    tool::run(tool::program(writer, &tool::root()).arg(stores))
}
