//! The profile `observability`: nothing of it runs unless it is asked for, and then it sees both services and neither
//! sees the other. Prometheus runs; of Grafana, whose image cannot be made here, the files are compared.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use farthing_tests::http;
use serde_json::Value;

use crate::stack::{self, Stack, tell, yaml};

/// Longest wait for two scrapes and an evaluation of the rules.
const PATIENCE: Duration = Duration::from_secs(90);

/// Starts Prometheus beside the running stack, and waits until it has both services and every alert.
pub fn check(stack: &Stack) {
    for service in ["prometheus", "grafana"] {
        assert_eq!(
            stack.compose(&["--profile", "observability", "ps", "--quiet", service]),
            "",
            "{service} runs"
        );
    }
    stack::build_prometheus();
    stack.compose(&["--profile", "observability", "up", "--detach", "prometheus"]);
    let targets = until(stack, "targets?state=active", |targets| {
        let mut up: Vec<_> = array(&targets["activeTargets"])
            .filter(|target| target["health"] == "up")
            .filter_map(|target| target["labels"]["job"].as_str())
            .collect();
        up.sort_unstable();
        up == ["farthing-issuer", "farthing-redeemer"]
    });
    for target in array(&targets["activeTargets"]) {
        tell(&format!(
            "prometheus scrapes {} as {}: {}",
            target["scrapeUrl"], target["labels"]["job"], target["health"]
        ));
    }
    until(stack, "query?query=farthing_ready", |ready| {
        let values: Vec<_> = array(&ready["result"]).map(|sample| sample["value"][1].as_str()).collect();
        values == [Some("1"); 2]
    });
    let alerts = fs::read_to_string(stack::root().join("ops/alerts.yml")).unwrap();
    let written: BTreeSet<_> =
        alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let rules = until(stack, "rules?type=alert", |rules| {
        let rules = array(&rules["groups"]).flat_map(|group| array(&group["rules"]));
        let loaded: BTreeSet<_> =
            rules.filter(|rule| rule["health"] == "ok").filter_map(|rule| rule["name"].as_str()).collect();
        loaded == written
    });
    let firing = array(&rules["groups"]).flat_map(|group| array(&group["rules"]));
    let firing: Vec<_> = firing.filter(|rule| rule["state"] == "firing").map(|rule| &rule["name"]).collect();
    assert!(firing.is_empty(), "{firing:?}");
    tell(&format!("prometheus has {} alert rules, and none fires", written.len()));
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// What Prometheus's API answers, once it is as expected.
fn until(stack: &Stack, path: &str, expected: impl Fn(&Value) -> bool) -> Value {
    let url = format!("{}/api/v1/{path}", stack.prometheus_url());
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = http::get(&url, &[]).map(|answer| answer.json()).unwrap_or_default();
        if expected(&answer["data"]) {
            return answer["data"].clone();
        }
        assert!(Instant::now() < deadline, "{url}: {answer}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn texts(value: &Value) -> Vec<&str> {
    array(value).map(|text| text.as_str().unwrap()).collect()
}

/// The file of this repository that a service sees at `place`, and how it may use it.
fn mounted<'a>(service: &'a Value, place: &str) -> (&'a str, &'a str) {
    let mounts = texts(&service["volumes"]).into_iter();
    let mut at_place = mounts.filter_map(|mount| mount.split_once(&format!(":{place}:")));
    let (source, mode) = at_place.next().unwrap_or_else(|| panic!("nothing is mounted at {place}"));
    assert!(stack::root().join(source).exists(), "{source}");
    (source, mode)
}

#[test]
fn prometheus_is_given_the_rules_and_both_services() {
    let prometheus = &yaml("docker-compose.yml")["services"]["prometheus"];
    assert_eq!(texts(&prometheus["profiles"]), ["observability"]);
    let (configuration, mode) = mounted(prometheus, "/etc/prometheus/prometheus.yml");
    assert_eq!(mode, "ro");
    assert!(texts(&prometheus["command"]).contains(&"--config.file=/etc/prometheus/prometheus.yml"));
    let configuration = yaml(configuration);
    assert_eq!(texts(&configuration["rule_files"]), ["alerts.yml"]);
    assert_eq!(mounted(prometheus, "/etc/prometheus/alerts.yml"), ("./ops/alerts.yml", "ro"));
    let jobs: Vec<_> = array(&configuration["scrape_configs"]).collect();
    assert_eq!(jobs.len(), 2);
    for (job, service) in jobs.into_iter().zip(["issuer", "redeemer"]) {
        assert_eq!(job["job_name"], format!("farthing-{service}"));
        let settings =
            fs::read_to_string(stack::root().join(format!("configs/compose/{service}.toml"))).unwrap();
        let port = settings.split("metrics_listen = \"0.0.0.0:").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(texts(&job["static_configs"][0]["targets"]), [format!("{service}:{port}")]);
        assert!(prometheus["networks"].as_object().unwrap().contains_key(&format!("{service}-metrics")));
    }
}

#[test]
fn grafana_is_given_the_dashboard_its_data_source_and_a_password() {
    let compose = yaml("docker-compose.yml");
    let (grafana, prometheus) = (&compose["services"]["grafana"], &compose["services"]["prometheus"]);
    assert_eq!(texts(&grafana["profiles"]), ["observability"]);
    let (provisioning, mode) = mounted(grafana, "/etc/grafana/provisioning");
    assert_eq!(mode, "ro");

    let sources = yaml(&format!("{provisioning}/datasources/farthing.yml"));
    assert_eq!((&sources["apiVersion"], array(&sources["datasources"]).count()), (&1.into(), 1));
    let source = &sources["datasources"][0];
    assert_eq!((&source["type"], &source["isDefault"]), (&"prometheus".into(), &true.into()));
    let asked = source["url"].as_str().unwrap().strip_prefix("http://").unwrap();
    assert!(texts(&prometheus["command"]).contains(&format!("--web.listen-address={asked}").as_str()));
    let network = texts(&grafana["networks"]);
    assert_eq!(network, ["monitoring"]);
    let names = texts(&prometheus["networks"]["monitoring"]["aliases"]);
    assert_eq!(names, [asked.split(':').next().unwrap()]);

    let providers = yaml(&format!("{provisioning}/dashboards/farthing.yml"));
    assert_eq!((&providers["apiVersion"], array(&providers["providers"]).count()), (&1.into(), 1));
    let directory = providers["providers"][0]["options"]["path"].as_str().unwrap();
    let (dashboard, _) = mounted(grafana, &format!("{directory}/farthing.json"));
    let dashboard = fs::read(stack::root().join(dashboard)).unwrap();
    let dashboard: Value = serde_json::from_slice(&dashboard).unwrap();
    // The variable takes the default source of its type.
    let variable = &dashboard["templating"]["list"][0];
    assert_eq!((&variable["type"], &variable["query"]), (&"datasource".into(), &source["type"]));

    let environment = &grafana["environment"];
    let secret = texts(&grafana["secrets"]);
    assert_eq!(environment["GF_SECURITY_ADMIN_PASSWORD__FILE"], format!("/run/secrets/{}", secret[0]));
    assert!(compose["secrets"][secret[0]]["file"].is_string());
    assert_eq!(environment["GF_AUTH_ANONYMOUS_ENABLED"], "false");
    assert_eq!(environment["GF_ANALYTICS_REPORTING_ENABLED"], "false");
    assert_eq!(environment["GF_ANALYTICS_CHECK_FOR_UPDATES"], "false");
}
