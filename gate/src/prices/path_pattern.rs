use std::fmt;
use std::str::FromStr;

use farthing_protocol::{AmbiguousPath, CanonicalPath};
use serde::de::{Deserialize, Deserializer, Error as _};
use thiserror::Error;

/// Some paths of a site: `/about`, `/articles/*`, `/archive/**`.
///
/// `*` stands for one part between two slashes, and `**`, at the end, for everything below, the path before it included.
/// Whether a path ends in a slash makes no difference, because most servers make none. Parts are compared in their
/// canonical spelling, and with their case.
///
/// What is bought is what stands before `**`: with `/articles/*` each article by itself, with `/articles/*/**` each
/// article with all that is below it, with `/archive/**` the archive as a whole.
#[derive(Clone, PartialEq, Eq)]
pub struct PathPattern {
    text: String,
    parts: Vec<Part>,
    below: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Any,
}

impl PathPattern {
    /// `/**`.
    pub(crate) fn everything() -> Self {
        Self { text: "/**".to_owned(), parts: Vec::new(), below: true }
    }

    /// Whether the pattern ends in `**`.
    pub(crate) fn is_open(&self) -> bool {
        self.below
    }

    /// The part of `path` that a price of this pattern is for; `None` when the pattern is of other paths. It has no slash
    /// at its end, so that of the root is empty.
    pub fn bought<'a>(&self, path: &'a CanonicalPath) -> Option<&'a str> {
        let mut length = 0;
        let mut segments = path.segments();
        for part in &self.parts {
            let segment = segments.next()?;
            match part {
                Part::Literal(literal) if literal != segment => return None,
                Part::Literal(_) | Part::Any => length += 1 + segment.len(),
            }
        }
        let ends = self.below || segments.next().is_none();
        path.as_str().get(..length).filter(|_| ends)
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for PathPattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let rest = text.strip_prefix('/').ok_or(InvalidPattern::Path(AmbiguousPath::NoSlash))?;
        let (rest, below) = match rest.strip_suffix("**") {
            Some(before) if before.is_empty() || before.ends_with('/') => (before, true),
            Some(_) => return Err(InvalidPattern::Star),
            None => (rest, false),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let part = |part: &str| match part {
            "*" => Ok(Part::Any),
            part if part.contains('*') => Err(InvalidPattern::Star),
            part => {
                let path = CanonicalPath::parse(&format!("/{part}")).map_err(InvalidPattern::Path)?;
                let literal =
                    path.segments().next().ok_or(InvalidPattern::Path(AmbiguousPath::EmptySegment))?;
                Ok(Part::Literal(literal.to_owned()))
            }
        };
        let parts = if rest.is_empty() { Ok(Vec::new()) } else { rest.split('/').map(part).collect() };
        Ok(Self { text: text.to_owned(), parts: parts?, below })
    }
}

impl<'de> Deserialize<'de> for PathPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Debug for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PathPattern({})", self.text)
    }
}

/// Text that is no [`PathPattern`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidPattern {
    /// A star is beside other characters, or `**` is not at the end.
    #[error(
        "write \"/articles/*\" for one part and \"/archive/**\" for all that follows: `*` stands alone between slashes, \
         `**` at the end"
    )]
    Star,
    /// What is no star is no path that is priced.
    #[error("this is no path of a page: {0}")]
    Path(AmbiguousPath),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bought(pattern: &str, path: &str) -> Option<String> {
        let path = CanonicalPath::parse(path).unwrap();
        pattern.parse::<PathPattern>().unwrap().bought(&path).map(str::to_owned)
    }

    #[test]
    fn stars_stand_for_one_part_or_for_the_rest() {
        for (pattern, path, expected) in [
            ("/", "/", Some("")),
            ("/", "/a", None),
            ("/**", "/", Some("")),
            ("/**", "/a/b", Some("")),
            ("/a", "/a", Some("/a")),
            ("/a", "/a/", Some("/a")),
            ("/a/", "/a", Some("/a")),
            ("/a", "/a/b", None),
            ("/a", "/A", None),
            ("/a", "/ab", None),
            ("/a/*", "/a", None),
            ("/a/*", "/a/", None),
            ("/a/*", "/a/7", Some("/a/7")),
            ("/a/*", "/a/7/", Some("/a/7")),
            ("/a/*", "/a/7/x", None),
            ("/a/*/**", "/a/7/x/y", Some("/a/7")),
            ("/a/*/**", "/a/7", Some("/a/7")),
            ("/a/**", "/a", Some("/a")),
            ("/a/**", "/a/", Some("/a")),
            ("/a/**", "/a/b/c", Some("/a")),
            ("/a/**", "/b", None),
            ("/*/b", "/x/b", Some("/x/b")),
            ("/caf%c3%a9/*", "/caf%C3%A9/1", Some("/caf%C3%A9/1")),
        ] {
            assert_eq!(bought(pattern, path).as_deref(), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_pattern_with_a_mistake_is_refused() {
        for wrong in [
            "",
            "a",
            "/a*",
            "/**/a",
            "/a/***",
            "/a//b",
            "/../a",
            "/a/%2e%2e",
            "/a;b",
            "/a%2fb",
            "/a?b",
            "/**a",
        ] {
            assert!(wrong.parse::<PathPattern>().is_err(), "{wrong}");
        }
    }
}
