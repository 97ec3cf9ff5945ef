use data_encoding::BASE64URL_NOPAD;
use farthing_protocol::CanonicalPath;

use crate::host::Host;
use crate::secret::GateSecret;

/// The cookie's name. With this prefix browsers take it from, and send it over, TLS alone; this machine itself is as good
/// to them, so that a gate on loopback can be tried without a certificate.
pub const COOKIE: &str = "__Secure-farthing-pass";

const LABEL: &[u8] = b"farthing gate pass v1";
/// Expiry, length of the path, whether what is below is open too, and the MAC.
const LENGTH: usize = 8 + 2 + 1 + 32;

/// What a payment opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// On which site.
    pub host: Host,
    /// Which page: a canonical path without a slash at its end, empty for the root.
    pub path: String,
    /// Whether everything below it is open as well.
    pub below: bool,
}

impl Scope {
    fn mac(&self, secret: &GateSecret, expires: u64) -> crate::secret::FieldMac {
        secret
            .mac(LABEL)
            .field(self.host.as_str().as_bytes())
            .field(self.path.as_bytes())
            .field(&[u8::from(self.below)])
            .field(&expires.to_be_bytes())
    }

    /// The value of the pass that opens this until `expires`, in unix seconds. It says nothing else: whoever paid for the
    /// same page at about the same time has the same.
    pub fn pass(&self, secret: &GateSecret, expires: u64) -> String {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend_from_slice(&expires.to_be_bytes());
        // A canonical path is shorter than its limit, which two bytes hold.
        bytes.extend_from_slice(&u16::try_from(self.path.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.push(u8::from(self.below));
        bytes.extend_from_slice(&self.mac(secret, expires).finish());
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// The header `Set-Cookie` that gives the pass to a reader at `now`.
    pub fn cookie(&self, secret: &GateSecret, expires: u64, now: u64) -> String {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        let (value, seconds) = (self.pass(secret, expires), expires.saturating_sub(now));
        format!("{COOKIE}={value}; Path={path}; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax")
    }
}

/// Whether the value of a cookie is a pass for a page, at `now`. What is forged, out of time, or of another page is none.
pub fn opens(value: &str, secret: &GateSecret, host: &Host, path: &CanonicalPath, now: u64) -> bool {
    let Ok(bytes) = BASE64URL_NOPAD.decode(value.as_bytes()) else { return false };
    let Some((expires, rest)) = bytes.split_first_chunk::<8>() else { return false };
    let Some(([high, low, below], tag)) = rest.split_first_chunk::<3>() else { return false };
    let expires = u64::from_be_bytes(*expires);
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let Some((bought, rest)) = path.trimmed().split_at_checked(length) else { return false };
    let scope = Scope { host: host.clone(), path: bought.to_owned(), below: *below == 1 };
    let covers = rest.is_empty() || (scope.below && rest.starts_with('/'));
    *below <= 1 && covers && scope.mac(secret, expires).is(tag) && now < expires
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scope(path: &str, below: bool) -> Scope {
        Scope { host: "news.example".parse().unwrap(), path: path.to_owned(), below }
    }

    fn opens_at(value: &str, host: &str, path: &str, now: u64) -> bool {
        let secret = GateSecret::from_bytes(&[7; 32]);
        opens(value, &secret, &host.parse().unwrap(), &CanonicalPath::parse(path).unwrap(), now)
    }

    #[test]
    fn a_pass_opens_what_was_bought_and_nothing_else() {
        let secret = GateSecret::from_bytes(&[7; 32]);
        let article = scope("/articles/7", true).pass(&secret, 1_000);
        let page = scope("/articles/7", false).pass(&secret, 1_000);
        let all = scope("", true).pass(&secret, 1_000);
        for (path, by_article, by_page) in [
            ("/articles/7", true, true),
            ("/articles/7/", true, true),
            ("/articles/7/images/1.png", true, false),
            ("/articles/70", false, false),
            ("/articles", false, false),
            ("/articles/8", false, false),
            ("/", false, false),
        ] {
            assert_eq!(opens_at(&article, "news.example", path, 999), by_article, "{path}");
            assert_eq!(opens_at(&page, "news.example", path, 999), by_page, "{path}");
            assert!(opens_at(&all, "news.example", path, 999), "{path}");
            for value in [&article, &page, &all] {
                assert!(!opens_at(value, "other.example", path, 999), "{path}");
                assert!(!opens_at(value, "news.example", path, 1_000), "{path}");
            }
        }
        let other = GateSecret::from_bytes(&[8; 32]);
        assert!(!opens_at(
            &scope("/articles/7", false).pass(&other, 1_000),
            "news.example",
            "/articles/7",
            1
        ));
    }

    #[test]
    fn the_cookie_is_kept_to_its_site_and_path() {
        let secret = GateSecret::from_bytes(&[7; 32]);
        let cookie = scope("/articles/7", true).cookie(&secret, 4_600, 1_000);
        let (value, attributes) = cookie.split_once("; ").unwrap();
        assert_eq!(attributes, "Path=/articles/7; Max-Age=3600; Secure; HttpOnly; SameSite=Lax");
        assert!(opens_at(
            value.strip_prefix("__Secure-farthing-pass=").unwrap(),
            "news.example",
            "/articles/7",
            1_000
        ));
        assert!(scope("", true).cookie(&secret, 1, 5).contains("; Path=/; Max-Age=0; "));
        assert_eq!(
            cookie,
            scope("/articles/7", true).cookie(&secret, 4_600, 1_000),
            "readers are told apart"
        );
    }

    proptest! {
        #[test]
        fn no_byte_of_a_pass_can_be_changed(place in 0..LENGTH, change in 1..=255_u8) {
            let pass = scope("/articles/7", true).pass(&GateSecret::from_bytes(&[7; 32]), 1_000);
            let mut bytes = BASE64URL_NOPAD.decode(pass.as_bytes()).unwrap();
            bytes[place] ^= change;
            let forged = BASE64URL_NOPAD.encode(&bytes);
            prop_assert!(!opens_at(&forged, "news.example", "/articles/7", 1));
            prop_assert!(!opens_at(&forged, "news.example", "/articles/7/x", 1));
        }

        #[test]
        fn any_other_text_is_no_pass(text in "\\PC{0,80}|[A-Za-z0-9_-]{40,60}") {
            prop_assert!(!opens_at(&text, "news.example", "/", 1));
        }
    }
}
