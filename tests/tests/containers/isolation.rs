use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::stack::{Stack, tell, yaml};

/// A service, the ports that it listens on, and those whom it reaches; nobody else.
struct Service {
    name: &'static str,
    ports: &'static [u16],
    reaches: &'static [&'static str],
}

/// Who shares a network reaches all ports there: the gate the redeemer's metrics too, and the redeemer the gate.
const SERVICES: [Service; 7] = [
    Service { name: "issuer", ports: &[8701, 8711], reaches: &["issuer-redis"] },
    Service { name: "issuer-redis", ports: &[6379], reaches: &["issuer"] },
    Service { name: "redeemer", ports: &[8702, 8712], reaches: &["redeemer-redis", "gate"] },
    Service { name: "redeemer-redis", ports: &[6379], reaches: &["redeemer"] },
    Service { name: "gate", ports: &[8703], reaches: &["redeemer", "site"] },
    Service { name: "site", ports: &[8080], reaches: &["gate"] },
    // Asks both services for their metrics, and is asked by neither.
    Service { name: "prometheus", ports: &[9090], reaches: &["issuer", "redeemer"] },
];
/// Says which of its arguments, HOST/PORT each, take a connection within three seconds. The images have bash and no other
/// client.
const REACH: &str = r#"
for place in "$@"; do
    timeout 3 bash -c "exec 3<>/dev/tcp/$place" 2>/dev/null && echo "$place" &
done
wait
"#;

/// From inside each service: it reaches the others as the table says, by name, and by their addresses in networks that it
/// is in itself; and nothing that is published on this machine, whose address in the containers' networks is their gateway's.
pub fn check(stack: &Stack) {
    let addresses: BTreeMap<_, _> =
        SERVICES.iter().map(|service| (service.name, addresses(stack, service.name, "IPAddress"))).collect();
    for from in &SERVICES {
        let own = &addresses[from.name];
        assert!(!own.is_empty(), "{} has no address", from.name);
        let mut expected = BTreeMap::new();
        for to in SERVICES.iter().filter(|to| to.name != from.name) {
            let may = from.reaches.contains(&to.name);
            let of_networks =
                addresses[to.name].iter().map(|(network, address)| (address, own.contains_key(network)));
            for (host, shared) in of_networks.chain([(&to.name.to_owned(), true)]) {
                expected.extend(to.ports.iter().map(|port| (format!("{host}/{port}"), may && shared)));
            }
        }
        for gateway in self::addresses(stack, from.name, "Gateway").values() {
            expected.extend(stack.ports().map(|port| (format!("{gateway}/{port}"), false)));
        }
        let places: Vec<_> = expected.keys().map(String::as_str).collect();
        let reached = stack.exec(from.name, &[&["bash", "-c", REACH, "reach"], &places[..]].concat());
        let reached: BTreeSet<_> = reached.lines().map(str::trim).collect();
        let expected: BTreeSet<_> =
            expected.iter().filter(|(_, may)| **may).map(|(place, _)| place.as_str()).collect();
        assert_eq!(reached, expected, "from {}, which tried {places:?}", from.name);
        tell(&format!("{} reaches {reached:?}, and nothing else of {} places", from.name, places.len()));
    }
}

/// The addresses of one kind that a service's container has, by network.
fn addresses(stack: &Stack, service: &str, kind: &str) -> BTreeMap<String, String> {
    let inspected = stack.inspect(service);
    let networks = inspected["NetworkSettings"]["Networks"].as_object().unwrap();
    let addresses = networks
        .iter()
        .filter_map(|(name, network)| Some((name.clone(), network[kind].as_str()?.to_owned())));
    addresses.filter(|(_, address)| !address.is_empty()).collect()
}

/// What the containers may do: nothing as root, nothing to their images, and the redeemer nothing to the keyring.
pub fn check_rights(stack: &Stack) {
    for Service { name, .. } in SERVICES {
        let inspected = stack.inspect(name);
        let host = &inspected["HostConfig"];
        assert_eq!(host["ReadonlyRootfs"], json!(true), "{name}");
        assert_eq!(host["CapDrop"], json!(["ALL"]), "{name}");
        assert_eq!(host["SecurityOpt"], json!(["no-new-privileges:true"]), "{name}");
        assert_ne!(stack.exec(name, &["id", "-u"]).trim(), "0", "{name}");
        assert!(!stack.can(name, &["sh", "-c", "echo > /x || echo > /tmp/x"]), "{name}");
        let published = host["PortBindings"].as_object().into_iter().flat_map(|ports| ports.values());
        let bindings = published.flat_map(|bindings| bindings.as_array().unwrap());
        assert!(bindings.into_iter().all(|one| one["HostIp"] == "127.0.0.1"), "{name}");
    }
    let write = ["sh", "-c", "echo > /var/lib/farthing-keys/.x && rm /var/lib/farthing-keys/.x"];
    assert!(stack.can("issuer", &write));
    assert!(!stack.can("redeemer", &write));
    assert!(!stack.can("site", &["sh", "-c", "echo > /srv/site/index.html"]));
    let modes = |service: &str, places: &str| {
        let listed = stack.exec(service, &["bash", "-c", &format!("stat -c '%a %u %g' {places}")]);
        listed.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(modes("redeemer", "/var/lib/farthing-keys{,/*.key}"), ["2750 10001 10010", "640 10001 10010"]);
    assert_eq!(
        modes("gate", "/var/lib/farthing-gate{,/api-key,/secret}"),
        ["700 10003 10003", "600 10003 10003", "600 10003 10003"]
    );
}

#[test]
fn no_network_has_both_services_and_no_port_is_published_beyond_this_machine() {
    let compose = yaml("docker-compose.yml");
    let networks = |name: &str| networks(&compose["services"][name]);
    for one in ["issuer", "issuer-redis", "issuer-store-init", "keys-init"] {
        for other in [
            "redeemer",
            "redeemer-redis",
            "redeemer-store-init",
            "gate",
            "gate-secret",
            "gate-api-key",
            "site",
        ] {
            assert!(networks(one).is_disjoint(&networks(other)), "{one} and {other}");
        }
    }
    for (one, other) in [("gate", "redeemer-redis"), ("site", "redeemer"), ("site", "redeemer-redis")] {
        assert!(networks(one).is_disjoint(&networks(other)), "{one} and {other}");
    }
    for (name, service) in compose["services"].as_object().unwrap() {
        for port in service["ports"].as_array().into_iter().flatten() {
            assert!(port.as_str().unwrap().starts_with("127.0.0.1:"), "{name}: {port}");
        }
        for (key, value) in [("read_only", json!(true)), ("cap_drop", json!(["ALL"]))] {
            assert_eq!(service[key], value, "{name}");
        }
    }
    assert!(compose["services"]["site"]["ports"].is_null(), "the site is reached through the gate alone");
}

/// The networks that docker-compose.yml gives a service.
fn networks(service: &Value) -> BTreeSet<String> {
    match &service["networks"] {
        Value::Object(networks) => networks.keys().cloned().collect(),
        listed => {
            listed.as_array().into_iter().flatten().map(|name| name.as_str().unwrap().to_owned()).collect()
        }
    }
}
