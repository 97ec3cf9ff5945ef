use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, COOKIE as HEADER, LOCATION, SET_COOKIE};
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use cookie::Cookie;
use farthing_api::{ProblemKind, PublisherData};
use farthing_protocol::Day;
use farthing_service::body::{FORM, media_type, read_body};
use farthing_service::language::Language;
use farthing_service::openapi::{
    Answer, AnswerHeader, Content, Operation, Resource, SecurityKind, SecurityScheme,
};
use farthing_service::problem::ProblemResponse;
use farthing_service::same_origin::is_same_origin;
use url::form_urlencoded;

use super::exports::{self, Range};
use crate::dashboard::{COOKIE, NewKey, Notice, Page, RenderError, Session, Shown};
use crate::exports::own_data;
use crate::ledger::Account;
use crate::publishers::{ApiKey, ApiKeyId, ApiKeyRecord, NotChanged, Publisher, PublisherChange};
use crate::service::Redeemer;
use crate::store::PublisherChanged;

const HTML: &str = "text/html";
/// Longest form in bytes.
const MAX_FORM: usize = 4_096;
const HOME: &str = "/dashboard";

/// A publisher that has signed in.
const SESSION: SecurityScheme = SecurityScheme {
    name: "session",
    description: "The cookie that `POST /dashboard/sign-in` gives a browser.",
    kind: SecurityKind::Cookie(COOKIE),
};

pub(super) fn resources() -> [Resource; 7] {
    let home = page(Operation::new("dashboard", "Show a publisher its income, or ask it to sign in"))
        .answers(StatusCode::OK, Answer::new("The page.", Content::text(HTML)));
    let sign_in = posted(Operation::new("sign-in", "Sign in to the dashboard"), &["api_key"])
        .described("An API key that is not in force is refused with 403 and the page as well.");
    let sign_out = posted(Operation::new("sign-out", "Sign out of the dashboard"), &[]);
    let add = posted(Operation::new("make-key", "Make an API key, shown once"), &[])
        .secured_by(&[&SESSION])
        .answers(StatusCode::OK, Answer::new("The page, with the key.", Content::text(HTML)))
        .answers(StatusCode::CONFLICT, Answer::new("There are too many keys.", Content::text(HTML)));
    let revoke = posted(Operation::new("revoke-key", "Take an API key out of force"), &["key"])
        .secured_by(&[&SESSION])
        .answers(StatusCode::CONFLICT, Answer::new("It is the only key in force.", Content::text(HTML)));
    let table = exports::described(Operation::new("dashboard-export", "Export a table to who has signed in"));
    let data = page(Operation::new("dashboard-data", "Show who has signed in all that is kept of it"))
        .answers(StatusCode::OK, Answer::json::<PublisherData>("All of it."));
    [
        Resource::at("/dashboard").get(home, show),
        Resource::at("/dashboard/sign-in").post(sign_in, self::sign_in),
        Resource::at("/dashboard/sign-out").post(sign_out, self::sign_out),
        Resource::at("/dashboard/keys").post(add, add_key),
        Resource::at("/dashboard/keys/revoke").post(revoke, revoke_key),
        Resource::at("/dashboard/exports/{file}").get(redirects(page(table).secured_by(&[&SESSION])), export),
        Resource::at("/dashboard/publisher.json").get(redirects(data.secured_by(&[&SESSION])), show_data),
    ]
}

/// An operation that asks the store. What can go wrong with it is said in pages, by [`show_problem`].
fn page(operation: Operation) -> Operation {
    let words = |description| Answer::new(description, Content::text(HTML));
    operation
        .answers(
            StatusCode::TOO_MANY_REQUESTS,
            words("The network address asks too often, as the page says."),
        )
        .answers(StatusCode::SERVICE_UNAVAILABLE, words("The store does not answer, as the page says."))
}

/// One that a form of ours asks for, and that leads back to the page.
fn posted(operation: Operation, fields: &'static [&'static str]) -> Operation {
    let foreign =
        Answer::new("The form was sent by another site's page, or seems to be.", Content::text(HTML));
    redirects(page(operation.takes_content(Content::form(fields))).answers(StatusCode::FORBIDDEN, foreign))
}

fn redirects(operation: Operation) -> Operation {
    let location = AnswerHeader { name: "Location", description: "The page to show next.", required: true };
    operation.answers(StatusCode::SEE_OTHER, Answer::empty("To the dashboard.").header(location))
}

/// Who is signed in, and with which key.
struct SignedIn {
    publisher: Publisher,
    key: ApiKeyId,
}

async fn show(redeemer: web::Data<Redeemer>, request: HttpRequest) -> Result<HttpResponse, ProblemResponse> {
    match signed_in(&redeemer, &request).await? {
        Some(who) => home(&redeemer, &request, StatusCode::OK, &who, None).await,
        None => html(StatusCode::OK, pages(&request).sign_in(None)),
    }
}

/// Takes an API key, and gives a session in its place.
async fn sign_in(
    redeemer: web::Data<Redeemer>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ProblemResponse> {
    let text = field(&request, payload, "api_key").await?;
    let found = match ApiKey::parse(text.trim()) {
        Some(key) => {
            let found = redeemer.stores.publishers.by_api_key(key.hash());
            redeemer.questions.ask(found).await?.map(|publisher| (publisher, key.hash()))
        }
        None => None,
    };
    let Some((publisher, hash)) = found else {
        return html(StatusCode::FORBIDDEN, pages(&request).sign_in(Some(Notice::KeyRefused)));
    };
    let session = Session::new(publisher, redeemer.environment.now());
    Ok(to_home(Some(session.cookie(&redeemer.sessions, &hash))))
}

async fn sign_out(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, ProblemResponse> {
    form(&request, payload).await?;
    Ok(to_home(Some(Session::end_cookie())))
}

async fn add_key(
    redeemer: web::Data<Redeemer>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ProblemResponse> {
    form(&request, payload).await?;
    let Some(who) = signed_in(&redeemer, &request).await? else { return Ok(to_home(None)) };
    let key = ApiKey::random().map_err(|error| ProblemResponse::internal(&error))?;
    let record = ApiKeyRecord::new(&key, Day::from_unix(redeemer.environment.now()));
    // First what the page needs: the key is shown once, so nothing that can fail comes after it is made.
    let account = account(&redeemer, &who).await?;
    match change(&redeemer, &who, PublisherChange::RollIn { key: record, by: who.key }).await {
        Ok(PublisherChanged::Done(publisher)) => {
            let (who, text) = (SignedIn { publisher, ..who }, key.reveal());
            let new_key = Some(NewKey { id: key.id(), text: text.as_str() });
            rendered(&redeemer, &request, StatusCode::OK, &who, &account, new_key, None)
        }
        Ok(PublisherChanged::Refused(NotChanged::TooManyKeys)) => {
            home(&redeemer, &request, StatusCode::CONFLICT, &who, Some(Notice::TooManyKeys)).await
        }
        // It was erased meanwhile, or signed out.
        Ok(_) => Ok(to_home(None)),
        // Each repetition would make another one.
        Err(problem) if problem.problem().kind == ProblemKind::Unavailable.uri() => {
            let notice = Some(Notice::KeyUnknown);
            let page = rendered(&redeemer, &request, problem.status_code(), &who, &account, None, notice)?;
            Ok(with_headers_of(&problem, page))
        }
        Err(problem) => Err(problem),
    }
}

/// Revokes a key.
async fn revoke_key(
    redeemer: web::Data<Redeemer>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ProblemResponse> {
    let text = field(&request, payload, "key").await?;
    let Some(who) = signed_in(&redeemer, &request).await? else { return Ok(to_home(None)) };
    // One that is not the publisher's is left alone, as one that is no key.
    let Ok(key) = text.parse::<ApiKeyId>() else { return Ok(to_home(None)) };
    match change(&redeemer, &who, PublisherChange::RollOut { key, by: who.key }).await? {
        PublisherChanged::Refused(NotChanged::OnlyKey(_)) => {
            home(&redeemer, &request, StatusCode::CONFLICT, &who, Some(Notice::LastKey)).await
        }
        _ => Ok(to_home(None)),
    }
}

async fn export(
    redeemer: web::Data<Redeemer>,
    request: HttpRequest,
    file: web::Path<String>,
    range: web::Query<Range>,
) -> Result<HttpResponse, ProblemResponse> {
    match signed_in(&redeemer, &request).await? {
        Some(who) => exports::answer(&redeemer, who.publisher.id, &file, &range).await,
        None => Ok(to_home(None)),
    }
}

async fn show_data(
    redeemer: web::Data<Redeemer>,
    request: HttpRequest,
) -> Result<HttpResponse, ProblemResponse> {
    let Some(who) = signed_in(&redeemer, &request).await? else { return Ok(to_home(None)) };
    let data = redeemer.questions.ask(own_data(who.publisher.id, &redeemer.stores)).await?;
    Ok(data.map_or_else(|| to_home(None), |data| HttpResponse::Ok().json(data)))
}

/// Who shows a session that is not over, of a key that is in force.
async fn signed_in(redeemer: &Redeemer, request: &HttpRequest) -> Result<Option<SignedIn>, ProblemResponse> {
    let lines = request.headers().get_all(HEADER).filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(Cookie::split_parse).flatten();
    let cookie = cookies.find(|cookie| cookie.name() == COOKIE);
    let session = cookie.and_then(|cookie| Session::read(cookie.value(), redeemer.environment.now()));
    let Some((session, mac)) = session else { return Ok(None) };
    let publisher = redeemer.questions.ask(redeemer.stores.publishers.find(session.publisher)).await?;
    Ok(publisher.and_then(|publisher| {
        let key = session.shown_by(&mac, &redeemer.sessions, &publisher)?.id;
        Some(SignedIn { publisher, key })
    }))
}

async fn change(
    redeemer: &Redeemer,
    who: &SignedIn,
    change: PublisherChange,
) -> Result<PublisherChanged, ProblemResponse> {
    redeemer.environment.step("publisher.before");
    let changed = redeemer.questions.ask(redeemer.stores.publishers.change(who.publisher.id, change)).await?;
    redeemer.environment.step("publisher.after");
    Ok(changed)
}

/// The publisher's page.
async fn home(
    redeemer: &Redeemer,
    request: &HttpRequest,
    status: StatusCode,
    who: &SignedIn,
    notice: Option<Notice>,
) -> Result<HttpResponse, ProblemResponse> {
    let account = account(redeemer, who).await?;
    rendered(redeemer, request, status, who, &account, None, notice)
}

async fn account(redeemer: &Redeemer, who: &SignedIn) -> Result<Account, ProblemResponse> {
    redeemer.questions.ask(redeemer.stores.account(who.publisher.id)).await
}

fn rendered(
    redeemer: &Redeemer,
    request: &HttpRequest,
    status: StatusCode,
    who: &SignedIn,
    account: &Account,
    new_key: Option<NewKey<'_>>,
    notice: Option<Notice>,
) -> Result<HttpResponse, ProblemResponse> {
    let config = redeemer.config.current();
    let shown = Shown {
        publisher: &who.publisher,
        own_key: who.key,
        account,
        today: Day::from_unix(redeemer.environment.now()),
        commission: config.commission,
        hold_days: config.payout_hold_days,
        payouts_known: redeemer.stores.birth.check_payouts().is_ok(),
        new_key,
        notice,
    };
    html(status, pages(request).dashboard(&shown))
}

fn pages(request: &HttpRequest) -> Page {
    Page::new(Language::choose(&Language::ALL, request.headers()))
}

fn html(status: StatusCode, page: Result<String, RenderError>) -> Result<HttpResponse, ProblemResponse> {
    let page = page.map_err(|error| ProblemResponse::internal(&error))?;
    Ok(HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header(("Content-Security-Policy", Page::policy()))
        // With less, browsers would send no `Origin` with the page's own forms.
        .insert_header(("Referrer-Policy", "same-origin"))
        .insert_header(("Vary", "Accept-Language, Cookie"))
        .body(page))
}

/// The page that tells people of a problem; none for what only programs do wrong.
pub(super) fn show_problem(request: &HttpRequest, problem: &ProblemResponse) -> Option<HttpResponse> {
    let path = request.path().strip_prefix(HOME)?;
    if !path.is_empty() && !path.starts_with('/') {
        return None;
    }
    let notice = match ProblemKind::from_uri(&problem.problem().kind)? {
        ProblemKind::OriginForeign => Notice::OriginForeign,
        ProblemKind::TooManyRequests => Notice::TooManyRequests,
        ProblemKind::TooManyAtOnce | ProblemKind::Unavailable => Notice::Unavailable,
        _ => return None,
    };
    let page = html(problem.status_code(), pages(request).sign_in(Some(notice))).ok()?;
    Some(with_headers_of(problem, page))
}

/// The page with what a problem's answer says beside its body, such as when to come again.
fn with_headers_of(problem: &ProblemResponse, mut page: HttpResponse) -> HttpResponse {
    for (name, value) in problem.error_response().headers() {
        if name != CONTENT_TYPE {
            page.headers_mut().insert(name.clone(), value.clone());
        }
    }
    page
}

fn to_home(cookie: Option<String>) -> HttpResponse {
    let mut answer = HttpResponse::SeeOther();
    answer.insert_header((LOCATION, HOME));
    if let Some(cookie) = cookie {
        answer.insert_header((SET_COOKIE, cookie));
    }
    answer.finish()
}

/// The body of a form that one of these pages has sent: no other site's page may, with what a browser holds.
async fn form(request: &HttpRequest, payload: web::Payload) -> Result<web::Bytes, ProblemResponse> {
    media_type(request, &[FORM])?;
    if !is_same_origin(request) {
        let detail =
            "send the header `Origin` with this service's own origin; only its own pages may do this";
        return Err(ProblemResponse::new(ProblemKind::OriginForeign, detail).in_field("Origin"));
    }
    read_body(request, payload, MAX_FORM).await
}

/// A field of such a form; empty if it is not there.
async fn field(
    request: &HttpRequest,
    payload: web::Payload,
    name: &str,
) -> Result<zeroize::Zeroizing<String>, ProblemResponse> {
    let body = form(request, payload).await?;
    let found = form_urlencoded::parse(&body).find(|(other, _)| other == name);
    Ok(found.map(|(_, value)| value.into_owned()).unwrap_or_default().into())
}
