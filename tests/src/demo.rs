//! `cargo demo`: the main job from beginning to end, on servers of its own.

use std::collections::BTreeSet;
use std::io::Write;

use anyhow::{Context, ensure};
use farthing_protocol::{Day, Denomination, SECONDS_PER_DAY};
use serde_json::{Value, json};

use crate::programs::Program;
use crate::{Publisher, Reader, Redeemed, ServiceProcess, World};

/// Shows it, printing to `out`; with `serve` the servers stay up until they are interrupted.
///
/// # Errors
/// Anything went otherwise than it should.
pub fn run(serve: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let world = World::new(std::env::current_exe()?)?;
    let issuer = world.serve(Program::Issuer)?;
    let redeemer = world.serve(Program::Redeemer)?;
    writeln!(out, "An issuer listens on {}, a redeemer on {}.\n", issuer.url(), redeemer.url())?;

    let reader = world.reader("reader");
    let publisher = world.publisher("The Daily Example")?;
    buy(&world, &reader, &issuer, &redeemer, out)?;
    spend(&reader, &publisher, &redeemer, out)?;
    audit(&world, &reader, out)?;
    compare(&world, out)?;
    if serve {
        stay(&world, &issuer, &redeemer, out)?;
    }
    issuer.stop()?;
    redeemer.stop()
}

fn buy(
    world: &World,
    reader: &Reader<'_>,
    issuer: &ServiceProcess,
    redeemer: &ServiceProcess,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    writeln!(out, "1. The operator sells a prepaid code for 1.00 EUR; a reader buys 100 tokens with it.")?;
    let voucher = world.voucher()?;
    reader.buy(issuer, redeemer, &voucher)?;
    let tokens = reader.tokens()?;
    ensure!(tokens == 100, "the reader has {tokens} tokens");
    writeln!(out, "   The issuer signed 100 tokens without seeing one. The reader's wallet has {tokens}.\n")?;
    Ok(())
}

fn spend(
    reader: &Reader<'_>,
    publisher: &Publisher,
    redeemer: &ServiceProcess,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    writeln!(out, "2. The reader pays 3 tokens for an article; the publisher redeems them.")?;
    let tokens = reader.export(3)?;
    let taken = publisher.redeem(&redeemer.url(), "article-1", &tokens)?;
    show(out, &taken)?;
    ensure!(taken.status == 200, "the redemption was refused");

    writeln!(out, "\n3. The answer got lost? The same request again finds it; nothing is spent twice.")?;
    let again = publisher.redeem(&redeemer.url(), "article-1", &tokens)?;
    show(out, &again)?;
    ensure!(again.answer()?.replayed, "the repetition was not recognized");

    writeln!(out, "\n4. Somebody tries one of these tokens a second time.")?;
    let refused = publisher.redeem(&redeemer.url(), "article-2", &tokens[..1])?;
    show(out, &refused)?;
    ensure!(refused.status == 409, "a token was taken twice");
    let credit = publisher.credit_micros(&redeemer.url())?;
    ensure!(credit == 30_000, "the publisher was credited {credit} micros");
    writeln!(out, "   The publisher's credit: {credit} millionths of a euro, which is 3 cents.\n")?;
    Ok(())
}

/// Shows an answer, and of the receipt in it what it says: base64 and a signature would fill the screen.
fn show(out: &mut impl Write, redeemed: &Redeemed) -> anyhow::Result<()> {
    let mut body = redeemed.body.clone();
    if let Some(envelope) = redeemed.answer()?.receipt {
        body["receipt"] = json!({ "signed": serde_json::from_slice::<Value>(&envelope.payload.0)? });
    }
    Ok(writeln!(out, "   {} {body}", redeemed.status)?)
}

fn audit(world: &World, reader: &Reader<'_>, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(
        out,
        "5. A day later (the demo moves its clocks) both publish signed totals; anyone compares them."
    )?;
    world.move_clock(i64::try_from(SECONDS_PER_DAY)?)?;
    let output = reader.command(&["audit"]).output()?;
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        writeln!(out, "   {line}")?;
    }
    ensure!(output.status.success(), "the audit failed: {}", String::from_utf8_lossy(&output.stderr));
    writeln!(out)?;
    Ok(())
}

/// Shows every record that either service has, and what the two have in common.
fn compare(world: &World, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "6. All that each service's store now holds:")?;
    let issuer = world.dump(Program::Issuer)?;
    let redeemer = world.dump(Program::Redeemer)?;
    for (name, records) in [("issuer", &issuer), ("redeemer", &redeemer)] {
        writeln!(out, "\n   {name}:")?;
        for record in records {
            let table = record["table"].as_str().context("a record has no table")?;
            writeln!(out, "     {table:<16} {} {}", short(&record["key"]), record["record"])?;
        }
    }
    let mut public = BTreeSet::new();
    for record in issuer.iter().filter(|record| record["table"] == "pinned-keys") {
        texts(record, &mut public);
    }
    let [one, other] = [&issuer, &redeemer].map(|records| {
        let mut found = BTreeSet::new();
        for record in records {
            texts(record, &mut found);
        }
        found
    });
    // Totals have the id of a token key and a day for their key.
    let is_public = |text: &str| {
        let begins = public.iter().any(|known| text.starts_with(known));
        begins || text.parse::<Day>().is_ok() || text.parse::<Denomination>().is_ok()
    };
    let telling: Vec<_> = one.intersection(&other).filter(|text| !is_public(text)).collect();
    ensure!(telling.is_empty(), "both stores hold {telling:?}");
    writeln!(
        out,
        "\n   In common they have the token keys' public facts, the value of a token, and the day. Nothing else."
    )?;
    Ok(())
}

/// Every text in a record that is long enough to recognize anything by, its key included.
fn texts(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.len() >= 8 => _ = found.insert(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Object(members) => {
            let values = members.iter().filter(|(name, _)| *name != "table");
            values.for_each(|(_, value)| texts(value, found));
        }
        _ => {}
    }
}

/// A key in hexadecimal, cut short.
fn short(key: &Value) -> String {
    let key = key.as_str().unwrap_or_default();
    if key.len() > 16 { format!("{}..", key.get(..16).unwrap_or_default()) } else { key.to_owned() }
}

fn stay(
    world: &World,
    issuer: &ServiceProcess,
    redeemer: &ServiceProcess,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let publisher = world.publisher("You")?;
    let voucher = world.voucher()?;
    let (issuer, redeemer) = (issuer.url(), redeemer.url());
    let config = world.configuration(Program::Issuer);
    let clock = world.path("clock");
    let directory = world.path("");
    let directory = directory.display();
    writeln!(
        out,
        "
The servers stay up until you press Ctrl-C. Try them by hand, in another terminal in the project's directory:

  export {variable}={clock} FARTHING_PASSPHRASE='correct horse'
  alias demo='cargo run --quiet --package farthing-tests --'
  demo wallet --wallet {directory}my.wallet buy --issuer {issuer} --redeemer {redeemer} --pack {pack} --voucher {voucher}
  demo wallet --wallet {directory}my.wallet balance
  demo wallet --wallet {directory}my.wallet tokens export --count 1 > {directory}token
  curl -i {redeemer}/v1/redemptions -H 'Authorization: Bearer {api_key}' -H 'Idempotency-Key: article-1' \\
       -H 'Content-Type: application/json' -d '{{\"tokens\": [\"'$(cat {directory}token)'\"]}}'
  curl -s {redeemer}/v1/balance -H 'Authorization: Bearer {api_key}' \\
       | jq '.payload | gsub(\"-\"; \"+\") | gsub(\"_\"; \"/\") | @base64d | fromjson'
  demo issuer vouchers mint --pack {pack} --config {config}",
        variable = crate::CLOCK_VARIABLE,
        clock = clock.display(),
        pack = crate::PACK,
        api_key = publisher.api_key,
        config = config.display(),
    )?;
    out.flush()?;
    wait_for_interrupt()
}

/// Returns when the process is told to stop. Children in the same terminal hear Ctrl-C too and stop by themselves.
fn wait_for_interrupt() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Ok(())
    })
}
