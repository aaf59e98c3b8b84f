//! What one signs one sees: before an officer signs, the whole of it, from what was verified here, and a question.
//!
//! Verified is: every statement shown by its id; requests, answers and proposals also by their signatures, against the keys
//! that lead from the root hash of the profile to whoever signed. What only the node says (the verdicts on a route and the
//! price before there are offers) is marked as such, and what nobody has said is *unknown*, never nothing.
use std::collections::BTreeMap;
use std::io::{BufRead as _, IsTerminal as _};

use crate::audit::bundle::Bundle;
use crate::cli::chain::verdict_of;
use crate::cli::client::{Client, Days};
use crate::cli::grounds::selection_lines;
use crate::cli::offering::euros;
use crate::cli::options::PriceNeeds;
use crate::cli::output::Output;
use crate::domain::annex::{Enclosed, Texts};
use crate::domain::body::Body;
use crate::domain::id::{OrgId, StatementId};
use crate::domain::law::Verdict;
use crate::domain::money::Cents;
use crate::domain::offering::Offering;
use crate::domain::order::{LegFinding, Request};
use crate::domain::price::{Component, amount};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Kind, Signed};
use crate::domain::trust_file::{Folded, TrustFile};
use crate::wire::pb::catalogue::v1::PreviewPriceRequest;
use crate::wire::pb::order::v1 as pb;
use crate::wire::statement::enclosed_as;

/// What the officer sees, line by line.
pub struct Sight {
    out: Output,
    lines: Vec<String>,
    trust: BTreeMap<OrgId, Folded>,
}

impl Sight {
    /// Nothing yet but what it is about.
    pub fn new(out: Output, title: &str) -> Self {
        Self { out, lines: vec![title.to_owned()], trust: BTreeMap::new() }
    }

    fn add(&mut self, (de, en): (&str, &str), value: impl AsRef<str>) {
        let value = value.as_ref();
        if !value.is_empty() {
            self.lines.push(format!("  {:<16} {}", self.out.say(de, en), value.replace('\n', " ")));
        }
    }

    fn unknown(&self) -> String {
        self.out.say("unbekannt", "unknown").to_owned()
    }

    /// Shows it and asks; refused unless the officer agrees. `--yes` agrees beforehand, for scripts.
    pub fn ask(self, asks: bool) -> Result<(), Refusal> {
        self.out.talk(&self.lines.join("\n"));
        if !asks {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            return Err(Refusal::new(Reason::ConfirmationMissing));
        }
        self.out.talk(self.out.say("Das unterschreiben? (ja/nein): ", "Sign this? (yes/no): "));
        let mut typed = String::new();
        let read = std::io::stdin().lock().read_line(&mut typed);
        let agreed = read.is_ok() && ["j", "ja", "y", "yes"].contains(&typed.trim().to_lowercase().as_str());
        if agreed { Ok(()) } else { Err(Refusal::new(Reason::ConfirmationRefused)) }
    }

    /// The terms of a request, and of the offering it pins.
    pub fn request(&mut self, request: &Request, words: &Texts, offering: Option<&Offering>) {
        let out = self.out;
        let title = offering.map_or_else(|| self.unknown(), |one| format!("{} ({})", one.title, one.seller));
        self.add(("Angebot", "Offering"), format!("{title}, {}", request.offering));
        self.add(("Besteller", "Buyer"), format!("{} ({})", request.buyer, request.officer));
        self.add(("Art", "Kind"), request.mode.text(out.lang));
        self.add(("Weg", "Route"), request.route.to_string());
        self.add(("Tag der Vergabe", "Day of award"), out.day(request.as_of));
        self.add(("Laufzeit", "Term"), format!("{} {}", request.term_years, out.say("Jahre", "years")));
        self.add(("Obergrenze", "Cap"), request.total_max.text(out.lang));
        self.add(("Angebote bis", "Offers until"), request.quote_by.told(out.lang));
        self.add(("Abschluss bis", "Seal until"), request.seal_by.told(out.lang));
        let auto = request.auto_seal.as_ref().map(|auto| match auto.accept_assumed {
            true => out.say("sofort, auch auf Annahmen", "at once, on assumptions as well"),
            false => out.say("sofort, wenn alles belegt ist", "at once, if everything is proven"),
        });
        self.add(("Abschluss", "Seal"), auto.unwrap_or(out.say("durch eine Person", "by a person")));
        let unsaid = match (request.annex.is_some(), words.is_empty()) {
            (true, true) => out.say("Text nicht vorhanden", "text not present"),
            _ => out.say("nicht angegeben", "not stated"),
        };
        self.add(("Zweck", "Purpose"), if words.purpose.is_empty() { unsaid } else { &words.purpose });
        self.add(("Begründung", "Choice"), &words.choice);
        self.add(("Gesucht", "Searched for"), &words.query);
        for line in selection_lines(&request.grounds, out) {
            self.add(("Auswahl", "Selection"), line);
        }
        self.add(("Zeichen", "Reference"), &request.reference);
        self.add(("Bezug", "Amends"), request.amends.as_ref().map(|one| one.text(out.lang)).unwrap_or_default());
        let members = request.gathered.iter().flat_map(|gathered| &gathered.members);
        self.add(("Für", "For"), members.map(|member| member.org.to_string()).collect::<Vec<_>>().join(", "));
        match offering {
            Some(offering) => {
                self.add(("Nicht enthalten", "Not included"), offering.not_included.join("; "));
                self.add(("Angenommen", "Assumed"), offering.assumed.join("; "));
            }
            None => self.add(("Nicht enthalten", "Not included"), self.unknown()),
        }
    }

    fn finding(&mut self, leg: &LegFinding) {
        let basis = leg.basis.and_then(|basis| serde_json::to_value(basis).ok());
        let basis = basis.as_ref().and_then(|word| word.as_str()).unwrap_or_default();
        self.leg(leg.from.as_str(), leg.to.as_str(), leg.verdict, basis, leg.assumed);
    }

    fn leg(&mut self, from: &str, to: &str, verdict: Verdict, basis: &str, assumed: bool) {
        let mark = if verdict == Verdict::Fulfilled && !assumed { "" } else { "! " };
        let assumed = if assumed { self.out.say(" (unter Annahmen)", " (on assumptions)") } else { "" };
        let text = verdict.text(self.out.lang);
        self.add(("Befund", "Finding"), format!("{mark}{from} → {to}: {text}{assumed}  {basis}"));
    }

    /// Verdicts and price of the route as the node tells them, where no party has said anything yet.
    pub async fn as_told(&mut self, client: &mut Client, request: &Request) {
        let parties: Vec<String> = request.route.parties().iter().map(ToString::to_string).collect();
        let quantities = request.quantities;
        let needs = PriceNeeds {
            term_years: request.term_years,
            uses: quantities.uses,
            target_group: quantities.target_group,
        };
        let days = Days {
            as_of: Some(request.as_of),
            began: Some(request.procedure_day()),
            award: request.award.into(),
            is_change: request.is_change(),
            ..Days::default()
        };
        let offering = request.offering.to_string();
        let found = client.routes(&request.buyer, &offering, needs, days).await.ok();
        let legs = found.into_iter().flat_map(|found| found.routes).find(|route| route.parties == parties);
        match legs {
            Some(route) => {
                route.legs.iter().for_each(|leg| {
                    self.leg(&leg.from, &leg.to, verdict_of(leg.verdict), &leg.basis, leg.assumed);
                });
            }
            None => self.add(("Befunde", "Findings"), self.unknown()),
        }
        let (uses, target_group) = (quantities.uses, quantities.target_group);
        let wanted = PreviewPriceRequest {
            offering: None,
            route: parties,
            term_years: request.term_years,
            uses,
            target_group,
        };
        match client.price(&offering, wanted).await {
            Ok(price) => {
                for leg in &price.legs {
                    self.add(("Preis", "Price"), format!("{:<14} {:>16}", leg.org, euros(leg.total_cents)));
                }
                let total = match price.complete {
                    true => euros(price.total_cents),
                    false => format!("{} ({})", self.unknown(), self.out.say("unvollständig", "incomplete")),
                };
                self.add(("Summe", "Total"), total.clone());
                if price.complete && price.total_cents > request.total_max.get() {
                    self.add(("!", "!"), self.out.say("Die Obergrenze liegt darunter.", "The cap is below it."));
                }
            }
            Err(_) => self.add(("Summe", "Total"), self.unknown()),
        }
        let told =
            self.out.say("Befunde und Preisvorschau sagt der Knoten.", "Findings and preview are the node's word.");
        self.add(("Nicht geprüft", "Not verified"), told);
    }

    /// What the parties have answered, from the statements that a seal names; gives their sum.
    pub fn answers(&mut self, chain: &[Body], years: u32) -> Result<Cents, Refusal> {
        let parts = |org: &OrgId, items: &[Component]| Ok((org.clone(), amount(items, years)?));
        let mut prices: Vec<Result<(OrgId, Cents), Refusal>> = Vec::new();
        for body in chain {
            match body {
                Body::Endorse(said) => self.finding(&said.leg),
                Body::Accept(said) => {
                    self.finding(&said.leg);
                    prices.push(parts(&said.from, &said.components));
                }
                Body::Counter(said) => prices.push(parts(&said.from, &said.components)),
                _ => {}
            }
        }
        let mut total = Cents::ZERO;
        for price in prices {
            let (org, part) = price?;
            total = total.plus(part)?;
            self.add(("Preis", "Price"), format!("{:<14} {:>16}", org.as_str(), part.text(self.out.lang)));
        }
        self.add(("Summe", "Total"), total.text(self.out.lang));
        Ok(total)
    }

    /// One more line.
    pub fn line(&mut self, words: (&str, &str), value: impl AsRef<str>) {
        self.add(words, value);
    }

    /// Whether the signature of a statement leads to the root hash of the profile. A wrong one is refused; where nothing can
    /// be checked, the officer is told.
    pub async fn proven(&mut self, client: &mut Client, org: &OrgId, signed: &Signed) -> Result<Body, Refusal> {
        let Some(root) = client.root else {
            let why =
                self.out.say("Das Profil nennt keine federation_root.", "The profile names no federation_root.");
            self.add(("Nicht geprüft", "Not verified"), why);
            return Body::read(signed);
        };
        if !self.trust.contains_key(org) {
            let file = TrustFile::try_from(&client.trust(Some(org)).await?)?;
            if file.root != root {
                return Err(Refusal::new(Reason::RootUnknown).with("found", file.root).with("expected", root));
            }
            self.trust.insert(org.clone(), file.at_home_of(org));
        }
        match self.trust[org].judge(signed) {
            Ok(verified) => Ok(verified.body().clone()),
            Err(refusal) if refusal.reason == Reason::KeyRevoked => {
                let what = self.out.say("! inzwischen ersetzter Schlüssel", "! signed with a key replaced since");
                self.add(("Unterschrift", "Signature"), format!("{} {org}: {what}", signed.kind()));
                Body::read(signed)
            }
            Err(refusal) => Err(refusal.with("statement", signed.id())),
        }
    }
}

/// The request of an order, verified: it is the one the node names, for this order, and its officer has signed it.
pub async fn request(sight: &mut Sight, client: &mut Client, order: &pb::Order) -> Result<Request, Refusal> {
    let Enclosed { signed, annex } = enclosed_as(&Kind::Request, order.request_statement.clone())?;
    let foreign = || Refusal::new(Reason::StatementMalformed).with("expected", &order.request_statement_id);
    if signed.id().to_string() != order.request_statement_id {
        return Err(foreign());
    }
    let Body::Request(read) = Body::read(&signed)? else { return Err(foreign()) };
    if read.order.to_string() != order.id {
        return Err(foreign());
    }
    sight.proven(client, &read.buyer, &signed).await?;
    let offering = offering(client, read.offering).await;
    let words = annex.map(|annex| annex.texts().clone()).unwrap_or_default();
    sight.request(&read, &words, offering.as_ref());
    Ok(read)
}

/// The offering with this id; none if the node does not give it.
pub async fn offering(client: &mut Client, id: StatementId) -> Option<Offering> {
    match Body::read(&client.statement(id).await.ok()?).ok()? {
        Body::Offering(offering) => Some(offering),
        _ => None,
    }
}

/// Statements of an order by their ids, from its evidence, each verified. One that is not there is refused.
pub async fn statements(
    sight: &mut Sight,
    client: &mut Client,
    order: &pb::Order,
    ids: &[StatementId],
) -> Result<Vec<Body>, Refusal> {
    let bundle = Bundle::parse(&client.evidence(order.id.parse()?).await?.bundle)?.read();
    let mut bodies = Vec::new();
    for id in ids {
        let filed = bundle.statements.iter().find(|filed| filed.signed.id() == *id);
        let signed = &filed.ok_or_else(|| Refusal::new(Reason::EvidenceMissing).with("statement", id))?.signed;
        let body = Body::read(signed)?;
        let org = body.signer_rule().map(|(org, _)| org.clone());
        match org {
            Some(org) => bodies.push(sight.proven(client, &org, signed).await?),
            None => bodies.push(body),
        }
    }
    Ok(bodies)
}
