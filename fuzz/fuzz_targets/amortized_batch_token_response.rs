#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| farthing_fuzz::checks::amortized_batch_token_response(input));
