//! Replays the corpora of the fuzz targets, so that what fuzzing once found stays found without a fuzzer.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod checks;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}

fn names(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let targets = checks::TARGETS.map(|(name, _)| name.to_owned()).into();
    assert_eq!(names(&corpus()), targets);
    let sources = names(&corpus().join("../fuzz_targets"));
    assert_eq!(sources, targets.iter().map(|name| format!("{name}.rs")).collect());
}

#[test]
fn every_input_of_the_corpora_passes_its_check() {
    for (target, check) in checks::TARGETS {
        let directory = corpus().join(target);
        let inputs = names(&directory);
        assert!(!inputs.is_empty(), "{target} has no input");
        for input in inputs {
            check(&fs::read(directory.join(input)).unwrap());
        }
    }
}
