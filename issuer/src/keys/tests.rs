use std::fs;
use std::path::Path;

use age::secrecy::SecretString;
use farthing_protocol::{Day, SECONDS_PER_DAY};
use farthing_service::keyring::{self, KeyStatus};
use farthing_service::reload::Configuration;

use super::*;
use crate::config::Config;

const NOW: u64 = 20_778 * SECONDS_PER_DAY + 3_600;

/// A configuration with two denominations in a fresh directory.
fn configured(directory: &Path) -> Config {
    let file = directory.join("issuer.toml");
    let second = "\n[[pack]]\nid = \"big\"\ntitle = \"big\"\ncount = 10\nvalue_micros = 50000\ncurrency = \"EUR\"\nprice_minor = 50\n";
    fs::write(&file, format!("{}{second}", include_str!("../../../configs/issuer.toml"))).unwrap();
    Config::load(&file).unwrap()
}

fn statuses(config: &Config, now: u64) -> Vec<(String, KeyStatus)> {
    let keyring = keyring::read(&config.keyring, now).unwrap();
    keyring.entries().into_iter().map(|entry| (entry.name().to_owned(), entry.status(now))).collect()
}

#[test]
fn exactly_one_key_issues_on_every_day_of_two_years() {
    let directory = tempfile::tempdir().unwrap();
    let config = configured(directory.path());
    init(&config, NOW).unwrap();
    let mut listed_for = Vec::new();
    for days in 0..730 {
        let now = NOW + days * SECONDS_PER_DAY;
        rotate(&config, false, now).unwrap();
        let keyring = keyring::read(&config.keyring, now).unwrap();
        for denomination in config.denominations() {
            let of_denomination =
                keyring.entries().into_iter().filter(|entry| entry.facts().denomination() == denomination);
            let issuing = of_denomination.filter(|entry| entry.status(now) == KeyStatus::Issuing).count();
            assert_eq!(issuing, 1, "{denomination} on day {days}");
        }
        let live: Vec<_> =
            keyring.entries().into_iter().filter(|entry| entry.status(now) != KeyStatus::Ended).collect();
        let mut truncated: Vec<_> =
            live.iter().map(|entry| entry.facts().token_key_id().truncated()).collect();
        truncated.sort_unstable();
        truncated.dedup();
        assert_eq!(truncated.len(), live.len(), "no two live keys share a truncated id");
        for entry in live.into_iter().filter(|entry| entry.facts().created() == now && days > 0) {
            listed_for.push(entry.facts().epoch().not_before().start() - now);
        }
    }
    assert!(listed_for.iter().all(|seconds| *seconds >= SECONDS_PER_DAY), "listed a day before their use");
    assert!(!listed_for.is_empty());
}

#[test]
fn keys_are_made_once_and_rotation_is_idempotent() {
    let directory = tempfile::tempdir().unwrap();
    let config = configured(directory.path());
    assert_eq!(init(&config, NOW).unwrap(), ["EUR-10000.2026-11-21", "EUR-50000.2026-11-21"]);
    assert!(matches!(init(&config, NOW), Err(RotateError::NotEmpty(_))));
    assert!(rotate(&config, false, NOW).unwrap().is_empty());
    assert_eq!(rotate(&config, true, NOW).unwrap(), ["EUR-10000.2026-12-19", "EUR-50000.2026-12-19"]);
    assert!(rotate(&config, true, NOW).unwrap().is_empty());
}

#[test]
fn of_issuers_that_rotate_at_once_one_adds_each_key() {
    let directory = tempfile::tempdir().unwrap();
    let config = configured(directory.path());
    fs::create_dir_all(&config.keyring).unwrap();
    let added: usize = std::thread::scope(|scope| {
        let issuers: Vec<_> =
            (0..4).map(|_| scope.spawn(|| rotate(&config, false, NOW).unwrap().len())).collect();
        issuers.into_iter().map(|issuer| issuer.join().unwrap()).sum()
    });
    assert_eq!(added, 2);
    assert_eq!(statuses(&config, NOW).len(), 2);
}

#[test]
fn a_revoked_key_has_a_successor_from_today() {
    let directory = tempfile::tempdir().unwrap();
    let config = configured(directory.path());
    init(&config, NOW).unwrap();
    rotate(&config, true, NOW).unwrap();
    let later = NOW + 5 * SECONDS_PER_DAY;
    let (revoked, added) = revoke(&config, "EUR-10000.2026-11-21", later).unwrap();
    assert_eq!((revoked.as_str(), added), ("EUR-10000.2026-11-21", vec!["EUR-10000.2026-11-26".to_owned()]));
    let keyring = keyring::read(&config.keyring, later).unwrap();
    let successor = keyring.issuing("EUR-10000".parse().unwrap(), later).unwrap();
    assert_eq!(successor.facts().epoch().issue_until(), "2026-12-19".parse::<Day>().unwrap());
    assert!(revoke(&config, "EUR-10000.2026-11-21", later).unwrap().1.is_empty(), "again");
    let (_, same_day) = revoke(&config, "EUR-10000.2026-11-26", later).unwrap();
    assert_eq!(same_day, ["EUR-10000.2026-11-26.2"]);
    assert!(revoke(&config, "EUR-1", later).is_err());
    let seen = statuses(&config, later);
    assert_eq!(seen.iter().filter(|(_, status)| *status == KeyStatus::Revoked).count(), 2);
}

#[test]
fn a_backup_brings_back_what_is_missing_and_overwrites_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let config = configured(directory.path());
    init(&config, NOW).unwrap();
    revoke(&config, "EUR-10000.2026-11-21", NOW).unwrap();
    let before = statuses(&config, NOW);
    let file = directory.path().join("keys.age");
    let identity = age::x25519::Identity::generate();
    let lock = Lock::Recipient(identity.to_public().to_string());
    assert_eq!(backup(&config.keyring, &file, lock).unwrap(), 4);
    let bytes = fs::read(&file).unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains("EUR-10000"));

    let unlock = || Unlock::Identity(identity.to_string());
    assert!(restore(&config.keyring, &file, unlock()).unwrap().is_empty());
    fs::remove_dir_all(&config.keyring).unwrap();
    assert_eq!(restore(&config.keyring, &file, unlock()).unwrap().len(), 4);
    assert_eq!(statuses(&config, NOW), before);

    let key = config.keyring.join("EUR-50000.2026-11-21.key");
    let text = fs::read_to_string(&key).unwrap().replace("2027-03-13", "2027-03-14");
    fs::write(&key, &text).unwrap();
    let differs = restore(&config.keyring, &file, unlock()).unwrap_err().to_string();
    assert!(differs.contains("another file of this name"), "{differs}");
    assert_eq!(fs::read_to_string(&key).unwrap(), text);

    let stranger = Unlock::Identity(age::x25519::Identity::generate().to_string());
    assert!(restore(&config.keyring, &file, stranger).is_err());
    let passphrase = || SecretString::from("correct horse".to_owned());
    let second = directory.path().join("second.age");
    backup(&config.keyring, &second, Lock::Passphrase(passphrase())).unwrap();
    assert!(backup(&config.keyring, &second, Lock::Passphrase(passphrase())).is_err(), "never overwritten");
    assert!(restore(&config.keyring, &second, Unlock::Passphrase(passphrase())).unwrap().is_empty());
}

#[test]
fn nothing_is_added_while_clock_or_name_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let config = configured(directory.path());
    init(&config, NOW).unwrap();
    let before = statuses(&config, NOW).len();
    let behind = NOW - 40 * SECONDS_PER_DAY;
    assert!(matches!(rotate(&config, true, behind), Err(RotateError::ClockBehind(_))));
    let file = directory.path().join("issuer.toml");
    let text = fs::read_to_string(&file).unwrap().replace("\"issuer.localhost\"", "\"isuer.localhost\"");
    fs::write(&file, text).unwrap();
    let mistaken = Config::load(&file).unwrap();
    let later = NOW + 27 * SECONDS_PER_DAY;
    assert!(matches!(rotate(&mistaken, false, later), Err(RotateError::OtherIssuer { .. })));
    assert_eq!(statuses(&config, NOW).len(), before);
}

#[test]
fn names_of_revoked_keys_are_not_used_again() {
    let directory = tempfile::tempdir().unwrap();
    let config = configured(directory.path());
    init(&config, NOW).unwrap();
    let first = "EUR-10000.2026-11-21";
    assert_eq!(revoke(&config, first, NOW).unwrap().1, ["EUR-10000.2026-11-21.2"]);
    // The revoked pair is cleared away, which is allowed; the next name is still a new one.
    for ending in ["key", "revoked"] {
        fs::remove_file(config.keyring.join(format!("{first}.{ending}"))).unwrap();
    }
    assert_eq!(revoke(&config, "EUR-10000.2026-11-21.2", NOW).unwrap().1, ["EUR-10000.2026-11-21.3"]);
}

#[test]
fn a_key_is_revoked_by_name_though_its_file_or_another_is_broken() {
    let directory = tempfile::tempdir().unwrap();
    let config = configured(directory.path());
    init(&config, NOW).unwrap();
    fs::write(config.keyring.join("EUR-50000.2026-11-21.key"), "broken").unwrap();
    assert!(revoke(&config, "EUR-10000.2026-11-21", NOW).is_err(), "no successor can be made");
    assert!(config.keyring.join("EUR-10000.2026-11-21.revoked").exists());
    assert!(revoke(&config, "../EUR-10000.2026-11-21", NOW).is_err());
    assert!(revoke(&config, "EUR-10000", NOW).is_err());
    assert_eq!(fs::read_dir(&config.keyring).unwrap().count(), 3);
}
