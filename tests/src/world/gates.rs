use std::fs;

use super::World;
use crate::Publisher;
use crate::programs::Program;

impl World {
    /// Writes the configuration of a gate that redeems at `redeemer` in a publisher's name, ending in `rest`: further keys,
    /// then tables. Its secrets are made if they are not there.
    ///
    /// # Errors
    /// The file system or the program failed.
    pub fn write_gate(&self, redeemer: &str, publisher: &Publisher, rest: &str) -> anyhow::Result<()> {
        let text = format!(
            "listen = \"127.0.0.1:0\"\nmetrics_listen = \"127.0.0.1:0\"\nadmin_socket = \"data/gate.sock\"\n\
             issuer_name = \"issuer.localhost\"\nsecret = \"file:data/gate.secret\"\nlog_level = \"trace\"\n\
             redeemer = {{ url = \"{redeemer}\", api_key = \"file:data/gate.api-key\" }}\n{rest}"
        );
        fs::write(self.configuration(Program::Gate), text)?;
        fs::write(self.path("data/gate.api-key"), &publisher.api_key)?;
        self.admin(Program::Gate, &["init"])?;
        Ok(())
    }
}
