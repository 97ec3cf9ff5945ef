//! Choosing tokens to hand on. One payment takes tokens of one key, because two keys in one payment tell whoever
//! sees it more about the payer than one does.

use farthing_protocol::{Day, Denomination};

use crate::held_token::{HeldKey, TokenBytes};
use crate::plural::counted;
use crate::wallet_state::{Export, WalletState};

/// Why no tokens were chosen. Nothing was marked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// None were asked for.
    #[error("0 tokens are none to export; give --count 1 or more")]
    None,
    /// The wallet has none.
    #[error("there are no tokens that can be spent; buy some with `farthing buy`")]
    Empty,
    /// It is not said which.
    #[error("there are tokens of several values ({}); say which with --value-micros and --currency", list(.available))]
    WhichValue {
        /// What there is.
        available: Vec<Denomination>,
    },
    /// There are too few in all.
    #[error("{} of {denomination} were asked for, and there are {available}; buy more", counted(*.wanted as u64, "token"))]
    TooFew {
        /// What was asked for.
        denomination: Denomination,
        /// How many were asked for.
        wanted: usize,
        /// How many there are.
        available: usize,
    },
    /// There are enough, under different keys.
    #[error(
        "no key has {} left (the most is {most}, under several keys there are {available}); ask for \
         fewer, or pass --mixed to show tokens of several keys together, which tells more about you",
        counted(*.wanted as u64, "token")
    )]
    SeveralKeys {
        /// How many were asked for.
        wanted: usize,
        /// The most that one key has.
        most: usize,
        /// How many there are in all.
        available: usize,
    },
}

fn list(denominations: &[Denomination]) -> String {
    denominations.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Marks `count` tokens as exported on the day `today`, those that end first being taken first, and returns the
/// export's number. The state must be saved before any of them is shown: see [`exported_tokens`].
///
/// `denomination` may be left out when the wallet has tokens of one only. Tokens of one key are taken unless `mixed`
/// allows several; even then one key is preferred.
///
/// # Errors
///
/// [`SelectionError`].
pub fn export_tokens(
    state: &mut WalletState,
    denomination: Option<Denomination>,
    count: usize,
    mixed: bool,
    today: Day,
) -> Result<u64, SelectionError> {
    if count == 0 {
        return Err(SelectionError::None);
    }
    let spendable = |held: &HeldKey| held.is_spendable(today) && held.left() > 0;
    let denomination = match denomination {
        Some(denomination) => denomination,
        None => only_denomination(state, spendable)?,
    };
    let mut candidates: Vec<(usize, Day, usize)> = state
        .keys()
        .iter()
        .enumerate()
        .filter(|(_, held)| held.key.denomination() == denomination && spendable(held))
        .map(|(position, held)| (position, held.key.epoch().redeem_until(), held.left()))
        .collect();
    candidates.sort_by_key(|(position, redeem_until, _)| (*redeem_until, *position));

    let available = candidates.iter().map(|(_, _, left)| left).sum();
    if available < count {
        return Err(SelectionError::TooFew { denomination, wanted: count, available });
    }
    if let Some(one) = candidates.iter().find(|(_, _, left)| *left >= count).copied() {
        candidates = vec![one];
    } else if !mixed {
        let most = candidates.iter().map(|(_, _, left)| *left).max().unwrap_or(0);
        return Err(SelectionError::SeveralKeys { wanted: count, most, available });
    }

    let number = state.exports().last().map_or(1, |export| export.number + 1);
    let mut missing = count;
    for (position, _, _) in candidates {
        let Some(held) = state.keys_mut().get_mut(position) else { continue };
        for token in held.tokens.iter_mut().filter(|token| token.is_free()).take(missing) {
            token.export = Some(number);
            missing -= 1;
        }
    }
    state.add_export(Export {
        number,
        day: today,
        count: count as u64,
        value_micros: denomination.value_micros().get(),
        currency: denomination.currency().code().to_owned(),
    });
    Ok(number)
}

/// The tokens of an export, in the order in which they were bought.
pub fn exported_tokens(state: &WalletState, number: u64) -> Vec<&TokenBytes> {
    let tokens = state.keys().iter().flat_map(|key| &key.tokens);
    tokens.filter(|held| held.export == Some(number)).map(|held| &held.token).collect()
}

fn only_denomination(
    state: &WalletState,
    spendable: impl Fn(&HeldKey) -> bool,
) -> Result<Denomination, SelectionError> {
    let mut available: Vec<_> =
        state.keys().iter().filter(|held| spendable(held)).map(|held| held.key.denomination()).collect();
    available.sort();
    available.dedup();
    match available.as_slice() {
        [] => Err(SelectionError::Empty),
        [one] => Ok(*one),
        _ => Err(SelectionError::WhichValue { available }),
    }
}

#[cfg(test)]
pub(crate) mod tests;
