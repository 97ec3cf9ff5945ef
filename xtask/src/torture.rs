use anyhow::Result;

use crate::{requirements, tool};

/// Builds the harness and the services, and runs it with `arguments`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    requirements::provide()?;
    let build = ["build", "--quiet", "--locked", "--package", "farthing-tests", "--bins"];
    tool::run(&mut tool::cargo(&tool::root(), build))?;
    let torture = tool::target().join("debug").join("farthing-torture");
    tool::run(tool::program(torture, &tool::root()).args(arguments))
}
