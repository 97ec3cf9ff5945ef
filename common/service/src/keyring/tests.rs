use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use farthing_protocol::{DERIVATION_INFO, Day, IssuerName, KeyEpoch, KeyFile, SECONDS_PER_DAY};

use super::*;
use crate::birth::{Birth, ServiceKind, TrustedKeys};
use crate::clock::Clock;
use crate::embedded::EmbeddedStore;
use crate::environment::Environment;

const NOW: u64 = 20_778 * SECONDS_PER_DAY + 3_600;

struct SetClock(AtomicU64);

impl Clock for SetClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A key of a cent whose epoch begins `offset` days from today.
fn key(seed: u8, offset: i32, created: u64) -> TokenSecretKey {
    let first = Day::from_number(Day::from_unix(NOW).number().checked_add_signed(offset).unwrap()).unwrap();
    TokenSecretKey::new(
        SecretKey::derive(&[seed; 32], DERIVATION_INFO).unwrap(),
        IssuerName::new("issuer.example").unwrap(),
        "EUR-10000".parse().unwrap(),
        KeyEpoch::starting(first, 28, 84).unwrap(),
        created,
        1_000,
    )
}

struct Bench {
    directory: tempfile::TempDir,
    clock: Arc<SetClock>,
    store: EmbeddedStore,
}

impl Bench {
    fn new(trusted: TrustedKeys) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("keys")).unwrap();
        let path = directory.path().join("store.db");
        let birth = Birth::new(ServiceKind::Redeemer, NOW - 10, trusted).unwrap();
        EmbeddedStore::create(&path, &birth).unwrap();
        let store = EmbeddedStore::open(
            &path,
            ServiceKind::Redeemer,
            Duration::from_secs(10),
            Environment::production(),
        )
        .unwrap();
        Self { directory, clock: Arc::new(SetClock(AtomicU64::new(NOW))), store }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join("keys").join(name)
    }

    fn put(&self, key: &TokenSecretKey) -> String {
        let stem = key.facts().file_stem();
        fs::write(self.path(&format!("{stem}.key")), KeyFile::encode(key).as_str()).unwrap();
        stem
    }

    async fn start(&self) -> Result<KeyringWatch, KeyringError> {
        self.start_as("issuer.example").await
    }

    async fn start_as(&self, issuer_name: &str) -> Result<KeyringWatch, KeyringError> {
        KeyringWatch::start(KeyringSource {
            directory: self.directory.path().join("keys"),
            issuer_name: IssuerName::new(issuer_name).unwrap(),
            birth: self.store.birth().clone(),
            pins: Arc::new(self.store.clone()),
            environment: Environment {
                clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
                ..Environment::production()
            },
        })
        .await
    }
}

#[test]
fn a_key_passes_through_its_states_and_loses_its_secret() {
    let status = |offset: i32, revoked: bool| {
        let entry = KeyringEntry::new(key(1, offset, NOW), "a".to_owned(), revoked, NOW);
        assert_eq!(entry.secret().is_some(), entry.status(NOW).redeems());
        entry.status(NOW)
    };
    assert_eq!(status(1, false), KeyStatus::Future);
    assert_eq!(status(0, false), KeyStatus::Issuing);
    assert_eq!(status(-27, false), KeyStatus::Issuing);
    assert_eq!(status(-28, false), KeyStatus::RedeemOnly);
    assert_eq!(status(-111, false), KeyStatus::RedeemOnly);
    assert_eq!(status(-112, false), KeyStatus::Ended);
    assert_eq!(status(0, true), KeyStatus::Revoked);
}

#[tokio::test]
async fn new_keys_and_revocations_are_picked_up_and_never_forgotten() {
    let bench = Bench::new(TrustedKeys::None);
    let first = bench.put(&key(1, 0, NOW));
    let watch = bench.start().await.unwrap();
    let denomination = "EUR-10000".parse().unwrap();
    let issuing = |watch: &KeyringWatch, now| {
        watch.current().issuing(denomination, now).map(|entry| entry.name().to_owned())
    };
    assert_eq!(issuing(&watch, NOW), Some(first.clone()));

    let second = bench.put(&key(2, 28, NOW));
    watch.reload().await.unwrap();
    assert_eq!(issuing(&watch, NOW), Some(first.clone()));
    assert_eq!(issuing(&watch, NOW + 28 * SECONDS_PER_DAY), Some(second));

    let marker = bench.path(&format!("{first}.revoked"));
    fs::write(&marker, "2026-11-21\n").unwrap();
    watch.reload().await.unwrap();
    assert_eq!(issuing(&watch, NOW), None);
    fs::remove_file(&marker).unwrap();
    watch.reload().await.unwrap();
    assert_eq!(issuing(&watch, NOW), None, "a revocation is not taken back by removing a file");
    assert!(bench.start().await.unwrap().current().entries()[0].revoked());
}

#[tokio::test]
async fn a_keyring_out_of_order_leaves_the_previous_keys_in_force() {
    let bench = Bench::new(TrustedKeys::None);
    let stem = bench.put(&key(1, 0, NOW));
    let watch = bench.start().await.unwrap();
    let file = bench.path(&format!("{stem}.key"));
    let good = fs::read_to_string(&file).unwrap();

    let changed = good.replace("2027-03-13", "2027-03-14");
    assert_ne!(changed, good);
    fs::write(&file, changed).unwrap();
    let line = watch.reload().await.unwrap_err().to_string();
    assert!(line.starts_with("keyring: EUR-10000.2026-11-21: the key's dates or value changed"), "{line}");

    fs::write(&file, &good[..good.len() / 2]).unwrap();
    assert!(matches!(watch.reload().await.unwrap_err(), KeyringError::Malformed { .. }));
    fs::remove_file(&file).unwrap();
    assert!(matches!(watch.reload().await.unwrap_err(), KeyringError::Gone(_)));
    assert_eq!(watch.current().entries().len(), 1);

    fs::write(bench.path("EUR-20000.2026-11-21.key"), &good).unwrap();
    assert!(matches!(watch.reload().await.unwrap_err(), KeyringError::Misnamed { .. }));
    fs::rename(bench.path("EUR-20000.2026-11-21.key"), &file).unwrap();
    fs::write(bench.path(&format!("{stem}.2.key")), &good).unwrap();
    assert!(matches!(watch.reload().await.unwrap_err(), KeyringError::Twice(_)));
    fs::remove_file(bench.path(&format!("{stem}.2.key"))).unwrap();
    watch.reload().await.unwrap();
}

#[tokio::test]
async fn a_revocation_holds_whatever_else_is_wrong() {
    let bench = Bench::new(TrustedKeys::None);
    let stem = bench.put(&key(1, 0, NOW));
    let other = bench.put(&key(2, 28, NOW));
    let watch = bench.start().await.unwrap();
    // In an emergency: an empty file, unreadable, while another file is broken.
    fs::write(bench.path(&format!("{stem}.revoked")), "").unwrap();
    fs::set_permissions(bench.path(&format!("{stem}.revoked")), PermissionsExt::from_mode(0o000)).unwrap();
    fs::write(bench.path(&format!("{other}.key")), "broken").unwrap();
    assert!(matches!(watch.reload().await.unwrap_err(), KeyringError::Malformed { .. }));
    let keyring = watch.current();
    let statuses: Vec<_> = keyring.entries().iter().map(|entry| entry.status(NOW)).collect();
    assert_eq!(statuses, [KeyStatus::Revoked, KeyStatus::Future]);
    assert!(keyring.entries()[0].secret().is_none());
}

#[tokio::test]
async fn a_lost_key_is_given_up_by_revoking_its_name() {
    let bench = Bench::new(TrustedKeys::None);
    let stem = bench.put(&key(1, 0, NOW));
    bench.start().await.unwrap();
    fs::remove_file(bench.path(&format!("{stem}.key"))).unwrap();
    let line = bench.start().await.err().unwrap().to_string();
    assert!(line.contains(&format!("`farthing-issuer keys revoke {stem}`")), "{line}");
    fs::write(bench.path(&format!("{stem}.revoked")), "").unwrap();
    bench.start().await.unwrap();
    fs::remove_file(bench.path(&format!("{stem}.revoked"))).unwrap();
    bench.start().await.unwrap();
    // Should the file turn up again, the key stays revoked.
    bench.put(&key(1, 0, NOW));
    assert!(bench.start().await.unwrap().current().entries()[0].revoked());
}

#[tokio::test]
async fn keys_older_than_the_store_need_trust() {
    let old = key(1, 0, NOW - 11);
    let bench = Bench::new(TrustedKeys::None);
    bench.put(&old);
    assert!(matches!(bench.start().await.err(), Some(KeyringError::OlderThanStore { .. })));
    let trusted = [
        TrustedKeys::All,
        TrustedKeys::These(vec![farthing_api::Base64Url(old.facts().token_key_id().to_bytes())]),
    ];
    for trusted in trusted {
        let bench = Bench::new(trusted);
        bench.put(&old);
        bench.start().await.unwrap();
    }
}

#[tokio::test]
async fn an_ended_key_may_go_and_loses_its_secret() {
    let bench = Bench::new(TrustedKeys::None);
    let stem = bench.put(&key(1, 0, NOW));
    let watch = bench.start().await.unwrap();
    assert!(watch.current().entries()[0].secret().is_some());
    bench.clock.0.store(NOW + 112 * SECONDS_PER_DAY, Ordering::Relaxed);
    watch.reload().await.unwrap();
    assert!(watch.current().entries()[0].secret().is_none());
    fs::remove_file(bench.path(&format!("{stem}.key"))).unwrap();
    watch.reload().await.unwrap();
    assert!(watch.current().entries().is_empty());
}

#[tokio::test]
async fn keys_of_another_issuer_are_refused() {
    let bench = Bench::new(TrustedKeys::None);
    bench.put(&key(1, 0, NOW));
    let refused = bench.start_as("other.example").await.err();
    assert!(matches!(refused, Some(KeyringError::OtherIssuer { .. })));
}

#[test]
fn a_truncated_id_names_the_live_key() {
    let live = key(1, 0, NOW);
    let truncated = live.facts().token_key_id().truncated();
    let ended = key(1, -200, NOW - 1);
    let keyring = Keyring::new([KeyringEntry::new(ended, "old".to_owned(), false, NOW)], BTreeSet::new());
    assert!(keyring.named(truncated, NOW).is_none());
    let keyring = Keyring::new([KeyringEntry::new(live, "new".to_owned(), false, NOW)], BTreeSet::new());
    assert_eq!(keyring.named(truncated, NOW).unwrap().name(), "new");
    let revoked =
        Keyring::new([KeyringEntry::new(key(1, 0, NOW), "revoked".to_owned(), true, NOW)], BTreeSet::new());
    assert_eq!(revoked.named(truncated, NOW).unwrap().status(NOW), KeyStatus::Revoked);
}
