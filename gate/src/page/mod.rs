//! The page that a reader sees who has not paid.

mod colour;
mod config;
mod texts;

use actix_web::http::header::HeaderMap;
use askama::Template;
use data_encoding::BASE64URL_NOPAD;
use farthing_api::{PAID_PATH_HEADER, PAY_PATH};
use farthing_service::language::Language;

use crate::payment::Refusal;
use crate::prices::Amount;
use colour::Colour;
pub use config::PageConfig;
use texts::Texts;

/// What is offered: the page, its price, and how it can be paid.
pub(crate) struct Offer<'a> {
    /// The page's site.
    pub(crate) host: &'a str,
    /// The page's URL.
    pub(crate) url: String,
    /// Its path and query.
    pub(crate) path: String,
    /// What it costs.
    pub(crate) due: Amount,
    /// For how many seconds a payment opens it.
    pub(crate) opens_for: u64,
    /// Whether those who have not paid are shown something: then it cannot be seen from outside who has.
    pub(crate) has_preview: bool,
    /// What `WWW-Authenticate` says.
    pub(crate) challenge: &'a str,
}

/// The page in the publisher's name, colours and languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    config: PageConfig,
    takes_posts: bool,
}

/// A page, and the policy that its scripts and styles need.
pub(crate) struct Rendered {
    pub(crate) html: String,
    pub(crate) policy: String,
}

#[derive(Template)]
#[template(path = "page.html")]
struct PageTemplate<'a> {
    tag: &'static str,
    texts: &'a Texts,
    name: &'a str,
    nonce: &'a str,
    background: Colour,
    text: Colour,
    accent: Colour,
    on_accent: Colour,
    price: String,
    reason: Option<&'a str>,
    opens_for: String,
    command: String,
    offer: &'a Offer<'a>,
    takes_posts: bool,
    pay_path: &'a str,
    paid_path_header: &'a str,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum RenderError {
    #[error("the page cannot be written: {0}")]
    Template(#[from] askama::Error),
    #[error("the system gave no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
}

impl Page {
    /// The page that the configuration describes.
    pub fn new(config: PageConfig) -> Self {
        Self { config, takes_posts: true }
    }

    /// The same in a site that has no path at which tokens are posted.
    pub(crate) fn without_posts(self) -> Self {
        Self { takes_posts: false, ..self }
    }

    /// The page for one reader. What comes from the request is escaped, and nothing but this page's own style and script
    /// runs in it.
    pub(crate) fn render(
        &self,
        headers: &HeaderMap,
        refusal: Refusal,
        offer: &Offer<'_>,
    ) -> Result<Rendered, RenderError> {
        let config = &self.config;
        let language = Language::choose(&config.languages, headers);
        let texts = Texts::of(language);
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        let nonce = BASE64URL_NOPAD.encode(&bytes);
        let html = PageTemplate {
            tag: language.tag(),
            texts,
            name: config.name.as_deref().unwrap_or(offer.host),
            nonce: &nonce,
            background: config.background,
            text: config.text,
            accent: config.accent,
            on_accent: config.accent.readable_on_it(),
            price: format!("{} {}", offer.due.number(language.decimal()), offer.due.currency),
            reason: texts.reason(refusal),
            opens_for: texts.span(offer.opens_for),
            command: format!("farthing get '{}'", offer.url.replace('\'', "%27")),
            offer,
            takes_posts: self.takes_posts,
            pay_path: PAY_PATH,
            paid_path_header: PAID_PATH_HEADER,
        }
        .render()?;
        let policy = format!(
            "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; base-uri \
             'none'; form-action 'self'; frame-ancestors 'none'"
        );
        Ok(Rendered { html, policy })
    }
}

#[cfg(test)]
mod tests;
