//! A real Chromium, driven by the W3C's WebDriver protocol through `chromedriver`.
//!
//! What the tests ask of it are a dozen calls with JSON; the crates that know all of the protocol bring a hundred others
//! along, or a licence that no other dependency has.

use std::env;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::geteuid;
use serde_json::{Value, json};

use crate::http::Client;
use crate::optional;

/// Longest wait for the driver to listen, and for an element to be there.
const PATIENCE: Duration = Duration::from_secs(30);

/// Under which member WebDriver puts the id of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A window of a browser without a screen, with a profile of its own. Browser and driver end when the value is dropped.
#[derive(Debug)]
pub struct Browser {
    /// Where the commands of its session go.
    session: String,
    client: Client,
    _driver: Driver,
    _profile: tempfile::TempDir,
}

/// The process of chromedriver; killed when the value is dropped.
#[derive(Debug)]
struct Driver(Child);

/// An element of the page that is shown. It is gone with its page.
#[derive(Debug)]
pub struct Element<'a> {
    browser: &'a Browser,
    id: String,
}

impl Browser {
    /// A browser that shows nothing yet; none, told loudly, where Chromium is not installed.
    ///
    /// # Errors
    /// It does not start, or is not there though `FARTHING_TEST_REQUIRE_SERVERS=1`.
    pub fn start() -> anyhow::Result<Option<Self>> {
        for program in ["chromium", "chromedriver"] {
            if !optional::is_there(program, "--version", "chromium chromium-driver")? {
                return Ok(None);
            }
        }
        let profile = tempfile::Builder::new().prefix("farthing-browser-").tempdir()?;
        let (driver, address) = Driver::start(&profile.path().join("driver.log"))?;
        let client = Client::new();
        let directory = format!("--user-data-dir={}", profile.path().join("profile").display());
        let mut arguments = vec![
            "--headless",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--window-size=1000,900",
            &directory,
        ];
        if geteuid().is_root() {
            arguments.push("--no-sandbox");
        }
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments },
        } } });
        let value = ask(&client, &format!("{address}/session"), Some(&capabilities))?;
        let id = value["sessionId"].as_str().context("the driver gave no session")?;
        Ok(Some(Self {
            session: format!("{address}/session/{id}"),
            client,
            _driver: driver,
            _profile: profile,
        }))
    }

    /// Shows a page, and waits until it has come.
    ///
    /// # Errors
    /// The browser cannot reach it.
    pub fn open(&self, url: &str) -> anyhow::Result<()> {
        self.post("url", &json!({ "url": url })).map(drop)
    }

    /// The URL of the page that is shown.
    ///
    /// # Errors
    /// The browser failed.
    pub fn url(&self) -> anyhow::Result<String> {
        text_of(&self.get("url")?)
    }

    /// Shows a new tab, which shares its cookies with the others; the handle of the one that was shown.
    ///
    /// # Errors
    /// The browser failed.
    pub fn new_tab(&self) -> anyhow::Result<String> {
        let shown = text_of(&self.get("window")?)?;
        let new = self.post("window/new", &json!({ "type": "tab" }))?;
        self.show_tab(&text_of(&new["handle"])?)?;
        Ok(shown)
    }

    /// Shows the tab that has this handle.
    ///
    /// # Errors
    /// The browser has none.
    pub fn show_tab(&self, handle: &str) -> anyhow::Result<()> {
        self.post("window", &json!({ "handle": handle })).map(drop)
    }

    /// The title of the page that is shown.
    ///
    /// # Errors
    /// The browser failed.
    pub fn title(&self) -> anyhow::Result<String> {
        text_of(&self.get("title")?)
    }

    /// Waits for a page of this title: a click may return before the page has come that it leads to.
    ///
    /// # Errors
    /// It does not come in time.
    pub fn wait_for_title(&self, title: &str) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.title()? != title {
            if Instant::now() > deadline {
                bail!("the page at {} is not called {title}", self.url()?);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// From now on no page runs a script of its own, as where the reader has disabled them.
    ///
    /// # Errors
    /// The browser failed.
    pub fn disable_scripts(&self) -> anyhow::Result<()> {
        self.devtools("Emulation.setScriptExecutionDisabled", &json!({ "value": true })).map(drop)
    }

    /// From now on pages are shown as to somebody who prefers this colour scheme, `light` or `dark`.
    ///
    /// # Errors
    /// The browser failed.
    pub fn prefer_colours(&self, scheme: &str) -> anyhow::Result<()> {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", &features).map(drop)
    }

    /// From now on every request says that the reader understands these languages, as `Accept-Language` has them.
    ///
    /// # Errors
    /// The browser failed.
    pub fn prefer_languages(&self, languages: &str) -> anyhow::Result<()> {
        let user_agent = self.devtools("Browser.getVersion", &json!({}))?["userAgent"].clone();
        let wanted = json!({ "userAgent": user_agent, "acceptLanguage": languages });
        self.devtools("Emulation.setUserAgentOverride", &wanted).map(drop)
    }

    /// A command of the DevTools protocol; what it returns.
    ///
    /// # Errors
    /// The browser refused.
    pub fn devtools(&self, command: &str, parameters: &Value) -> anyhow::Result<Value> {
        self.post("goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// The value of a script's `return`, run by the test and not by the page.
    ///
    /// # Errors
    /// It threw.
    pub fn run(&self, script: &str) -> anyhow::Result<Value> {
        self.post("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The first element that a CSS selector means, waited for.
    ///
    /// # Errors
    /// There is none in time.
    pub fn find(&self, css: &str) -> anyhow::Result<Element<'_>> {
        self.wait_for("css selector", css)
    }

    /// The first element that an XPath means, waited for: by its text, say.
    ///
    /// # Errors
    /// There is none in time.
    pub fn find_by_path(&self, path: &str) -> anyhow::Result<Element<'_>> {
        self.wait_for("xpath", path)
    }

    /// Every element that a CSS selector means now.
    ///
    /// # Errors
    /// It is no selector.
    pub fn find_all(&self, css: &str) -> anyhow::Result<Vec<Element<'_>>> {
        self.elements("css selector", css)
    }

    fn wait_for(&self, using: &str, value: &str) -> anyhow::Result<Element<'_>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(element) = self.elements(using, value)?.into_iter().next() {
                return Ok(element);
            }
            if Instant::now() > deadline {
                bail!("there is no {value} at {}", self.url()?);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn elements(&self, using: &str, value: &str) -> anyhow::Result<Vec<Element<'_>>> {
        let found = self.post("elements", &json!({ "using": using, "value": value }))?;
        let ids = found.as_array().context("the driver listed no elements")?.iter();
        ids.map(|element| Ok(Element { browser: self, id: text_of(&element[ELEMENT])? })).collect()
    }

    /// Every cookie, as WebDriver describes it: `name`, `value`, `path`, `secure`, `httpOnly`, `sameSite`, `expiry`.
    ///
    /// # Errors
    /// The browser failed.
    pub fn cookies(&self) -> anyhow::Result<Vec<Value>> {
        Ok(self.get("cookie")?.as_array().context("the driver listed no cookies")?.clone())
    }

    /// What has been written to the console: refused styles and scripts, among others.
    ///
    /// # Errors
    /// The browser failed.
    pub fn console(&self) -> anyhow::Result<Vec<String>> {
        let entries = self.post("se/log", &json!({ "type": "browser" }))?;
        let entries = entries.as_array().context("the driver gave no log")?;
        entries.iter().map(|entry| text_of(&entry["message"])).collect()
    }

    /// A picture of the whole page, as PNG.
    ///
    /// # Errors
    /// The browser failed.
    pub fn screenshot(&self) -> anyhow::Result<Vec<u8>> {
        let whole = json!({ "format": "png", "captureBeyondViewport": true });
        let picture = text_of(&self.devtools("Page.captureScreenshot", &whole)?["data"])?;
        Ok(data_encoding::BASE64.decode(picture.as_bytes())?)
    }

    /// Keeps a picture of the whole page as `NAME.png` in the directory that `FARTHING_TEST_PICTURES` names, if it does, for
    /// people to look at.
    ///
    /// # Errors
    /// The browser failed, or the file cannot be written.
    pub fn keep_picture(&self, name: &str) -> anyhow::Result<()> {
        let Some(directory) = env::var_os("FARTHING_TEST_PICTURES") else { return Ok(()) };
        Ok(fs::write(Path::new(&directory).join(format!("{name}.png")), self.screenshot()?)?)
    }

    fn get(&self, command: &str) -> anyhow::Result<Value> {
        ask(&self.client, &format!("{}/{command}", self.session), None)
    }

    fn post(&self, command: &str, parameters: &Value) -> anyhow::Result<Value> {
        ask(&self.client, &format!("{}/{command}", self.session), Some(parameters))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser with its last window.
        let _ = self.client.delete(&self.session);
    }
}

impl Element<'_> {
    /// Its text as it is shown.
    ///
    /// # Errors
    /// Its page is gone.
    pub fn text(&self) -> anyhow::Result<String> {
        text_of(&self.get("text")?)
    }

    /// What a screen reader calls it.
    ///
    /// # Errors
    /// Its page is gone.
    pub fn label(&self) -> anyhow::Result<String> {
        text_of(&self.get("computedlabel")?)
    }

    /// What a screen reader says that it is, such as `button`.
    ///
    /// # Errors
    /// Its page is gone.
    pub fn role(&self) -> anyhow::Result<String> {
        text_of(&self.get("computedrole")?)
    }

    /// A property of its style as it came out, such as `color`.
    ///
    /// # Errors
    /// Its page is gone.
    pub fn style(&self, property: &str) -> anyhow::Result<String> {
        text_of(&self.get(&format!("css/{property}"))?)
    }

    /// An attribute; empty if it is not there.
    ///
    /// # Errors
    /// Its page is gone.
    pub fn attribute(&self, name: &str) -> anyhow::Result<String> {
        Ok(self.get(&format!("attribute/{name}"))?.as_str().unwrap_or_default().to_owned())
    }

    /// Clicks on it; a page that this leads to has come afterwards.
    ///
    /// # Errors
    /// It is not shown, or something lies over it.
    pub fn click(&self) -> anyhow::Result<()> {
        self.post("click", &json!({})).map(drop)
    }

    /// Types into it.
    ///
    /// # Errors
    /// Nothing can be typed there.
    pub fn type_text(&self, text: &str) -> anyhow::Result<()> {
        self.post("value", &json!({ "text": text })).map(drop)
    }

    fn get(&self, command: &str) -> anyhow::Result<Value> {
        self.browser.get(&format!("element/{}/{command}", self.id))
    }

    fn post(&self, command: &str, parameters: &Value) -> anyhow::Result<Value> {
        self.browser.post(&format!("element/{}/{command}", self.id), parameters)
    }
}

impl Driver {
    /// Starts chromedriver at a free port; it, and the beginning of its URLs.
    fn start(log: &Path) -> anyhow::Result<(Self, String)> {
        let file = File::create(log)?;
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let driver = Self(command.spawn().context("chromedriver does not start")?);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let written = fs::read_to_string(log)?;
            let port = written.split("started successfully on port ").nth(1);
            if let Some((port, _)) = port.and_then(|rest| rest.split_once('.')) {
                return Ok((driver, format!("http://127.0.0.1:{port}")));
            }
            if Instant::now() > deadline {
                bail!("chromedriver does not listen: {written}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A command of the protocol; its value.
fn ask(client: &Client, url: &str, parameters: Option<&Value>) -> anyhow::Result<Value> {
    let answer = match parameters {
        Some(parameters) => {
            client.post(url, &[("Content-Type", "application/json")], serde_json::to_vec(parameters)?)?
        }
        None => client.get(url, &[])?,
    };
    let mut body = answer.json();
    if answer.status != 200 {
        let error = &body["value"];
        bail!("{url}: {}: {}", text_of(&error["error"])?, text_of(&error["message"])?);
    }
    Ok(body["value"].take())
}

fn text_of(value: &Value) -> anyhow::Result<String> {
    value.as_str().map(str::to_owned).with_context(|| format!("the driver answered no text but {value}"))
}
