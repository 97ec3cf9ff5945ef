use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, HttpResponse};
use proptest::prelude::*;

use super::*;

fn limiter(per_minute: u32, burst: u32, trusted: &[&str]) -> RateLimiter {
    let trusted_proxies = trusted.iter().map(|network| network.parse().unwrap()).collect();
    RateLimiter::new(Rates { per_minute, burst, trusted_proxies }).unwrap()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn an_address_has_its_burst_and_then_its_rate() {
    let (limiter, start) = (limiter(60, 3, &[]), Instant::now());
    let reader = address("203.0.113.7");
    for _ in 0..3 {
        limiter.admit(reader, 1, start).unwrap();
    }
    let wait = limiter.admit(reader, 1, start).unwrap_err();
    assert!(wait <= Duration::from_secs(1) && wait > Duration::from_millis(900), "{wait:?}");
    limiter.admit(address("203.0.113.8"), 1, start).unwrap();
    limiter.admit(reader, 1, start + wait).unwrap();
    assert!(limiter.admit(reader, 1, start + wait).is_err());
    let later = start + Duration::from_mins(10);
    for _ in 0..3 {
        limiter.admit(reader, 1, later).unwrap();
    }
    assert!(limiter.admit(reader, 1, later).is_err());
}

#[test]
fn other_rates_leave_the_requests_that_were_made() {
    let (limiter, now) = (limiter(1, 3, &[]), Instant::now());
    let rates = |per_minute, burst| Pace::of(&Rates { per_minute, burst, trusted_proxies: Vec::new() });
    let (reader, other) = (address("203.0.113.7"), address("203.0.113.8"));
    for _ in 0..3 {
        limiter.admit(reader, 1, now).unwrap();
    }
    limiter.admit(reader, 1, now).unwrap_err();
    limiter.set_pace(rates(600, 5), now);
    for _ in 0..2 {
        limiter.admit(reader, 1, now).unwrap();
    }
    let wait = limiter.admit(reader, 1, now).unwrap_err();
    assert!(wait <= Duration::from_millis(100), "it waits at the new rate: {wait:?}");
    limiter.set_pace(rates(600, 5), now);
    limiter.admit(reader, 1, now).unwrap_err();
    limiter.set_pace(rates(1, 1), now);
    limiter.admit(reader, 1, now + Duration::from_mins(4)).unwrap_err();
    limiter.admit(reader, 1, now + Duration::from_mins(5)).unwrap();
    limiter.admit(other, 1, now).unwrap();
    limiter.admit(other, 1, now).unwrap_err();
    limiter.set_pace(rates(u32::MAX, u32::MAX), now);
    limiter.admit(reader, 1, now).unwrap();
    limiter.set_pace(rates(1, u32::MAX), now);
    limiter.admit(reader, 1, now).unwrap();
}

#[test]
fn a_network_of_ipv6_is_one_address() {
    let (limiter, now) = (limiter(1, 1, &[]), Instant::now());
    limiter.admit(address("2001:db8:0:1::1"), 1, now).unwrap();
    assert!(limiter.admit(address("2001:db8:0:1:ffff::2"), 1, now).is_err());
    limiter.admit(address("2001:db8:0:2::1"), 1, now).unwrap();
    limiter.admit(address("203.0.113.7"), 1, now).unwrap();
    assert!(limiter.admit(address("::ffff:203.0.113.7"), 1, now).is_err());
    limiter.admit(address("203.0.113.8"), 1, now).unwrap();
}

#[test]
fn an_hour_later_everything_is_forgotten() {
    let (limiter, now) = (limiter(1, 1, &[]), Instant::now());
    let reader = address("203.0.113.7");
    limiter.admit(reader, 1, now).unwrap();
    let before = limiter.counts.lock().unwrap().name(reader);
    assert_eq!(limiter.counts.lock().unwrap().name(reader), before);
    limiter.forget_old(now + Duration::from_secs(3_599));
    assert_eq!(limiter.counts.lock().unwrap().due.len(), 1);
    limiter.forget_old(now + HOUR);
    let counts = limiter.counts.lock().unwrap();
    assert!(counts.due.is_empty());
    assert_ne!(counts.name(reader), before);
}

#[test]
fn names_differ_between_limiters_and_debug_shows_none() {
    let (one, other) = (limiter(1, 1, &[]), limiter(1, 1, &[]));
    let name = |limiter: &RateLimiter| limiter.counts.lock().unwrap().name(address("203.0.113.7"));
    assert_ne!(name(&one), name(&other));
    assert_eq!(format!("{one:?}"), "RateLimiter(..)");
}

#[test]
fn memory_is_bounded_and_strangers_are_not_refused() {
    let (limiter, now) = (limiter(60, 2, &[]), Instant::now());
    let nth = |number: usize| IpAddr::V4(u32::try_from(number).unwrap().into());
    for number in 0..MOST_ADDRESSES {
        limiter.admit(nth(number), 1, now).unwrap();
    }
    for _ in 0..5 {
        limiter.admit(nth(MOST_ADDRESSES), 1, now).unwrap();
    }
    limiter.admit(nth(0), 1, now).unwrap();
    assert!(limiter.admit(nth(0), 1, now).is_err(), "who is counted stays limited");
    assert_eq!(limiter.counts.lock().unwrap().due.len(), MOST_ADDRESSES);
    // Two seconds later everybody could make all requests again, so nobody needs to be known.
    limiter.admit(nth(MOST_ADDRESSES), 1, now + Duration::from_secs(3)).unwrap();
    assert_eq!(limiter.counts.lock().unwrap().due.len(), 1);
}

proptest! {
    #[test]
    fn no_more_than_burst_and_rate_in_any_time(
        per_minute in 1..1_000_u32,
        burst in 1..50_u32,
        pauses in proptest::collection::vec(0..2_000_u64, 1..200),
    ) {
        let limiter = limiter(per_minute, burst, &[]);
        let start = Instant::now();
        let (mut now, mut admitted) = (start, 0_u64);
        for pause in pauses {
            now += Duration::from_millis(pause);
            admitted += u64::from(limiter.admit(address("203.0.113.7"), 1, now).is_ok());
            let elapsed = u64::try_from((now - start).as_millis()).unwrap();
            prop_assert!(admitted <= u64::from(burst) + elapsed * u64::from(per_minute) / 60_000 + 1);
        }
    }
}

#[actix_web::test]
async fn only_limited_paths_answer_429_and_this_machine_is_exempt() {
    let limiter = Arc::new(limiter(1, 1, &["10.0.0.0/8"]));
    let app = init_service(
        App::new()
            .service(web::resource("/healthz").get(HttpResponse::Ok))
            .service(limited(&limiter, |routes| {
                routes.service(web::resource("/v1/packs").get(HttpResponse::Ok));
            }))
            .default_service(web::to(HttpResponse::NotFound)),
    )
    .await;
    let ask = async |path: &str, peer: &str, forwarded: &str| {
        let request = TestRequest::get().uri(path).peer_addr(format!("{peer}:1").parse().unwrap());
        let request = request.insert_header(("X-Forwarded-For", forwarded)).to_request();
        call_service(&app, request).await
    };
    assert_eq!(ask("/v1/packs", "203.0.113.7", "").await.status(), StatusCode::OK);
    let refused = ask("/v1/packs", "203.0.113.7", "198.51.100.1").await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers().get("content-type").unwrap(), "application/problem+json");
    let wait: u64 = refused.headers().get("retry-after").unwrap().to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    let body = actix_web::body::to_bytes(refused.into_body()).await.unwrap();
    assert!(!String::from_utf8_lossy(&body).contains("203.0.113"));
    assert_eq!(ask("/nothing", "203.0.113.7", "").await.status(), StatusCode::TOO_MANY_REQUESTS);
    for _ in 0..5 {
        assert_eq!(ask("/healthz", "203.0.113.7", "").await.status(), StatusCode::OK);
        assert_eq!(ask("/v1/packs", "127.0.0.1", "203.0.113.7").await.status(), StatusCode::OK);
    }
    assert_eq!(ask("/nothing", "203.0.113.8", "").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(ask("/v1/packs", "10.0.0.2", "203.0.113.9").await.status(), StatusCode::OK);
    assert_eq!(ask("/v1/packs", "10.0.0.3", "203.0.113.9").await.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[test]
fn what_weighed_more_than_it_was_is_taken_back() {
    let limiter = limiter(60, 3, &[]);
    let reader = address("203.0.113.7");
    let check = |weight| limiter.check_weighing(reader, weight).is_ok();
    assert!(check(0) && check(0) && check(0) && check(0) && check(100));
    assert!(!check(1) && !check(0), "until it is known to be less");
    limiter.take_back(reader, 99);
    assert!(check(1) && check(1) && !check(1), "three at once");
}
