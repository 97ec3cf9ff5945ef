use farthing_tests::http::{self, Answer};
use farthing_tests::programs::Program;
use serde_json::{Value, json};

use super::FrontServer;
use crate::gate::wallet::Visitor;
use crate::gate::{Scene, assert_refused, authorization, has_pass, pass};

/// The headers that the program was sent.
fn headers(seen: &Value) -> Vec<(String, String)> {
    serde_json::from_value(seen["headers"].clone()).unwrap()
}

/// The values of one of them.
fn values(seen: &Value, wanted: &str) -> String {
    let headers = headers(seen).into_iter().filter(|(name, _)| name == wanted);
    headers.map(|(_, value)| value).collect::<Vec<_>>().join(", ")
}

fn body(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// What any server must do that asks the gate.
pub(super) fn all(scene: Scene, server: &FrontServer) {
    check_questions(&scene, server);
    check_what_the_program_gets(&scene, server);
    check_wallet(&scene, server);
    check_form(&scene, server);
    check_outage(scene, server);
}

/// Each request is asked about, in nobody's words but the server's, and the reader gets the gate's.
fn check_questions(scene: &Scene, server: &FrontServer) {
    let free = server.get("/about.html", &[]);
    assert_eq!((free.status, body(&free).as_str()), (200, "the page about.html"));
    let with_query = server.get("/about.html?x=1&deny=402", &[]);
    assert_eq!((with_query.status, body(&with_query).as_str()), (200, "the page about.html"));
    let asked = server.get("/articles/8.html?deny=402", &[]);
    assert_refused(&asked, "payment-required");
    let asked = server.get("/articles/8.html", &[]);
    assert_refused(&asked, "payment-required");
    let browser = server.get("/articles/8.html", &[("Accept", "text/html")]);
    assert_eq!((browser.status, browser.header("content-type")), (401, "text/html; charset=utf-8"));
    assert!(body(&browser).contains("farthing get &#39;https://news.example/articles/8.html&#39;"));

    // What the server itself refuses is its own affair, and no payment.
    let listing = server.get("/empty/", &[]);
    assert!(matches!(listing.status, 403 | 404), "{listing:?}");
    assert_eq!((listing.problem().as_str(), listing.header("www-authenticate")), ("", ""), "{listing:?}");

    // What a reader says in the proxy's name is not believed.
    for forged in [
        ("X-Original-URI", "/about.html"),
        ("X-Forwarded-Uri", "/about.html"),
        ("X-Forwarded-Host", "other.example"),
        ("Farthing-Proxy-Secret", "x"),
        ("Farthing-Access", "paid"),
    ] {
        assert_refused(&server.get("/articles/8.html", &[forged]), "payment-required");
    }
    let twisted = server.get("/x/%2e%2e/articles/8.html", &[]);
    assert_eq!((twisted.status, twisted.problem().as_str()), (400, "ambiguous-path"), "{twisted:?}");
    let malformed = server.get("/articles/8.html", &[("Authorization", "PrivateToken token=AA")]);
    assert_eq!((malformed.status, malformed.problem().as_str()), (400, "payment-malformed"));

    let respelled = server.get("/articles/8%2ehtml", &[]);
    assert_eq!((respelled.status, respelled.header("location")), (308, "/articles/8.html"), "{respelled:?}");

    // An index is asked for twice, and paid for once.
    let token = scene.tokens(1);
    let paying = authorization(&token);
    let free = server.get("/about.html", &[("Authorization", &paying)]);
    assert_eq!((free.status, free.header("farthing-access")), (200, "free"), "{free:?}");
    assert_eq!(free.header("cache-control"), "", "what is free may be kept");
    for _ in 0..2 {
        let paid = server.get("/articles/7/", &[("Authorization", &paying)]);
        assert_eq!((paid.status, body(&paid).as_str()), (200, "the page articles/7/index.html"), "{paid:?}");
        assert_eq!(paid.header("cache-control"), "private, no-store");
        let again = server.get("/articles/7/index.html", &[("Cookie", &pass(&paid))]);
        assert_eq!((again.status, has_pass(&again)), (200, false));
        assert_eq!(body(&again), "the page articles/7/index.html");
    }
    assert_eq!(scene.credit(), 10_000);
    let elsewhere = server.get("/articles/8.html", &[("Authorization", &paying)]);
    assert_refused(&elsewhere, "token-spent");
}

/// A program behind the server hears who has paid, and nothing that a reader could say in somebody else's name.
fn check_what_the_program_gets(scene: &Scene, server: &FrontServer) {
    let forged = [
        ("Farthing-Access", "paid"),
        ("Farthing_Access", "paid"),
        ("SCRIPT_NAME", "/live/articles/9"),
        ("X-Script-Name", "/live/articles/9"),
        ("X_SCRIPT_NAME", "/live/articles/9"),
        ("Script-Name", "/live/articles/9"),
        ("PATH_INFO", "/live/articles/9"),
        ("Path-Info", "/live/articles/9"),
        ("X-Original-URI", "/live/articles/9"),
        ("X-Original-URL", "/live/articles/9"),
        ("X-Override-URL", "/live/articles/9"),
        ("X-Rewrite-URL", "/live/articles/9"),
        ("X.Rewrite.URL", "/live/articles/9"),
        ("X-Forwarded-Prefix", "/live/articles/9"),
        ("X-Forwarded-For", "203.0.113.7"),
        ("X-Real-IP", "203.0.113.7"),
        ("Forwarded", "for=203.0.113.7"),
    ];
    scene.site.seen();
    let paying = authorization(&scene.tokens(1));
    let free = server.get("/live/about?x=1", &[&forged[..], &[("Authorization", &paying)]].concat());
    assert_eq!((free.status, free.header("farthing-access")), (200, "free"), "{free:?}");
    assert_eq!(free.headers.get_all("cache-control").iter().collect::<Vec<_>>(), ["public, max-age=60"]);
    let paid = server.get("/live/articles/1", &[&forged[..], &[("Authorization", &paying)]].concat());
    assert_eq!(paid.status, 200, "{paid:?}");
    assert_eq!(paid.headers.get_all("cache-control").iter().collect::<Vec<_>>(), ["private, no-store"]);
    assert!(paid.headers.get_all("set-cookie").iter().any(|cookie| cookie == "session=1"), "{paid:?}");
    // Of several passes one opens the page; the site's own cookies arrive, wherever they stand.
    let pass = pass(&paid);
    let cookies = format!("theme=dark; {pass}; x=1; {pass}");
    assert_eq!(server.get("/live/articles/1/2", &[("Cookie", &cookies)]).status, 200);
    assert_eq!(server.get("/live/articles/1/3", &[("Cookie", &pass)]).status, 200);
    let many = format!("{pass}; {pass}; x=1; {pass}");
    assert_eq!(server.get("/live/articles/1/4", &[("Cookie", &many)]).status, 200);

    let seen = scene.site.seen();
    let asked: Vec<_> = seen.iter().map(|seen| seen["target"].as_str().unwrap()).collect();
    assert_eq!(
        asked,
        [
            "/live/about?x=1",
            "/live/articles/1",
            "/live/articles/1/2",
            "/live/articles/1/3",
            "/live/articles/1/4"
        ]
    );
    for (seen, access) in seen.iter().zip(["free", "paid", "paid", "paid", "paid"]) {
        let headers = headers(seen);
        let said: Vec<_> = headers.iter().filter(|(name, _)| name.starts_with("farthing")).collect();
        assert_eq!(said, [&("farthing-access".to_owned(), access.to_owned())]);
        for (name, value) in &headers {
            let alike = name.replace(['_', '.'], "-");
            let is_forged =
                forged[2..].iter().any(|(forged, _)| forged.to_lowercase().replace(['_', '.'], "-") == alike);
            let is_secret =
                name == "authorization" || value.contains("farthing-pass") || value.contains("203.0.113");
            assert!(!is_forged && !is_secret, "{name}: {value}");
        }
    }
    assert_eq!(values(&seen[2], "cookie").trim_end_matches([';', ' ']), "theme=dark; x=1");
    assert_eq!(values(&seen[3], "cookie"), "");
}

/// `farthing get` pays through the server: a page, one of files, one that needs more tokens than a header takes, and one that
/// has a preview.
fn check_wallet(scene: &Scene, server: &FrontServer) {
    let visitor = Visitor::new(&scene.world, &format!("http://{}", server.address));
    let (tokens, credit) = (visitor.tokens(), scene.credit());
    scene.site.seen();
    let (_, error) = visitor.get("/live/articles/5?x=2", &[], 1);
    assert!(error.contains("the page costs 0.01 EUR, and nothing was paid"), "{error}");
    let (article, _) = visitor.get("/live/articles/5?x=2", &["--max", "0.01", "EUR"], 0);
    assert_eq!((&article["payment"]["state"], &article["payment"]["count"]), (&json!("spent"), &json!(1)));
    assert_eq!(visitor.page().0, "/live/articles/5?x=2");
    let (again, _) = visitor.get("/live/articles/5", &[], 0);
    assert_eq!((&again["payment"], visitor.page().0.as_str()), (&Value::Null, "/live/articles/5"));
    let (file, _) = visitor.get("/articles/8.html", &["--yes"], 0);
    assert_eq!(
        (&file["payment"]["count"], visitor.output().as_str()),
        (&json!(1), "the page articles/8.html")
    );
    let (book, _) = visitor.get("/live/books/1?chapter=2", &["--yes"], 0);
    assert_eq!(
        (&book["payment"]["count"], visitor.page().0.as_str()),
        (&json!(40), "/live/books/1?chapter=2")
    );
    let (free, _) = visitor.get("/live/about", &["--yes"], 0);
    assert_eq!((&free["payment"], visitor.page().0.as_str()), (&Value::Null, "/live/about"));
    let (teaser, _) = visitor.get("/live/teasers/1", &[], 0);
    assert_eq!((&teaser["payment"], &teaser["preview_of_micros"]), (&Value::Null, &json!(10_000)));
    let (whole, _) = visitor.get("/live/teasers/1", &["--max", "1", "EUR"], 0);
    assert_eq!((&whole["payment"]["micros"], &whole["preview_of_micros"]), (&json!(10_000), &Value::Null));
    assert_eq!((tokens - visitor.tokens(), scene.credit() - credit), (43, 430_000));

    let seen = scene.site.seen();
    for seen in &seen {
        assert_eq!((values(seen, "authorization").as_str(), values(seen, "cookie").as_str()), ("", ""));
    }
    let access: Vec<_> = seen.iter().map(|seen| values(seen, "farthing-access")).collect();
    assert_eq!(access, ["paid", "paid", "paid", "free", "preview", "preview", "paid"]);
}

/// A form on the site's own page, beside a preview, pays for the whole and leads back to it.
fn check_form(scene: &Scene, server: &FrontServer) {
    let token = scene.tokens(1)[0].to_base64url();
    let form = format!("path=%2Flive%2Fteasers%2F2%3Fx%3D1&tokens={token}");
    let headers = [
        ("Host", "news.example"),
        ("Origin", "https://news.example"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ];
    let url = format!("http://{}/.well-known/farthing/pay", server.address);
    let paid = http::post(&url, &headers, form.into_bytes()).unwrap();
    assert_eq!((paid.status, paid.header("location")), (303, "/live/teasers/2?x=1"), "{paid:?}");
    scene.site.seen();
    let whole = server.get("/live/teasers/2?x=1", &[("Cookie", &pass(&paid))]);
    assert_eq!((whole.status, whole.header("www-authenticate")), (200, ""), "{whole:?}");
    assert_eq!(values(&scene.site.seen()[0], "farthing-access"), "paid");
}

/// The redeemer goes away and comes back.
fn check_outage(scene: Scene, server: &FrontServer) {
    let paying = authorization(&scene.tokens(1));
    let Scene { world, redeemer, publisher, gate, .. } = scene;
    let (url, credit) = (redeemer.url(), publisher.credit_micros(&redeemer.url()).unwrap());
    redeemer.stop().unwrap();
    let unsure = server.get("/articles/8.html", &[("Authorization", &paying)]);
    assert_eq!((unsure.status, unsure.problem().as_str()), (503, "unavailable"), "{unsure:?}");
    assert_eq!(unsure.header("retry-after"), "2");
    let redeemer = world.serve_at(Program::Redeemer, &url).unwrap();
    assert_eq!(server.get("/articles/8.html", &[("Authorization", &paying)]).status, 200);
    assert_eq!(publisher.credit_micros(&redeemer.url()).unwrap(), credit + 10_000);
    drop(gate);
}
