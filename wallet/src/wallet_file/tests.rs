use std::os::unix::fs::PermissionsExt;

use farthing_api::Base64Url;
use sha2::{Digest, Sha256};

use super::sealing::{decrypt_identity, encrypt, read_header, split_header};
use super::*;
use crate::seed::Seed;

/// The least scrypt work: these tests are not about that.
const WORK: Option<u8> = Some(2);

fn passphrase(text: &str) -> SecretString {
    SecretString::from(text)
}

fn made(directory: &Path) -> PathBuf {
    let path = directory.join("wallet");
    let file = WalletLock::acquire(&path).unwrap().create(&passphrase("right"), WORK).unwrap();
    file.save(&WalletState::new(Seed::from_bytes([7; 32]))).unwrap();
    path
}

fn open(path: &Path, text: &str) -> Result<(WalletFile, WalletState), WalletFileError> {
    WalletLock::acquire(path).unwrap().open(&passphrase(text))
}

#[test]
fn what_was_saved_is_read_again_and_the_file_is_the_owners_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = made(directory.path());
    let (file, state) = open(&path, "right").unwrap();
    assert_eq!(state.seed().as_bytes(), &[7; 32]);
    fs::write(beside(&path, ".new"), "left by a crash").unwrap();
    file.save(&state).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!beside(&path, ".new").exists());
    drop(file);
    open(&path, "right").unwrap();
}

#[test]
fn nothing_is_written_before_the_first_save() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("wallet");
    let lock = WalletLock::acquire(&path).unwrap();
    let file = lock.create(&passphrase("right"), WORK).unwrap();
    assert!(!path.exists());
    assert!(beside(&path, ".lock").exists());
    assert!(matches!(WalletLock::acquire(&path), Err(WalletFileError::Locked { .. })));
    drop(file);
    assert!(!beside(&path, ".lock").exists(), "no wallet was made, so no lock is left");
    assert!(matches!(open(&path, "right"), Err(WalletFileError::Missing { .. })));
    let lock = WalletLock::acquire(&path).unwrap();
    assert!(matches!(lock.create(&passphrase(""), WORK), Err(WalletFileError::EmptyPassphrase)));
}

#[test]
fn a_missing_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing");
    let error = WalletLock::acquire(&missing.join("wallet")).unwrap_err();
    assert!(error.to_string().contains(&format!("no directory {} ", missing.display())), "{error}");
}

#[test]
fn a_wrong_passphrase_is_said_to_be_wrong_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = made(directory.path());
    let before = fs::read(&path).unwrap();
    assert!(matches!(open(&path, "wrong"), Err(WalletFileError::WrongPassphrase { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_second_process_is_told_that_the_wallet_is_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let path = made(directory.path());
    let (held, _) = open(&path, "right").unwrap();
    let error = WalletLock::acquire(&path).unwrap_err();
    assert!(matches!(error, WalletFileError::Locked { .. }), "{error}");
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(matches!(WalletLock::acquire(&link), Err(WalletFileError::Locked { .. })), "by another name too");
    drop(held);
    let (file, state) = open(&link, "right").unwrap();
    file.save(&state).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "a link to a wallet stays one");
}

#[test]
fn every_truncation_and_every_changed_byte_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let path = made(directory.path());
    let whole = fs::read(&path).unwrap();
    let check = |bytes: &[u8], what: &str| {
        fs::write(&path, bytes).unwrap();
        let error = open(&path, "right").expect_err(what);
        assert!(
            !matches!(error, WalletFileError::Io { .. } | WalletFileError::Missing { .. }),
            "{what}: {error}"
        );
    };
    let header = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for length in [0, 1, header - 1, header, header + 1, header + 100, whole.len() - 17, whole.len() - 1] {
        check(&whole[..length], &format!("cut to {length}"));
    }
    for index in (0..whole.len()).step_by(7) {
        let mut changed = whole.clone();
        changed[index] ^= 1;
        check(&changed, &format!("byte {index}"));
    }
    check(b"just a text\n", "not JSON");
    check(b"{\"a\":1}\n", "another JSON");
    let mut longer = whole.clone();
    longer.push(0);
    check(&longer, "a byte more");
}

#[test]
fn a_body_under_another_wallets_first_line_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let path = made(directory.path());
    // The same identity under another passphrase: what an attacker with an old passphrase could put together.
    let bytes = fs::read(&path).unwrap();
    let (line, body) = split_header(&path, &bytes).unwrap();
    let identity = decrypt_identity(&path, &read_header(&path, line).unwrap(), &passphrase("right")).unwrap();
    let other = Seal::around(&path, &identity, &passphrase("other"), WORK).unwrap();
    let mut changed = other.header_line;
    changed.extend_from_slice(body);
    fs::write(&path, changed).unwrap();
    let error = open(&path, "other").unwrap_err();
    assert!(error.to_string().contains("another first line"), "{error}");
}

#[test]
fn newer_versions_of_file_and_state_are_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = made(directory.path());
    let whole = fs::read(&path).unwrap();
    let (line, _) = split_header(&path, &whole).unwrap();
    let text = String::from_utf8(line.to_vec()).unwrap();
    fs::write(&path, text.replace("\"farthing-wallet\":1", "\"farthing-wallet\":2")).unwrap();
    let error = open(&path, "right").unwrap_err();
    assert!(matches!(error, WalletFileError::NewerVersion { found: 2, known: 1, .. }), "{error}");

    fs::write(&path, &whole).unwrap();
    let (file, state) = open(&path, "right").unwrap();
    let state = state.to_json().unwrap().replacen("\"version\":2", "\"version\":9,\"new\":[]", 1);
    let body = format!(
        "{{\"farthing-wallet\":1,\"header\":\"{}\",\"state\":{state}}}",
        Base64Url(<[u8; 32]>::from(Sha256::digest(&file.seal.header_line)))
    );
    let mut bytes = file.seal.header_line.clone();
    bytes.extend_from_slice(&encrypt(&path, &file.seal.recipient, body.as_bytes()).unwrap());
    drop(file);
    fs::write(&path, bytes).unwrap();
    let error = open(&path, "right").unwrap_err();
    assert!(matches!(error, WalletFileError::NewerVersion { found: 9, known: 2, .. }), "{error}");
}

#[test]
fn a_wallet_of_the_first_release_opens_and_is_saved_in_todays_form() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("wallet");
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/stores/0.1.0/embedded/reader.wallet");
    fs::copy(kept, &path).unwrap();
    let (file, state) = open(&path, "correct horse").unwrap();
    let (left, exported) = (state.keys()[0].left(), state.keys()[0].exported());
    assert!(left > 0 && exported > 0, "{left} {exported}");
    assert!(state.page_payments().is_empty() && state.passes().is_empty());
    file.save(&state).unwrap();
    drop(file);
    let (_, again) = open(&path, "correct horse").unwrap();
    assert!(again.to_json().unwrap().starts_with("{\"version\":2,"));
    assert_eq!((again.keys()[0].left(), again.keys()[0].exported()), (left, exported));
}
