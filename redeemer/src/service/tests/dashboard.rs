//! The publisher's page over HTTP, as a browser asks for it.

use super::statements::obey;
use super::*;
use crate::publishers::Owed;

/// A browser without a screen that follows no redirect, and keeps the one cookie.
struct Browser<'a> {
    running: &'a Running,
    cookie: String,
}

impl<'a> Browser<'a> {
    fn new(running: &'a Running) -> Self {
        Self { running, cookie: String::new() }
    }

    fn signed_in(running: &'a Running) -> Self {
        let mut browser = Self::new(running);
        let answer = browser.post("/sign-in", &format!("api_key={}", running.api_key));
        assert_eq!((answer.status(), answer.header("location")), (303, Some("/dashboard")));
        browser
    }

    fn get(&self, path: &str) -> Answer {
        let url = format!("{}/dashboard{path}", self.running.url);
        ask(Request::get(url).header("Cookie", &self.cookie).body(Vec::new()).unwrap())
    }

    fn post(&mut self, path: &str, form: &str) -> Answer {
        let origin = self.running.url.clone();
        let answer = self.post_from(&origin, path, form);
        if let Some(set) = answer.header("set-cookie") {
            self.cookie = set.split(';').next().unwrap().to_owned();
        }
        answer
    }

    fn post_from(&self, origin: &str, path: &str, form: &str) -> Answer {
        let request = Request::post(format!("{}/dashboard{path}", self.running.url))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Origin", origin)
            .header("Cookie", &self.cookie);
        ask(request.body(form.as_bytes().to_vec()).unwrap())
    }

    fn is_signed_in(&self) -> bool {
        html(&self.get("")).contains("<h1>Overview</h1>")
    }
}

fn ask(request: Request<Vec<u8>>) -> Answer {
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
    let agent: ureq::Agent = config.build().into();
    let mut response = agent.run(request).unwrap();
    let body = response.body_mut().read_to_vec().unwrap();
    Answer { response: response.map(|_| ()), body }
}

#[track_caller]
fn html(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'none'; "));
    String::from_utf8(answer.body.clone()).unwrap()
}

/// The ids of the keys in force that can be revoked, the newest first.
fn revocable(page: &str) -> Vec<&str> {
    page.split("name=\"key\" value=\"").skip(1).map(|rest| &rest[..16]).collect()
}

#[test]
fn a_publisher_signs_in_with_its_key_for_an_hour() {
    let running = Running::start(&[]);
    let mut browser = Browser::new(&running);
    assert!(html(&browser.get("")).contains("<h1>Sign in</h1>"));
    for wrong in ["", "api_key=", "api_key=fpk_AAAA", "key=x", &format!("other={}", running.api_key)] {
        let answer = browser.post("/sign-in", wrong);
        assert!(answer.status() == 403 && html(&answer).contains("role=\"alert\""), "{wrong}");
        assert_eq!(answer.header("set-cookie"), None);
    }
    let answer = browser.post("/sign-in", &format!("api_key=+{}%0A", running.api_key));
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.ends_with("; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains(&running.api_key[4..]));
    assert!(browser.is_signed_in());
    running.clock.0.store(NOW + 3_599, Ordering::Relaxed);
    assert!(browser.is_signed_in());
    running.clock.0.store(NOW + 3_600, Ordering::Relaxed);
    assert!(!browser.is_signed_in());

    let mut browser = Browser::signed_in(&running);
    assert_eq!(browser.post("/sign-out", "").header("location"), Some("/dashboard"));
    assert!(browser.cookie.ends_with('=') && !browser.is_signed_in());
}

#[test]
fn other_sites_do_nothing_in_its_name() {
    let running = Running::start(&[]);
    let browser = Browser::signed_in(&running);
    for path in ["/sign-in", "/sign-out", "/keys", "/keys/revoke"] {
        for origin in ["https://evil.example", "null", ""] {
            let answer = browser.post_from(origin, path, "");
            let page = html(&answer);
            assert_eq!(answer.status(), 403, "{path} {origin}");
            assert!(page.contains("<h1>Sign in</h1>") && page.contains("role=\"alert\""), "{page}");
            assert!(page.contains("open it over https") && page.contains("the header Host"), "{page}");
        }
        let json = Request::post(format!("{}/dashboard{path}", running.url)).header("Origin", &running.url);
        assert_eq!(ask(json.body(b"{}".to_vec()).unwrap()).problem().0, ProblemKind::MediaType, "{path}");
        let long = browser.post_from(&running.url, path, &"x".repeat(5_000));
        assert_eq!(long.problem().0, ProblemKind::BodyTooLong, "{path}");
    }
    assert!(browser.is_signed_in());
}

#[test]
fn a_publisher_rolls_its_keys_and_the_old_session_ends() {
    let running = Running::start(&[]);
    let mut browser = Browser::signed_in(&running);
    assert_eq!(revocable(&html(&browser.get(""))).len(), 0);
    let publisher = running.get("/v1/publisher").json();
    let first = publisher["keys"][0]["id"].as_str().unwrap().to_owned();
    let only = browser.post("/keys/revoke", &format!("key={first}"));
    assert!(only.status() == 409 && html(&only).contains("your only key in force"));

    let made = browser.post("/keys", "");
    let page = html(&made);
    let new = page.split("id=\"new-key\">").nth(1).unwrap()[..47].to_owned();
    let id = page.split("id=\"new-key-id\">").nth(1).unwrap()[..16].to_owned();
    let kept = running.get("/v1/publisher").json();
    assert_eq!((kept["keys"].as_array().unwrap().len(), &kept["keys"][1]["id"]), (2, &json!(id)));
    assert!(!html(&browser.get("")).contains(&new), "it is shown once");
    let with = |key: &str| {
        let request = Request::get(format!("{}/v1/balance", running.url));
        send(request.header("Authorization", format!("Bearer {key}")).body(Vec::new()).unwrap()).status()
    };
    assert_eq!((with(&new), with(&running.api_key)), (200, 200));
    assert_eq!(revocable(&page).len(), 2);
    for nobodys in ["key=0000000000000000", "key=x", ""] {
        assert_eq!(browser.post("/keys/revoke", nobodys).status(), 303);
    }
    assert_eq!(browser.post("/keys/revoke", &format!("key={first}")).status(), 303);
    assert_eq!((with(&new), with(&running.api_key)), (200, 401));
    assert!(!browser.is_signed_in(), "it was signed in with the old key");
    for (path, form) in [("/keys", String::new()), ("/keys/revoke", format!("key={first}"))] {
        assert_eq!(browser.post(path, &form).header("location"), Some("/dashboard"));
    }
    assert_eq!(running.steps.lock().unwrap().iter().filter(|step| *step == "publisher.after").count(), 5);

    browser.post("/sign-in", &format!("api_key={new}"));
    for _ in 1..10 {
        assert_eq!(browser.post("/keys", "").status(), 200);
    }
    let many = browser.post("/keys", "");
    assert!(many.status() == 409 && html(&many).contains("as many keys in force as you may"));
    let id = publisher["publisher"].as_str().unwrap().parse().unwrap();
    obey(&running, Command::ErasePublisher { publisher: id, owed: Some(Owed::Paid) }).unwrap();
    assert!(!browser.is_signed_in());
}

#[test]
fn what_keeps_the_service_from_answering_is_told_on_a_page() {
    let running = Running::start(&[]);
    let mut browser = Browser::signed_in(&running);
    let cookie = browser.cookie.clone();
    let with = |path: &str, name: &str, value: &str| {
        let request = Request::get(format!("{}{path}", running.url)).header(name, value);
        ask(request.header("Cookie", &cookie).body(Vec::new()).unwrap())
    };
    let path = running.directory.path().join("data/redeemer.db");
    let elsewhere = running.directory.path().join("elsewhere");
    std::fs::rename(&path, &elsewhere).unwrap();
    for path in ["", "/exports/payouts.csv", "/publisher.json"] {
        let answer = browser.get(path);
        assert_eq!((answer.status(), answer.header("retry-after")), (503, Some("1")), "{path}");
        let page = html(&answer);
        assert!(
            page.contains("The service cannot answer now") && page.contains("href=\"/dashboard\""),
            "{page}"
        );
        let german = with(&format!("/dashboard{path}"), "Accept-Language", "de");
        assert!(html(&german).contains("Der Dienst kann jetzt nicht antworten"));
    }
    assert_eq!(running.get("/v1/publisher").problem().0, ProblemKind::Unavailable, "programs read problems");
    std::fs::rename(&elsewhere, &path).unwrap();

    // Everything is there until the key is to be kept.
    let (from, to) = (path.clone(), elsewhere.clone());
    let leave = move || std::fs::rename(&from, &to).unwrap();
    *running.at_step.lock().unwrap() = Some(("publisher.before", Box::new(leave)));
    let answer = browser.post("/keys", "");
    assert_eq!((answer.status(), answer.header("retry-after")), (503, Some("1")));
    let page = html(&answer);
    assert!(page.contains("<h1>Overview</h1>") && page.contains("a key may have been made"), "{page}");
    assert!(!page.contains("id=\"new-key\"") && page.contains("href=\"/dashboard\""), "{page}");
    std::fs::rename(&elsewhere, &path).unwrap();

    // The operator's own command says the same.
    let id = running.get("/v1/publisher").json()["publisher"].as_str().unwrap().parse().unwrap();
    let (from, to) = (path.clone(), elsewhere.clone());
    let leave = move || std::fs::rename(&from, &to).unwrap();
    *running.at_step.lock().unwrap() = Some(("publisher.before", Box::new(leave)));
    let error = obey(&running, Command::AddKey { publisher: id }).unwrap_err();
    assert!(error.contains(" may have been made, which nobody was shown: if `publishers list`"), "{error}");
    std::fs::rename(&elsewhere, &path).unwrap();

    let few = json!({ "requests_per_minute": 1, "requests_burst": 1, "trusted_proxies": ["127.0.0.1"] });
    running.redeemer.limits.set(&serde_json::from_value(few).unwrap());
    let from_afar = |path: &str| with(path, "X-Forwarded-For", "203.0.113.7");
    assert_eq!(from_afar("/dashboard").status(), 200);
    let answer = from_afar("/dashboard");
    assert_eq!((answer.status(), answer.header("retry-after")), (429, Some("60")));
    assert!(html(&answer).contains("too many requests come from your network address"));
    for path in ["/v1/keys", "/dashboards"] {
        assert_eq!(from_afar(path).problem().0, ProblemKind::TooManyRequests, "{path}");
    }
}

#[test]
fn who_is_signed_in_takes_tables_and_data_along() {
    let key = TestKey::starting(1, 0, "EUR-10000");
    let running = Running::start(&[&key]);
    running.redeem("a", &[&key.token(1)], true).results(200, &["accepted"]);
    for path in ["/exports/redemptions.csv", "/publisher.json"] {
        let answer = Browser::new(&running).get(path);
        assert_eq!((answer.status(), answer.header("location")), (303, Some("/dashboard")));
    }
    let browser = Browser::signed_in(&running);
    for file in ["redemptions.csv", "payouts.json"] {
        let (here, there) =
            (browser.get(&format!("/exports/{file}")), running.get(&format!("/v1/exports/{file}")));
        assert_eq!((here.status(), &here.body), (200, &there.body));
        assert_eq!(here.header("content-disposition"), there.header("content-disposition"));
    }
    assert_eq!(browser.get("/exports/x.csv").problem().0, ProblemKind::NotFound);
    assert_eq!(browser.get("/publisher.json").json(), running.get("/v1/publisher").json());
    assert!(html(&browser.get("")).contains("2026-11-21: 0.01\u{a0}EUR"));
    let german =
        Request::get(format!("{}/dashboard", running.url)).header("Accept-Language", "de-AT, en;q=0.5");
    assert!(html(&ask(german.body(Vec::new()).unwrap())).contains("<h1>Anmelden</h1>"));
}
