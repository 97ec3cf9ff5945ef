//! The page of the gate in a real browser.

use farthing_tests::browser::Browser;

use super::Scene;

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
    assert_eq!(browser.find("pre").unwrap().label().unwrap(), "Mit der Brieftasche auf der Kommandozeile:");
    assert!(browser.screenshot().unwrap().starts_with(b"\x89PNG"));
}
