//! `verbund order rollout`: how far each service has come in each municipality. From the orders to which the officer's
//! organisation is a party, from the needs that name it, and from what a portal shows; nothing is stored.
use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::cli::client::Client;
use crate::cli::order::show::stage_text;
use crate::cli::order::sight;
use crate::cli::output::Output;
use crate::domain::order::milestone::ConnectionStep;
use crate::domain::reason::Refusal;
use crate::exchange::findability::{Portal, State};
use crate::exchange::source;
use crate::usage;
use crate::wire::pb::order::v1::{Need, Order, Phase, Stage};

/// What the board is compared with.
#[derive(clap::Args)]
pub struct Asked {
    /// Dateien eines Portals (XZuFi), um zu zeigen, was dort auffindbar ist; mehrmals möglich
    #[arg(long, value_name = "DATEI")]
    portal: Vec<PathBuf>,
}

/// One service in one municipality.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Row {
    title: String,
    is_offered: bool,
    /// How far an order has come; nothing without one.
    ordered: Option<Step>,
    /// What a portal shows; nothing if none was named.
    found: Option<State>,
}

/// How far one order has come. Of two the greater is further.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Step {
    is_productive: bool,
    connected: usize,
    is_sealed: bool,
    is_open: bool,
    order: String,
    stage: i32,
    /// Since when it is in use.
    since: String,
}

impl Step {
    fn of(order: &Order) -> Self {
        let phase = order.phase();
        let is_productive = phase == Phase::Productive;
        Self {
            is_productive,
            connected: order.connected.len(),
            is_sealed: order.stage() == Stage::Sealed && phase != Phase::Closed,
            is_open: !matches!(order.stage(), Stage::Sealed | Stage::Void | Stage::Unsealed),
            order: order.id.clone(),
            stage: order.stage,
            since: if is_productive { order.phase_day.clone() } else { String::new() },
        }
    }

    /// What ended without a contract, or whose contract is over, is as if it had not been.
    fn counts(&self) -> bool {
        self.is_sealed || self.is_open
    }
}

/// Rows by municipality and service.
#[derive(Default)]
struct Board {
    rows: BTreeMap<(String, String), Row>,
}

impl Board {
    /// Takes an order in, for each municipality it is for and each service it brings.
    fn order(&mut self, order: &Order, services: &[String], is_offered: bool) {
        let step = Step::of(order);
        if !step.counts() {
            return;
        }
        for municipality in municipalities(order) {
            for service in services {
                let row = self.rows.entry((municipality.clone(), service.clone())).or_default();
                row.is_offered |= is_offered;
                if row.ordered.as_ref().is_none_or(|known| *known < step) {
                    row.ordered = Some(step.clone());
                    row.title.clone_from(&order.offering_title);
                }
            }
        }
    }

    fn need(&mut self, need: &Need, offered: &BTreeMap<String, bool>) {
        for service in &need.leika_keys {
            let row = self.rows.entry((need.municipality.clone(), service.clone())).or_default();
            row.is_offered |= offered.get(service).copied().unwrap_or(false);
            if row.title.is_empty() {
                row.title.clone_from(&need.note);
            }
        }
    }
}

/// Whom an order is for: the members it was gathered for, else its buyer.
fn municipalities(order: &Order) -> Vec<String> {
    let parts = order.call_offs.iter().map(|part| part.to.clone());
    let mut of: Vec<String> = parts.chain(order.bundled_members.iter().cloned()).collect();
    of.sort_unstable();
    of.dedup();
    if of.is_empty() { vec![order.buyer.clone()] } else { of }
}

/// Shows the board.
pub async fn rollout(client: &mut Client, out: Output, asked: &Asked) -> Result<(), Refusal> {
    let portal = portal(asked)?;
    let own = client.officer()?.org.clone();
    let (mut board, mut known, mut shown) = (Board::default(), BTreeMap::new(), BTreeMap::new());
    for summary in client.order_list(false).await? {
        let order = client.order(summary.id.parse()?).await?;
        if !known.contains_key(&order.offering_id) {
            let entry = client.get_offering(&order.offering_id).await?;
            let offering = sight::offering(client, order.offering_id.parse()?).await;
            if let (Some(portal), Some(offering)) = (&portal, &offering) {
                shown.extend(portal.find(offering).into_iter().map(|found| (found.key, found.state)));
            }
            let services = offering.iter().flat_map(|one| &one.leika).map(ToString::to_string).collect::<Vec<_>>();
            known.insert(order.offering_id.clone(), (services, !entry.withdrawn));
        }
        let (services, is_offered) = &known[&order.offering_id];
        board.order(&order, services, *is_offered);
    }
    let demand = client.demand(None).await?;
    let offered = demand.into_iter().map(|one| (one.leika_key, !one.offerings.is_empty())).collect();
    for need in client.needs("", "").await? {
        if need.municipality == own.as_str() || need.through == own.as_str() {
            board.need(&need, &offered);
        }
    }
    for ((_, service), row) in &mut board.rows {
        row.found = portal.as_ref().map(|_| shown.get(service).copied().unwrap_or(State::Missing));
    }
    out.rows(&COLUMNS, &board.rows.iter().map(|(key, row)| cells(key, row, out)).collect::<Vec<_>>())
}

fn portal(asked: &Asked) -> Result<Option<Portal>, Refusal> {
    if asked.portal.is_empty() {
        return Ok(None);
    }
    let mut portal = Portal::default();
    for file in &asked.portal {
        let bytes = usage::read(file, source::FILE_BYTES_MAX + 1)?;
        portal.add(&bytes).map_err(|refusal| refusal.with("file", file.display()))?;
    }
    Ok(Some(portal))
}

const COLUMNS: [(&str, &str); 9] = [
    ("Kommune", "municipality"),
    ("Leistung", "leika"),
    ("Was", "title"),
    ("angeboten", "offered"),
    ("bestellt", "ordered"),
    ("angebunden", "connected"),
    ("in Betrieb seit", "productive_since"),
    ("auffindbar", "findable"),
    ("Bestellung", "order_id"),
];

fn cells((municipality, service): &(String, String), row: &Row, out: Output) -> Vec<Value> {
    let step = row.ordered.as_ref();
    let steps = ConnectionStep::ALL.len();
    let found = row.found.map(|state| out.say(state.german(), state.english()));
    vec![
        municipality.as_str().into(),
        service.as_str().into(),
        row.title.as_str().into(),
        row.is_offered.into(),
        step.map_or(Value::Null, |step| stage_text(step.stage, out).into()),
        step.map_or(Value::Null, |step| format!("{}/{steps}", step.connected).into()),
        step.filter(|step| step.is_productive).map_or(Value::Null, |step| step.since.as_str().into()),
        found.map_or(Value::Null, Value::from),
        step.map_or(Value::Null, |step| out.id(&step.order)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::pb::order::v1::CallOff;

    fn order(id: &str, stage: Stage, phase: Phase, connected: &[&str]) -> Order {
        Order {
            id: id.to_owned(),
            buyer: "barleben".to_owned(),
            offering_title: "Wohngeld".to_owned(),
            stage: stage.into(),
            phase: phase.into(),
            phase_day: "2027-01-01".to_owned(),
            connected: connected.iter().map(|step| (*step).to_owned()).collect(),
            ..Order::default()
        }
    }

    fn furthest(orders: &[Order]) -> Option<(String, usize, bool)> {
        let mut board = Board::default();
        orders.iter().for_each(|order| board.order(order, &["99107023017000".to_owned()], true));
        let row = board.rows.pop_first()?.1;
        row.ordered.map(|step| (step.order, step.connected, step.is_productive))
    }

    #[test]
    fn the_order_that_has_come_furthest_counts_and_what_is_over_does_not() {
        let open = order("a", Stage::InChain, Phase::Unspecified, &[]);
        let sealed = order("b", Stage::Sealed, Phase::Contracted, &[]);
        let connecting = order("c", Stage::Sealed, Phase::Connecting, &["contact", "routing"]);
        let productive = order("d", Stage::Sealed, Phase::Productive, &["contact"]);
        let (void, closed) =
            (order("e", Stage::Void, Phase::Unspecified, &[]), order("f", Stage::Sealed, Phase::Closed, &["test"]));
        let all = [open.clone(), sealed.clone(), connecting.clone(), productive, void.clone(), closed.clone()];
        for (until, expected) in
            [("a", 0, false), ("b", 0, false), ("c", 2, false), ("d", 1, true)].iter().enumerate()
        {
            let (id, connected, is_productive) = *expected;
            let mut some = all[..=until].to_vec();
            some.extend([void.clone(), closed.clone()]);
            assert_eq!(furthest(&some), Some((id.to_owned(), connected, is_productive)));
            some.reverse();
            assert_eq!(furthest(&some), Some((id.to_owned(), connected, is_productive)), "in any order");
        }
        assert_eq!(furthest(&[void, closed]), None);
    }

    #[test]
    fn members_have_rows_of_their_own_and_a_need_without_an_order_is_shown() {
        let part = |to: &str| CallOff { to: to.to_owned(), ..CallOff::default() };
        let gathered = Order {
            call_offs: vec![part("halberstadt"), part("barleben")],
            buyer: "kitu".to_owned(),
            ..order("a", Stage::Sealed, Phase::Contracted, &[])
        };
        let mut board = Board::default();
        board.order(&gathered, &["99107023017000".to_owned()], false);
        let need = |municipality: &str, service: &str| Need {
            municipality: municipality.to_owned(),
            leika_keys: vec![service.to_owned()],
            note: "Hunde".to_owned(),
            ..Need::default()
        };
        let offered = [("99110009104000".to_owned(), true)].into();
        board.need(&need("barleben", "99107023017000"), &offered);
        board.need(&need("magdeburg", "99110009104000"), &offered);
        let shown: Vec<_> = board.rows.iter().map(|(key, row)| cells(key, row, Output::default())).collect();
        let texts = |at: usize| shown[at].iter().map(|cell| cell.as_str().unwrap_or("–")).collect::<Vec<_>>();
        assert_eq!(shown.len(), 3);
        assert_eq!(texts(0)[..3], ["barleben", "99107023017000", "Wohngeld"]);
        assert_eq!((texts(0)[5], texts(1)[0]), ("0/5", "halberstadt"));
        assert_eq!(texts(2), ["magdeburg", "99110009104000", "Hunde", "–", "–", "–", "–", "–", "–"]);
        assert_eq!((&shown[0][3], &shown[2][3]), (&Value::Bool(false), &Value::Bool(true)));
    }
}
