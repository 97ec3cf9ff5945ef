//! What monitoring sees: enough to run the services by, and nothing that dates a purchase or a redemption.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use farthing_tests::programs::Program;
use farthing_tests::{ServiceProcess, World, http};
use serde_json::Value;

use crate::{on_redis, world};

const DAY: u64 = 86_400;
/// Gauges that move with the clock, or are measured on a schedule of the service's own.
const MOVING: [&str; 5] = [
    "farthing_key_issue_seconds_left",
    "farthing_key_redeem_seconds_left",
    "farthing_issuing_seconds_left",
    "farthing_probe_seconds",
    "farthing_ready",
];
/// Metrics that Prometheus itself adds.
const OF_PROMETHEUS: [&str; 1] = ["up"];
const LABELS: [&str; 11] = [
    "denomination",
    "key",
    "kind",
    "le",
    "method",
    "operation",
    "part",
    "route",
    "service",
    "status",
    "version",
];
const ROUTES: [&str; 15] = [
    "/.well-known/jwks.json",
    "/.well-known/private-token-issuer-directory",
    "/healthz",
    "/readyz",
    "/token-request",
    "/v1/balance",
    "/v1/keys",
    "/v1/order",
    "/v1/orders",
    "/v1/orders/{id}/voucher",
    "/v1/packs",
    "/v1/redemptions",
    "/v1/redemptions/{key}",
    "/v1/totals",
    "other",
];

/// The metrics of a service, once it has asked its own parts for the first time.
fn scrape(service: &ServiceProcess) -> String {
    let log = fs::read_to_string(service.log()).unwrap();
    let address = log.split("metrics=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = http::get(&format!("http://{address}/metrics"), &[]).unwrap();
        let text = String::from_utf8(answer.body).unwrap();
        let probed = text.contains("farthing_probe_seconds{part=\"arithmetic\"}");
        // The alarm of rotation is there once a first attempt was made.
        let tried = text.contains("service=\"redeemer\"") || text.contains("kind=\"rotation\"");
        if probed && tried {
            return text;
        }
        assert!(Instant::now() < deadline, "{text}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The lines that must not move whatever readers and publishers do.
fn still(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !MOVING.iter().any(|name| line.starts_with(name))).collect()
}

/// The samples' label names and values.
fn labels(text: &str) -> Vec<(&str, &str)> {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let sets = samples.filter_map(|line| Some(line.split_once('{')?.1.rsplit_once('}')?.0));
    sets.flat_map(|set| set.split("\",").filter_map(|label| label.trim_end_matches('"').split_once("=\"")))
        .collect()
}

/// Names of metrics, by their `# TYPE` lines.
fn families(text: &str) -> BTreeSet<String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.filter_map(|line| Some(line.split_once(' ')?.0.to_owned())).collect()
}

/// A day must not end by itself while a test looks on.
fn avoid_midnight(world: &World) -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let ahead = if DAY - now % DAY < 900 { 1_800 } else { 0 };
    world.move_clock(ahead).unwrap();
    ahead
}

fn nothing_dates_a_purchase_or_a_redemption(world: &World) {
    let ahead = avoid_midnight(world);
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let (reader, publisher) = (world.reader("reader"), world.publisher("Example").unwrap());
    let voucher = world.voucher().unwrap();
    let before = [scrape(&issuer), scrape(&redeemer)];
    let moved = |step: &str| {
        for (service, before) in [&issuer, &redeemer].into_iter().zip(&before) {
            assert_eq!(still(&scrape(service)), still(before), "{step} shows");
        }
    };

    reader.buy(&issuer, &redeemer, &voucher).unwrap();
    moved("a purchase");
    let tokens = reader.export(3).unwrap();
    assert_eq!(publisher.redeem(&redeemer.url(), "article-1", &tokens).unwrap().status, 200);
    moved("a redemption");
    assert_eq!(publisher.redeem(&redeemer.url(), "article-2", &tokens).unwrap().status, 409);
    moved("a double spend");
    for number in 0..13 {
        let of_nobody = format!("{}/v1/orders/made-up-{number}/voucher", issuer.url());
        http::post(&of_nobody, &[], Vec::new()).unwrap();
        http::get(&format!("{}/v1/packs", issuer.url()), &[]).unwrap();
        http::get(&format!("{}/made-up-{number}", issuer.url()), &[]).unwrap();
    }
    moved("many requests");

    // The next day has yesterday's counts, in tens: one purchase and two redemptions stay unseen.
    world.move_clock(ahead + i64::try_from(DAY).unwrap()).unwrap();
    let after = [scrape(&issuer), scrape(&redeemer)];
    for line in [
        "farthing_http_request_duration_seconds_count{method=\"POST\",route=\"/v1/orders/{id}/voucher\",status=\"4xx\"} 10",
        "farthing_http_request_duration_seconds_count{method=\"GET\",route=\"other\",status=\"4xx\"} 10",
        "farthing_http_request_duration_seconds_count{method=\"GET\",route=\"/v1/packs\",status=\"2xx\"} 10",
    ] {
        let sorted = |line: &str| {
            let mut parts: Vec<_> = line.split(['{', ',', '}']).map(str::to_owned).collect();
            parts.sort();
            parts
        };
        assert!(after[0].lines().any(|other| sorted(other) == sorted(line)), "{line} in {}", after[0]);
    }
    for text in &after {
        for route in ["/token-request", "\"/v1/orders\"", "\"/v1/redemptions\""] {
            assert!(!text.contains(route), "{route} in {text}");
        }
        assert!(!text.contains("made-up"), "{text}");
        for (name, value) in labels(text) {
            assert!(LABELS.contains(&name), "the label {name} in {text}");
            assert!(name != "route" || ROUTES.contains(&value), "the route {value}");
        }
        let counts = text.lines().filter(|line| {
            let name = line.split(['{', ' ']).next().unwrap_or_default();
            name.ends_with("_count") || name.ends_with("_bucket")
        });
        for line in counts {
            assert!(line.ends_with('0'), "not in tens: {line}");
        }
    }
}

#[test]
fn nothing_dates_a_purchase_or_a_redemption_on_the_embedded_store() {
    nothing_dates_a_purchase_or_a_redemption(&world());
}

#[test]
fn nothing_dates_a_purchase_or_a_redemption_on_redis() {
    nothing_dates_a_purchase_or_a_redemption(&on_redis());
}

fn ops(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ops").join(name)
}

/// The names of metrics in the expressions of an alert file or dashboard.
fn metrics_named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let named = words.filter(|word| word.starts_with("farthing_") || word.starts_with("process_"));
    let base = |word: &str| {
        let suffix = ["_bucket", "_count", "_sum"].into_iter().find_map(|suffix| word.strip_suffix(suffix));
        suffix.unwrap_or(word).to_owned()
    };
    named.map(base).collect()
}

fn expressions(dashboard: &Value) -> Vec<&str> {
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    targets.map(|target| target["expr"].as_str().unwrap()).collect()
}

#[test]
fn alerts_dashboard_and_manual_name_the_metrics_that_there_are() {
    let world = world();
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let published: BTreeSet<_> =
        families(&scrape(&issuer)).union(&families(&scrape(&redeemer))).cloned().collect();

    let alerts = fs::read_to_string(ops("alerts.yml")).unwrap();
    let dashboard: Value = serde_json::from_slice(&fs::read(ops("grafana-dashboard.json")).unwrap()).unwrap();
    let shown = expressions(&dashboard);
    assert!(shown.len() >= 10, "{shown:?}");
    for (file, text) in [("alerts.yml", alerts.clone()), ("grafana-dashboard.json", shown.join("\n"))] {
        let named = metrics_named(&text);
        assert!(!named.is_empty());
        let unknown: Vec<_> = named.difference(&published).collect();
        assert!(unknown.is_empty(), "{file} names {unknown:?}, which no service has");
    }
    for expression in shown {
        let known = OF_PROMETHEUS.iter().any(|name| expression.starts_with(name));
        assert!(known || !metrics_named(expression).is_empty(), "{expression} shows no metric of ours");
    }

    let manual = fs::read_to_string(ops("../docs/operating.md")).unwrap();
    for name in &published {
        assert!(manual.contains(&format!("`{name}")), "docs/operating.md lacks {name}");
    }
    let mut rules = 0;
    for alert in alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(manual.contains(&format!("#### {alert}\n")), "docs/operating.md has no runbook for {alert}");
        assert!(alerts.contains(&format!("docs/operating.md#{}\n", alert.to_lowercase())), "{alert}");
        rules += 1;
    }
    assert!(
        rules >= 10 && manual.matches("\n#### Farthing").count() == rules,
        "runbooks of alerts that are gone"
    );
}

#[test]
fn promtool_takes_the_alerts() {
    if Command::new("promtool").arg("--version").output().is_err() {
        let required = std::env::var_os("FARTHING_TEST_REQUIRE_PROMTOOL").is_some_and(|value| value == "1");
        assert!(!required, "promtool is not installed; on Debian it comes with the package prometheus");
        eprintln!("SKIPPED: the alert rules were not tested. promtool is not installed (Debian: prometheus)");
        return;
    }
    for arguments in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]] {
        let output = Command::new("promtool").args(arguments).current_dir(ops("")).output().unwrap();
        let written = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert!(output.status.success(), "promtool {}: {written:?}", arguments.join(" "));
    }
    let tested = fs::read_to_string(ops("alerts_test.yml")).unwrap();
    let alerts = fs::read_to_string(ops("alerts.yml")).unwrap();
    for alert in alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(tested.contains(&format!("- name: {alert}\n")), "alerts_test.yml has no test of {alert}");
    }
}
