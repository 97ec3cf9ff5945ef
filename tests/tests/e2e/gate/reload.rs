use std::fs;

use farthing_tests::programs::Program;

use super::{Scene, assert_refused, has_pass, wait_for_log};

fn edit(scene: &Scene, from: &str, to: &str) {
    let file = scene.world.configuration(Program::Gate);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(&file, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn a_price_list_is_replaced_as_a_whole_and_one_with_a_mistake_is_not() {
    let scene = Scene::new("");
    assert_eq!(scene.get("/essays/1", &[]).status, 200);
    edit(&scene, "path = \"/long/*\"", "path = \"/essays/*\"");
    scene.gate.hang_up().unwrap();
    wait_for_log(&scene.gate, "configuration reloaded keys=price");
    assert_eq!(scene.get("/long/1", &[]).status, 200);
    let priced = scene.get("/essays/1", &[]);
    assert_refused(&priced, "payment-required");
    assert!(priced.header("www-authenticate").contains("price-micros=\"50000\""));

    // Another price, and a mistake further down.
    edit(&scene, "price_micros = 50000", "price_micros = 60000");
    edit(&scene, "path = \"/books/*\"", "path = \"/books*\"");
    let refused = scene.world.try_admin(Program::Gate, &["reload"]).unwrap();
    let error = String::from_utf8(refused.stderr).unwrap();
    let text = fs::read_to_string(scene.world.configuration(Program::Gate)).unwrap();
    let line = text.lines().position(|line| line.contains("/books*")).unwrap() + 1;
    let said = format!("line {line}: price[2].path: write \"/articles/*\" for one part");
    assert!(error.contains(&said), "{error}");
    wait_for_log(&scene.gate, &format!("line {line}: price[2].path"));
    wait_for_log(&scene.gate, "the one before stays in force");
    assert!(scene.get("/essays/1", &[]).header("www-authenticate").contains("price-micros=\"50000\""));
    let check = scene.world.try_admin(Program::Gate, &["config", "check"]).unwrap();
    assert!(String::from_utf8(check.stderr).unwrap().contains(&said));

    edit(&scene, "path = \"/books*\"", "path = \"/books/*\"");
    edit(&scene, "free = [", "free = [\"/essays/1\", ");
    assert_eq!(scene.world.admin(Program::Gate, &["reload"]).unwrap(), ["changed: free, price"]);
    assert_eq!(scene.get("/essays/1", &[]).status, 200);
    assert!(scene.get("/essays/2", &[]).header("www-authenticate").contains("price-micros=\"60000\""));
    // Whose tokens were on their way meanwhile is told that they were not looked at.
    let tokens = scene.tokens(6);
    let free = scene.pay("/essays/1", &tokens);
    assert_eq!((free.status, free.header("farthing-access"), has_pass(&free)), (200, "free", false));
    assert_eq!(scene.get("/essays/1", &[]).header("farthing-access"), "");
    let paid = scene.pay("/essays/2", &tokens);
    assert_eq!((paid.status, paid.header("farthing-access"), has_pass(&paid)), (200, "", true));
    edit(&scene, "issuer.localhost", "issuer.example");
    let restart = scene.world.try_admin(Program::Gate, &["reload"]).unwrap();
    assert!(
        String::from_utf8(restart.stderr)
            .unwrap()
            .contains("issuer_name cannot change while the service runs")
    );
}
