//! Commands that messages tell to run are completed by the wallet in use: typed as they stand they would look for the
//! default one.

use std::path::Path;

/// How messages begin such a command.
const COMMAND: &str = "`farthing ";
/// The commands that open a wallet.
const OPENING: [&str; 7] = ["audit", "balance", "buy", "get", "history", "resume", "tokens"];

/// The text with `--wallet` in every command that opens a wallet, if the option was given.
pub(crate) fn name_wallet(text: &str, wallet: Option<&Path>) -> String {
    let Some(wallet) = wallet else { return text.to_owned() };
    let option = format!("--wallet {} ", quoted(&wallet.display().to_string()));
    let mut named = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(COMMAND) {
        named.push_str(before);
        named.push_str(COMMAND);
        if OPENING.iter().any(|command| after.starts_with(command)) {
            named.push_str(&option);
        }
        rest = after;
    }
    named.push_str(rest);
    named
}

/// A word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+@%:=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_the_wallet_that_was_given() {
        let text = "run `farthing resume`, see `farthing packs`; `farthing tokens export --count 1`";
        assert_eq!(name_wallet(text, None), text);
        assert_eq!(
            name_wallet(text, Some(Path::new("my.wallet"))),
            "run `farthing --wallet my.wallet resume`, see `farthing packs`; \
             `farthing --wallet my.wallet tokens export --count 1`"
        );
        assert_eq!(
            name_wallet("`farthing buy`", Some(Path::new("/a b/it's"))),
            r"`farthing --wallet '/a b/it'\''s' buy`"
        );
    }
}
