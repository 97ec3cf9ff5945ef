use crate::host::Host;
use crate::secret::GateSecret;
use data_encoding::BASE64URL_NOPAD;

/// The cookie's name. With this prefix browsers take it from, and send it over, TLS alone; this machine itself is as good
/// to them, so that a gate on loopback can be tried without a certificate.
pub const COOKIE: &str = "__Secure-farthing-pass";

const LABEL: &[u8] = b"farthing gate pass v1";
/// Expiry, length of the path, whether what is below is open too, and the MAC.
const LENGTH: usize = 8 + 2 + 1 + 32;

/// Longest attribute of a cookie that browsers take (RFC 6265bis, section 5.6). They pass over a longer `Path`, and would send
/// a pass that was paid for by POST to the gate's own paths alone. For all paths it opens no other page either.
const LONGEST_ATTRIBUTE: usize = 1_024;

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
        let is_taken = (1..=LONGEST_ATTRIBUTE).contains(&self.path.len());
        let path = if is_taken { &self.path } else { "/" };
        let (value, seconds) = (self.pass(secret, expires), expires.saturating_sub(now));
        format!("{COOKIE}={value}; Path={path}; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax")
    }
}

/// Whether the value of a cookie is a pass for what is asked to be paid for, at `now`. What is forged, out of time, or was
/// paid for anything else is none: a pass for all of a site that was bought at the price of its cheapest pages does not open
/// those that have a price of their own.
pub fn opens(value: &str, secret: &GateSecret, asked: &Scope, now: u64) -> bool {
    let Ok(bytes) = BASE64URL_NOPAD.decode(value.as_bytes()) else { return false };
    let Some((expires, rest)) = bytes.split_first_chunk::<8>() else { return false };
    let Some(([high, low, below], tag)) = rest.split_first_chunk::<3>() else { return false };
    let expires = u64::from_be_bytes(*expires);
    let is_of_it =
        usize::from(u16::from_be_bytes([*high, *low])) == asked.path.len() && *below == u8::from(asked.below);
    is_of_it && asked.mac(secret, expires).is(tag) && now < expires
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scope(path: &str, below: bool) -> Scope {
        Scope { host: "news.example".parse().unwrap(), path: path.to_owned(), below }
    }

    fn opens_at(value: &str, asked: &Scope, now: u64) -> bool {
        opens(value, &GateSecret::from_bytes(&[7; 32]), asked, now)
    }

    #[test]
    fn a_pass_opens_what_was_bought_and_nothing_else() {
        let secret = GateSecret::from_bytes(&[7; 32]);
        let bought = [scope("/articles/7", true), scope("/articles/7", false), scope("", true)];
        let further = [scope("/articles/70", false), scope("/articles", true), scope("/articles/7/x", false)];
        let elsewhere = Scope { host: "other.example".parse().unwrap(), ..scope("/articles/7", true) };
        for one in &bought {
            let pass = one.pass(&secret, 1_000);
            for asked in bought.iter().chain(&further).chain([&elsewhere]) {
                assert_eq!(opens_at(&pass, asked, 999), asked == one, "{asked:?}");
                assert!(!opens_at(&pass, asked, 1_000), "{asked:?}");
            }
        }
        let other = GateSecret::from_bytes(&[8; 32]);
        assert!(!opens_at(&bought[0].pass(&other, 1_000), &bought[0], 1));
    }

    #[test]
    fn the_cookie_is_kept_to_its_site_and_path() {
        let secret = GateSecret::from_bytes(&[7; 32]);
        let cookie = scope("/articles/7", true).cookie(&secret, 4_600, 1_000);
        let (value, attributes) = cookie.split_once("; ").unwrap();
        assert_eq!(attributes, "Path=/articles/7; Max-Age=3600; Secure; HttpOnly; SameSite=Lax");
        let value = value.strip_prefix("__Secure-farthing-pass=").unwrap();
        assert!(opens_at(value, &scope("/articles/7", true), 1_000));
        assert!(scope("", true).cookie(&secret, 1, 5).contains("; Path=/; Max-Age=0; "));
        assert_eq!(
            cookie,
            scope("/articles/7", true).cookie(&secret, 4_600, 1_000),
            "readers are told apart"
        );
    }

    #[test]
    fn the_cookie_of_a_long_path_has_one_that_browsers_take() {
        let secret = GateSecret::from_bytes(&[7; 32]);
        for (length, sent) in [(1_024, 1_024), (1_025, 1), (2_048, 1)] {
            let bought = scope(&format!("/{}", "a".repeat(length - 1)), false);
            let cookie = bought.cookie(&secret, 4_600, 1_000);
            let path = cookie.split("; ").find_map(|attribute| attribute.strip_prefix("Path=")).unwrap();
            assert_eq!((path.len(), path.starts_with('/')), (sent, true));
            let value = cookie.split(['=', ';']).nth(1).unwrap();
            assert!(opens_at(value, &bought, 1_000) && !opens_at(value, &scope("", false), 1_000));
        }
    }

    proptest! {
        #[test]
        fn no_byte_of_a_pass_can_be_changed(place in 0..LENGTH, change in 1..=255_u8) {
            let pass = scope("/articles/7", true).pass(&GateSecret::from_bytes(&[7; 32]), 1_000);
            let mut bytes = BASE64URL_NOPAD.decode(pass.as_bytes()).unwrap();
            bytes[place] ^= change;
            let forged = BASE64URL_NOPAD.encode(&bytes);
            prop_assert!(!opens_at(&forged, &scope("/articles/7", true), 1));
            prop_assert!(!opens_at(&forged, &scope("/articles/7", false), 1));
        }

        #[test]
        fn any_other_text_is_no_pass(text in "\\PC{0,80}|[A-Za-z0-9_-]{40,60}") {
            prop_assert!(!opens_at(&text, &scope("", true), 1));
        }
    }
}
