//! The network of the test: one network namespace for each node, each with a cable into one of two bridges, and one
//! cable between the bridges. Links are cut and healed with `ip link`, as one would pull a plug.
//!
//! All of it lies in namespaces of its own, so that nothing is seen outside, parallel runs cannot meet, and the kernel
//! removes everything, processes too, with the first process in it, however that ends.
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

/// Where every node listens.
const PORT: u16 = 7400;

/// Addresses for tests of network equipment, RFC 2544 section C.2.2: one at which a node is known to the others, and
/// one that is always its own.
const KNOWN: [u8; 3] = [198, 18, 0];
const OWN: [u8; 3] = [198, 18, 1];
const HUB: &str = "198.18.2.1/16";

/// Command lines of `unshare` that make namespaces: for the superuser, and for everyone where the system lets them.
const UNSHARE: [&[&str]; 2] = [&[], &["--user", "--map-root-user"]];
const UNSHARE_ALL: [&str; 6] = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];

/// What must work for the network to be laid. `/run` is where `ip netns` keeps its names.
const PROBE: &str = "mount -t tmpfs none /run && ip netns add probe && ip link add name br0 type bridge \
     && ip link add name v0 master br0 type veth peer name eth0 netns probe && ip -n probe link set lo up \
     && ip netns exec probe true";

/// A command that runs its arguments in new namespaces, or why there can be none.
pub fn in_new_namespaces() -> Result<Command, String> {
    let mut why = Vec::new();
    for flags in UNSHARE {
        let command = || {
            let mut command = Command::new("unshare");
            command.args(flags).args(UNSHARE_ALL);
            command
        };
        match command().args(["sh", "-c", PROBE]).output() {
            Ok(output) if output.status.success() => return Ok(command()),
            Ok(output) => why.push(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => why.push(format!("unshare: {error}")),
        }
    }
    Err(why.join("; "))
}

/// The laid network; a node's number in it is the last part of its addresses.
pub struct Wires {
    nodes: Vec<String>,
}

impl Wires {
    /// Lays a cable to each node, all links up. Must run in namespaces of its own.
    pub fn lay(left: &[&str], right: &[&str]) -> Self {
        run("mount", "-t tmpfs none /run");
        for bridge in ["left", "right"] {
            ip(&format!("link add name {bridge} type bridge"));
            ip(&format!("link set {bridge} up"));
        }
        ip("link add name joint-l master left type veth peer name joint-r");
        ip("link set joint-r master right");
        ip("link set joint-l up");
        ip("link set joint-r up");
        ip(&format!("addr add {HUB} dev left"));
        let mut wires = Self { nodes: Vec::new() };
        for (bridge, nodes) in [("left", left), ("right", right)] {
            for node in nodes {
                wires.nodes.push((*node).to_owned());
                let [own, known] = [wires.own(node), wires.known(node)].map(|address| address.ip());
                ip(&format!("netns add {node}"));
                ip(&format!("link add name to-{node} master {bridge} type veth peer name eth0 netns {node}"));
                ip(&format!("link set to-{node} up"));
                ip(&format!("-n {node} link set lo up"));
                ip(&format!("-n {node} link set eth0 up"));
                ip(&format!("-n {node} addr add {own}/16 dev eth0"));
                ip(&format!("-n {node} addr add {known}/32 dev eth0"));
            }
        }
        wires
    }

    fn address(&self, network: [u8; 3], node: &str) -> SocketAddr {
        let number = self.nodes.iter().position(|name| name == node).expect("a node of this network");
        let [a, b, c] = network;
        let host = u8::try_from(number + 1).expect("few nodes");
        SocketAddr::from((Ipv4Addr::new(a, b, c, host), PORT))
    }

    /// Where other nodes look for a node.
    pub fn known(&self, node: &str) -> SocketAddr {
        self.address(KNOWN, node)
    }

    /// Where a node is, whoever stands before it.
    pub fn own(&self, node: &str) -> SocketAddr {
        self.address(OWN, node)
    }

    /// A command that runs its arguments at a node.
    pub fn at(node: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", node]);
        command
    }

    /// Pulls the plug of one node, or puts it back.
    pub fn link(node: &str, is_up: bool) {
        ip(&format!("link set to-{node} {}", if is_up { "up" } else { "down" }));
    }

    /// Cuts the cable between the bridges, or mends it. No node sees a link go down.
    pub fn joint(is_up: bool) {
        ip(&format!("link set joint-l {}", if is_up { "up" } else { "down" }));
    }

    /// Takes every address at which a node is known away from it and to this side, where someone may stand between.
    pub fn divert(&self) {
        for node in &self.nodes {
            let known = self.known(node).ip();
            ip(&format!("-n {node} addr del {known}/32 dev eth0"));
            ip(&format!("addr add {known}/32 dev left"));
        }
        for node in &self.nodes {
            ip(&format!("-n {node} neigh flush dev eth0"));
        }
    }
}

fn ip(arguments: &str) {
    run("ip", arguments);
}

fn run(program: &str, arguments: &str) {
    let output = Command::new(program).args(arguments.split(' ')).output().expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments}: {said}");
}
