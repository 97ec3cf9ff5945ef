//! The grammar that WWW-Authenticate and Authorization share (RFC 9110, section 11).
//!
//! ```text
//! value      = #( auth-scheme [ 1*SP ( token68 / #auth-param ) ] )
//! auth-param = token BWS "=" BWS ( token / quoted-string )
//! ```
//!
//! The comma separates challenges and attributes alike: a name that `=` follows is an attribute of the challenge
//! before it, any other begins a challenge.

use std::borrow::Cow;

use crate::HeaderError;

/// One challenge, or the credentials: a scheme with its attributes.
pub(crate) struct Challenge<'a> {
    pub(crate) scheme: &'a str,
    attributes: Vec<(&'a str, Cow<'a, str>)>,
}

impl Challenge<'_> {
    /// Whether the scheme is PrivateToken; schemes do not distinguish case.
    pub(crate) fn is_private_token(&self) -> bool {
        self.scheme.eq_ignore_ascii_case(crate::AUTH_SCHEME)
    }

    /// The value of an attribute, whose name does not distinguish case either.
    pub(crate) fn attribute(&self, attribute: &'static str) -> Result<Option<&str>, HeaderError> {
        let mut values = self.attributes.iter().filter(|(name, _)| name.eq_ignore_ascii_case(attribute));
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(HeaderError::Twice { attribute }),
            (value, None) => Ok(value.map(|(_, value)| value.as_ref())),
        }
    }
}

/// Reads a whole header value.
pub(crate) fn parse(value: &str) -> Result<Vec<Challenge<'_>>, HeaderError> {
    let mut cursor = Cursor { value, rest: value };
    let mut challenges: Vec<Challenge<'_>> = Vec::new();
    // No comma stands between a scheme and its first attribute, so nothing else may stand there.
    let mut after_scheme = false;
    loop {
        cursor.skip(|byte| matches!(byte, b' ' | b'\t' | b','));
        if cursor.rest.is_empty() {
            return Ok(challenges);
        }
        let name = cursor.token().ok_or_else(|| cursor.expected("a scheme or an attribute"))?;
        if cursor.takes_equals() {
            let attribute = (name, cursor.attribute_value()?);
            let challenge =
                challenges.last_mut().ok_or(HeaderError::Syntax { offset: 0, expected: "a scheme" })?;
            challenge.attributes.push(attribute);
            cursor.end_of_element()?;
            after_scheme = false;
        } else if after_scheme {
            return Err(cursor.expected("an equals sign"));
        } else {
            challenges.push(Challenge { scheme: name, attributes: Vec::new() });
            after_scheme = cursor.takes_space() && !cursor.takes_token68() && !cursor.at_end_of_element();
            if !after_scheme {
                cursor.end_of_element()?;
            }
        }
    }
}

/// Writes `PrivateToken name="value", ...`; values are base64url and need no escapes.
pub(crate) fn write(attributes: &[(&str, String)]) -> String {
    let written: Vec<_> = attributes.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    format!("{} {}", crate::AUTH_SCHEME, written.join(", "))
}

struct Cursor<'a> {
    value: &'a str,
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    /// Takes bytes of one class, which are all ASCII, so that the rest stays text.
    fn take(&mut self, class: impl Fn(u8) -> bool) -> &'a str {
        let length = self.rest.bytes().take_while(|byte| byte.is_ascii() && class(*byte)).count();
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn skip(&mut self, class: impl Fn(u8) -> bool) {
        self.take(class);
    }

    fn takes_space(&mut self) -> bool {
        !self.take(is_space).is_empty()
    }

    fn token(&mut self) -> Option<&'a str> {
        Some(self.take(is_token)).filter(|token| !token.is_empty())
    }

    /// Takes `BWS "=" BWS`, or nothing.
    fn takes_equals(&mut self) -> bool {
        let after = self.rest.trim_start_matches([' ', '\t']).strip_prefix('=');
        if let Some(rest) = after {
            self.rest = rest.trim_start_matches([' ', '\t']);
        }
        after.is_some()
    }

    /// Takes a token68 if it is all that the element holds, or nothing.
    fn takes_token68(&mut self) -> bool {
        let before = self.rest;
        let taken = self.take(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte));
        self.skip(|byte| byte == b'=');
        let ends = self.rest.trim_start_matches([' ', '\t']);
        if taken.is_empty() || !(ends.is_empty() || ends.starts_with(',')) {
            self.rest = before;
            return false;
        }
        true
    }

    fn attribute_value(&mut self) -> Result<Cow<'a, str>, HeaderError> {
        if let Some(rest) = self.rest.strip_prefix('"') {
            self.rest = rest;
            return self.quoted_string();
        }
        // Padded base64url belongs in quotes (RFC 9110, section 11.2); some origins write it without.
        let before = self.rest;
        self.token().ok_or_else(|| self.expected("a value"))?;
        self.skip(|byte| byte == b'=');
        Ok(Cow::Borrowed(before.strip_suffix(self.rest).unwrap_or(before)))
    }

    /// The rest of a quoted-string after its opening quote, without the backslashes of quoted pairs.
    fn quoted_string(&mut self) -> Result<Cow<'a, str>, HeaderError> {
        let mut unescaped = Cow::Borrowed("");
        loop {
            let plain = self.rest.find(['"', '\\']).and_then(|end| self.rest.split_at_checked(end));
            let (text, rest) = plain.ok_or_else(|| self.expected("a closing quote"))?;
            unescaped += text;
            let mut characters = rest.chars();
            let quote = characters.next() == Some('"');
            let escaped = if quote { None } else { characters.next() };
            self.rest = characters.as_str();
            match escaped {
                _ if quote => return Ok(unescaped),
                Some(character) => unescaped.to_mut().push(character),
                None => return Err(self.expected("a closing quote")),
            }
        }
    }

    /// After a scheme without attributes, a token68 or an attribute comes a comma or the end.
    fn end_of_element(&mut self) -> Result<(), HeaderError> {
        self.skip(is_space);
        if self.at_end_of_element() { Ok(()) } else { Err(self.expected("a comma")) }
    }

    fn at_end_of_element(&self) -> bool {
        self.rest.is_empty() || self.rest.starts_with(',')
    }

    fn expected(&self, expected: &'static str) -> HeaderError {
        HeaderError::Syntax { offset: self.value.len() - self.rest.len(), expected }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// `tchar` of RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &str) -> String {
        let challenges = match parse(value) {
            Ok(challenges) => challenges,
            Err(error) => return error.to_string(),
        };
        let show = |challenge: &Challenge<'_>| {
            let attributes = challenge.attributes.iter().map(|(name, value)| format!(" {name}={value}"));
            challenge.scheme.to_owned() + &attributes.collect::<String>()
        };
        challenges.iter().map(show).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn challenges_and_attributes_are_told_apart() {
        for (value, expected) in [
            ("", ""),
            (" , ,", ""),
            ("Negotiate", "Negotiate"),
            ("Negotiate, Basic realm=\"a, b\"", "Negotiate; Basic realm=a, b"),
            ("Bearer abc==, A x=1", "Bearer; A x=1"),
            ("Bearer abc=", "Bearer"),
            ("A x=1,B y = \"2\" ,, z=3", "A x=1; B y=2 z=3"),
            ("A x=\"q\\\"\\\\\u{e9}\"", "A x=q\"\\\u{e9}"),
            ("A   x=\"\"", "A x="),
            ("A ,x=1", "A x=1"),
            ("A , B c=1", "A; B c=1"),
            ("A, B, C d=1", "A; B; C d=1"),
        ] {
            assert_eq!(shown(value), expected, "{value}");
        }
    }

    #[test]
    fn what_is_outside_the_grammar_is_refused_with_its_place() {
        for (value, expected) in [
            ("x=1", "byte 0: a scheme expected"),
            ("A x=", "A"),
            ("A y=1, x=", "byte 9: a value expected"),
            ("A x=\"1", "byte 5: a closing quote expected"),
            ("A x=\"1\\", "byte 7: a closing quote expected"),
            ("A x=1 y=2", "byte 6: a comma expected"),
            ("A x=\"1\"y", "byte 7: a comma expected"),
            ("A b c", "byte 3: an equals sign expected"),
            ("\u{e9}", "byte 0: a scheme or an attribute expected"),
            ("A \u{e9}=1", "byte 2: a scheme or an attribute expected"),
            ("\"A\"", "byte 0: a scheme or an attribute expected"),
        ] {
            assert_eq!(shown(value), expected, "{value}");
        }
    }
}
