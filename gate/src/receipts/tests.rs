use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use farthing_api::{Base64Url, EnvelopeSignature};

use super::*;

fn receipt(number: u8, day: &str) -> Envelope {
    let receipt = Receipt {
        redemption: Base64Url([number; 16]),
        publisher: "P".to_owned(),
        day: day.to_owned(),
        credited: Vec::new(),
    };
    Envelope {
        payload: Base64Url(serde_json::to_vec(&receipt).unwrap()),
        payload_type: "t".to_owned(),
        signatures: vec![EnvelopeSignature { keyid: "k".to_owned(), sig: Base64Url([number; 64]) }],
    }
}

/// The first bytes of the redemptions in a file, in its order.
fn kept(directory: &Path, file: &str) -> Vec<u8> {
    let text = fs::read_to_string(directory.join(file)).unwrap_or_default();
    let envelopes = text.lines().map(|line| serde_json::from_str::<Envelope>(line).unwrap());
    let receipts = envelopes.map(|envelope| serde_json::from_slice::<Receipt>(&envelope.payload.0).unwrap());
    receipts.map(|receipt| receipt.redemption.0[0]).collect()
}

fn quiet(_: bool) {}

#[tokio::test]
async fn receipts_are_kept_by_day_and_lose_their_order_when_it_is_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("receipts");
    let receipts = Receipts::open(path.clone(), quiet).unwrap();
    for number in [3, 1, 2, 1] {
        receipts.keep(Some(&receipt(number, "2026-11-21"))).await;
    }
    assert_eq!(kept(&path, "2026-11-21.new.jsonl"), [3, 1, 2, 1]);
    let mode = |name: &str| fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("2026-11-21.new.jsonl")), (0o700, 0o600));
    receipts.keep(Some(&receipt(9, "2026-11-22"))).await;
    assert_eq!(kept(&path, "2026-11-21.jsonl"), [1, 2, 3]);
    assert_eq!((mode("2026-11-21.jsonl"), path.join("2026-11-21.new.jsonl").exists()), (0o600, false));
    // One that was asked for again after midnight goes to its day.
    for number in [4, 2] {
        receipts.keep(Some(&receipt(number, "2026-11-21"))).await;
    }
    drop(receipts);
    let receipts = reopened(&path).await;
    receipts.keep(Some(&receipt(8, "2026-11-23"))).await;
    assert_eq!(kept(&path, "2026-11-21.jsonl"), [1, 2, 3, 4]);
    assert_eq!((kept(&path, "2026-11-22.jsonl"), kept(&path, "2026-11-23.new.jsonl")), (vec![9], vec![8]));
}

/// The writer of before may still be ending.
async fn reopened(path: &Path) -> Receipts {
    let opened = async {
        loop {
            match Receipts::open(path.to_owned(), quiet) {
                Ok(receipts) => return receipts,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), opened).await.unwrap()
}

#[tokio::test]
async fn a_directory_is_of_one_process_and_half_a_line_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    fs::write(path.join("2026-11-21.new.jsonl"), "{\"payload\":\"x").unwrap();
    let receipts = Receipts::open(path.clone(), quiet).unwrap();
    let second = Receipts::open(path.clone(), quiet).unwrap_err().to_string();
    assert!(second.contains("another gate keeps its receipts here"), "{second}");
    receipts.keep(Some(&receipt(1, "2026-11-21"))).await;
    assert_eq!(kept(&path, "2026-11-21.new.jsonl"), [1]);
}

#[tokio::test]
async fn what_could_not_be_written_is_written_later() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("receipts");
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let receipts = Receipts::open(path.clone(), move |well| tell.lock().unwrap().push(well)).unwrap();
    fs::rename(&path, directory.path().join("away")).unwrap();
    receipts.keep(Some(&receipt(1, "2026-11-21"))).await;
    receipts.keep(None).await;
    fs::rename(directory.path().join("away"), &path).unwrap();
    receipts.keep(Some(&receipt(2, "2026-11-22"))).await;
    assert_eq!(*told.lock().unwrap(), [false, false, true]);
    // The day of the first was over when it was written.
    assert_eq!(kept(&path, "2026-11-21.jsonl"), [1]);
    assert_eq!(kept(&path, "2026-11-22.new.jsonl"), [2]);
}

#[tokio::test]
async fn what_is_no_receipt_is_not_kept_and_names_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let path = directory.path().join("receipts");
    let receipts = Receipts::open(path.clone(), move |well| tell.lock().unwrap().push(well)).unwrap();
    for envelope in [None, Some(receipt(1, "../../2026-11-21")), Some(receipt(1, "soon"))] {
        receipts.keep(envelope.as_ref()).await;
    }
    assert_eq!(*told.lock().unwrap(), [false; 3]);
    let names: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [".lock"]);
}
