use farthing_protocol::{Day, TokenKeyId};

use super::Fault;

/// The entry of a token key's day: its id, 32 bytes, and the day's number, 4 bytes big-endian, so that the days of a
/// key stand together and in order.
pub fn key_day(key: TokenKeyId, day: Day) -> Vec<u8> {
    [key.as_bytes().as_slice(), &day.number().to_be_bytes()].concat()
}

/// Reads what [`key_day`] wrote.
///
/// # Errors
/// It is something else.
pub fn split_key_day(entry: &[u8]) -> Result<(TokenKeyId, Day), Fault> {
    let malformed = || Fault::because("an entry is not a token key's day");
    let (key, day) = entry.split_first_chunk::<32>().ok_or_else(malformed)?;
    let number = u32::from_be_bytes(day.try_into().map_err(|_| malformed())?);
    Ok((TokenKeyId::from_bytes(*key), Day::from_number(number).ok_or_else(malformed)?))
}
