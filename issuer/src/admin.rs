//! Commands of the operator: given to the running service over its socket, or done on the store when none runs.

use std::path::PathBuf;

use anyhow::{Context, bail};
use farthing_protocol::{Day, TokenKeyId};
use farthing_service::admin_socket;
use farthing_service::backup;
use farthing_service::backup::arguments::{backed_up, listed as listed_findings};
use farthing_service::environment::Environment;
use farthing_service::gap::{self, Closing};
use farthing_service::keyring;
use farthing_service::migration::arguments::Migration;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::Config;
use crate::migrate;
use crate::store::{IssuerBooks, Stores};
use crate::vouchers::{Voucher, VoucherCode};

/// Most vouchers of one command.
const MOST_VOUCHERS: u32 = 10_000;

/// A command that needs the store, or that the running service should know of.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Makes vouchers; their codes.
    MintVouchers {
        /// The pack that each pays for.
        pack: String,
        /// How many.
        count: u32,
    },
    /// The orders whose tokens a revocation made worthless.
    OrdersAttention,
    /// Every record of the store.
    DumpStore,
    /// Writes a backup of the store into a new file.
    BackUpStore {
        /// Which, as an absolute path.
        output: PathBuf,
        /// An age recipient.
        recipient: Option<String>,
    },
    /// Recounts the store; what does not add up.
    CheckStore,
    /// Closes the gap of a restored store.
    CloseGap {
        /// How.
        by: Closing,
    },
    /// Moves the store elsewhere, or takes that back.
    MigrateStore(Migration),
    /// Reads the keyring again at once.
    ReloadKeyring,
    /// Reads the configuration again. Only the running service can.
    Reload,
    /// Whether the running service could do its work now.
    Ready,
}

/// Gives `command` to the running service, or does it on the store if none runs.
///
/// # Errors
/// It could not be done; the message says why.
pub fn run(command: Command, config: &Config, environment: &Environment) -> anyhow::Result<Value> {
    let call = match command {
        Command::DumpStore | Command::BackUpStore { .. } | Command::CheckStore | Command::MigrateStore(_) => {
            admin_socket::call_patiently
        }
        _ => admin_socket::call,
    };
    // Only the process that has an embedded store open can move it; one on Redis is moved by whoever is told to.
    let is_for_anybody = matches!(command, Command::MigrateStore(_)) && !config.store.is_embedded();
    if !is_for_anybody && let Some(answer) = call(&config.admin_socket, &command)? {
        return Ok(answer);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        if let Command::MigrateStore(asked) = &command {
            return migrate::from_there(asked, config, environment).await;
        }
        let stores = Stores::open(&config.store, environment).await?;
        execute(command, config, &stores, environment).await
    })
}

/// Asks the running service whether it could do its work now.
///
/// # Errors
/// It could not, with the reason that `/readyz` gives, or it does not run.
pub fn ready(config: &Config) -> anyhow::Result<()> {
    match admin_socket::call(&config.admin_socket, &Command::Ready)? {
        Some(_) => Ok(()),
        None => bail!("{}: no service listens here; start it with `serve`", config.admin_socket.display()),
    }
}

/// Does a command.
///
/// # Errors
/// It could not be done; the message says why.
pub async fn execute(
    command: Command,
    config: &Config,
    stores: &Stores,
    environment: &Environment,
) -> anyhow::Result<Value> {
    match command {
        Command::MintVouchers { pack, count } => mint(&pack, count, config, stores, environment).await,
        Command::OrdersAttention => attention(config, stores, environment.now()).await,
        Command::DumpStore => Ok(serde_json::to_value(stores.records.dump().await?)?),
        Command::BackUpStore { output, recipient } => {
            let copies = &*stores.copies;
            let records =
                backup::back_up(copies, &stores.birth, &output, recipient, environment.now()).await?;
            Ok(json!([backed_up(records, &output)]))
        }
        Command::CheckStore => {
            Ok(listed_findings(backup::check::<IssuerBooks>(&*stores.copies, environment.now()).await?))
        }
        Command::CloseGap { by } => {
            let (copies, keyring) = (&*stores.copies, &config.keyring);
            Ok(json!([gap::close(copies, &stores.birth, keyring, by, environment.now()).await?]))
        }
        Command::MigrateStore(asked) => match &stores.embedded {
            Some(store) => migrate::from_here(&asked, config, store, environment).await,
            None => bail!("the store is on Redis, so the command moves it, not the service"),
        },
        Command::Reload => bail!("the service is not running, so there is nothing to reload"),
        // Things of the running service, which has done them.
        Command::ReloadKeyring | Command::Ready => Ok(Value::Null),
    }
}

async fn mint(
    pack: &str,
    count: u32,
    config: &Config,
    stores: &Stores,
    environment: &Environment,
) -> anyhow::Result<Value> {
    let pack = config.pack(pack).with_context(|| {
        format!("no pack {pack:?} is sold; see [[pack]], and run `farthing-issuer reload` after a change")
    })?;
    if count == 0 || count > MOST_VOUCHERS {
        bail!("mint 1 to {MOST_VOUCHERS} vouchers at a time");
    }
    let minted = Day::from_unix(environment.now());
    let codes = (0..count).map(|_| VoucherCode::random()).collect::<Result<Vec<_>, _>>()?;
    let vouchers = codes
        .iter()
        .map(|code| (code.hash(), Voucher { pack: pack.id().to_owned(), minted, used_by: None }))
        .collect();
    stores.vouchers.mint(vouchers).await?;
    Ok(codes.iter().map(|code| code.reveal().as_str().to_owned()).collect())
}

async fn attention(config: &Config, stores: &Stores, now: u64) -> anyhow::Result<Value> {
    let keyring = keyring::read(&config.keyring, now)?;
    let revoked: Vec<TokenKeyId> = keyring
        .entries()
        .into_iter()
        .filter(|entry| entry.revoked())
        .map(|entry| entry.facts().token_key_id())
        .collect();
    let orders = stores.orders.issued_under(revoked).await?;
    Ok(orders
        .iter()
        .map(|order| {
            json!({
                "order": order.id.to_string(),
                "pack": order.pack.id,
                "tokens": order.pack.count,
                "denomination": order.pack.denomination.to_string(),
                "created": order.created.to_string(),
                "token_key_id": order.binding().map(|binding| binding.token_key_id.to_string()),
            })
        })
        .collect())
}
