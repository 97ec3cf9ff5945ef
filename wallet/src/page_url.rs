use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::service_url::{ServiceUrl, ServiceUrlError};

/// Where a page is: the origin that may be paid for it, and its path and query. A fragment is never sent and not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageUrl {
    origin: ServiceUrl,
    target: String,
}

/// Why a URL is not one of a page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageUrlError {
    /// Its scheme or origin is none that is spoken to.
    #[error(transparent)]
    Origin(#[from] ServiceUrlError),
    /// It has a user name.
    #[error(
        "the URL has a user name: leave it out, because tokens are shown to whoever has them and to no account"
    )]
    UserName,
}

/// A redirect that is not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedirectError {
    /// It does not read.
    #[error("{origin} redirects to something that is no URL")]
    Unreadable {
        /// Who redirects.
        origin: ServiceUrl,
    },
    /// It leaves the origin.
    #[error(
        "{origin} redirects to {target}, another site, and nothing of yours goes there by itself: if you trust it, get \
         that URL"
    )]
    ForeignOrigin {
        /// Who redirects.
        origin: ServiceUrl,
        /// Where to.
        target: String,
    },
}

impl PageUrl {
    /// Parses the URL of a page: https, or http on this machine and for .onion.
    ///
    /// # Errors
    ///
    /// [`PageUrlError`] says what to write instead.
    pub fn parse(text: &str) -> Result<Self, PageUrlError> {
        let url = match Url::parse(text.trim()) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => url,
            // Neither is an origin of ours, which says why.
            _ => return Err(not_a_page(text)),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(PageUrlError::UserName);
        }
        let origin = ServiceUrl::parse(&url.origin().ascii_serialization())?;
        Ok(Self { origin, target: target_of(&url) })
    }

    /// The page at `target`, path and query, of an origin.
    pub(crate) const fn at(origin: ServiceUrl, target: String) -> Self {
        Self { origin, target }
    }

    /// Who is asked for it and paid.
    pub const fn origin(&self) -> &ServiceUrl {
        &self.origin
    }

    /// Path and query, as they are sent.
    pub fn path_and_query(&self) -> &str {
        &self.target
    }

    /// The path.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// Where a redirect leads, if it stays on this origin.
    ///
    /// # Errors
    ///
    /// [`RedirectError`].
    pub fn redirected(&self, location: &str) -> Result<Self, RedirectError> {
        let origin = self.origin.clone();
        let joined = Url::parse(&self.to_string()).and_then(|base| base.join(location));
        let Ok(url) = joined else { return Err(RedirectError::Unreadable { origin }) };
        let stays = url.origin().ascii_serialization() == origin.origin();
        if !stays || !url.username().is_empty() || url.password().is_some() {
            let target = url.origin().ascii_serialization();
            return Err(RedirectError::ForeignOrigin { origin, target });
        }
        Ok(Self { origin, target: target_of(&url) })
    }
}

fn not_a_page(text: &str) -> PageUrlError {
    match ServiceUrl::parse(text) {
        Err(error) => error.into(),
        // It would have been parsed above.
        Ok(_) => {
            ServiceUrlError::Unreadable { text: text.to_owned(), reason: "no http URL".to_owned() }.into()
        }
    }
}

fn target_of(url: &Url) -> String {
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

impl fmt::Display for PageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.target)
    }
}

impl FromStr for PageUrl {
    type Err = PageUrlError;

    fn from_str(text: &str) -> Result<Self, PageUrlError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_an_origin_and_a_path() {
        for (text, origin, target) in [
            ("https://news.example", "https://news.example", "/"),
            ("https://News.example:443/a/../b?c=d#e", "https://news.example", "/b?c=d"),
            ("http://127.0.0.1:8703/caf\u{e9}?", "http://127.0.0.1:8703", "/caf%C3%A9?"),
            ("http://newsabcdefgh.onion/a", "http://newsabcdefgh.onion", "/a"),
        ] {
            let page = PageUrl::parse(text).unwrap();
            assert_eq!((page.origin().origin().as_str(), page.path_and_query()), (origin, target));
        }
        assert_eq!(PageUrl::parse("https://news.example/a?b=c").unwrap().path(), "/a");
        for text in ["http://news.example/a", "ftp://news.example/a", "news.example/a", "data:,x", ""] {
            assert!(matches!(PageUrl::parse(text), Err(PageUrlError::Origin(_))), "{text}");
        }
        assert_eq!(PageUrl::parse("https://me:secret@news.example/"), Err(PageUrlError::UserName));
    }

    #[test]
    fn redirects_stay_on_the_origin() {
        let page = PageUrl::parse("https://news.example/a/b?c").unwrap();
        for (location, target) in [
            ("/x", "/x"),
            ("x?y#z", "/a/x?y"),
            ("https://news.example:443/x", "/x"),
            ("//news.example/x", "/x"),
        ] {
            assert_eq!(page.redirected(location).unwrap().path_and_query(), target);
        }
        for location in [
            "http://news.example/x",
            "https://news.example:8443/x",
            "//evil.example/x",
            "https://me@news.example/",
            "data:,x",
        ] {
            let refused = page.redirected(location);
            assert!(matches!(refused, Err(RedirectError::ForeignOrigin { .. })), "{location}");
        }
        assert!(matches!(page.redirected("https://["), Err(RedirectError::Unreadable { .. })));
    }
}
