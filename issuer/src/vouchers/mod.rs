//! Vouchers: prepaid codes, each good for one pack, once.

mod code;
mod voucher;

pub use code::{InvalidVoucherCode, VoucherCode, VoucherHash};
pub use voucher::Voucher;
