use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};

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

/// Waits until a file has the receipts of these redemptions, and is all that is left of its day.
async fn sorted(directory: &Path, day: &str, numbers: &[u8]) {
    let (file, new) = (format!("{day}.jsonl"), directory.join(format!("{day}.new.jsonl")));
    let is_sorted = async {
        while new.exists() || kept(directory, &file) != numbers {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), is_sorted).await;
    assert!(waited.is_ok(), "{file} has {:?}", kept(directory, &file));
}

#[tokio::test]
async fn receipts_are_kept_by_day_and_lose_their_order_when_it_is_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("receipts");
    let receipts = Receipts::open(path.clone(), quiet).unwrap();
    for number in [3, 1, 2, 1] {
        receipts.keep(Some(&receipt(number, "2026-11-21"))).await;
    }
    assert_eq!(kept(&path, "2026-11-21.new.jsonl"), [3, 1, 2], "each once");
    let mode = |name: &str| fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("2026-11-21.new.jsonl")), (0o700, 0o600));
    receipts.keep(Some(&receipt(9, "2026-11-22"))).await;
    sorted(&path, "2026-11-21", &[1, 2, 3]).await;
    assert_eq!(mode("2026-11-21.jsonl"), 0o600);
    // One that was asked for again after midnight goes to its day.
    for number in [4, 2] {
        receipts.keep(Some(&receipt(number, "2026-11-21"))).await;
    }
    drop(receipts);
    let receipts = reopened(&path).await;
    receipts.keep(Some(&receipt(8, "2026-11-23"))).await;
    sorted(&path, "2026-11-21", &[1, 2, 3, 4]).await;
    sorted(&path, "2026-11-22", &[9]).await;
    assert_eq!(kept(&path, "2026-11-23.new.jsonl"), [8]);
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

/// Whether all was well, each time that it was told.
type Told = Arc<Mutex<Vec<bool>>>;

/// Receipts that know for so long that one is missing.
fn remembering(path: &Path, memory: Duration) -> (Receipts, Told) {
    let told = Told::default();
    let tell = Arc::clone(&told);
    let health = Health::new(memory, move |well| tell.lock().unwrap().push(well));
    (Receipts::of(Arc::new(Directory::open(path.to_owned()).unwrap()), health).unwrap(), told)
}

#[tokio::test]
async fn what_could_not_be_written_is_written_later() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("receipts");
    let (receipts, told) = remembering(&path, MEMORY);
    fs::rename(&path, directory.path().join("away")).unwrap();
    for number in [1, 3, 1] {
        receipts.keep(Some(&receipt(number, "2026-11-21"))).await;
    }
    assert_eq!(receipts.waiting(), 2, "one that comes again takes no place");
    fs::rename(directory.path().join("away"), &path).unwrap();
    receipts.keep(Some(&receipt(2, "2026-11-22"))).await;
    assert_eq!((receipts.waiting(), told.lock().unwrap().as_slice()), (0, &[false, false, false, true][..]));
    // The day of the first was over when it was written.
    sorted(&path, "2026-11-21", &[1, 3]).await;
    assert_eq!(kept(&path, "2026-11-22.new.jsonl"), [2]);
}

#[tokio::test]
async fn a_missing_receipt_is_known_for_a_while_although_others_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("receipts");
    let (receipts, told) = remembering(&path, MEMORY);
    receipts.miss();
    receipts.keep(None).await;
    for number in [1, 2] {
        receipts.keep(Some(&receipt(number, "2026-11-21"))).await;
    }
    assert_eq!(*told.lock().unwrap(), [false; 4]);

    let (receipts, told) = remembering(&directory.path().join("forgetful"), Duration::from_millis(10));
    receipts.miss();
    receipts.keep(Some(&receipt(1, "2026-11-21"))).await;
    let well = async {
        while !told.lock().unwrap().ends_with(&[true]) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), well).await.unwrap();
    assert!(!told.lock().unwrap()[0]);
}

#[tokio::test]
async fn a_bad_old_file_hinders_neither_new_receipts_nor_other_days() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    fs::write(path.join("2026-11-19.new.jsonl"), [0xff, b'\n']).unwrap();
    fs::create_dir(path.join("2026-11-20.new.jsonl")).unwrap();
    let receipts = Receipts::open(path.clone(), |well| assert!(well)).unwrap();
    receipts.keep(Some(&receipt(1, "2026-11-21"))).await;
    receipts.keep(Some(&receipt(2, "2026-11-22"))).await;
    assert_eq!(kept(&path, "2026-11-22.new.jsonl"), [2]);
    sorted(&path, "2026-11-21", &[1]).await;
    assert_eq!(
        fs::read(path.join("2026-11-19.sorting.jsonl")).unwrap(),
        [0xff, b'\n'],
        "nothing is lost of it"
    );
}

#[tokio::test]
async fn what_a_stop_left_half_sorted_is_sorted_before_what_came_later() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    for (number, file) in [(1, "sorting.jsonl"), (2, "new.jsonl"), (3, "jsonl")] {
        let line = serde_json::to_string(&receipt(number, "2026-11-21")).unwrap();
        fs::write(path.join(format!("2026-11-21.{file}")), line + "\n").unwrap();
    }
    let receipts = Receipts::open(path.clone(), quiet).unwrap();
    receipts.keep(Some(&receipt(4, "2026-11-22"))).await;
    sorted(&path, "2026-11-21", &[1, 2, 3]).await;
}

#[tokio::test]
async fn an_old_file_that_does_not_answer_is_waited_for_by_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    // Whoever reads a pipe waits until somebody writes.
    let pipe = path.join("2026-11-20.sorting.jsonl");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let receipts = Receipts::open(path.clone(), |well| assert!(well)).unwrap();
    for (number, day) in [(1, "2026-11-21"), (2, "2026-11-22")] {
        receipts.keep(Some(&receipt(number, day))).await;
        assert_eq!(kept(&path, &format!("{day}.new.jsonl")), [number]);
    }
}

#[tokio::test]
async fn readers_are_served_while_the_disk_does_not_answer() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    let told = Told::default();
    let tell = Arc::clone(&told);
    let directory = Arc::new(Directory::open(path.clone()).unwrap());
    let health = Health::new(MEMORY, move |well| tell.lock().unwrap().push(well));
    let receipts = Receipts::of(Arc::clone(&directory), health).unwrap();
    let ((hang, end), (tell, hangs)) = (mpsc::channel::<()>(), mpsc::channel());
    let disk = thread::spawn(move || {
        let _hanging = directory.names.lock().unwrap();
        tell.send(()).unwrap();
        let _ = end.recv();
    });
    hangs.recv().unwrap();
    for number in [1, 2] {
        receipts.keep(Some(&receipt(number, "2026-11-21"))).await;
    }
    assert_eq!(*told.lock().unwrap(), [false], "the second did not wait");
    drop(hang);
    disk.join().unwrap();
    receipts.keep(Some(&receipt(3, "2026-11-21"))).await;
    let again = async {
        while kept(&path, "2026-11-21.new.jsonl") != [1, 2, 3] || !told.lock().unwrap().ends_with(&[true]) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), again).await.unwrap();
}

#[tokio::test]
async fn what_is_no_receipt_is_not_kept_and_names_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("receipts");
    let (receipts, told) = remembering(&path, MEMORY);
    for envelope in [None, Some(receipt(1, "../../2026-11-21")), Some(receipt(1, "soon"))] {
        receipts.keep(envelope.as_ref()).await;
    }
    assert_eq!(*told.lock().unwrap(), [false; 3]);
    let names: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [".lock"]);
}
