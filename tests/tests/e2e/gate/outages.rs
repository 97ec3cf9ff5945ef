use farthing_tests::http;
use farthing_tests::programs::Program;

use super::misuse::forged;
use super::{PRICES, Scene, assert_refused, has_pass, metrics, pass, wait_for_log, wait_until};
use crate::limits::begin_an_hour;

#[test]
fn while_the_redeemer_is_away_nothing_is_lost() {
    let Scene { world, redeemer, gate, publisher, .. } = Scene::new("");
    let token = world.reader("reader").export(1).unwrap().remove(0);
    let authorization = format!("PrivateToken token=\"{token}\"");
    let pay = |path: &str| {
        http::get(&format!("{}{path}", gate.url()), &[("Authorization", &authorization)]).unwrap()
    };
    let url = redeemer.url();
    redeemer.kill().unwrap();
    for _ in 0..2 {
        let unsure = pay("/articles/7");
        assert_eq!((unsure.status, unsure.problem().as_str()), (503, "unavailable"));
        assert_eq!(unsure.header("retry-after"), "2");
        assert!(!has_pass(&unsure));
    }
    // What is free stays readable, and readers are told the price by what the gate knows.
    assert_eq!(http::get(&format!("{}/about", gate.url()), &[]).unwrap().status, 200);
    assert_refused(&http::get(&format!("{}/articles/7", gate.url()), &[]).unwrap(), "payment-required");

    let redeemer = world.serve_at(Program::Redeemer, &url).unwrap();
    let paid = pay("/articles/7");
    assert_eq!(paid.status, 200, "{paid:?}");
    assert_eq!(pass(&pay("/articles/7")), pass(&paid));
    assert_eq!(publisher.credit_micros(&redeemer.url()).unwrap(), 10_000);
}

#[test]
fn an_answer_of_the_redeemer_that_is_lost_is_asked_for_again() {
    // The redeemer dies when the tokens are spent and before it has answered.
    let Scene { world, redeemer, gate, site, publisher, .. } = Scene::new("");
    let token = world.reader("reader").export(1).unwrap().remove(0);
    let authorization = format!("PrivateToken token=\"{token}\"");
    let pay =
        || http::get(&format!("{}/articles/7", gate.url()), &[("Authorization", &authorization)]).unwrap();
    let url = redeemer.url();
    redeemer.stop().unwrap();
    let file = world.configuration(Program::Redeemer);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("127.0.0.1:0", url.trim_start_matches("http://"), 1)).unwrap();
    let dying = world.serve_until(Program::Redeemer, "store.commit.after").unwrap();
    assert_eq!(pay().status, 503);
    dying.wait_for_crash().unwrap();
    let redeemer = world.serve(Program::Redeemer).unwrap();
    let paid = pay();
    assert_eq!(paid.status, 200, "{paid:?}");
    assert!(has_pass(&paid));
    assert_eq!(publisher.credit_micros(&redeemer.url()).unwrap(), 10_000);
    drop(site);
}

#[test]
fn who_has_paid_is_let_in_although_the_redeemer_takes_nothing_new() {
    let Scene { world, issuer, redeemer, gate, site, publisher } = Scene::new("");
    let ahead = begin_an_hour(&world);
    let url = redeemer.url();
    redeemer.stop().unwrap();
    world.write_configuration(Program::Redeemer, "[limits]\ninvalid_tokens_per_hour = 1\n").unwrap();
    let redeemer = world.serve_at(Program::Redeemer, &url).unwrap();
    let scene = Scene { world, issuer, redeemer, gate, site, publisher };
    // The answer is lost; then a stranger spends the publisher's budget.
    let token = scene.tokens(1);
    let paid = scene.pay("/articles/7", &token);
    let forged = forged(&scene);
    let statuses =
        [1, 2].map(|page| scene.get(&format!("/articles/{page}"), &[("Authorization", &forged)]).status);
    assert_eq!(statuses, [401, 503]);
    for seconds in [0, 200, 400] {
        scene.world.move_clock(ahead + seconds).unwrap();
        let again = scene.pay("/articles/7", &token);
        assert_eq!((again.status, pass(&again)), (200, pass(&paid)));
    }
    let new = scene.pay("/articles/7", &scene.tokens(1));
    assert_eq!((new.status, new.problem().as_str()), (503, "unavailable"));
    assert_eq!(scene.credit(), 10_000);
}

#[test]
fn whoever_pays_while_the_site_is_away_has_the_pass() {
    let scene = Scene::new("");
    let Scene { world, redeemer, gate, publisher, issuer, .. } = scene;
    let token = world.reader("reader").export(1).unwrap().remove(0);
    gate.stop().unwrap();
    let upstream = "\n[upstream]\nurl = \"http://127.0.0.1:1\"\n";
    world.write_gate(&redeemer.url(), &publisher, &format!("{PRICES}{upstream}")).unwrap();
    let gate = world.serve(Program::Gate).unwrap();
    let get = |headers: &[(&str, &str)]| http::get(&format!("{}/articles/7", gate.url()), headers).unwrap();
    let paid = get(&[("Authorization", &format!("PrivateToken token=\"{token}\""))]);
    assert_eq!((paid.status, paid.problem().as_str()), (502, "upstream-away"));
    assert_eq!(paid.header("cache-control"), "private, no-store");
    let again = get(&[("Cookie", &pass(&paid))]);
    assert_eq!((again.status, again.problem().as_str()), (502, "upstream-away"), "asked to pay again");
    wait_for_log(&gate, "the site behind the gate does not answer");
    drop(issuer);
}

#[test]
fn a_gate_that_starts_before_its_redeemer_waits_for_it() {
    let Scene { world, redeemer, gate, .. } = Scene::new("");
    let (url, own) = (redeemer.url(), gate.url());
    gate.stop().unwrap();
    redeemer.stop().unwrap();
    let gate = world.serve_at(Program::Gate, &own).unwrap();
    let ready = || http::get(&format!("{own}/.well-known/farthing/readyz"), &[]).unwrap();
    assert_eq!(http::get(&format!("{own}/.well-known/farthing/healthz"), &[]).unwrap().status, 200);
    assert_eq!(ready().status, 503);
    wait_until("the gate to say that it is not ready", || metrics(&gate).contains("\nfarthing_ready 0\n"));
    let unsure = http::get(&format!("{own}/articles/7"), &[]).unwrap();
    assert_eq!((unsure.status, unsure.problem().as_str()), (503, "unavailable"));
    wait_for_log(&gate, "the redeemer's keys were not fetched");
    let _redeemer = world.serve_at(Program::Redeemer, &url).unwrap();
    wait_until("readiness", || ready().status == 200);
    wait_until("the gate to say so", || metrics(&gate).contains("\nfarthing_ready 1\n"));
    wait_for_log(&gate, "the redeemer's keys are there again");
    assert_refused(&http::get(&format!("{own}/articles/7"), &[]).unwrap(), "payment-required");
    assert_eq!(world.admin(Program::Gate, &["ready"]).unwrap(), ["ready"]);
}

#[test]
fn a_gate_that_dies_remembers_nothing_and_needs_nothing() {
    let scene = Scene::new("");
    let token = scene.tokens(1);
    let paying = super::authorization(&token);
    let paid = scene.pay("/articles/7", &token);
    let Scene { world, redeemer, gate, site, publisher, .. } = scene;
    let url = gate.url();
    gate.kill().unwrap();
    let gate = world.serve_at(Program::Gate, &url).unwrap();
    let get = |headers: &[(&str, &str)]| http::get(&format!("{}/articles/7", gate.url()), headers).unwrap();
    assert_eq!(get(&[("Cookie", &pass(&paid))]).status, 200);
    let again = get(&[("Authorization", &paying)]);
    assert_eq!((again.status, pass(&again)), (200, pass(&paid)));
    assert_eq!(publisher.credit_micros(&redeemer.url()).unwrap(), 10_000);
    drop(site);
}

#[test]
fn without_a_valid_api_key_nobody_can_pay_and_the_log_says_why() {
    let scene = Scene::new("");
    let token = scene.tokens(1);
    let listed = scene.world.admin(Program::Redeemer, &["publishers", "list"]).unwrap();
    let listed: serde_json::Value = serde_json::from_str(&listed[0]).unwrap();
    let key = listed["keys"][0]["id"].as_str().unwrap();
    scene
        .world
        .admin(Program::Redeemer, &["publishers", "keys", "revoke", &scene.publisher.id, key])
        .unwrap();
    assert_eq!(scene.pay("/articles/7", &token).status, 503);
    wait_for_log(&scene.gate, "the redeemer does not take redeemer.api_key");
}
