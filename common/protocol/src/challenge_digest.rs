use crate::identifier::public_digest;

public_digest! {
    /// `challenge_digest[32]` of a token: SHA-256 of the TokenChallenge that it answers (RFC 9577, section 2.2.1).
    ChallengeDigest
}
