/// A doc comment without the links by which it names other types: `` [`Receipt`](crate::Receipt) `` is `` `Receipt` ``.
pub(super) fn without_links(text: &str) -> String {
    let mut words = String::new();
    let mut rest = text;
    while let Some((before, linked)) = rest.split_once("[`") {
        words.push_str(before);
        words.push('`');
        let Some((name, after)) = linked.split_once("`]") else {
            rest = linked;
            continue;
        };
        words.push_str(name);
        words.push('`');
        rest = match after.strip_prefix('(').and_then(|target| target.split_once(')')) {
            Some((_, after)) => after,
            None => after,
        };
    }
    words + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_their_words() {
        for (text, words) in [
            ("Taken: a [`Receipt`](crate::Receipt), signed.", "Taken: a `Receipt`, signed."),
            ("Of an [`Envelope`] (one).", "Of an `Envelope` (one)."),
            ("[`A`][`B`](c)", "`A``B`"),
            ("`GET` and [RFC](https://example.com)", "`GET` and [RFC](https://example.com)"),
        ] {
            assert_eq!(without_links(text), words);
        }
    }
}
