//! Servers and Sentinels that want a password: each gets its own, and a wrong one is refused without being shown.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use farthing_tests::programs::Program;
use farthing_tests::redis_servers::{Node, RedisServers, Topology};
use farthing_tests::{StoreTables, World};

use crate::{BINARY, alone};

fn demand(nodes: &[Node], password: &str) {
    for node in nodes {
        let password = format!(">{password}");
        node.ask::<()>(&["ACL", "SETUSER", "farthing", "on", &password, "~*", "&*", "+@all"]).unwrap();
    }
}

fn passwords_are_shown_to_whom_they_belong(topology: Topology, keys: &str) {
    let _alone = alone();
    let servers = RedisServers::start(topology).unwrap();
    demand(&servers.servers, "of-servers");
    demand(&servers.sentinels, "of-sentinels");
    let redeemer = servers.table(None).replace("redis://", "redis://farthing@");
    let redeemer = redeemer.replace(" }", &format!(", {keys} }}"));
    let issuer = "{ kind = \"embedded\", path = \"data/issuer.db\" }".to_owned();
    let world = World::unprepared_on(BINARY, StoreTables { issuer, redeemer }).unwrap();
    let write = |name: &str, password: &str| {
        fs::write(world.path(name), password).unwrap();
        fs::set_permissions(world.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    };
    write("servers-password", "of-servers");
    write("sentinels-password", "of-sentinels");
    let wrong: &[&str] = if servers.sentinels.is_empty() {
        &["servers-password"]
    } else {
        &["servers-password", "sentinels-password"]
    };
    for name in wrong {
        let right = fs::read_to_string(world.path(name)).unwrap();
        write(name, "hunter2");
        let refused = world.try_admin(Program::Redeemer, &["store", "init"]).unwrap();
        let line = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && line.contains("cannot be used"), "{name}: {line}");
        assert!(!line.contains("hunter2") && line.trim().lines().count() == 1, "{name}: {line}");
        write(name, &right);
    }
    let world = world.prepared().unwrap();
    world.serve(Program::Redeemer).unwrap().stop().unwrap();
}

#[test]
fn passwords_are_shown_to_whom_they_belong_under_sentinels() {
    passwords_are_shown_to_whom_they_belong(
        Topology::Sentinel,
        "user = \"farthing\", password = \"file:servers-password\", sentinel_password = \"file:sentinels-password\"",
    );
}

#[test]
fn passwords_are_shown_to_whom_they_belong_in_a_cluster() {
    passwords_are_shown_to_whom_they_belong(Topology::Cluster, "password = \"file:servers-password\"");
}
