use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A prepaid code as its owner typed it. Until it is spent it is money to whoever has it.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub struct VoucherCode(String);

impl VoucherCode {
    /// Takes a code as typed, without the space around it.
    ///
    /// # Errors
    ///
    /// [`EmptyVoucherCode`] when it holds no letter and no digit.
    pub fn new(text: &str) -> Result<Self, EmptyVoucherCode> {
        let code = Self(text.trim().to_owned());
        if code.essence().next().is_none() { Err(EmptyVoucherCode) } else { Ok(code) }
    }

    /// The code as typed: for the issuer, and for its owner when it was not spent.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What counts of it: case, spaces and dashes do not matter.
    fn essence(&self) -> impl Iterator<Item = char> {
        self.0.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_uppercase())
    }
}

impl PartialEq for VoucherCode {
    /// Whether both are the same code. Both are the owner's own, so how long this takes tells nobody anything.
    fn eq(&self, other: &Self) -> bool {
        self.essence().eq(other.essence())
    }
}

impl Eq for VoucherCode {}

impl fmt::Debug for VoucherCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VoucherCode(<redacted>)")
    }
}

/// A code without a letter or digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the voucher code is empty; give the code as printed with --voucher")]
pub struct EmptyVoucherCode;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_spaces_and_dashes_do_not_matter() {
        let code = VoucherCode::new(" abcd-EFGH 1234 ").unwrap();
        assert_eq!(code, VoucherCode::new("ABCDEFGH1234").unwrap());
        assert_ne!(code, VoucherCode::new("ABCDEFGH1235").unwrap());
        assert_eq!(code.reveal(), "abcd-EFGH 1234");
        assert_eq!(VoucherCode::new(" -- "), Err(EmptyVoucherCode));
        assert_eq!(format!("{code:?}"), "VoucherCode(<redacted>)");
    }
}
