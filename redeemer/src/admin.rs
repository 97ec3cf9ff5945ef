//! Commands of the operator: given to the running service over its socket, or done on the store when none runs.

mod ensure;
mod ledger;
mod payouts;
mod publishers;
mod statements;

use std::path::PathBuf;

use anyhow::bail;
use farthing_protocol::{Day, Denomination};
use farthing_service::admin_socket;
use farthing_service::backup;
use farthing_service::backup::arguments::{backed_up, listed as listed_findings};
use farthing_service::environment::Environment;
use farthing_service::gap::{self, Closing};
use farthing_service::migration::arguments::Migration;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::audit::{Issued, Report, compare};
use crate::config::Config;
use crate::exports::{Days, Export, Form, of_publishers};
use crate::ledger::{Adjustment, EntryId, Remark, Reversing, SignedTokens};
use crate::migrate;
use crate::publishers::{
    ApiKeyHash, ApiKeyId, ApiKeyRecord, NewPayoutReference, Owed, PayoutReference, Publisher, PublisherId,
    PublisherName,
};
use crate::store::{RedeemerBooks, Stores};

pub use payouts::RecordPayout;
pub use publishers::key_nobody_was_shown;

/// A command that needs the store, answered by a list, one entry a line; or that asks the running service.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Adds a publisher; its id and its first API key.
    AddPublisher {
        /// What the operator calls it.
        name: PublisherName,
        /// Where it is paid.
        payout_reference: Option<PayoutReference>,
    },
    /// Says anew what a publisher is called or where it is paid; the publisher.
    DescribePublisher {
        /// Which.
        publisher: PublisherId,
        /// Its name from now on, if that changes.
        name: Option<PublisherName>,
        /// Where it is paid from now on, if that changes.
        payout_reference: Option<NewPayoutReference>,
    },
    /// Forgets for ever who a publisher is; what stays.
    ErasePublisher {
        /// Which.
        publisher: PublisherId,
        /// What became of what was owed, if anything was.
        owed: Option<Owed>,
    },
    /// Adds a publisher or gives it an API key, so far as that was not done before; its id, and the key's.
    EnsurePublisher {
        /// What the operator calls it.
        name: PublisherName,
        /// What the key is called.
        key_id: ApiKeyId,
        /// What it is recognized by.
        key: ApiKeyHash,
        /// Whether nobody can have known it before this command, or one that died.
        is_new: bool,
    },
    /// Every publisher with its keys.
    ListPublishers,
    /// Gives a publisher one more API key; the key.
    AddKey {
        /// Whose.
        publisher: PublisherId,
    },
    /// Takes an API key out of force, for ever.
    RevokeKey {
        /// Whose.
        publisher: PublisherId,
        /// Which.
        key: ApiKeyId,
    },
    /// Enters tokens into a publisher's ledger, or takes some out; the entry.
    Adjust {
        /// Whose.
        publisher: PublisherId,
        /// By which the command can be repeated.
        id: EntryId,
        /// The day that it is about.
        day: Day,
        /// What each token is worth.
        denomination: Denomination,
        /// How many.
        tokens: SignedTokens,
        /// Why.
        reason: Remark,
    },
    /// Everything in a publisher's ledger.
    ListLedger {
        /// Whose.
        publisher: PublisherId,
    },
    /// Closes every publisher's statements; those closed now.
    CloseStatements {
        /// Through which day; the end of the last month unless said otherwise.
        through: Option<Day>,
        /// Whether the store was restored, and the statements are closed again that it lacks.
        after_restore: bool,
    },
    /// Statements without their lines.
    ListStatements {
        /// Whose; everybody's unless said otherwise.
        publisher: Option<PublisherId>,
    },
    /// Records that a statement was paid; the record.
    RecordPayout(RecordPayout),
    /// Reverses a payout; the entry that does.
    ReversePayout {
        /// To whom it was paid.
        publisher: PublisherId,
        /// Which.
        payout: EntryId,
        /// Why.
        reason: Remark,
    },
    /// Says that every payout made before the store was restored is in it again.
    ConfirmPayouts,
    /// Payouts.
    ListPayouts {
        /// Whose; everybody's unless said otherwise.
        publisher: Option<PublisherId>,
    },
    /// What is not paid of every statement.
    DuePayouts {
        /// Whether that is asked though payouts made before the store was restored may be missing.
        after_restore: bool,
    },
    /// A table: text of CSV, or a list of rows.
    Export {
        /// Which.
        export: Export,
        /// Whose; everybody's unless said otherwise.
        publisher: Option<PublisherId>,
        /// Of which days.
        days: Days,
        /// As what.
        form: Form,
    },
    /// Compares what was redeemed with what the issuer says it issued; a line a key, and one for all.
    Audit {
        /// What it says.
        issued: Issued,
    },
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
    let store = &*stores.publishers;
    match command {
        Command::AddPublisher { name, payout_reference } => {
            publishers::add(name, payout_reference, store, environment).await
        }
        Command::DescribePublisher { publisher, name, payout_reference } => {
            publishers::describe(publisher, name, payout_reference, store, environment).await
        }
        Command::ErasePublisher { publisher, owed } => {
            payouts::check_known(stores, false)?;
            publishers::erase(publisher, owed, config.commission, stores, environment).await
        }
        Command::EnsurePublisher { name, key_id, key, is_new } => {
            let created = Day::from_unix(environment.now());
            let key = ApiKeyRecord { id: key_id, hash: key, created, revoked: false };
            ensure::ensure(name, key, is_new, store, environment).await
        }
        Command::ListPublishers => publishers::list(store).await,
        Command::AddKey { publisher } => publishers::add_key(publisher, store, environment).await,
        Command::RevokeKey { publisher, key } => {
            publishers::revoke_key(publisher, key, store, environment).await
        }
        Command::Adjust { publisher, id, day, denomination, tokens, reason } => {
            let made = Day::from_unix(environment.now());
            let adjustment = Adjustment { id, publisher, day, denomination, tokens, reason, made };
            ledger::adjust(adjustment, stores, environment).await
        }
        Command::ListLedger { publisher } => ledger::list(publisher, stores).await,
        Command::CloseStatements { through, after_restore } => {
            payouts::check_known(stores, after_restore)?;
            statements::close(through, config.commission, stores, environment).await
        }
        Command::ListStatements { publisher } => statements::list(publisher, stores).await,
        Command::RecordPayout(asked) => {
            payouts::check_known(stores, asked.after_restore)?;
            payouts::record(asked, config.payout_hold_days, stores, environment).await
        }
        Command::ReversePayout { publisher, payout, reason } => {
            let made = Day::from_unix(environment.now());
            payouts::reverse(Reversing { publisher, payout, reason, made }, stores, environment).await
        }
        Command::ListPayouts { publisher } => payouts::list(publisher, stores).await,
        Command::ConfirmPayouts => payouts::confirm(stores, environment).await,
        Command::DuePayouts { after_restore } => {
            payouts::check_known(stores, after_restore)?;
            payouts::list_due(config.payout_hold_days, stores, Day::from_unix(environment.now())).await
        }
        Command::Export { export, publisher, days, form } => {
            let publishers = listed_publishers(publisher, stores).await?;
            let table = of_publishers(export, &days, &publishers, stores).await?;
            Ok(match form {
                Form::Csv => Value::String(table.csv()?),
                Form::Json => Value::Array(table.objects()),
            })
        }
        // The running service audits itself, so that it raises its alarm.
        Command::Audit { issued } => {
            let redeemed = stores.totals.totals().await?;
            Ok(audited(&compare(&issued, &redeemed, Day::from_unix(environment.now()))?))
        }
        Command::DumpStore => Ok(serde_json::to_value(stores.records.dump().await?)?),
        Command::BackUpStore { output, recipient } => {
            let copies = &*stores.copies;
            let records =
                backup::back_up(copies, &stores.birth, &output, recipient, environment.now()).await?;
            Ok(json!([backed_up(records, &output)]))
        }
        Command::CheckStore => {
            Ok(listed_findings(backup::check::<RedeemerBooks>(&*stores.copies, environment.now()).await?))
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
        // A thing of the running service, which has done it.
        Command::Ready => Ok(Value::Null),
    }
}

/// What an audit showed: a line for each key, and one that says of which days.
pub fn audited(report: &Report) -> Value {
    let Report { issued_through, compared_through, keys } = report;
    let through = json!({ "issued_through": issued_through, "compared_through": compared_through });
    keys.iter().map(|key| json!(key)).chain([through]).collect()
}

/// One publisher or all.
async fn listed_publishers(
    publisher: Option<PublisherId>,
    stores: &Stores,
) -> anyhow::Result<Vec<Publisher>> {
    match publisher {
        Some(id) => Ok(vec![find_publisher(id, stores).await?]),
        None => Ok(stores.publishers.list().await?),
    }
}

async fn find_publisher(id: PublisherId, stores: &Stores) -> anyhow::Result<Publisher> {
    match stores.publishers.find(id).await? {
        Some(publisher) => Ok(publisher),
        None => unknown_publisher(id),
    }
}

/// What is said where nobody knows whether an entry was made: whoever repeats the command needs the id that was tried.
pub fn how_to_repeat(id: EntryId) -> String {
    format!("not known to be recorded; to repeat it safely add --id {id}")
}

fn unknown_publisher<T>(publisher: PublisherId) -> anyhow::Result<T> {
    bail!("there is no publisher {publisher}; `publishers list` shows them")
}
