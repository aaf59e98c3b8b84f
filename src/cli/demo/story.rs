//! The story: publish, replicate, find, judge the routes, order, seal, lose a node and catch up, audit.
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::audit::bundle::Bundle;
use crate::audit::report::Ruling;
use crate::cli::chain::verdict_of;
use crate::cli::client::{ActingOfficer, Client};
use crate::cli::demo::fleet::{Fleet, log, rss_bytes};
use crate::cli::demo::found::{World, write};
use crate::cli::demo::granting;
use crate::cli::grounds::{ForRecord, gather};
use crate::cli::offering::euros;
use crate::cli::options::PriceNeeds;
use crate::cli::order::acts::sign_request;
use crate::cli::order::show::is_over;
use crate::cli::order::wish::{Wish, considered};
use crate::cli::output::Output;
use crate::config::folder::FederationFolder;
use crate::domain::id::{NodeId, OfficerName, OrderId, OrgId};
use crate::domain::law::{Award, Verdict};
use crate::domain::money::Cents;
use crate::domain::order::{AutoSeal, Mode};
use crate::domain::price::Quantities;
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::route::Route;
use crate::domain::signing::SecretKey;
use crate::domain::statement::{Kind, Signed};
use crate::domain::time::{Date, Timestamp, parse_date};
use crate::node::ports::Clock as _;
use crate::node::system::SystemClock;
use crate::node::tls;
use crate::usage::refusal::error_text;
use crate::wire::pb::catalogue::v1::PreviewPriceRequest;
use crate::wire::pb::order::v1::{Order, Stage};

/// Longest time any single wait of the story may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a condition is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Deadline of a single call.
const CALL: Duration = Duration::from_secs(10);

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

const MAIN_CHAIN: [&str; 6] = ["barleben", "kitu", "kid", "provitako", "govdigital", "dataport"];
/// Since July 2026 in one leg less: joint control is exercised through KID, which Magdeburg owns.
const SHORTER: [&str; 4] = ["magdeburg", "provitako", "govdigital", "dataport"];
const REVERSE_CHAIN: [&str; 6] = ["feldafing", "akdb", "govdigital", "provitako", "kid", "kitu"];

/// The demonstration under way.
pub struct Story {
    world: World,
    described: FederationFolder,
    out: Output,
    /// The node processes.
    pub fleet: Fleet,
    began: Timestamp,
    steps: Vec<(String, bool, i64)>,
    order: Option<(OrderId, usize, i64, i64)>,
    bundle: Option<(PathBuf, usize)>,
    nodes: Vec<Value>,
}

impl Story {
    /// A story that has not begun.
    pub fn new(world: World, described: FederationFolder, out: Output, fleet: Fleet, began: Timestamp) -> Self {
        let (steps, nodes) = (Vec::new(), Vec::new());
        Self { world, described, out, fleet, began, steps, order: None, bundle: None, nodes }
    }

    /// Plays all steps; ends at the first that fails.
    pub async fn play(&mut self) -> Result<(), Refusal> {
        let out = self.out;
        out.talk(out.say(
            "Verbund, Vorführung. Wirkliche Knoten, Schlüssel und Unterschriften; Preise, Ämter und Aufträge sind erfunden.",
            "Verbund, demonstration. Real nodes, keys and signatures; prices, offices and orders are invented.",
        ));
        let started = self.begin();
        self.start_nodes().await?;
        self.end("start", started, out.say("Sechs Knoten gestartet", "Six nodes started"), "");
        let started = self.begin();
        let published = self.publish_offerings().await?;
        self.end(
            "publish",
            started,
            out.say("Angebote unterschrieben und veröffentlicht", "Offerings signed and published"),
            &published.to_string(),
        );
        let started = self.begin();
        let digest = self.replicated().await?;
        self.end(
            "replicate",
            started,
            out.say("Katalog auf allen Knoten gleich", "Catalogue equal on all nodes"),
            &digest[..12],
        );
        let started = self.begin();
        let found = self.find().await?;
        self.end(
            "find",
            started,
            out.say("Barleben sucht Wohngeld und findet", "Barleben searches for Wohngeld and finds"),
            &found,
        );
        let started = self.begin();
        let routes = self.judge_routes().await?;
        self.end(
            "routes",
            started,
            out.say("Wege nach § 108 GWB beurteilt", "Routes judged under section 108 GWB"),
            &routes,
        );
        for line in self.packs_told() {
            out.talk(&format!("        {line}"));
        }
        self.play_orders().await?;
        self.play_outage().await?;
        self.play_audit().await?;
        self.nodes = self.node_values().await?;
        Ok(())
    }

    async fn play_orders(&mut self) -> Result<(), Refusal> {
        let out = self.out;
        let started = self.begin();
        let (id, order, sealed_ms) = self.order_along(&MAIN_CHAIN, "dataport/wohngeld", "demo-1").await?;
        self.order = Some((id, order.route.len() - 1, sealed_ms, order.total_cents));
        let told = format!("{} {}, {sealed_ms} ms", order.route.len() - 1, out.say("Verträge", "contracts"));
        self.end(
            "order",
            started,
            out.say("Barleben bestellt bei Dataport, abgeschlossen", "Barleben orders from Dataport, sealed"),
            &told,
        );
        for part in &order.price {
            out.talk(&format!("        {:<12} {:>16}", part.org, euros(part.amount_cents)));
        }
        out.talk(&format!("        {:<12} {:>16}", out.say("Summe", "total"), euros(order.total_cents)));
        let started = self.begin();
        let (_, order, sealed_ms) = self.order_along(&REVERSE_CHAIN, "kitu/geburtsurkunde", "demo-2").await?;
        let told = format!("{}, {sealed_ms} ms", euros(order.total_cents));
        self.end(
            "order-reverse",
            started,
            out.say(
                "Feldafing (Bayern) bestellt bei KITU, abgeschlossen",
                "Feldafing (Bavaria) orders from KITU, sealed",
            ),
            &told,
        );
        let started = self.begin();
        let told = self.order_beside_contested().await?;
        self.end(
            "order-uncontested",
            started,
            out.say(
                "Magdeburg bestellt bei Dataport auf dem unbestrittenen Weg",
                "Magdeburg orders from Dataport by the uncontested route",
            ),
            &told,
        );
        let started = self.begin();
        let why = self.refused_order().await?;
        self.end(
            "order-refused",
            started,
            out.say(
                "Dieselbe Bestellung, beurteilt am 15.06.2021: abgelehnt",
                "The same order, judged on 2021-06-15: refused",
            ),
            "",
        );
        out.talk(&format!("        {why}"));
        Ok(())
    }

    async fn play_outage(&mut self) -> Result<(), Refusal> {
        let out = self.out;
        let lost: NodeId = "provitako".parse()?;
        let started = self.begin();
        self.fleet.kill(&lost).await;
        let (id, _) = self.submit(&MAIN_CHAIN, "dataport/elterngeld", "demo-3", None).await?;
        self.wait_for_turn(id, &lost).await?;
        self.end(
            "outage",
            started,
            out.say(
                "ProVitako fällt aus; eine neue Bestellung wartet dort",
                "ProVitako is lost; a new order waits there",
            ),
            "",
        );
        let started = self.begin();
        self.fleet.start(&self.world, &lost).await?;
        self.wait_for_seal(id).await?;
        let digest = self.replicated().await?;
        self.end(
            "catch-up",
            started,
            out.say("ProVitako ist zurück, nachgeholt und abgeschlossen", "ProVitako is back, caught up and sealed"),
            &digest[..12],
        );
        Ok(())
    }

    async fn play_audit(&mut self) -> Result<(), Refusal> {
        let out = self.out;
        let started = self.begin();
        let (checks, bytes) = self.audit().await?;
        let told = format!("{checks} {}, {bytes} Byte", out.say("Prüfungen", "checks"));
        self.end(
            "audit",
            started,
            out.say("Prüfpaket ohne Netz geprüft: gültig", "Bundle verified offline: valid"),
            &told,
        );
        let started = self.begin();
        let code = self.tampered()?;
        self.end(
            "audit-forged",
            started,
            out.say("Gegenprobe, ein Byte geändert: erkannt", "Counter-check, one byte changed: detected"),
            &code,
        );
        Ok(())
    }

    fn begin(&self) -> Timestamp {
        SystemClock.now()
    }

    fn end(&mut self, name: &str, started: Timestamp, text: &str, told: &str) {
        let ms = SystemClock.now().since_ms(started);
        self.steps.push((name.to_owned(), true, ms));
        let dots = ".".repeat(62_usize.saturating_sub(text.chars().count()));
        self.out.talk(&format!("[{:>2}] {text} {dots} {told}  {ms} ms", self.steps.len()));
    }

    // --- the steps ---

    async fn start_nodes(&mut self) -> Result<(), Refusal> {
        let names: Vec<NodeId> = self.world.nodes.keys().cloned().collect();
        for node in &names {
            self.fleet.start(&self.world, node).await?;
        }
        self.replicated().await.map(|_| ())
    }

    /// Every offering, signed by its seller's publisher and handed to the seller's node.
    async fn publish_offerings(&mut self) -> Result<usize, Refusal> {
        let mut count = 0;
        for node in self.described.nodes.clone() {
            for offering in &node.offerings {
                let officer = self.officer_of(&offering.seller, "vertrieb")?;
                let signed = Signed::sign(&Kind::Offering, offering, &[&officer.key]);
                self.client(&node.profile.node, None)?.publish(&signed).await?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Waits until all nodes hold the same logs and show the same catalogue.
    async fn replicated(&self) -> Result<String, Refusal> {
        let mut last = Vec::new();
        for _ in 0..tries() {
            last.clear();
            for node in self.world.nodes.keys() {
                let status = self.client(node, None)?.status().await?;
                let digest = |name: &str| status[name].as_str().unwrap_or_default().to_owned();
                last.push((digest("heads_digest"), digest("catalogue_digest")));
            }
            if last.len() == self.world.nodes.len() && last.iter().all(|digests| *digests == last[0]) {
                return Ok(last[0].1.clone());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Err(failed("the nodes did not reach the same state").with("digests", format!("{last:?}")))
    }

    async fn find(&self) -> Result<String, Refusal> {
        let barleben: OrgId = "barleben".parse()?;
        let found = self.client_of(&barleben)?.search("Wohngeld", Some(&barleben)).await?;
        let offered = found.results.iter().filter_map(|result| result.entry.as_ref()?.offering.as_ref());
        let names: Vec<String> = offered.map(|offering| format!("{}/{}", offering.seller, offering.name)).collect();
        if names.iter().any(|name| name == "dataport/wohngeld") {
            Ok(names.join(", "))
        } else {
            Err(failed("Wohngeld was not found").with("found", names.join(", ")))
        }
    }

    async fn judge_routes(&self) -> Result<String, Refusal> {
        let barleben: OrgId = "barleben".parse()?;
        let found = self
            .client_of(&barleben)?
            .routes(&barleben, "dataport/wohngeld", PriceNeeds::default(), (None, None))
            .await?;
        let orderable = found.routes.iter().filter(|route| route.orderable).count();
        let main = found.routes.iter().find(|route| route.parties == MAIN_CHAIN);
        match main {
            Some(route) if route.orderable => Ok(format!(
                "{} {}, {orderable} {}",
                found.routes.len(),
                self.out.say("Wege", "routes"),
                self.out.say("bestellbar", "orderable")
            )),
            _ => Err(failed("the chain of the story is not among the orderable routes")),
        }
    }

    async fn order_along(
        &self,
        chain: &[&str],
        offering: &str,
        request_id: &str,
    ) -> Result<(OrderId, Order, i64), Refusal> {
        let previewed = self.preview(chain, offering).await?;
        let (id, started) = self.submit(chain, offering, request_id, None).await?;
        let order = self.wait_for_seal_of(chain[0], id).await?;
        if previewed != order.total_cents {
            return Err(failed("the order does not carry the price previewed").with("previewed", previewed));
        }
        Ok((id, order, SystemClock.now().since_ms(started)))
    }

    /// What the order will cost, asked before anyone orders.
    async fn preview(&self, chain: &[&str], offering: &str) -> Result<i64, Refusal> {
        let route = chain.iter().map(|&party| party.to_owned()).collect();
        let wanted = PreviewPriceRequest { route, ..PreviewPriceRequest::default() };
        let found = self.client_of(&chain[0].parse()?)?.price(offering, wanted).await?;
        if found.complete { Ok(found.total_cents) } else { Err(failed("a hop has not published what it charges")) }
    }

    /// Submits an order along a chain; the buyer's officer gives leave to seal at once.
    async fn submit(
        &self,
        chain: &[&str],
        offering: &str,
        request_id: &str,
        as_of: Option<Date>,
    ) -> Result<(OrderId, Timestamp), Refusal> {
        let parties: Result<Vec<OrgId>, Refusal> = chain.iter().map(|name| name.parse()).collect();
        let route = Route::new(parties?)?;
        let buyer = route.buyer().clone();
        let mut client = self.client_of(&buyer)?;
        let found = client.get_offering(offering).await?;
        let entry = found.entry.ok_or_else(|| failed("offering missing"))?;
        let term_years = entry.offering.as_ref().map_or(1, |offering| offering.term_years_min);
        let considered = considered(&client.routes(&buyer, offering, PriceNeeds::default(), (as_of, None)).await?)?;
        let (grounds, words) =
            gather(&mut client, &buyer, offering, (PriceNeeds::default(), as_of), ForRecord::default()).await?;
        let now = SystemClock.now();
        let wish = Wish {
            request_id: request_id.to_owned(),
            attempt: 1,
            mode: Mode::Binding,
            route,
            offering: entry.id.parse()?,
            rule_pack: self.world.rule_pack,
            award: Award::General,
            as_of: as_of.unwrap_or_else(|| now.date()),
            procedure_began: None,
            term_years,
            total_max: Cents::try_from(2_000_000)?,
            quote_ms: 7 * DAY_MS,
            seal_ms: 14 * DAY_MS,
            auto_seal: Some(AutoSeal { accept_assumed: true }),
            quantities: Quantities::default(),
            reference: String::new(),
            considered,
            grounds,
            words,
            amends: None,
            gathered: None,
        };
        let officer = self.officer_of(&buyer, "einkauf")?;
        let (_, enclosed) = sign_request(&officer, wish, now)?;
        let started = SystemClock.now();
        let order = client.hand_in(request_id, enclosed).await?;
        Ok((order, started))
    }

    async fn wait_for_seal(&self, id: OrderId) -> Result<Order, Refusal> {
        self.wait_for_seal_of(MAIN_CHAIN[0], id).await
    }

    async fn wait_for_seal_of(&self, buyer: &str, id: OrderId) -> Result<Order, Refusal> {
        let mut client = self.client_as(&buyer.parse()?, "einkauf")?;
        let mut changes = client.watch(id).await?;
        let sealed = async {
            while let Some(change) =
                changes.message().await.map_err(|status| crate::wire::status::to_refusal(&status))?
            {
                match change.order {
                    Some(order) if order.stage == i32::from(Stage::Sealed) => return Ok(order),
                    Some(order) if is_over(order.stage) => {
                        let told = order.explanation.map(|told| told.text_de).unwrap_or_default();
                        return Err(failed("the order was not sealed").with("why", told));
                    }
                    _ => {}
                }
            }
            Err(failed("the node ended the watch"))
        };
        tokio::time::timeout(PATIENCE, sealed).await.map_err(|_| failed("the order was not sealed in time"))?
    }

    /// The rule packs of the federation, with the days on which a procedure may have begun for them.
    fn packs_told(&self) -> Vec<String> {
        let packs = self.described.federation.rule_packs.iter();
        let told = packs.map(|pack| {
            let until = pack.valid_to.map_or(self.out.say("heute", "today").to_owned(), |end| end.to_string());
            let begun = self.out.say("Verfahren vom", "procedures begun from");
            format!("{}: {begun} {} {} {until}", pack.name, pack.valid_from, self.out.say("bis", "to"))
        });
        let caution = self.out.say(
            "Die Regelwerke hat kein Anwalt bestätigt; was umstritten ist, zeigt jeder Weg.",
            "No lawyer has confirmed the rule packs; every route shows what is contested.",
        );
        told.chain([caution.to_owned()]).collect()
    }

    /// Magdeburg owns KID, a member of ProVitako, a member of govdigital: since July 2026 the wording lets it award to
    /// govdigital at once, over two links of joint control, which is contested. It orders by the longer way that is not.
    async fn order_beside_contested(&self) -> Result<String, Refusal> {
        let magdeburg: OrgId = SHORTER[0].parse()?;
        let found = self
            .client_of(&magdeburg)?
            .routes(&magdeburg, "dataport/wohngeld", PriceNeeds::default(), (None, None))
            .await?;
        let legs = |verdict: Verdict| {
            let routes = found.routes.iter().filter(|route| verdict_of(route.verdict) == verdict);
            routes.map(|route| route.legs.len()).min()
        };
        let (contested, uncontested) = (legs(Verdict::Contested), legs(Verdict::Fulfilled));
        let (Some(contested), Some(uncontested)) = (contested, uncontested) else {
            return Err(failed("there is no contested route beside an uncontested one"));
        };
        if contested >= uncontested {
            return Err(failed("the contested route is not shorter"));
        }
        let (_, order, _) = self.order_along(&SHORTER, "dataport/wohngeld", "demo-4").await?;
        let (short, long) = (self.out.say("umstritten", "contested"), self.out.say("unbestritten", "uncontested"));
        Ok(format!("{contested} {short}, {uncontested} {long}, {}", euros(order.total_cents)))
    }

    /// KID joined ProVitako in December 2021; judged as of June 2021 the leg is not proven.
    async fn refused_order(&self) -> Result<String, Refusal> {
        let as_of = parse_date("2021-06-15")?;
        match self.submit(&MAIN_CHAIN, "dataport/wohngeld", "demo-2021", Some(as_of)).await {
            Err(refusal) if refusal.reason == Reason::LegNotProven => {
                let why = refusal.field(self.out.say("why", "why_en")).unwrap_or_default().to_owned();
                Ok(format!("{}: {why}", refusal.reason.code()))
            }
            Err(other) => Err(other),
            Ok(_) => Err(failed("an order that should have been refused was taken")),
        }
    }

    /// Waits until the order has got as far as the node before the lost one can bring it.
    async fn wait_for_turn(&self, id: OrderId, lost: &NodeId) -> Result<(), Refusal> {
        let mut client = self.client_as(&MAIN_CHAIN[0].parse()?, "einkauf")?;
        for _ in 0..tries() {
            let explained = client.explain(id).await?;
            if explained.explanation.is_some_and(|told| told.turn == lost.as_str()) {
                return Ok(());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Err(failed("the order did not reach the hop before the lost node"))
    }

    /// Fetches the bundle once all its statements are witnessed, and verifies it with nothing but the root hash.
    async fn audit(&mut self) -> Result<(usize, usize), Refusal> {
        let (id, ..) = self.order.ok_or_else(|| failed("there is no order to audit"))?;
        let mut client = self.client_as(&MAIN_CHAIN[0].parse()?, "rechnungspruefung")?;
        let mut last = String::new();
        for _ in 0..tries() {
            let bytes = client.evidence(id).await?.bundle;
            let report = crate::audit::examine(&bytes, Some(self.world.anchor));
            last = report.text(Lang::De);
            if report.ruling() == Ruling::Valid {
                let path = self.world.folder.join("pruefpaket.asice");
                std::fs::write(&path, &bytes).map_err(|error| {
                    Refusal::new(Reason::FileUnwritable).with("file", path.display()).with("problem", error)
                })?;
                self.bundle = Some((path, bytes.len()));
                let checks = report.rows.iter().map(|row| row.passed).sum();
                return Ok((checks, bytes.len()));
            }
            tokio::time::sleep(LOOK_AGAIN * 10).await;
        }
        Err(failed("the evidence did not become complete").with("why", last))
    }

    fn tampered(&self) -> Result<String, Refusal> {
        let (path, _) = self.bundle.as_ref().ok_or_else(|| failed("there is no bundle"))?;
        let bytes = std::fs::read(path).map_err(|error| {
            Refusal::new(Reason::FileUnreadable).with("file", path.display()).with("problem", error)
        })?;
        let forged = with_one_byte_changed(&bytes)?;
        let report = crate::audit::examine(&forged, Some(self.world.anchor));
        let reasons: BTreeSet<&str> = report
            .findings()
            .filter(|(_, finding)| finding.ruling == Ruling::Invalid)
            .map(|(_, finding)| finding.refusal.reason.code())
            .collect();
        if report.ruling() == Ruling::Invalid && reasons.contains(Reason::SignatureInvalid.code()) {
            Ok(reasons.into_iter().collect::<Vec<_>>().join(", "))
        } else {
            Err(failed("a changed byte was not detected"))
        }
    }

    // --- reaching nodes ---

    fn client(&self, node: &NodeId, officer: Option<ActingOfficer>) -> Result<Client, Refusal> {
        let (address, pin) = self.world.nodes.get(node).ok_or_else(|| failed("unknown node").with("node", node))?;
        Ok(Client::to(tls::channel(&address.to_string(), *pin, None, CALL)?, node.clone(), officer))
    }

    fn home(&self, org: &OrgId) -> Result<&NodeId, Refusal> {
        self.world.homes.get(org).ok_or_else(|| Refusal::new(Reason::OrgUnknown).with("org", org))
    }

    fn client_of(&self, org: &OrgId) -> Result<Client, Refusal> {
        self.client(self.home(org)?, None)
    }

    fn client_as(&self, org: &OrgId, office: &str) -> Result<Client, Refusal> {
        let officer = self.officer_of(org, office)?;
        self.client(self.home(org)?, Some(officer))
    }

    fn officer_of(&self, org: &OrgId, office: &str) -> Result<ActingOfficer, Refusal> {
        let name: OfficerName = office.parse()?;
        let known = self.world.officers.get(&(org.clone(), name.clone()));
        let key = known.ok_or_else(|| failed("no such officer").with("officer", format!("{org}/{name}")))?;
        Ok(ActingOfficer { org: org.clone(), name, key: SecretKey::from_pem(&key.to_pem())? })
    }

    // --- the report ---

    async fn node_values(&self) -> Result<Vec<Value>, Refusal> {
        let mut values = Vec::new();
        for (node, (address, _)) in &self.world.nodes {
            let status = self.client(node, None)?.status().await?;
            let running = self.fleet.get(node);
            let pid = running.map_or(0, |running| running.pid);
            values.push(json!({
                "name": node, "grpc": address.to_string(), "pid": pid,
                "ready_ms": running.map_or(0, |running| running.ready_ms),
                "rss_bytes": rss_bytes(pid),
                "offerings": status["offerings"], "catalogue_digest": status["catalogue_digest"],
            }));
        }
        Ok(values)
    }

    /// Writes `demo.json`, also when a step has failed.
    pub fn write_report(&self, played: &Result<(), Refusal>) -> Result<(), Refusal> {
        let mut steps: Vec<Value> =
            self.steps.iter().map(|(name, ok, ms)| json!({"name": name, "ok": ok, "ms": ms})).collect();
        if let Err(refusal) = played {
            steps.push(json!({"name": "failed", "ok": false, "ms": 0, "reason": refusal.to_string()}));
        }
        let report = json!({
            "total_ms": SystemClock.now().since_ms(self.began),
            "nodes": self.nodes,
            "steps": steps,
            "order": self.order.map(|(id, legs, sealed_ms, total_cents)| json!({
                "id": id.to_string(), "legs": legs, "sealed_ms": sealed_ms, "total_cents": total_cents,
            })),
            "bundle": self.bundle.as_ref().map(|(path, bytes)| json!({"path": path, "bytes": bytes})),
        });
        write(&self.world.folder.join("demo.json"), &format!("{report:#}\n"))
    }

    /// A node is gone, and the others go on.
    pub fn tell_gone(&self, node: &NodeId) {
        let program = std::env::current_exe().unwrap_or_else(|_| "verbund".into());
        let again = format!("{} node run --config {}", program.display(), self.world.run_file(node).display());
        self.out.talk(&match self.out.lang {
            Lang::De => format!(
                "\nDer Knoten {node} läuft nicht mehr (Protokoll: {}). Die anderen laufen weiter; was ihn braucht, wartet.\n\
                 Wieder starten: {again}",
                log(&self.world, node).display()
            ),
            Lang::En => format!(
                "\nNode {node} runs no more (log: {}). The others go on; what needs it waits.\nTo start it again: {again}",
                log(&self.world, node).display()
            ),
        });
    }

    /// Addresses, and commands to paste into another terminal.
    pub fn show_commands(&self) {
        let out = self.out;
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        out.talk("");
        out.talk(&format!(
            "  {:<12} {:<18} {:>9} {:>9} {:>8}",
            out.say("KNOTEN", "NODE"),
            "gRPC",
            out.say("ANGEBOTE", "OFFERINGS"),
            out.say("BEREIT", "READY"),
            "MiB"
        ));
        for node in &self.nodes {
            let mebibytes =
                node["rss_bytes"].as_u64().map_or_else(|| "–".to_owned(), |bytes| (bytes >> 20).to_string());
            out.talk(&format!(
                "  {:<12} {:<18} {:>9} {:>6} ms {:>8}",
                text(&node["name"]),
                text(&node["grpc"]),
                node["offerings"],
                node["ready_ms"],
                mebibytes
            ));
        }
        out.talk(&format!(
            "\n{}",
            out.say(
                "Im Browser ansehen (Lesen ohne Anmeldung):",
                "To look at in a browser (reading needs no sign-in):"
            )
        ));
        for (node, page) in &self.world.pages {
            out.talk(&format!("  {:<12} http://{page}/", node.as_str()));
        }
        self.show_newcomer();
        self.show_officers();
        let folder = self.world.folder.display();
        let program = std::env::current_exe().unwrap_or_else(|_| "verbund".into());
        let program = program.display();
        let commands = [
            format!("{program} --profile {folder}/client.toml offering search Wohngeld --for barleben"),
            format!(
                "{program} --profile {folder}/client.toml chain routes --for barleben --offering dataport/wohngeld"
            ),
            format!("{program} --profile {folder}/client.toml order list"),
            format!("{program} --profile {folder}/client.toml order inbox"),
            format!("{program} --profile {folder}/client.toml node status"),
            format!("{program} audit verify {folder}/pruefpaket.asice --root sha256:{}", self.world.anchor),
        ];
        out.talk(&format!(
            "\n{}",
            out.say("Zum Ausprobieren in einem anderen Fenster:", "To try in another terminal:")
        ));
        for command in &commands {
            out.talk(&format!("  {command}"));
        }
        out.talk(&format!("\n{}", out.say("Beenden mit Strg-C.", "Ctrl-C ends it.")));
    }
}

impl Story {
    /// What officers have asked for in a browser, their organisations grant.
    pub async fn grant_what_is_asked(&self) {
        let out = self.out;
        for node in self.world.pages.keys() {
            for request in granting::requests(&self.world, node) {
                let granted = async { granting::grant(&self.world, &mut self.client(node, None)?, &request).await };
                match granted.await {
                    Ok(whom) => out.talk(&format!("{} {whom}", out.say("Vollmacht erteilt:", "Granted:"))),
                    Err(refusal) => out.talk(&error_text(&refusal, out.lang)),
                }
            }
        }
    }

    /// How somebody without a key orders: with one made in the browser, which the demonstration grants by itself.
    fn show_newcomer(&self) {
        let (out, org) = (self.out, MAIN_CHAIN[0]);
        let home = org.parse().ok().and_then(|org| self.world.homes.get(&org));
        let Some(page) = home.and_then(|home| self.world.pages.get(home)) else { return };
        out.talk(&format!(
            "\n{}\n  http://{page}/schluessel?org={org}&amt=besuch",
            out.say(
                "Selbst bestellen, in drei Minuten: hier einen Schlüssel anlegen, die Vollmacht beantragen, anmelden. Barleben \
                 erteilt in der Vorführung jede Vollmacht von selbst; sonst unterschreiben dafür Menschen.",
                "To order yourself, within three minutes: make a key here, ask for its grant, sign in. In the demonstration \
                 Barleben grants everything by itself; elsewhere people sign for that."
            )
        ));
    }

    /// Whose keys can be taken into a browser, to sign in and order there.
    fn show_officers(&self) {
        let out = self.out;
        let may = |office: &OfficerName| matches!(office.as_str(), "einkauf" | "freigabe");
        let of_buyer = self.world.officers.keys().filter(|(org, office)| org.as_str() == "barleben" && may(office));
        let mut shown = of_buyer.filter_map(|(org, office)| {
            let page = self.world.pages.get(self.world.homes.get(org)?)?;
            let file = self.world.officer_file(org, office);
            Some(format!("  {org}, {office}: http://{page}/schluessel  {}", file.display()))
        });
        let Some(first) = shown.next() else { return };
        out.talk(&format!(
            "\n{}",
            out.say(
                "Im Browser bestellen und freigeben: unter Schlüssel diese Dateien öffnen, dann anmelden.",
                "To order and approve in a browser: open these files under Keys, then sign in."
            )
        ));
        std::iter::once(first).chain(shown).for_each(|line| out.talk(&line));
    }
}

/// The bundle with one byte of a signed statement changed and the list of digests made anew, as a forger would.
fn with_one_byte_changed(bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut bundle = Bundle::parse(bytes)?;
    let member = bundle.members.iter_mut().find(|(name, _)| name.starts_with("order/") && name.ends_with(".pae"));
    let (_, content) = member.ok_or_else(|| failed("the bundle holds no message"))?;
    let last = content.len().saturating_sub(8);
    content[last] = if content[last] == b'0' { b'1' } else { b'0' };
    bundle.write_manifest();
    bundle.to_zip()
}

fn tries() -> u128 {
    PATIENCE.as_millis() / LOOK_AGAIN.as_millis()
}

fn failed(why: &str) -> Refusal {
    Refusal::new(Reason::DemoFailed).with("why", why)
}
