//! A site behind a gate, in memory, for tests of visits: it verifies tokens, remembers what was spent for what, and answers
//! as `farthing-gate` does.

use std::collections::{HashMap, HashSet};

use farthing_api::{ACCESS_HEADER, PAID_PATH_HEADER, PAY_PATH, PROBLEM_MEDIA_TYPE, ProblemKind};
use farthing_protocol::{
    ChallengeHeader, IssuerName, PrivateTokenChallenge, RedemptionHeader, Token, TokenChallenge,
};

use crate::fake_services::{FakeKey, ISSUER_NAME, header, problem};
use crate::http_message::{HttpRequest, HttpResponse, Method};

pub(crate) const SITE: &str = "https://news.example";
pub(crate) const CONTENT: &[u8] = b"what was paid for";
/// The pass that every payment is answered with, and for how many seconds it is good.
const PASS: &str = "__Secure-farthing-pass=let-me-in";
pub(crate) const PASS_SECONDS: u64 = 3_600;

pub(crate) struct FakeGate {
    keys: Vec<FakeKey>,
    /// What each path costs, in millionths of a euro; nothing, if it is not here.
    pub(crate) prices: HashMap<String, u64>,
    /// Paths that redirect.
    pub(crate) redirects: HashMap<String, String>,
    /// Answers given instead of the next ones to a path, from the last.
    pub(crate) instead: Vec<HttpResponse>,
    /// Whether unpaid pages show something.
    pub(crate) previews: bool,
    /// Whether payments can be repeated.
    pub(crate) repeats: bool,
    spent: HashSet<Vec<u8>>,
    /// Every payment that was taken, with what it was for.
    taken: HashMap<Vec<Vec<u8>>, String>,
    /// Method, path and what it showed of each request.
    pub(crate) arrived: Vec<String>,
}

impl FakeGate {
    /// A gate that takes tokens of these keys.
    pub(crate) fn new(keys: Vec<FakeKey>, prices: &[(&str, u64)]) -> Self {
        Self {
            keys,
            prices: prices.iter().map(|(path, micros)| ((*path).to_owned(), *micros)).collect(),
            redirects: HashMap::new(),
            instead: Vec::new(),
            previews: false,
            repeats: true,
            spent: HashSet::new(),
            taken: HashMap::new(),
            arrived: Vec::new(),
        }
    }

    /// How many tokens were spent here.
    pub(crate) fn spent(&self) -> usize {
        self.spent.len()
    }

    pub(crate) fn answer(&mut self, request: &HttpRequest) -> HttpResponse {
        let target = request.url.strip_prefix(SITE).expect("only this site is visited").to_owned();
        let (tokens, page) = match request.method {
            Method::Get => {
                let credentials = header(request, "Authorization");
                let tokens = credentials.map(|value| RedemptionHeader::decode(value).unwrap().into_tokens());
                (tokens, target)
            }
            Method::Post => {
                assert_eq!((target.as_str(), header(request, "Origin")), (PAY_PATH, Some(SITE)));
                assert_eq!(header(request, "Content-Type"), Some("application/octet-stream"));
                let page = header(request, PAID_PATH_HEADER).unwrap().to_owned();
                (Some(Token::decode_all(&request.body).unwrap()), page)
            }
        };
        let has_pass = header(request, "Cookie").is_some_and(|cookies| cookies.contains(PASS));
        assert!(!has_pass || tokens.is_none(), "with a pass the tokens would not be looked at");
        let shown = match &tokens {
            Some(tokens) => format!(" with {} tokens", tokens.len()),
            None if has_pass => " with a pass".to_owned(),
            None => String::new(),
        };
        self.arrived.push(format!("{} {page}{shown}", request.method));
        if let Some(answer) = self.instead.pop() {
            return answer;
        }
        if let Some(location) = self.redirects.get(&page) {
            let headers = vec![("Location".to_owned(), location.clone())];
            return HttpResponse { status: 302, headers, body: Vec::new() };
        }
        let posted = request.method == Method::Post;
        match (self.prices.get(&page).copied(), tokens) {
            (None, None) => served(posted),
            (None, Some(_)) => {
                let mut answer = served(posted);
                answer.headers.push((ACCESS_HEADER.to_owned(), "free".to_owned()));
                answer
            }
            (Some(_), None) if has_pass => served(posted),
            (Some(price), None) => {
                let mut asks = self.refuse(ProblemKind::PaymentRequired, price);
                if self.previews {
                    asks.status = 200;
                }
                asks
            }
            (Some(price), Some(tokens)) => match self.redeem(&tokens, price, &page) {
                Ok(()) => {
                    let mut answer = served(posted);
                    let path = page.split('?').next().unwrap_or_default();
                    let cookie = format!("{PASS}; Path={path}; Max-Age={PASS_SECONDS}; Secure; HttpOnly");
                    answer.headers.push(("Set-Cookie".to_owned(), cookie));
                    answer
                }
                Err(kind) => self.refuse(kind, price),
            },
        }
    }

    fn redeem(&mut self, tokens: &[Token], price: u64, page: &str) -> Result<(), ProblemKind> {
        let mut paid = 0;
        for token in tokens {
            let key = self.keys.iter().find(|key| key.facts.token_key_id() == *token.token_key_id());
            let key = key.ok_or(ProblemKind::TokenKeyUnknown)?;
            if !key.accepts(token) {
                return Err(ProblemKind::TokenInvalid);
            }
            paid += key.facts.denomination().value_micros().get();
        }
        if paid != price {
            return Err(ProblemKind::PaymentAmount);
        }
        let shown: Vec<_> = tokens.iter().map(|token| token.encode().to_vec()).collect();
        if self.repeats && self.taken.get(&shown).is_some_and(|earlier| earlier == page) {
            return Ok(());
        }
        if shown.iter().any(|token| self.spent.contains(token)) {
            return Err(ProblemKind::TokenSpent);
        }
        self.spent.extend(shown.iter().cloned());
        self.taken.insert(shown, page.to_owned());
        Ok(())
    }

    fn refuse(&self, kind: ProblemKind, price: u64) -> HttpResponse {
        let challenge = TokenChallenge::for_purchase(IssuerName::new(ISSUER_NAME).unwrap());
        let challenges = self.keys.iter().map(|key| PrivateTokenChallenge {
            price_micros: Some(price),
            currency: Some("EUR".to_owned()),
            ..PrivateTokenChallenge::new(&challenge, key.facts.public_key())
        });
        let value = ChallengeHeader { challenges: challenges.collect() }.encode();
        let mut answer = problem(kind);
        answer.headers.push((ChallengeHeader::NAME.to_owned(), value));
        assert_eq!(answer.media_type(), PROBLEM_MEDIA_TYPE);
        answer
    }
}

fn served(posted: bool) -> HttpResponse {
    let (status, body) = if posted { (204, Vec::new()) } else { (200, CONTENT.to_vec()) };
    HttpResponse { status, headers: Vec::new(), body }
}
