//! What must hold for any input of any parser. The corpus test and the fuzz targets run the same checks.
//!
//! Wire formats have one encoding for each value: what decodes, encodes to the same bytes. Texts that people or
//! other programs write (headers, JSON, TOML) have several, so there the second reading must equal the first.

#![allow(clippy::expect_used, reason = "a check that cannot go on fails")]
#![allow(unreachable_pub, reason = "the fuzz targets reach it, the tests include it as a private module")]

use farthing_protocol::{
    AmortizedBatchTokenRequest, AmortizedBatchTokenResponse, BackupDecoder, BackupEncoder, CanonicalPath,
    ChallengeHeader, Day, Denomination, IssuerDirectory, KeyFile, MAX_BATCH, RedemptionHeader, Token,
    TokenChallenge, TokenRequest, TokenResponse,
};

/// A check panics when the input shows a defect.
pub type Check = fn(&[u8]);

/// Every parser by the name of its fuzz target, which is also its corpus directory's.
pub const TARGETS: [(&str, Check); 14] = [
    ("amortized_batch_token_request", amortized_batch_token_request),
    ("amortized_batch_token_response", amortized_batch_token_response),
    ("canonical_path", canonical_path),
    ("challenge_header", challenge_header),
    ("day", day),
    ("denomination", denomination),
    ("issuer_directory", issuer_directory),
    ("key_file", key_file),
    ("redemption_header", redemption_header),
    ("store_backup", store_backup),
    ("token", token),
    ("token_challenge", token_challenge),
    ("token_request", token_request),
    ("token_response", token_response),
];

pub fn amortized_batch_token_request(input: &[u8]) {
    if let Ok(request) = AmortizedBatchTokenRequest::decode(input) {
        assert_eq!(request.encode(), input);
        assert!((1..=MAX_BATCH).contains(&request.blinded_msgs().len()));
        let rebuilt =
            AmortizedBatchTokenRequest::from_elements(request.truncated_token_key_id(), &request.elements());
        assert_eq!(rebuilt, Ok(request));
    }
}

pub fn amortized_batch_token_response(input: &[u8]) {
    if let Ok(response) = AmortizedBatchTokenResponse::decode(input) {
        assert_eq!(response.encode(), input);
        assert!((1..=MAX_BATCH).contains(&response.evaluated_msgs().len()));
        let proof = response.evaluated_proof().to_bytes();
        let rebuilt = AmortizedBatchTokenResponse::from_elements(&response.elements(), proof);
        assert_eq!(rebuilt, Ok(response));
    }
}

pub fn canonical_path(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok(path) = CanonicalPath::parse(text) {
        assert_eq!(CanonicalPath::parse(path.as_str()).as_ref(), Ok(&path));
        assert!(
            path.as_str().bytes().all(|byte| byte.is_ascii_graphic() && !b"\\;?#\"<>|[]^".contains(&byte))
        );
        assert!(path.segments().all(|segment| !matches!(segment, "" | "." | "..")));
    }
}

pub fn challenge_header(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok(header) = ChallengeHeader::decode(text) {
        let written = header.encode();
        assert_eq!(ChallengeHeader::decode(&written).as_ref(), Ok(&header));
        for challenge in &header.challenges {
            token_challenge(&challenge.challenge);
        }
    }
}

pub fn day(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok(day) = text.parse::<Day>() {
        assert_eq!(day.to_string(), text);
        assert_eq!(Day::starting_at(day.start()), Some(day));
    }
}

pub fn denomination(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok(denomination) = text.parse::<Denomination>() {
        assert_eq!(denomination.to_string(), text);
        let currency = denomination.currency();
        assert_eq!(Denomination::new(denomination.value_micros().get(), currency), Ok(denomination));
    }
}

pub fn issuer_directory(input: &[u8]) {
    if let Ok(directory) = IssuerDirectory::decode(input) {
        let written = directory.encode().expect("what was read can be written");
        assert_eq!(IssuerDirectory::decode(&written).expect("what was written can be read"), directory);
        for key in
            directory.token_keys.iter().chain(&directory.redeem_only_keys).chain(&directory.revoked_keys)
        {
            if let Ok(public_key) = key.public_key() {
                assert_eq!(public_key.to_bytes(), key.token_key[..]);
            }
            if let (Some(_), Some(epoch)) = (key.denomination(), key.epoch()) {
                assert_eq!(key.not_before, Some(epoch.not_before().start()));
            }
        }
    }
}

pub fn key_file(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    match KeyFile::decode(text) {
        Ok(key) => {
            let written = KeyFile::encode(&key);
            let read = KeyFile::decode(&written).expect("what was written can be read");
            assert_eq!(read.facts(), key.facts());
            assert_eq!(read.secret().to_bytes(), key.secret().to_bytes());
            assert_eq!(KeyFile::encode(&read), written);
        }
        // An error is shown and logged, so it must not quote the file, whose every line may be the secret's.
        Err(error) => {
            let shown = error.to_string();
            let quoted = text.split(|letter: char| !letter.is_ascii_alphanumeric() && !"-_".contains(letter));
            assert!(!quoted.filter(|word| word.len() >= 40).any(|word| shown.contains(word)), "{shown}");
        }
    }
}

pub fn redemption_header(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok(header) = RedemptionHeader::decode(text) {
        assert!((1..=RedemptionHeader::MAX_TOKENS).contains(&header.tokens().len()));
        assert_eq!(RedemptionHeader::decode(&header.encode()).as_ref(), Ok(&header));
    }
}

pub fn store_backup(input: &[u8]) {
    let mut decoder = BackupDecoder::new();
    decoder.push(input);
    let (mut encoder, head) = BackupEncoder::begin();
    let mut written = head.to_vec();
    while let Ok(Some(entry)) = decoder.next_entry() {
        written.extend(encoder.entry(&entry).expect("what was read can be written"));
    }
    if decoder.finish().is_ok() {
        written.extend(encoder.end());
        assert_eq!(written, input);
    }
}

pub fn token(input: &[u8]) {
    if let Ok(token) = Token::decode(input) {
        assert_eq!(token.encode(), input);
        assert_eq!(token.token_input().as_bytes()[..], input[..98]);
        assert_eq!(
            Token::bytes_of_base64url(&token.to_base64url()).as_ref().map(|bytes| &bytes[..]),
            Ok(input)
        );
    }
    if let Ok(tokens) = Token::decode_all(input) {
        assert_eq!(tokens.iter().flat_map(Token::encode).collect::<Vec<_>>(), input);
    }
}

pub fn token_challenge(input: &[u8]) {
    if let Ok(challenge) = TokenChallenge::decode(input) {
        assert_eq!(challenge.encode(), input);
        let rebuilt = TokenChallenge::new(
            challenge.issuer_name().clone(),
            challenge.redemption_context().copied(),
            challenge.origin_info().to_vec(),
        );
        assert_eq!(rebuilt, Ok(challenge));
    }
}

pub fn token_request(input: &[u8]) {
    if let Ok(request) = TokenRequest::decode(input) {
        assert_eq!(request.encode(), input);
    }
}

pub fn token_response(input: &[u8]) {
    if let Ok(response) = TokenResponse::decode(input) {
        assert_eq!(response.encode(), input);
    }
}
