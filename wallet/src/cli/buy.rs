use farthing_api::{KeyListing, PackListing};
use farthing_protocol::{IssuerDirectory, IssuerName, MAX_BATCH};
use serde_json::json;

use super::arguments::{Buy, Resume};
use super::failure::{Exit, Failure};
use super::purchase_view::{pack_line, printable, purchase_json, unspent_code};
use super::report::{Report, note};
use super::session::{OpenWallet, Session, SessionDriver};
use super::settle::{release, settle_payments};
use crate::driver::drive;
use crate::http_message::Service;
use crate::key_agreement::{AgreedKey, agree};
use crate::plural::counted;
use crate::purchase::{Payment, Purchase};
use crate::purchase_run::{Ending, PurchaseRun};
use crate::service_answer::ServiceError;
use crate::voucher_code::VoucherCode;
use crate::wallet_state::{Intent, PurchasePosition};
use crate::{issuer_client, redeemer_client};

/// How one purchase ended in this run.
type Outcome = (PurchasePosition, Ending);

/// `farthing buy`: what is not finished first, then the new purchase.
pub(crate) fn buy(session: &Session, options: &Buy) -> Result<Report, Failure> {
    let code = VoucherCode::new(&options.voucher)?;
    let mut wallet = session.open_or_make()?;
    let paid_by_it = |purchase: &Purchase| {
        let Payment::Voucher { code: other } = &purchase.payment;
        purchase.issuer == options.issuer && *other == code
    };
    let same = wallet.state.positions(|purchase| {
        purchase.is_resumable() && purchase.pack.id == options.pack && paid_by_it(purchase)
    });
    let unfinished = wallet.state.positions(Purchase::is_under_way);
    let mut outcomes = Vec::new();
    for position in wallet.state.positions(Purchase::is_resumable) {
        if !same.contains(&position) && !unfinished.contains(&position) {
            continue;
        }
        note(session.global.json, &format!("Going on with purchase {} first.", position.number()));
        let ending = run_to_end(session, &mut wallet, PurchaseRun::resume(position))?;
        let here = wallet.state.purchase(position).is_some_and(|purchase| purchase.issuer == options.issuer);
        let blocks = here && matches!(ending, Ending::Unfinished { .. });
        outcomes.push((position, ending));
        if blocks && !same.contains(&position) {
            note(session.global.json, "Nothing new is bought from this issuer before that is finished.");
            return Ok(report(&wallet, &outcomes));
        }
    }
    if !same.is_empty() {
        return Ok(report(&wallet, &outcomes));
    }
    if let Some(position) =
        wallet.state.positions(|purchase| purchase.is_paid() && paid_by_it(purchase)).first()
    {
        let number = position.number();
        let text = format!("this voucher has already paid purchase {number}; `farthing history` shows it");
        return Err(Failure::new(Exit::Failed, text));
    }

    let (intent, agreed) = plan(session, options, code, &mut wallet)?;
    let is_new = wallet.is_new;
    let position = wallet.state.intend(intent, session.today());
    if let Some(purchase) = wallet.state.purchase(position) {
        note(session.global.json, &format!("Buying {}.", pack_line(purchase)));
    }
    let ending = run_to_end(session, &mut wallet, PurchaseRun::begin(position, agreed))?;
    outcomes.push((position, ending));
    let mut report = report(&wallet, &outcomes);
    if is_new {
        let path = wallet.file.path().display();
        report
            .line(format!("Made the wallet {path}. Without its file or its passphrase the tokens are gone."));
    }
    report.json["wallet_made"] = is_new.into();
    Ok(report)
}

/// `farthing resume`: everything that can go on, oldest first.
pub(crate) fn resume(session: &Session, options: &Resume) -> Result<Report, Failure> {
    let mut wallet = session.open()?;
    if let Some(number) = options.release {
        return release(session, &mut wallet, number);
    }
    let mut outcomes = Vec::new();
    for position in wallet.state.positions(Purchase::is_resumable) {
        let ending = run_to_end(session, &mut wallet, PurchaseRun::resume(position))?;
        outcomes.push((position, ending));
    }
    let mut report = report(&wallet, &outcomes);
    let settled = settle_payments(session, &mut wallet, &mut report)?;
    if outcomes.is_empty() && settled == 0 {
        report.line("Every purchase and every payment is finished.");
    }
    Ok(report)
}

fn run_to_end(session: &Session, wallet: &mut OpenWallet, run: PurchaseRun) -> Result<Ending, Failure> {
    let mut driver = SessionDriver { session, file: &wallet.file };
    Ok(drive(&mut driver, &mut wallet.state, run)?)
}

/// What is for sale, and both services' keys.
struct Listings {
    packs: PackListing,
    directory: IssuerDirectory,
    keys: KeyListing,
}

fn look(session: &Session, options: &Buy) -> Result<Listings, ServiceError> {
    let (call, answer) = session.ask(Service::Issuer, &issuer_client::packs_request(&options.issuer))?;
    let packs = issuer_client::read_packs(&call, &answer)?;
    let (call, answer) = session.ask(Service::Issuer, &issuer_client::directory_request(&options.issuer))?;
    let directory = issuer_client::read_directory(&call, &answer)?;
    let (call, answer) = session.ask(Service::Redeemer, &redeemer_client::keys_request(&options.redeemer))?;
    let keys = redeemer_client::read_keys(&call, &answer)?;
    Ok(Listings { packs, directory, keys })
}

/// Looks at the services and decides what is bought and under which key.
fn plan(
    session: &Session,
    options: &Buy,
    code: VoucherCode,
    wallet: &mut OpenWallet,
) -> Result<(Intent, AgreedKey), Failure> {
    let Listings { packs, directory, keys } = look(session, options).map_err(|error| {
        let advice = if error.may_pass() { "; try again" } else { "" };
        let mut failure = Failure::from(error);
        let end = if failure.message.ends_with('?') { "" } else { "." };
        failure.message = format!("{}{end} Nothing was ordered or paid{advice}", failure.message);
        failure
    })?;
    session.mark_void_keys(wallet, &options.redeemer, &keys)?;

    let refused = |text: String| Failure::new(Exit::Failed, format!("{text}. Nothing was ordered or paid"));
    let issuer_name = IssuerName::new(keys.issuer_name.as_str())
        .map_err(|error| refused(format!("the redeemer's issuer name is {error}")))?;
    // Over https the name is the host. Elsewhere it is only a word, which must not come to mean another service.
    let known =
        wallet.state.issuers().iter().find(|(name, known)| {
            (known.issuer == options.issuer) != (name.as_str() == issuer_name.as_str())
        });
    if let Some((name, known)) = known.filter(|_| options.issuer.https_authority().is_none()) {
        return Err(refused(format!(
            "this wallet knows `{}` at {}, and now `{}` is at {}: keep another wallet for another issuer",
            printable(name),
            known.issuer,
            printable(issuer_name.as_str()),
            options.issuer
        )));
    }
    let ids: Vec<String> = packs.packs.iter().map(|pack| printable(&pack.id)).collect();
    let pack = packs.packs.into_iter().find(|pack| pack.id == options.pack).ok_or_else(|| {
        refused(format!("the issuer sells no pack `{}`; it sells: {}", options.pack, ids.join(", ")))
    })?;
    let payment = Payment::Voucher { code };
    if !pack.methods.iter().any(|method| method == payment.method()) {
        return Err(refused(format!("the pack `{}` cannot be paid with a voucher", options.pack)));
    }
    if pack.count == 0 || usize::try_from(pack.count).is_ok_and(|count| count > MAX_BATCH) {
        return Err(refused(format!(
            "the pack `{}` has {}; 1 to {MAX_BATCH} can be bought at once",
            options.pack,
            counted(pack.count.into(), "token")
        )));
    }
    let now = session.environment.clock.now();
    let agreed = agree(&options.issuer, &directory, &keys, &pack, wallet.state.keys(), now)?;
    let (issuer, redeemer) = (options.issuer.clone(), options.redeemer.clone());
    Ok((Intent { issuer_name, issuer, redeemer, pack, payment }, agreed))
}

fn report(wallet: &OpenWallet, outcomes: &[Outcome]) -> Report {
    let purchases: Vec<_> = outcomes
        .iter()
        .filter_map(|(position, _)| Some(purchase_json(position.number(), wallet.state.purchase(*position)?)))
        .collect();
    let mut report = Report::new(json!({"wallet": wallet.file.path(), "purchases": purchases}));
    let mut failures = Vec::new();
    let mut exit = Exit::Failed;
    for (position, ending) in outcomes {
        let number = position.number();
        let Some(purchase) = wallet.state.purchase(*position) else { continue };
        match ending {
            Ending::Bought => report.line(format!("Purchase {number} is done: {}.", pack_line(purchase))),
            Ending::Unfinished { reason } => {
                exit = Exit::Unfinished;
                failures.push(format!(
                    "purchase {number} is not finished: {reason}. Nothing is lost; run `farthing resume`"
                ));
            }
            Ending::Stopped { reason } if purchase.voucher_refusal().is_some() => {
                failures.push(format!("{reason} (purchase {number})"));
            }
            Ending::Stopped { reason } => {
                let unspent = match unspent_code(purchase) {
                    Some(_) => ". `farthing history` shows the voucher's code",
                    None => "",
                };
                failures.push(format!("purchase {number} stopped: {reason}{unspent}"));
            }
        }
    }
    if !failures.is_empty() {
        report.failure = Some(Failure::new(exit, failures.join("\nfarthing: ")));
    }
    report
}
