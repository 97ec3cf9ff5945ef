use actix_web::http::header::{ACCEPT_LANGUAGE, HeaderValue};

use super::*;

fn render(config: &str, language: &str, refusal: Refusal, path: &str) -> Rendered {
    render_with(false, config, language, refusal, path)
}

fn render_with(has_preview: bool, config: &str, language: &str, refusal: Refusal, path: &str) -> Rendered {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_str(language).unwrap());
    let due = Amount { micros: 50_000.try_into().unwrap(), currency: "EUR".parse().unwrap() };
    let offer = Offer {
        host: "news.example",
        url: format!("https://news.example{path}"),
        path: path.to_owned(),
        due,
        opens_for: 86_400,
        has_preview,
        challenge: "PrivateToken challenge=\"AA==\", token-key=\"BB==\", price-micros=\"50000\", currency=\"EUR\"",
    };
    let page = Page::new(serde_json::from_str(config).unwrap());
    page.render(&headers, refusal, &offer).unwrap()
}

fn unpaid() -> Refusal {
    Refusal::Unpaid { due: Amount { micros: 50_000.try_into().unwrap(), currency: "EUR".parse().unwrap() } }
}

#[test]
fn the_page_says_what_it_costs_and_how_to_pay() {
    let Rendered { html, policy } =
        render(r##"{"name": "Daily", "accent": "#7a0019"}"##, "en", unpaid(), "/articles/7");
    for text in [
        "<html lang=\"en\">",
        "<title>0.05 EUR · Daily</title>",
        "<strong>0.05 EUR</strong>",
        "<header>Daily</header>",
        "for 1 day.",
        "farthing get &#39;https://news.example/articles/7&#39;",
        "color: #7a0019",
        "id=\"farthing-wallet\"",
        "data-challenges=\"PrivateToken challenge=&#34;AA==&#34;",
        "data-price-micros=\"50000\" data-currency=\"EUR\" data-path=\"/articles/7\"",
        "data-pay=\"/.well-known/farthing/pay\"",
    ] {
        assert!(html.contains(text), "{text} is not in {html}");
    }
    assert!(!html.contains("role=\"alert\""));
    assert!(policy.contains("; connect-src 'self'; "), "it asks whether the page is open: {policy}");
    assert!(policy.ends_with("frame-ancestors 'none'") && policy.starts_with("default-src 'none'; "));
    let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    assert_eq!(html.matches(&format!("nonce=\"{nonce}\"")).count(), 2);
    let again = render("{}", "en", unpaid(), "/articles/7");
    assert!(!again.html.contains(nonce), "a nonce is used once");
    assert!(again.html.contains("<header>news.example</header>"), "{}", again.html);
}

#[test]
fn nobody_takes_a_preview_for_the_page() {
    for (has_preview, looks) in [(false, 1), (true, 0)] {
        let html = render_with(has_preview, "{}", "en", Refusal::Spent, "/teasers/7").html;
        assert!(html.contains("<form"));
        assert_eq!(html.matches("fetch(").count(), looks, "{html}");
    }
}

#[test]
fn the_page_is_in_the_readers_language_and_says_what_was_wrong() {
    let html = render("{}", "de", Refusal::Spent, "/").html;
    for text in
        ["<html lang=\"de\">", "Diese Seite kostet <strong>0,05 EUR</strong>", "role=\"alert\">Ein Token war"]
    {
        assert!(html.contains(text), "{text} is not in {html}");
    }
}

#[test]
fn nothing_of_the_request_is_markup() {
    let html =
        render(r#"{"name": "<b>Daily & Co</b>"}"#, "en", unpaid(), "/a'b\"<script>alert(1)</script>?c=<i>")
            .html;
    assert!(!html.contains("<b>") && !html.contains("<i>") && !html.contains("<script>alert"), "{html}");
    assert!(html.contains("get &#39;https://news.example/a%27b&#34;"), "{html}");
}
