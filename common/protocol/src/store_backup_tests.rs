use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn write(entries: &[BackupEntry]) -> Vec<u8> {
    let (mut encoder, head) = BackupEncoder::begin();
    let mut bytes = head.to_vec();
    for entry in entries {
        bytes.extend(encoder.entry(entry).unwrap());
    }
    bytes.extend(encoder.end());
    bytes
}

fn read(bytes: &[u8], piece: usize) -> Result<Vec<BackupEntry>, MalformedBackup> {
    let (mut decoder, mut entries) = (BackupDecoder::new(), Vec::new());
    for piece in bytes.chunks(piece) {
        decoder.push(piece);
        while let Some(entry) = decoder.next_entry()? {
            entries.push(entry);
        }
    }
    assert_eq!(decoder.finish()?, entries.len() as u64);
    Ok(entries)
}

fn some_entries() -> impl Strategy<Value = Vec<BackupEntry>> {
    let entry = ("[a-z-]{0,20}", vec(any::<u8>(), 0..40), vec(any::<u8>(), 0..300))
        .prop_map(|(table, key, value)| BackupEntry { table, key, value });
    vec(entry, 0..8)
}

proptest! {
    #[test]
    fn what_is_written_is_read_in_whatever_pieces(entries in some_entries(), piece in 1_usize..400) {
        prop_assert_eq!(read(&write(&entries), piece), Ok(entries));
    }

    #[test]
    fn no_part_of_a_backup_is_one(entries in some_entries(), kept in any::<prop::sample::Index>()) {
        let bytes = write(&entries);
        prop_assert!(read(&bytes[..kept.index(bytes.len())], 64).is_err());
    }

    #[test]
    fn no_changed_byte_goes_unnoticed(
        entries in some_entries(),
        at in any::<prop::sample::Index>(),
        change in 1_u8..,
    ) {
        let mut bytes = write(&entries);
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        prop_assert!(read(&bytes, 64).is_err());
        bytes[at] ^= change;
        bytes.push(change);
        prop_assert!(read(&bytes, 64).is_err());
    }
}

#[test]
fn each_fault_has_its_words() {
    let bytes = write(&[BackupEntry { table: "t".to_owned(), key: vec![1], value: vec![2] }]);
    let fault = |bytes: &[u8]| read(bytes, 1_000).unwrap_err();
    assert_eq!(fault(b"age-encryption.org/v1\n"), MalformedBackup::OtherFile);
    assert_eq!(fault(b"farthing store backup 2\n..."), MalformedBackup::OtherVersion);
    assert_eq!(fault(&bytes[..10]), MalformedBackup::Truncated);
    assert_eq!(fault(&bytes[..bytes.len() - 1]), MalformedBackup::Truncated);
    assert_eq!(fault(&[&bytes, b"x".as_slice()].concat()), MalformedBackup::Trailing);
    let mut other = bytes.clone();
    other[HEAD.len()] = 7;
    assert_eq!(fault(&other), MalformedBackup::Damaged(1));
    let last = bytes.len() - 1;
    other = bytes;
    other[last] ^= 1;
    assert_eq!(fault(&other), MalformedBackup::Checksum);
    assert!(read(b"", 1).is_err_and(|fault| fault == MalformedBackup::OtherFile));
}

#[test]
fn a_length_beyond_all_measure_is_damage_and_takes_no_memory() {
    let bytes = [HEAD, &[ENTRY, 1, b't', 0xff, 0xff, 0xff, 0xff]].concat();
    assert_eq!(read(&bytes, 1_000), Err(MalformedBackup::Damaged(1)));
    let (mut encoder, _) = BackupEncoder::begin();
    let long = BackupEntry { table: "t".to_owned(), key: vec![0; LONGEST_KEY + 1], value: Vec::new() };
    assert_eq!(encoder.entry(&long), Err(MalformedBackup::TooLong));
}
