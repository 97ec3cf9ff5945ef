use serde_json::json;

use crate::stack::{Stack, tell};

/// A service with the ports that it listens on.
type Target = (&'static str, &'static [u16]);

const ISSUER: [Target; 2] = [("issuer", &[8701, 8711]), ("issuer-redis", &[6379])];
const REDEEMER: [Target; 2] = [("redeemer", &[8702, 8712]), ("redeemer-redis", &[6379])];
/// Asks both services for their metrics, and is asked by neither.
const PROMETHEUS: Target = ("prometheus", &[9090]);

/// From inside each service: it reaches its own side, by name and by address, and nothing of the other's, nor
/// Prometheus, which sees both, nor what is published on this machine, whose address in the container's networks is their gateway's.
pub fn check(stack: &Stack) {
    for (from, own, other) in [("issuer", ISSUER, REDEEMER), ("redeemer", REDEEMER, ISSUER)] {
        for (targets, expected) in [(&own[..], true), (&other, false), (&[PROMETHEUS], false)] {
            for target in targets {
                expect_of(stack, from, *target, expected);
            }
        }
        for gateway in addresses(stack, from, "Gateway") {
            for port in stack.ports() {
                expect(stack, from, "this machine", &gateway, port, false);
            }
        }
    }
    for target in [ISSUER[1], REDEEMER[1]] {
        expect_of(stack, PROMETHEUS.0, target, false);
    }
}

/// At its name and at each of its addresses.
fn expect_of(stack: &Stack, from: &str, (target, ports): Target, expected: bool) {
    let addresses = addresses(stack, target, "IPAddress");
    assert!(!addresses.is_empty(), "{target} has no address");
    for host in std::iter::once(target).chain(addresses.iter().map(String::as_str)) {
        for port in ports {
            expect(stack, from, target, host, *port, expected);
        }
    }
}

fn expect(stack: &Stack, from: &str, target: &str, host: &str, port: u16, expected: bool) {
    let found = reaches(stack, from, host, port);
    let verdict = if found { "reached" } else { "not reached" };
    tell(&format!("from {from}: {target} at {host}:{port}: {verdict}"));
    assert_eq!(found, expected, "{from} to {target} at {host}:{port}");
}

/// The addresses of one kind that a service's container has in its networks.
fn addresses(stack: &Stack, service: &str, kind: &str) -> Vec<String> {
    let inspected = stack.inspect(service);
    let networks = inspected["NetworkSettings"]["Networks"].as_object().unwrap();
    let addresses = networks.values().filter_map(|network| network[kind].as_str().map(str::to_owned));
    addresses.filter(|address| !address.is_empty()).collect()
}

/// Whether a connection opens within three seconds. The images have bash and no other client.
fn reaches(stack: &Stack, from: &str, host: &str, port: u16) -> bool {
    let connect = format!("exec 3<>/dev/tcp/{host}/{port}");
    stack.can(from, &["timeout", "3", "bash", "-c", &connect])
}

/// What the containers may do: nothing as root, nothing to their images, and the redeemer nothing to the keyring.
pub fn check_rights(stack: &Stack) {
    for (service, _) in ISSUER.into_iter().chain(REDEEMER).chain([PROMETHEUS]) {
        let inspected = stack.inspect(service);
        let host = &inspected["HostConfig"];
        assert_eq!(host["ReadonlyRootfs"], json!(true), "{service}");
        assert_eq!(host["CapDrop"], json!(["ALL"]), "{service}");
        assert_eq!(host["SecurityOpt"], json!(["no-new-privileges:true"]), "{service}");
        assert_ne!(stack.exec(service, &["id", "-u"]).trim(), "0", "{service}");
        assert!(!stack.can(service, &["sh", "-c", "echo > /x || echo > /tmp/x"]), "{service}");
        let published = host["PortBindings"].as_object().into_iter().flat_map(|ports| ports.values());
        let bindings = published.flat_map(|bindings| bindings.as_array().unwrap());
        assert!(bindings.into_iter().all(|one| one["HostIp"] == "127.0.0.1"), "{service}");
    }
    let write = ["sh", "-c", "echo > /var/lib/farthing-keys/.x && rm /var/lib/farthing-keys/.x"];
    assert!(stack.can("issuer", &write));
    assert!(!stack.can("redeemer", &write));
    let modes = "stat -c '%a %u %g' /var/lib/farthing-keys{,/*.key}";
    let modes = stack.exec("redeemer", &["bash", "-c", modes]);
    assert_eq!(modes.lines().collect::<Vec<_>>(), ["2750 10001 10010", "640 10001 10010"]);
}
