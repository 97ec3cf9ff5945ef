use std::fmt::{self, Write};

use thiserror::Error;

/// The path of an HTTP request in the one form in which it is priced, paid for and forwarded.
///
/// Servers differ in what they make of a path before they open a file: whether `%2e%2e` goes up, whether `//` is `/`,
/// what follows a semicolon. A price that is looked up for one reading and a page that is served for another would be a
/// page for nothing. So every path that has two readings is refused, and the rest has one spelling: what was encoded
/// without need is decoded, everything else is encoded with capital digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CanonicalPath(String);

impl CanonicalPath {
    /// The most characters of a path as it is sent.
    pub const MAX_LENGTH: usize = 2048;

    /// Reads the path of a request, without its query.
    ///
    /// # Errors
    /// [`AmbiguousPath`] when servers would not agree about what it names.
    pub fn parse(path: &str) -> Result<Self, AmbiguousPath> {
        if path.len() > Self::MAX_LENGTH {
            return Err(AmbiguousPath::Length);
        }
        let rest = path.strip_prefix('/').ok_or(AmbiguousPath::NoSlash)?;
        let mut canonical = String::with_capacity(path.len());
        let mut segments = rest.split('/').peekable();
        while let Some(segment) = segments.next() {
            let decoded = decode(segment)?;
            if decoded.is_empty() && segments.peek().is_some() {
                return Err(AmbiguousPath::EmptySegment);
            }
            if matches!(decoded.as_str(), "." | "..") {
                return Err(AmbiguousPath::DotSegment);
            }
            canonical.push('/');
            encode(&decoded, &mut canonical);
        }
        // Encoding what was sent bare makes it longer.
        if canonical.len() > Self::MAX_LENGTH { Err(AmbiguousPath::Length) } else { Ok(Self(canonical)) }
    }

    /// The path, which begins with a slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path without a slash at its end: most servers answer both with the same page. Empty for the root.
    pub fn trimmed(&self) -> &str {
        self.0.strip_suffix('/').unwrap_or(&self.0)
    }

    /// What stands between the slashes of [`trimmed`](Self::trimmed); nothing for the root.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.trimmed().split('/').skip(1)
    }
}

impl fmt::Display for CanonicalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CanonicalPath {
    /// What somebody reads belongs into no log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CanonicalPath(..)")
    }
}

/// Why a path is not taken. The text holds nothing from the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AmbiguousPath {
    /// It is longer than any page's should be.
    #[error("it is longer than {} characters", CanonicalPath::MAX_LENGTH)]
    Length,
    /// It does not begin with a slash.
    #[error("it does not begin with a slash")]
    NoSlash,
    /// Two slashes follow each other.
    #[error("two slashes follow each other")]
    EmptySegment,
    /// A segment is `.` or `..`, plain or encoded.
    #[error("a part of it is \".\" or \"..\", plain or encoded")]
    DotSegment,
    /// A character that must be encoded stands there as it is.
    #[error("a character in it must be percent-encoded")]
    Bare,
    /// A percent sign is not followed by two hexadecimal digits.
    #[error("a percent sign is not followed by two hexadecimal digits")]
    Percent,
    /// A slash, backslash, semicolon or control character is encoded, or a semicolon stands there as it is.
    #[error("it has a backslash, a semicolon, a control character or an encoded slash")]
    Separator,
    /// A percent sign is encoded where decoding twice would give something else.
    #[error("it is encoded twice")]
    Twice,
    /// What is encoded is not UTF-8.
    #[error("what is percent-encoded in it is not UTF-8")]
    NotText,
}

/// Whether a byte may stand in a path as it is: `pchar` of RFC 3986 without the percent sign and the semicolon.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,:@=".contains(&byte)
}

/// Whether a byte may be sent as it is although it should be encoded: those that browsers do not encode in a path (the path
/// percent-encode set of the URL standard; the circumflex by older versions of it). No server reads them otherwise than encoded.
fn is_bare(byte: u8) -> bool {
    b"|[]^".contains(&byte)
}

fn decode(segment: &str) -> Result<String, AmbiguousPath> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digits = bytes.next().and_then(hexadecimal).zip(bytes.next().and_then(hexadecimal));
                let (high, low) = digits.ok_or(AmbiguousPath::Percent)?;
                match high << 4 | low {
                    b'/' | b'\\' | b';' | 0x00..=0x1f | 0x7f => return Err(AmbiguousPath::Separator),
                    byte => decoded.push(byte),
                }
            }
            b'\\' | b';' | 0x00..=0x1f | 0x7f => return Err(AmbiguousPath::Separator),
            byte if is_plain(byte) || is_bare(byte) => decoded.push(byte),
            _ => return Err(AmbiguousPath::Bare),
        }
    }
    let is_escape = |part: &[u8]| matches!(part, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit());
    if decoded.windows(3).any(is_escape) {
        return Err(AmbiguousPath::Twice);
    }
    String::from_utf8(decoded).map_err(|_| AmbiguousPath::NotText)
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn encode(segment: &str, out: &mut String) {
    for byte in segment.bytes() {
        if is_plain(byte) {
            out.push(byte.into());
        } else {
            // Writing into a String does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(path: &str) -> Result<String, AmbiguousPath> {
        CanonicalPath::parse(path).map(|path| path.to_string())
    }

    #[test]
    fn one_page_has_one_spelling() {
        for (sent, spelled) in [
            ("/", "/"),
            ("/paid", "/paid"),
            ("/paid/", "/paid/"),
            ("/p%61id", "/paid"),
            ("/a%2cb%3A", "/a,b:"),
            ("/a%20b", "/a%20b"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/file%2etxt", "/file.txt"),
            ("/...", "/..."),
            ("/100%25", "/100%25"),
            ("/%e2%80%a6/x", "/%E2%80%A6/x"),
            ("/a|b[1]^", "/a%7Cb%5B1%5D%5E"),
            ("/a%7cb%5b1%5d%5e", "/a%7Cb%5B1%5D%5E"),
        ] {
            assert_eq!(canonical(sent).as_deref(), Ok(spelled), "{sent}");
        }
    }

    #[test]
    fn paths_with_two_readings_are_refused() {
        use AmbiguousPath::{
            Bare, DotSegment, EmptySegment, Length, NoSlash, NotText, Percent, Separator, Twice,
        };
        for (sent, reason) in [
            ("", NoSlash),
            ("*", NoSlash),
            ("paid", NoSlash),
            ("/free/%2e%2e/paid", DotSegment),
            ("/free/../paid", DotSegment),
            ("/free/.%2E/paid", DotSegment),
            ("/./paid", DotSegment),
            ("/paid/.", DotSegment),
            ("//paid", EmptySegment),
            ("/free//paid", EmptySegment),
            ("/paid//", EmptySegment),
            ("/free%2fpaid", Separator),
            ("/free%2F..%2Fpaid", Separator),
            ("/free\\..\\paid", Separator),
            ("/free%5c..", Separator),
            ("/paid%00.html", Separator),
            ("/paid%0d%0ax", Separator),
            ("/paid;x=1", Separator),
            ("/free/..;/paid", Separator),
            ("/paid%3bx", Separator),
            ("/%252e%252e/paid", Twice),
            ("/a%25%32%65", Twice),
            ("/%ff", NotText),
            ("/%c0%ae%c0%ae/paid", NotText),
            ("/%ed%a0%80", NotText),
            ("/a%", Percent),
            ("/a%2", Percent),
            ("/a%zz", Percent),
            ("/a%+1", Percent),
            ("/caf\u{e9}", Bare),
            ("/a b", Bare),
            ("/a?b", Bare),
            ("/a#b", Bare),
            ("/a{b}", Bare),
            ("/a`b", Bare),
            ("/a\"b", Bare),
            ("/a<b>", Bare),
        ] {
            assert_eq!(canonical(sent), Err(reason), "{sent}");
        }
        for long in ["a".repeat(CanonicalPath::MAX_LENGTH), "|".repeat(CanonicalPath::MAX_LENGTH / 3 + 1)] {
            assert_eq!(canonical(&format!("/{long}")), Err(Length));
        }
    }

    #[test]
    fn a_slash_at_the_end_is_no_segment() {
        let segments = |path: &str| {
            let path = CanonicalPath::parse(path).unwrap();
            path.segments().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(segments("/"), Vec::<String>::new());
        assert_eq!(segments("/a"), ["a"]);
        assert_eq!(segments("/a/"), ["a"]);
        assert_eq!(segments("/a/b%20c/"), ["a", "b%20c"]);
        assert_eq!(CanonicalPath::parse("/a/").unwrap().trimmed(), "/a");
    }

    /// What a lenient server makes of a path: decoded until nothing changes, with slashes of both kinds and dots resolved.
    fn lenient(path: &str) -> Vec<u8> {
        let mut bytes = path.as_bytes().to_vec();
        loop {
            let mut decoded = Vec::new();
            let mut rest = bytes.as_slice();
            while let [first, tail @ ..] = rest {
                let digits = match tail {
                    [high, low, ..] if *first == b'%' => hexadecimal(*high).zip(hexadecimal(*low)),
                    _ => None,
                };
                if let Some((high, low)) = digits {
                    decoded.push(high << 4 | low);
                    rest = &tail[2..];
                } else {
                    decoded.push(*first);
                    rest = tail;
                }
            }
            if decoded == bytes {
                break;
            }
            bytes = decoded;
        }
        let mut segments: Vec<Vec<u8>> = Vec::new();
        for segment in bytes.split(|byte| matches!(byte, b'/' | b'\\')) {
            let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
            match name {
                b"" | b"." => {}
                b".." => _ = segments.pop(),
                name => segments.push(name.to_vec()),
            }
        }
        segments.join(&b'/')
    }

    fn any_path() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            Just("/".to_owned()),
            Just("..".to_owned()),
            Just(".".to_owned()),
            Just(";".to_owned()),
            Just("paid".to_owned()),
            "%[0-9a-fA-F]{2}",
            "%25[0-9a-fA-F]{2}",
            "%(2[eEfF5]|5[cC]|3[bB])",
            "[a-z~!,:@é|^\\[\\]]{1,3}",
            "\\PC{0,3}",
        ];
        prop::collection::vec(part, 0..12).prop_map(|parts| format!("/{}", parts.concat()))
    }

    proptest! {
        #[test]
        fn what_is_priced_is_what_a_lenient_server_serves(path in any_path()) {
            if let Ok(canonical) = CanonicalPath::parse(&path) {
                prop_assert_eq!(lenient(&path), lenient(canonical.as_str()));
                // No dots were resolved, nothing was cut: its segments are those of the canonical path.
                let segments: Vec<_> = canonical.segments().map(|segment| lenient(&format!("/{segment}"))).collect();
                prop_assert_eq!(lenient(&path), segments.join(&b'/'));
            }
        }

        #[test]
        fn two_spellings_of_one_page_are_one(path in any_path()) {
            if let Ok(canonical) = CanonicalPath::parse(&path) {
                let spelled: String = canonical.as_str().bytes().map(|byte| match byte {
                    b'/' => "/".to_owned(),
                    b'%' => "%".to_owned(),
                    byte if byte.is_ascii_hexdigit() => char::from(byte).to_string(),
                    byte => format!("%{byte:02x}"),
                }).collect();
                prop_assert_eq!(CanonicalPath::parse(&spelled), Ok(canonical.clone()));
                prop_assert_eq!(CanonicalPath::parse(canonical.as_str()), Ok(canonical));
            }
        }
    }
}
