//! Passes: the cookies by which a site that was paid lets the reader in again.

use std::fmt;

use cookie::{Cookie, Expiration};
use farthing_protocol::CanonicalPath;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::http_message::HttpResponse;
use crate::page_url::PageUrl;
use crate::service_url::ServiceUrl;

/// How the name of a pass begins. No other cookie is kept: a site could recognize its readers by it.
const NAME_PREFIX: &str = "__Secure-farthing-";
/// The longest name and value together that are kept: as much as browsers keep (RFC 6265bis).
const MAX_LENGTH: usize = 4096;
/// For so many seconds a pass is kept that does not say how long it lasts: while a payment can be repeated.
const UNSTATED: u64 = 600;
/// No pass is kept for longer, as in browsers (RFC 6265bis): 400 days.
const LONGEST: u64 = 400 * 86_400;

/// What opens pages of a site for a time. Whoever has it is let in: redacted, wiped when dropped.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pass {
    /// Whose it is. It is sent nowhere else.
    pub origin: ServiceUrl,
    /// The path that it opens, with what is below.
    pub path: String,
    /// The unix second from which it opens nothing.
    pub expires: u64,
    name: String,
    value: String,
}

impl Pass {
    /// The passes that came with an answer for `page`.
    pub(crate) fn of_answer(page: &PageUrl, answer: &HttpResponse, now: u64) -> Vec<Self> {
        let cookies = answer.headers_named("Set-Cookie").filter_map(|value| Cookie::parse(value).ok());
        cookies.filter_map(|cookie| Self::of_cookie(page, &cookie, now)).collect()
    }

    fn of_cookie(page: &PageUrl, cookie: &Cookie<'_>, now: u64) -> Option<Self> {
        let (name, value) = cookie.name_value();
        if !name.starts_with(NAME_PREFIX) || name.len() + value.len() > MAX_LENGTH {
            return None;
        }
        let lasts = match (cookie.max_age(), cookie.expires()) {
            // Max-Age has precedence (RFC 6265, section 5.3).
            (Some(age), _) => age.whole_seconds(),
            (None, Some(Expiration::DateTime(end))) => {
                end.unix_timestamp().saturating_sub(i64::try_from(now).unwrap_or(i64::MAX))
            }
            (None, _) => i64::try_from(UNSTATED).unwrap_or(i64::MAX),
        };
        let lasts = u64::try_from(lasts).ok().filter(|seconds| *seconds > 0)?;
        let path = match cookie.path() {
            Some(path) if path.starts_with('/') => path,
            _ => default_path(page.path()),
        };
        Some(Self {
            origin: page.origin().clone(),
            path: path.to_owned(),
            expires: now.saturating_add(lasts.min(LONGEST)),
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }

    /// Whether it is sent with a request for `page` at the unix second `now` (RFC 6265, section 5.1.4).
    pub fn opens(&self, page: &PageUrl, now: u64) -> bool {
        // A gate names a page by its canonical path, in whichever spelling it was asked for.
        let canonical = CanonicalPath::parse(page.path()).ok();
        let mut spellings =
            [Some(page.path()), canonical.as_ref().map(CanonicalPath::as_str)].into_iter().flatten();
        now < self.expires && self.origin == *page.origin() && spellings.any(|path| self.covers(path))
    }

    fn covers(&self, path: &str) -> bool {
        let below = |rest: &str| rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/');
        path.strip_prefix(self.path.as_str()).is_some_and(below)
    }

    /// Whether `newer` takes its place.
    pub(crate) fn is_replaced_by(&self, newer: &Self) -> bool {
        (&self.origin, &self.path, &self.name) == (&newer.origin, &newer.path, &newer.name)
    }

    /// The pair by which it is shown.
    pub(crate) fn pair(&self) -> String {
        format!("{}={}", self.name, self.value)
    }
}

/// The directory of a path, without a slash at its end (RFC 6265, section 5.1.4).
fn default_path(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some((directory, _)) if !directory.is_empty() => directory,
        _ => "/",
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.value.zeroize();
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pass({} until {})", self.origin, self.expires)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_795_266_000;

    fn page(path: &str) -> PageUrl {
        PageUrl::parse(&format!("https://news.example{path}")).unwrap()
    }

    fn passes(set_cookie: &str) -> Vec<Pass> {
        let headers = vec![("set-cookie".to_owned(), set_cookie.to_owned())];
        Pass::of_answer(&page("/articles/7"), &HttpResponse { status: 200, headers, body: Vec::new() }, NOW)
    }

    #[test]
    fn a_pass_opens_its_path_and_what_is_below_on_its_origin_in_its_time() {
        let kept = passes(
            "__Secure-farthing-pass=abc; Path=/articles/7; Max-Age=60; Secure; HttpOnly; SameSite=Lax",
        );
        let [pass] = &kept[..] else { panic!("{kept:?}") };
        assert_eq!((pass.pair().as_str(), pass.expires), ("__Secure-farthing-pass=abc", NOW + 60));
        for (path, opens) in [
            ("/articles/7", true),
            ("/articles/7?page=2", true),
            ("/articles/7/2", true),
            ("/%61rticles/7", true),
            ("/articles/70", false),
            ("/articles", false),
        ] {
            assert_eq!(pass.opens(&page(path), NOW + 59), opens, "{path}");
            assert!(!pass.opens(&page(path), NOW + 60));
        }
        let elsewhere = PageUrl::parse("https://other.example/articles/7").unwrap();
        assert!(!pass.opens(&elsewhere, NOW));
        assert_eq!(format!("{pass:?}"), format!("Pass(https://news.example until {})", NOW + 60));
        let all = &passes("__Secure-farthing-pass=abc; Path=/; Max-Age=60")[0];
        assert!(all.opens(&page("/x"), NOW));
        // What URLs may leave as it is and gates encode.
        let table = &passes("__Secure-farthing-pass=abc; Path=/a%7Cb%5B1%5D%5E; Max-Age=60")[0];
        assert!(table.opens(&page("/a|b[1]^"), NOW));
    }

    #[test]
    fn a_pass_ends_when_it_says_or_soon() {
        let ends = |attributes: &str| {
            let kept = passes(&format!("__Secure-farthing-pass=abc; Path=/{attributes}"));
            kept.first().map(|pass| pass.expires - NOW)
        };
        assert_eq!(ends("; Max-Age=5; Expires=Wed, 21 Oct 2099 07:28:00 GMT"), Some(5));
        assert_eq!(ends("; Expires=Sat, 21 Nov 2026 13:01:00 GMT"), Some(60));
        assert_eq!(ends(""), Some(UNSTATED));
        assert_eq!(ends("; Max-Age=99999999999"), Some(LONGEST));
        assert_eq!(ends("; Max-Age=0"), None);
        assert_eq!(ends("; Expires=Wed, 21 Oct 2015 07:28:00 GMT"), None);
    }

    #[test]
    fn no_other_cookie_is_kept() {
        for set_cookie in [
            "session=abc; Path=/",
            "farthing-pass=abc",
            "__Secure-farthing",
            "",
            &format!("__Secure-farthing-pass={}", "x".repeat(MAX_LENGTH)),
        ] {
            assert!(passes(set_cookie).is_empty(), "{set_cookie}");
        }
        let kept = passes("__Secure-farthing-pass=abc");
        assert_eq!(kept[0].path, "/articles", "where no path is said it is the page's directory");
        assert_eq!(default_path("/x"), "/");
    }
}
