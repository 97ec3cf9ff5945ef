#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| farthing_fuzz::checks::canonical_path(input));
