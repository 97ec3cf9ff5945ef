//! The page of the gate in a real browser.

use farthing_tests::browser::{Browser, Element};

use super::{Scene, wait_until};

/// The least contrast that text must have (WCAG 2.2, 1.4.3).
const READABLE: f64 = 4.5;

#[test]
fn a_browser_shows_the_price_with_and_without_scripts() {
    let Some(browser) = Browser::start().unwrap() else { return };
    let scene = Scene::new("");
    for scripts in [true, false] {
        if !scripts {
            browser.disable_scripts().unwrap();
        }
        browser.open(&format!("{}/articles/7", scene.gate.url())).unwrap();
        assert_eq!(browser.find("h1").unwrap().text().unwrap(), "This page costs 0.01 EUR");
        assert_eq!(browser.find("html").unwrap().attribute("lang").unwrap(), "en");
        assert!(browser.find("#command").unwrap().text().unwrap().starts_with("farthing get 'http"));
        assert_eq!(browser.find_all("#copy:not([hidden])").unwrap().len(), usize::from(scripts));
        assert!(browser.console().unwrap().iter().all(|line| !line.contains("Content Security Policy")));
    }
    browser.prefer_languages("de").unwrap();
    browser.prefer_colours("dark").unwrap();
    browser.open(&format!("{}/long/1", scene.gate.url())).unwrap();
    let heading = browser.find("h1").unwrap();
    assert_eq!(heading.text().unwrap(), "Diese Seite kostet 0,05 EUR");
    assert_eq!(heading.role().unwrap(), "heading");
    assert_eq!(browser.find("html").unwrap().attribute("lang").unwrap(), "de");
    assert_eq!(browser.find("pre").unwrap().label().unwrap(), "Mit der Brieftasche auf der Kommandozeile:");
    assert!(browser.find("textarea").unwrap().label().unwrap().starts_with("Oder fügen Sie hier Token ein"));
    assert_eq!(browser.find("form button").unwrap().label().unwrap(), "Bezahlen: 0,05 EUR");
    browser.keep_picture("gate-page-german").unwrap();
}

#[test]
fn a_browser_shows_the_publishers_name_and_colours_and_all_of_it_is_readable() {
    let Some(browser) = Browser::start().unwrap() else { return };
    for (tables, background, accent) in [
        ("[page]\nname = \"The Daily Example\"\n", "#ffffff", "#0b4fb3"),
        (
            "[page]\nname = \"The Daily Example\"\nbackground = \"#14110f\"\ntext = \"#f3ece4\"\naccent = \"#f2a65a\"\n",
            "#14110f",
            "#f2a65a",
        ),
    ] {
        let scene = Scene::new(tables);
        browser.open(&format!("{}/articles/7", scene.gate.url())).unwrap();
        assert_eq!(browser.title().unwrap(), "0.01 EUR · The Daily Example");
        assert_eq!(browser.find("header").unwrap().text().unwrap(), "The Daily Example");
        browser.keep_picture(&format!("gate-page-{}", &background[1..])).unwrap();
        // A refusal has one more part: what was wrong.
        paste(&browser, "no tokens");
        assert_eq!(
            browser.find("[role=alert]").unwrap().text().unwrap(),
            "These are no tokens, or parts are missing. Nothing was spent."
        );
        let page = browser.find("body").unwrap();
        assert_eq!(colour(&page, "background-color"), hexadecimal(background));
        assert_eq!(colour(&browser.find("h1 strong").unwrap(), "color"), hexadecimal(accent));
        for css in ["header", "h1", "h1 strong", "[role=alert]", "p", "h2", "code", "label"] {
            let ratio = contrast(colour(&browser.find(css).unwrap(), "color"), hexadecimal(background));
            assert!(ratio >= READABLE, "{css} on {background}: {ratio:.2}");
        }
        for css in ["textarea", "form button"] {
            let element = browser.find(css).unwrap();
            let ratio = contrast(colour(&element, "color"), colour(&element, "background-color"));
            assert!(ratio >= READABLE, "{css}: {ratio:.2}");
        }
    }
}

#[test]
fn a_reader_pays_in_a_browser_and_reads() {
    for scripts in [true, false] {
        let Some(browser) = Browser::start().unwrap() else { return };
        if !scripts {
            browser.disable_scripts().unwrap();
        }
        let scene = Scene::new("");
        let page = |path: &str| format!("{}{path}", scene.gate.url());
        let tokens = scene.world.reader("reader").export(6).unwrap();
        // In a spelling that the browser would keep; what is paid for is the page under its one address.
        browser.open(&page("/articles/caf%c3%a9?x=1")).unwrap();
        assert_eq!(browser.url().unwrap(), page("/articles/caf%C3%A9?x=1"));
        paste(&browser, &tokens[0]);
        assert_shown(&browser, &page("/articles/caf%C3%A9?x=1"));
        // The pass comes along with the next click, to this page and to no other.
        browser.open(&page("/about")).unwrap();
        for again in ["/articles/caf%C3%A9", "/articles/caf%c3%a9", "/articles/caf%C3%A9/2"] {
            browser.open(&page(again)).unwrap();
            assert_shown(&browser, &page(&again.replace("%c3%a9", "%C3%A9")));
        }
        browser.open(&page("/long/7")).unwrap();
        assert_eq!(browser.find("h1").unwrap().text().unwrap(), "This page costs 0.05 EUR");
        paste(&browser, &tokens[1..].join("\n"));
        assert_shown(&browser, &page("/long/7"));
        assert_eq!(scene.credit(), 60_000);
    }
}

#[test]
fn who_paid_in_another_tab_does_not_pay_again() {
    let Some(browser) = Browser::start().unwrap() else { return };
    let scene = Scene::new("");
    let page = format!("{}/articles/7?x=1", scene.gate.url());
    let tokens = scene.world.reader("reader").export(2).unwrap();
    browser.open(&page).unwrap();
    let first = browser.new_tab().unwrap();
    browser.open(&page).unwrap();
    paste(&browser, &tokens[0]);
    assert_shown(&browser, &page);
    browser.show_tab(&first).unwrap();
    assert_eq!(browser.find("h1").unwrap().text().unwrap(), "This page costs 0.01 EUR");
    paste(&browser, &tokens[1]);
    assert_shown(&browser, &page);
    assert_eq!(scene.credit(), 10_000);
    assert!(browser.console().unwrap().iter().all(|line| !line.contains("Content Security Policy")));
    // The token that was not needed is as good as before.
    browser.open(&page.replace("/7", "/8")).unwrap();
    paste(&browser, &tokens[1]);
    assert_shown(&browser, &page.replace("/7", "/8"));
    assert_eq!(scene.credit(), 20_000);
}

#[test]
fn whatever_the_site_answers_to_the_question_nobody_pays_twice() {
    let Some(browser) = Browser::start().unwrap() else { return };
    let scene = Scene::new("");
    let tokens = scene.world.reader("reader").export(10).unwrap();
    for (at, (status, tokens)) in [302, 401, 404, 405, 501].into_iter().zip(tokens.chunks(2)).enumerate() {
        let page = format!("{}/articles/{}?head={status}", scene.gate.url(), at + 1);
        browser.open(&page).unwrap();
        let first = browser.new_tab().unwrap();
        browser.open(&page).unwrap();
        paste(&browser, &tokens[0]);
        assert_shown(&browser, &page);
        browser.show_tab(&first).unwrap();
        paste(&browser, &tokens[1]);
        assert_shown(&browser, &page);
        assert_eq!(scene.credit(), 10_000 * (at as u64 + 1), "{status}");
    }
}

#[test]
fn a_preview_is_not_taken_for_a_page_that_was_paid_for() {
    let Some(browser) = Browser::start().unwrap() else { return };
    let scene = Scene::new("");
    let url = scene.gate.url();
    let tokens = scene.world.reader("reader").export(1).unwrap();
    // The gate's page is there after a payment that failed: here one of the site's own form.
    browser.open(&format!("{url}/articles/7")).unwrap();
    browser.run("document.querySelector('form').elements.path.value = '/teasers/7'").unwrap();
    paste(&browser, "no tokens");
    let reason = browser.find("[role=alert]").unwrap().text().unwrap();
    assert_eq!(reason, "These are no tokens, or parts are missing. Nothing was spent.");
    paste(&browser, &tokens[0]);
    assert_shown(&browser, &format!("{url}/teasers/7"));
    assert_eq!(scene.credit(), 10_000);
}

/// Pays with this text in the form.
fn paste(browser: &Browser, tokens: &str) {
    browser.find("textarea").unwrap().type_text(tokens).unwrap();
    browser.find("form button").unwrap().click().unwrap();
}

/// Waits until the site itself is shown, as somebody who has paid sees it.
#[track_caller]
fn assert_shown(browser: &Browser, url: &str) {
    let shown = || browser.find("body").and_then(|body| body.text()).unwrap_or_default();
    wait_until("the site to be shown", || {
        // What was found may be of the page before, and gone with it.
        browser.url().is_ok_and(|at| at == url) && shown().contains("[\"farthing-access\",\"paid\"]")
    });
    assert!(!shown().contains("farthing-pass"), "{}", shown());
}

/// Red, green and blue of a colour as the browser computed it.
#[track_caller]
fn colour(element: &Element<'_>, property: &str) -> [u8; 3] {
    let text = element.style(property).unwrap();
    let (_, parts) = text.split_once('(').unwrap_or_else(|| panic!("{property}: {text}"));
    let mut parts = parts.trim_end_matches(')').split(',').map(str::trim);
    let rgb = [(); 3].map(|()| parts.next().unwrap().parse().unwrap());
    assert!(parts.next().is_none_or(|alpha| alpha == "1"), "{property} is seen through: {text}");
    rgb
}

fn hexadecimal(text: &str) -> [u8; 3] {
    [1, 3, 5].map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
}

/// The contrast ratio of WCAG 2.2.
fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let luminance = |rgb: [u8; 3]| -> f64 {
        let linear = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = rgb.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}
