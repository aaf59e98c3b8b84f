//! Founds the demonstration federation: keys, statements and configuration of six nodes, in one folder.
//!
//! In real life trustees, organisations and officers make their keys at different places. Here one process plays all
//! of them, so nothing it makes is fit for use.
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::config::document::Document;
use crate::config::federation::FederationFile;
use crate::config::folder::{FederationFolder, NodeFolder};
use crate::config::node::{HostPort, KnownPeer, Limits, PinnedRoot, RunFile, to_toml};
use crate::config::web::{Imprint, WebFile};
use crate::domain::envelope;
use crate::domain::facts::EntityFacts;
use crate::domain::id::{Hash, NodeId, OfficerName, OrgId, StatementId, sha256};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::SecretKey;
use crate::domain::statement::{Kind, Signed};
use crate::domain::time::Date;
use crate::domain::trust::WitnessPolicy;
use crate::node::ports::Clock as _;
use crate::node::sealing::RecoverySecret;
use crate::node::system::SystemClock;
use crate::node::tls::Identity;
use crate::node::{keys, system};
use crate::protocol::founding::{Founding, NodePlan, OfficerPlan, OrgPlan, Plan, found};

/// What stands at the top of every page of the demonstration.
const NOTICE: &str = "Vorführung: keine amtliche Website. Preise und Bestellungen sind erfunden.";
const NOTICE_EN: &str = "Demonstration: no official website. Prices and orders are invented.";

/// A founded federation on disk.
pub struct World {
    /// The folder that holds everything.
    pub folder: PathBuf,
    /// The federation's root hash.
    pub anchor: StatementId,
    /// The rule pack.
    pub rule_pack: StatementId,
    /// Address and TLS pin per node.
    pub nodes: BTreeMap<NodeId, (SocketAddr, Hash)>,
    /// Where the page of each node is.
    pub pages: BTreeMap<NodeId, SocketAddr>,
    /// The home node of every organisation.
    pub homes: BTreeMap<OrgId, NodeId>,
    /// The officers' keys.
    pub officers: BTreeMap<(OrgId, OfficerName), SecretKey>,
}

impl World {
    /// The `run.toml` of a node.
    pub fn run_file(&self, node: &NodeId) -> PathBuf {
        self.folder.join("nodes").join(node.as_str()).join("run.toml")
    }

    /// Has nodes serve their pages there.
    pub fn open_pages(&mut self, pages: BTreeMap<NodeId, SocketAddr>) -> Result<(), Refusal> {
        for (node, listen) in &pages {
            let path = self.run_file(node);
            let mut run: RunFile = Document::open(&path)?.read()?;
            let (notice, notice_en) = (Some(NOTICE.to_owned()), Some(NOTICE_EN.to_owned()));
            let imprint = Imprint { notice, notice_en, ..Imprint::default() };
            let grant_requests = Some(self.requests(node));
            run.web = Some(WebFile { listen: *listen, certificate: None, key: None, grant_requests, imprint });
            write(&path, &to_toml(&run)?)?;
        }
        self.pages = pages;
        Ok(())
    }

    /// The recovery key of a node, which lies with the root keys and not in the node's folder.
    pub fn recovery_file(&self, node: &NodeId) -> PathBuf {
        self.folder.join("roots").join(format!("{node}-recovery.pem"))
    }

    /// Where a node's page lays down what officers ask their organisations for.
    pub fn requests(&self, node: &NodeId) -> PathBuf {
        self.folder.join("nodes").join(node.as_str()).join("requests")
    }

    /// A root key of an organisation, counted from 1.
    pub fn root_file(&self, org: &OrgId, number: usize) -> PathBuf {
        self.folder.join("roots").join(format!("{org}-{number}.pem"))
    }

    /// An officer's key file.
    pub fn officer_file(&self, org: &OrgId, officer: &OfficerName) -> PathBuf {
        self.folder.join("officers").join(format!("{org}-{officer}.pem"))
    }
}

/// Makes keys: at random, or from a seed, which is unsafe and says so.
struct KeyMaker {
    seed: Option<u64>,
}

impl KeyMaker {
    fn bytes(&self, label: &str) -> [u8; 32] {
        match self.seed {
            Some(seed) => sha256(format!("verbund/demo/unsafe/{seed}/{label}").as_bytes()),
            None => {
                let mut bytes = [0; 32];
                system::fill(&mut bytes);
                bytes
            }
        }
    }
}

/// Founds the federation described in `nodes/` below `folder`. Every node gets the address under which the others
/// reach it; its node record names it.
pub fn found_world(
    folder: &Path,
    described: &FederationFolder,
    addresses: &BTreeMap<NodeId, SocketAddr>,
    seed: Option<u64>,
) -> Result<World, Refusal> {
    let maker = KeyMaker { seed };
    let mut identities = BTreeMap::new();
    for node in &described.nodes {
        let name = &node.profile.node;
        let tls_seed = seed.map(|_| maker.bytes(&format!("tls/{name}")));
        identities.insert(name.clone(), Identity::make(&[name.to_string()], tls_seed)?);
    }
    let mut world = World {
        folder: folder.to_owned(),
        anchor: StatementId([0; 32]),
        rule_pack: StatementId([0; 32]),
        nodes: BTreeMap::new(),
        pages: BTreeMap::new(),
        homes: BTreeMap::new(),
        officers: BTreeMap::new(),
    };
    for (name, identity) in &identities {
        let address = addresses.get(name).ok_or_else(|| Refusal::new(Reason::Bug).with("node", name))?;
        world.nodes.insert(name.clone(), (*address, identity.pin()?));
    }
    let plan = plan(&described.federation, &described.nodes, &world);
    let founding = found(plan, &mut |label| SecretKey::from_seed(&maker.bytes(label)));
    world.anchor = founding.anchor;
    world.rule_pack = founding.rule_pack;
    keys::make_folder(&folder.join("roots"))?;
    for node in &described.nodes {
        let recovery = RecoverySecret::from_seed(&maker.bytes(&format!("recovery/{}", node.profile.node)))?;
        keys::write_private(&world.recovery_file(&node.profile.node), recovery.to_pem().as_bytes())?;
        write_node(&world, node, &founding, &identities, &recovery)?;
        world.homes.extend(node.profile.hosts.iter().map(|org| (org.clone(), node.profile.node.clone())));
    }
    write(&folder.join("root.txt"), &format!("sha256:{}\n", world.anchor))?;
    keys::make_folder(&folder.join("officers"))?;
    for ((org, officer), key) in &founding.officers {
        keys::write(&world.officer_file(org, officer), key)?;
    }
    for (org, roots) in &founding.roots {
        for (number, key) in (1..).zip(roots) {
            keys::write(&world.root_file(org, number), key)?;
        }
    }
    keys::make_folder(&folder.join("trustees"))?;
    for (name, key) in described.federation.trustees.iter().zip(&founding.trustees) {
        keys::write(&folder.join("trustees").join(format!("{name}.pem")), key)?;
    }
    write_profiles(&world, &founding)?;
    world.officers = founding.officers;
    Ok(world)
}

fn plan(federation: &FederationFile, nodes: &[NodeFolder], world: &World) -> Plan {
    Plan {
        federation: federation.name.clone(),
        trustees: federation.trustees.iter().map(ToString::to_string).collect(),
        threshold: federation.threshold,
        witnesses: WitnessPolicy {
            nodes: federation.witnesses.nodes.clone(),
            quorum: u32::try_from(federation.witnesses.quorum).unwrap_or(u32::MAX),
        },
        rule_packs: federation.rule_packs.clone(),
        nodes: nodes
            .iter()
            .filter_map(|node| world.nodes.get(&node.profile.node).map(|at| (node, at)))
            .map(|(node, (address, pin))| NodePlan {
                node: node.profile.node.clone(),
                operator: node.profile.operator.clone(),
                addresses: vec![address.to_string()],
                tls_sha256: *pin,
                orgs: org_plans(node),
            })
            .collect(),
    }
}

fn org_plans(node: &NodeFolder) -> Vec<OrgPlan> {
    let officers_of = |org: &OrgId| {
        let own = node.organisations.officers.iter().filter(|officer| officer.org == *org);
        own.map(|officer| OfficerPlan {
            name: officer.name.clone(),
            device: officer.device.clone(),
            roles: officer.roles.iter().copied().collect(),
            limit: officer.limit_cents,
            limit_per_year: officer.limit_per_year_cents,
            valid_from: officer.valid_from,
            valid_to: officer.valid_to,
        })
        .collect()
    };
    let orgs = node.organisations.organisations.iter();
    orgs.map(|org| OrgPlan {
        id: org.id.clone(),
        name: org.name.clone(),
        legal_form: org.legal_form.clone(),
        area: org.ars.clone(),
        inhabitants: org.inhabitants.map(|inhabitants| inhabitants.count),
        portal: org.portal.clone(),
        source: org.source.clone(),
        officers: officers_of(&org.id),
    })
    .collect()
}

/// The facts of the organisations hosted on a node, signed by the bodies that can know them.
fn facts(node: &NodeFolder, statements: &BTreeMap<OrgId, Vec<SecretKey>>, today: Date) -> Vec<Signed> {
    let file = &node.organisations;
    let mut signed = Vec::new();
    for fact in &file.memberships {
        signed.extend(
            statements
                .get(&fact.of)
                .and_then(|keys| keys.first())
                .map(|key| Signed::sign(&Kind::Membership, fact, &[key])),
        );
    }
    for fact in &file.entities {
        let fact = carried_forward(fact, today);
        signed.extend(
            statements
                .get(&fact.org)
                .and_then(|keys| keys.first())
                .map(|key| Signed::sign(&Kind::EntityFacts, &fact, &[key])),
        );
    }
    for report in &file.connection_reports {
        let key = statements.get(&report.municipality).and_then(|keys| keys.first());
        signed.extend(key.map(|key| Signed::sign(&Kind::ConnectionReport, report, &[key])));
    }
    for profile in &file.connection_profiles {
        let key = statements.get(&profile.municipality).and_then(|keys| keys.first());
        signed.extend(key.map(|key| Signed::sign(&Kind::ConnectionProfile, profile, &[key])));
    }
    signed
}

/// Section 108 (7) GWB asks for the three years before the award, so an organisation states its figures anew each
/// year. For the assumed ones without an end the demonstration does so: the same share, of the three years before today.
fn carried_forward(fact: &EntityFacts, today: Date) -> EntityFacts {
    let mut fact = fact.clone();
    let behind = fact.activity_years.last().map_or(0, |last| (today.year() - 1).saturating_sub(*last));
    if fact.assumed && fact.valid_to.is_none() && behind > 0 {
        fact.activity_years.iter_mut().for_each(|year| *year = year.saturating_add(behind));
    }
    fact
}

fn write_node(
    world: &World,
    node: &NodeFolder,
    founding: &Founding,
    identities: &BTreeMap<NodeId, Identity>,
    recovery: &RecoverySecret,
) -> Result<(), Refusal> {
    let name = &node.profile.node;
    let missing = || Refusal::new(Reason::Bug).with("node", name);
    let founded = founding.nodes.get(name).ok_or_else(missing)?;
    let identity = identities.get(name).ok_or_else(missing)?;
    let (listen, _) = world.nodes.get(name).ok_or_else(missing)?;
    let folder = world.folder.join("nodes").join(name.as_str());
    let (key_folder, genesis) = (folder.join("keys"), folder.join("genesis"));
    keys::make_folder(&key_folder)?;
    make(&genesis)?;
    keys::write_node(&key_folder, &founded.keys, None)?;
    keys::write_private(&key_folder.join(crate::node::tls::KEY_FILE), identity.key_pem.as_bytes())?;
    write(&key_folder.join(crate::node::tls::CERTIFICATE_FILE), &identity.certificate_pem)?;
    write(&folder.join(crate::node::tls::CERTIFICATE_FILE), &identity.certificate_pem)?;
    let facts = facts(node, &founded.keys.statements, SystemClock.now().date());
    for (number, signed) in founded.genesis.iter().chain(&facts).enumerate() {
        let file = genesis.join(format!("{number:04}-{}.dsse.json", signed.kind()));
        write(&file, &envelope::write(signed))?;
    }
    let profile =
        toml::to_string_pretty(&node.profile).map_err(|error| Refusal::new(Reason::Bug).with("problem", error))?;
    write(&folder.join("node.toml"), &profile)?;
    let peers = world.nodes.iter().filter(|(peer, _)| *peer != name);
    let peers: Result<Vec<KnownPeer>, Refusal> = peers
        .map(|(peer, (address, pin))| {
            let address = HostPort::try_from(address.to_string())
                .map_err(|problem| Refusal::new(Reason::Bug).with("problem", problem))?;
            Ok(KnownPeer { node: peer.clone(), address, tls_sha256: *pin })
        })
        .collect();
    let run = RunFile {
        listen: *listen,
        data: "data".into(),
        keys: "keys".into(),
        passphrase_file: None,
        genesis: "genesis".into(),
        epoch: 1,
        profile: "node.toml".into(),
        federation: founded.origin.federation.clone(),
        federation_root: PinnedRoot(founding.anchor),
        recovery_key: Some(recovery.public().to_string()),
        metrics: None,
        services: None,
        peers: peers?,
        limits: Limits::default(),
        web: None,
    };
    write(&folder.join("run.toml"), &to_toml(&run)?)
}

/// One profile per officer, and `client.toml` for the one the story is about.
fn write_profiles(world: &World, founding: &Founding) -> Result<(), Refusal> {
    let clients = world.folder.join("clients");
    make(&clients)?;
    for (org, officer) in founding.officers.keys() {
        let profile = profile(world, org, officer, "../")?;
        write(&clients.join(format!("{org}-{officer}.toml")), &profile)?;
        if org.as_str() == "barleben" && officer.as_str() == "einkauf" {
            write(&world.folder.join("client.toml"), &self::profile(world, org, officer, "")?)?;
        }
    }
    Ok(())
}

fn profile(world: &World, org: &OrgId, officer: &OfficerName, up: &str) -> Result<String, Refusal> {
    let missing = || Refusal::new(Reason::Bug).with("org", org);
    let node = world.homes.get(org).ok_or_else(missing)?;
    let (address, _) = world.nodes.get(node).ok_or_else(missing)?;
    Ok(format!(
        "# How the command line reaches a node and as whom; paths are relative to this file.\n\
         node = \"{node}\"\naddress = \"{address}\"\ntls = \"{up}nodes/{node}/tls.pem\"\n\
         federation_root = \"sha256:{}\"\norg = \"{org}\"\nofficer = \"{officer}\"\n\
         key = \"{up}officers/{org}-{officer}.pem\"\n",
        world.anchor
    ))
}

fn make(folder: &Path) -> Result<(), Refusal> {
    fs::create_dir_all(folder)
        .map_err(|error| Refusal::new(Reason::FileUnwritable).with("file", folder.display()).with("problem", error))
}

/// Writes a file that is not secret.
pub fn write(path: &Path, text: &str) -> Result<(), Refusal> {
    fs::write(path, text)
        .map_err(|error| Refusal::new(Reason::FileUnwritable).with("file", path.display()).with("problem", error))
}
