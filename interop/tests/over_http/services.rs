//! Our issuer and redeemer, with stores in a directory that goes with them.

use std::path::Path;
use std::time::Duration;

use farthing_api::{IDEMPOTENCY_KEY_HEADER, RedemptionAnswer};
use serde_json::Value;
use tempfile::TempDir;
use ureq::Agent;

use crate::service::Service;

/// Something that the issuer sells.
#[derive(Clone, Copy)]
pub(crate) struct Pack {
    pub(crate) id: &'static str,
    pub(crate) count: u32,
}

pub(crate) const PACK: Pack = Pack { id: "reader-100", count: 100 };
pub(crate) const SINGLE: Pack = Pack { id: "reader-1", count: 1 };

/// A running issuer and redeemer, and a publisher's key for the latter.
pub(crate) struct Services {
    issuer: Service,
    redeemer: Service,
    pub(crate) api_key: String,
    pub(crate) agent: Agent,
    // Dropped last: the processes write into it.
    directory: TempDir,
}

impl Services {
    /// Sets both up as an operator would, and waits until they are ready.
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let packs: String = [PACK, SINGLE].iter().map(Pack::config).collect();
        let mut issuer = Service::configure("issuer", directory.path(), &(kept("issuer") + &packs));
        let mut redeemer = Service::configure("redeemer", directory.path(), &kept("redeemer"));
        issuer.admin(&["store", "init"]);
        redeemer.admin(&["store", "init"]);
        issuer.admin(&["keys", "init"]);
        let publisher: Value =
            serde_json::from_str(&redeemer.admin(&["publishers", "add", "Gazette"])).unwrap();
        let api_key = publisher["api_key"].as_str().unwrap().to_owned();

        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build()
            .new_agent();
        issuer.serve(&agent, "/readyz");
        redeemer.serve(&agent, "/readyz");
        Self { issuer, redeemer, api_key, agent, directory }
    }

    /// An address at the issuer.
    pub(crate) fn issuer_url(&self, path: &str) -> String {
        self.issuer.url(path)
    }

    /// An address at the redeemer.
    pub(crate) fn redeemer_url(&self, path: &str) -> String {
        self.redeemer.url(path)
    }

    /// Where all that belongs together has its files.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A prepaid code for one pack.
    pub(crate) fn voucher(&self, pack: Pack) -> String {
        let codes = self.issuer.admin(&["vouchers", "mint", "--pack", pack.id]);
        codes.lines().next().unwrap().trim().to_owned()
    }

    /// Redeems tokens as the publisher: the status, and the answer.
    pub(crate) fn redeem(&self, idempotency_key: &str, tokens: &[Vec<u8>]) -> (u16, RedemptionAnswer) {
        let mut response = self
            .agent
            .post(self.redeemer_url("/v1/redemptions"))
            .header("Authorization", format!("Bearer {}", self.api_key))
            .header(IDEMPOTENCY_KEY_HEADER, idempotency_key)
            .content_type("application/octet-stream")
            .send(tokens.concat())
            .unwrap();
        let status = response.status().as_u16();
        let body = response.body_mut().read_to_string().unwrap();
        let answer = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{status} {body}: {error}"));
        (status, answer)
    }
}

/// Where a service keeps its records; both share a keyring.
fn kept(program: &str) -> String {
    format!("keyring = \"keys\"\nstore = {{ kind = \"embedded\", path = \"{program}.db\" }}\n")
}

impl Pack {
    fn config(&self) -> String {
        let Self { id, count } = self;
        // One cent a token, sold at its face value.
        format!(
            "\n[[pack]]\nid = \"{id}\"\ntitle = \"{count} articles\"\ncount = {count}\n\
             value_micros = 10000\ncurrency = \"EUR\"\nprice_minor = {count}\n"
        )
    }
}
