//! HTTP as this library sees it: requests to be sent and answers that came back. Sending them is the caller's work.

use std::fmt;

use zeroize::Zeroizing;

/// HTTP request method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Acts.
    Post,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "GET",
            Self::Post => "POST",
        })
    }
}

/// Who a request is for. Each is spoken to on connections of its own, so that what one of them says can
/// be compared with what the other says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Sells and signs.
    Issuer,
    /// Verifies and credits.
    Redeemer,
    /// The Origin of RFC 9576: the site whose page is wanted.
    Origin,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Issuer => "issuer",
            Self::Redeemer => "redeemer",
            Self::Origin => "site",
        })
    }
}

/// A request, complete but for what HTTP itself adds (`Host`, `Content-Length`).
///
/// Headers and body may hold claim secrets and voucher codes, so neither is shown by Debug or Display.
pub struct HttpRequest {
    /// Method.
    pub method: Method,
    /// Absolute URL, whose scheme and origin were checked.
    pub url: String,
    /// Header fields in order.
    pub headers: Vec<(&'static str, Zeroizing<String>)>,
    /// Body; empty for GET.
    pub body: Zeroizing<Vec<u8>>,
}

impl HttpRequest {
    /// A GET that accepts `media_type`.
    pub(crate) fn get(url: String, media_type: &str) -> Self {
        Self { method: Method::Get, url, headers: Vec::new(), body: Zeroizing::default() }
            .with_header("Accept", media_type)
    }

    /// A POST of `body`, of type `media_type`.
    pub(crate) fn post(url: String, media_type: &str, body: Zeroizing<Vec<u8>>) -> Self {
        Self { method: Method::Post, url, headers: Vec::new(), body }.with_header("Content-Type", media_type)
    }

    /// Adds a header field.
    #[must_use]
    pub(crate) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, Zeroizing::new(value.into())));
        self
    }
}

impl fmt::Display for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url)
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpRequest({self}, {} bytes)", self.body.len())
    }
}

/// An answer.
#[derive(Clone)]
pub struct HttpResponse {
    /// Status code.
    pub status: u16,
    /// Header fields in order.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// The value of the first header field of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The values of every header field of that name, whatever its case.
    pub fn headers_named(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.headers.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    /// The media type without its parameters, in lower case; empty when there is none.
    pub fn media_type(&self) -> String {
        let value = self.header("Content-Type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpResponse({}, {} bytes)", self.status, self.body.len())
    }
}

/// A request that got no answer: nobody knows whether it arrived.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TransportFailure(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_neither_headers_nor_body() {
        let request =
            HttpRequest::post("https://issuer.example/x".into(), "text/plain", b"voucher".to_vec().into())
                .with_header("Authorization", "Bearer secret");
        assert_eq!(format!("{request:?}"), "HttpRequest(POST https://issuer.example/x, 7 bytes)");
        let response = HttpResponse { status: 200, headers: Vec::new(), body: b"secret".to_vec() };
        assert_eq!(format!("{response:?}"), "HttpResponse(200, 6 bytes)");
    }

    #[test]
    fn a_media_type_is_read_without_case_and_parameters() {
        let headers = vec![("content-type".into(), "Application/JSON; charset=utf-8".into())];
        let response = HttpResponse { status: 200, headers, body: Vec::new() };
        assert_eq!(response.media_type(), "application/json");
        assert_eq!(response.header("CONTENT-TYPE"), Some("Application/JSON; charset=utf-8"));
    }
}
