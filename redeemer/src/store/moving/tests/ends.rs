//! Moves that stop, differ, meet another or cannot be.

use super::*;

/// Stops a move at each step: then it is begun anew, or given up and the old store is used again.
async fn moves_that_stop_are_taken_up_or_given_up(scene: Scene) {
    let (mut accepted, mut number) = (Vec::new(), 0);
    for (step, is_served) in [
        ("migrate.begun", true),
        ("migrate.copied", true),
        ("migrate.end.before", true),
        ("migrate.end.after", false),
        ("migrate.filled", false),
        ("migrate.compared", false),
    ] {
        for is_given_up in [true, false] {
            number += 1;
            scene.migrate_until(step).await;
            assert_eq!(scene.is_served(number).await, is_served, "{step}");
            if is_served {
                accepted.push(number);
            }
            let half = Stores::open(&scene.new, &Environment::production()).await;
            assert!(half.is_err(), "{step}: half a store was opened");
            if is_given_up {
                scene.give_up(false).await.unwrap();
                number += 1;
                assert!(scene.is_served(number).await, "{step}");
                accepted.push(number);
            }
        }
    }
    scene.migrate(&Environment::production()).await.unwrap();
    accepted.dedup();
    assert_moved(&scene, &accepted, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moves_of_an_embedded_store_that_stop_are_taken_up_or_given_up() {
    moves_that_stop_are_taken_up_or_given_up(Scene::embedded().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moves_of_a_store_on_redis_that_stop_are_taken_up_or_given_up() {
    moves_that_stop_are_taken_up_or_given_up(Scene::redis(100_000).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_differs_is_not_completed_and_the_old_store_goes_on() {
    for scene in [Scene::embedded().await, Scene::redis(100_000).await] {
        assert!(scene.is_served(1).await);
        let url = scene.server.url();
        let steps = Arc::new(move |step: &str| {
            if step == "migrate.filled" {
                let mut server = ::redis::Client::open(url.as_str()).unwrap().get_connection().unwrap();
                let keys: Vec<Vec<u8>> = ::redis::cmd("KEYS").arg("*}:marks:*").query(&mut server).unwrap();
                ::redis::cmd("DEL").arg(&keys[0]).exec(&mut server).unwrap();
            }
        });
        let environment = Environment { steps, ..Environment::production() };
        let refusal = format!("{:#}", scene.migrate(&environment).await.unwrap_err());
        assert!(refusal.contains("in use where it was"), "{refusal}");
        assert!(refusal.contains("spent-marks (2 entries in the old store, 1 in the new one)"), "{refusal}");
        assert!(scene.is_served(2).await);
        scene.migrate(&Environment::production()).await.unwrap();
        assert_moved(&scene, &[1, 2], &[]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_commands_the_later_goes_on() {
    let scene = Scene::redis(100_000).await;
    assert!(scene.is_served(1).await);
    let mut earlier = scene.leave().await;
    let during = earlier.birth().moving("elsewhere").unwrap();
    earlier.begin(&during).await.unwrap();
    assert!(scene.is_served(2).await);
    scene.migrate(&Environment::production()).await.unwrap();
    for outcome in [earlier.end(&during.left()).await, earlier.release().await] {
        assert!(outcome.is_err(), "the earlier command still does something");
    }
    assert_moved(&scene, &[1, 2], &[]).await;

    let embedded = Scene::embedded().await;
    let _earlier = embedded.leave().await;
    let store = embedded.users[0].embedded.as_ref().unwrap();
    let refusal = leave_embedded::<RedeemerTables>(store).await.map(drop).unwrap_err().to_string();
    assert!(refusal.contains("being moved already"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn places_that_will_not_do_are_refused_and_nothing_is_done() {
    let scene = Scene::redis(100_000).await;
    let refused = async |to: &StoreSettings| {
        let moved = migrate::<RedeemerTables>(scene.leave().await, to, 1, &Environment::production()).await;
        let error = format!("{:#}", moved.unwrap_err());
        assert!(!error.contains('\n'), "{error}");
        error
    };
    let itself = refused(&scene.old).await;
    assert!(itself.contains("where the store is"), "{itself}");
    let embedded = refused(&settings(json!({ "kind": "embedded", "path": "/nowhere/redeemer.db" }))).await;
    assert!(embedded.contains("names an embedded store"), "{embedded}");

    let other = Birth::new(ServiceKind::Redeemer, NOW, TrustedKeys::None).unwrap();
    scene.new.create(&other).await.unwrap();
    assert!(refused(&scene.new).await.contains("has a store already"));
    let mut server = scene.server.connection().unwrap();
    let mut set = |key: &str, value: &str| {
        ::redis::cmd("FLUSHALL").exec(&mut server).unwrap();
        ::redis::cmd("SET").arg(format!("{{farthing-redeemer}}:{key}")).arg(value).exec(&mut server).unwrap();
    };
    set("restoring", "");
    assert!(refused(&scene.new).await.contains("a restore into it did not end"));
    set("restoring", &format!("move {} {} 1", "01".repeat(16), "02".repeat(16)));
    assert!(refused(&scene.new).await.contains("a move into it did not end"));
    set("publishers", "remains");
    assert!(refused(&scene.new).await.contains("and no birth record"));

    let evicting = TestServer::start_with(&[
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
        "--maxmemory-policy",
        "allkeys-lru",
    ]);
    assert!(refused(&on(&evicting.unwrap())).await.contains("is not fit for money"));
    let nothing = scene.give_up(false).await.unwrap_err().to_string();
    assert!(nothing.contains("nothing to give up"), "{nothing}");
    assert!(scene.is_served(1).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_place_that_is_lost_can_be_given_up_if_the_operator_says_so() {
    let mut scene = Scene::redis(100_000).await;
    scene.migrate_until("migrate.filled").await;
    scene.server.kill().unwrap();
    let unsure = format!("{:#}", scene.give_up(false).await.unwrap_err());
    assert!(unsure.contains("--new-store-lost"), "{unsure}");
    assert!(!scene.is_served(1).await);
    assert!(scene.give_up(true).await.is_ok());
    assert!(scene.is_served(1).await);
}

/// The old store does not know what the new one took in, so it must not be taken for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_store_that_was_emptied_is_neither_filled_again_nor_given_up() {
    for scene in [Scene::embedded().await, Scene::redis(100_000).await] {
        scene.migrate(&Environment::production()).await.unwrap();
        ::redis::cmd("FLUSHALL").exec(&mut scene.server.connection().unwrap()).unwrap();
        let again = format!("{:#}", scene.migrate(&Environment::production()).await.unwrap_err());
        assert!(again.contains("it is not there") && again.contains("restore its backup"), "{again}");
        let given_up = format!("{:#}", scene.give_up(false).await.unwrap_err());
        assert!(given_up.contains("it is not there") && given_up.contains("--new-store-lost"), "{given_up}");
        assert!(!scene.is_served(1).await);
    }
}

/// A move that is under way is stopped by another command while it copies.
#[tokio::test(flavor = "multi_thread")]
async fn a_move_under_way_is_given_up() {
    for scene in [Scene::embedded().await, Scene::redis(100_000).await] {
        assert!(scene.is_served(1).await);
        let (reached, go_on) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (at, wait) = (Arc::clone(&reached), Arc::clone(&go_on));
        let steps = Arc::new(move |step: &str| {
            if step == "migrate.copied" {
                at.store(true, Ordering::SeqCst);
                tokio::task::block_in_place(|| {
                    while !wait.load(Ordering::SeqCst) {
                        std::thread::yield_now();
                    }
                });
            }
        });
        let environment = Environment { steps, ..Environment::production() };
        let (old, new) = (scene.leave().await, scene.new.clone());
        let moving = tokio::spawn(async move { migrate::<RedeemerTables>(old, &new, 1, &environment).await });
        while !reached.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        let giving_up = async {
            // An embedded store's move stops at its next look; on Redis it finds itself replaced.
            let given_up = scene.give_up(false);
            let letting_go = async { go_on.store(true, Ordering::SeqCst) };
            if scene.users[0].embedded.is_some() {
                tokio::join!(given_up, letting_go).0
            } else {
                let given_up = given_up.await;
                letting_go.await;
                given_up
            }
        };
        let told = giving_up.await.unwrap();
        assert!(told[0].contains("the move is given up"), "{told:?}");
        let stopped = format!("{:#}", moving.await.unwrap().unwrap_err());
        assert!(stopped.contains("the store was not moved"), "{stopped}");
        assert!(scene.is_served(2).await);
        scene.migrate(&Environment::production()).await.unwrap();
        assert_moved(&scene, &[1, 2], &[]).await;
    }
}
