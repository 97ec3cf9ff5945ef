//! kill -9 between the steps of a move: the store is at one place alone, and the same command or another ends it.

use std::os::unix::process::ExitStatusExt;

use farthing_tests::CRASH_VARIABLE;

use super::*;
use crate::on_redis;

/// The steps of a move, and whether the old store is still the one that is used.
const STEPS: &[(&str, bool)] = &[
    ("migrate.begun", true),
    ("migrate.copied", true),
    ("migrate.end.before", true),
    ("migrate.end.after", false),
    ("migrate.filled", false),
    ("migrate.compared", false),
    ("migrate.complete.before", false),
];
const LAST: &str = "migrate.complete.after";

/// A publisher, and tokens that are spent one by one.
struct Scene {
    world: World,
    publisher: Publisher,
    tokens: Vec<String>,
    spent: usize,
    _server: TestServer,
}

impl Scene {
    fn new(world: World) -> Self {
        let issuer = world.serve(Program::Issuer).unwrap();
        let redeemer = world.serve(Program::Redeemer).unwrap();
        let reader = world.reader("reader");
        reader.buy(&issuer, &redeemer, &world.voucher().unwrap()).unwrap();
        let tokens = reader.export(40).unwrap();
        let publisher = world.publisher("Example").unwrap();
        redeemer.stop().unwrap();
        let server = new_place(&world, Program::Redeemer);
        Self { world, publisher, tokens, spent: 0, _server: server }
    }

    /// Spends a new token; whether it was taken, or nothing is known.
    fn spend(&mut self, redeemer: &ServiceProcess) -> bool {
        let (number, token) = (self.spent, &self.tokens[self.spent..=self.spent]);
        let answer = self.publisher.redeem(&redeemer.url(), &number.to_string(), token).unwrap();
        self.spent += usize::from(answer.status == 200);
        assert!(matches!(answer.status, 200 | 503), "{}", answer.body);
        answer.status == 200
    }

    /// All that was taken is spent and credited once.
    fn assert_all_holds(&self, redeemer: &ServiceProcess) {
        let url = redeemer.url();
        assert_eq!(self.publisher.credit_micros(&url).unwrap(), ONE_CENT * self.spent as u64);
        for (number, token) in self.tokens[..self.spent].iter().enumerate() {
            let token = std::slice::from_ref(token);
            let repeated = self.publisher.redeem(&url, &number.to_string(), token).unwrap();
            assert!(repeated.answer().unwrap().replayed, "{}", repeated.body);
            assert_eq!(results(&self.publisher, &url, "again", token), json!(["spent"]));
        }
        assert_in_order(&self.world, Program::Redeemer);
    }

    fn give_up(&self) -> Result<Vec<String>, String> {
        let arguments = ["store", "migrate", "--to", NEW, "--give-up"];
        self.world.admin(Program::Redeemer, &arguments).map_err(|error| format!("{error:#}"))
    }

    /// What is left to do after the last step: nothing but to start the service on the new store.
    fn end(mut self) {
        let refusal = self.give_up().unwrap_err();
        assert!(refusal.contains("cannot be given up"), "{refusal}");
        let told = self.world.admin(Program::Redeemer, &["store", "migrate", "--to", NEW]).unwrap();
        assert!(told[0].contains("is complete at"), "{told:?}");
        assert_refuses_to_start(&self.world, Program::Redeemer);
        take_new(&self.world, Program::Redeemer);
        let redeemer = self.world.serve(Program::Redeemer).unwrap();
        assert!(self.spend(&redeemer));
        self.assert_all_holds(&redeemer);
    }
}

#[test]
fn the_command_dies_at_each_step() {
    let mut scene = Scene::new(on_redis());
    let redeemer = scene.world.serve(Program::Redeemer).unwrap();
    let until = |scene: &Scene, step: &str| {
        let mut command = scene.world.command(Program::Redeemer);
        command.args(["store", "migrate", "--to", NEW, "--config"]);
        command.arg(scene.world.configuration(Program::Redeemer)).env(CRASH_VARIABLE, step);
        let output = command.output().unwrap();
        assert_eq!(output.status.signal(), Some(9), "{step}: {output:?}");
    };
    assert!(scene.spend(&redeemer));
    for (step, is_used) in STEPS {
        until(&scene, step);
        assert_eq!(scene.spend(&redeemer), *is_used, "{step}");
        // What another command left is taken up by this one.
        until(&scene, if *is_used { "migrate.copied" } else { "migrate.filled" });
        assert_eq!(scene.spend(&redeemer), *is_used, "{step}");
        scene.give_up().unwrap();
        assert!(scene.spend(&redeemer), "{step}");
        scene.assert_all_holds(&redeemer);
    }
    until(&scene, LAST);
    assert!(!scene.spend(&redeemer));
    redeemer.stop().unwrap();
    scene.end();
}

#[test]
fn the_service_dies_at_each_step_of_the_move_of_its_embedded_store() {
    let mut scene = Scene::new(world());
    copy_secret(&scene.world);
    let until = |scene: &mut Scene, step: &str| {
        let dying = scene.world.serve_until(Program::Redeemer, step).unwrap();
        assert!(scene.spend(&dying), "{step}");
        let arguments = ["store", "migrate", "--to", NEW];
        assert!(!scene.world.try_admin(Program::Redeemer, &arguments).unwrap().status.success(), "{step}");
        dying.wait_for_crash().unwrap_or_else(|error| panic!("{step}: {error}"));
    };
    for (step, is_used) in STEPS {
        until(&mut scene, step);
        if !is_used {
            assert_refuses_to_start(&scene.world, Program::Redeemer);
            scene.give_up().unwrap();
        }
        let redeemer = scene.world.serve(Program::Redeemer).unwrap();
        assert!(scene.spend(&redeemer), "{step}");
        scene.assert_all_holds(&redeemer);
        redeemer.stop().unwrap();
    }
    // Once more, and now the command itself ends it, since no service runs.
    until(&mut scene, "migrate.end.after");
    assert_refuses_to_start(&scene.world, Program::Redeemer);
    scene.give_up().unwrap();
    until(&mut scene, LAST);
    scene.end();
}

#[test]
fn a_move_whose_service_died_is_ended_by_the_command() {
    let mut scene = Scene::new(world());
    copy_secret(&scene.world);
    let dying = scene.world.serve_until(Program::Redeemer, "migrate.end.after").unwrap();
    assert!(scene.spend(&dying));
    scene.world.try_admin(Program::Redeemer, &["store", "migrate", "--to", NEW]).unwrap();
    dying.wait_for_crash().unwrap();
    let told = scene.world.admin(Program::Redeemer, &["store", "migrate", "--to", NEW]).unwrap();
    assert!(told[0].starts_with("moved "), "{told:?}");
    scene.end();
}
