//! `verbund order settle`: two parties end a contradiction after the seal. One proposes, the other agrees.
use serde_json::{Value, json};

use crate::cli::client::{Client, fresh_salt};
use crate::cli::order::acts::answered;
use crate::cli::output::Output;
use crate::domain::id::{OrderId, OrgId, StatementId};
use crate::domain::order::settlement::Settlement;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Kind, Signed};
use crate::node::ports::Clock as _;
use crate::node::system::SystemClock;
use crate::wire::pb::order::v1 as pb;

/// What is to be settled, or whose proposal is agreed to.
#[derive(clap::Args)]
pub struct Settling {
    /// Bestellnummer
    order: OrderId,
    /// Dem Vorschlag des anderen Beteiligten zustimmen: Kennung aus `verbund order show`
    #[arg(long, value_name = "VORSCHLAG", conflicts_with_all = ["with", "about", "holds", "terms"])]
    agree: Option<StatementId>,
    /// Mit wem
    #[arg(long, value_name = "ORGANISATION", required_unless_present = "agree")]
    with: Option<OrgId>,
    /// Eine Erklärung, um die es geht; mehrfach möglich
    #[arg(long, value_name = "ERKLÄRUNG", required_unless_present = "agree")]
    about: Vec<StatementId>,
    /// Die Erklärung, die gilt: der Abschluss oder eine, auf der er beruht
    #[arg(long, value_name = "ERKLÄRUNG")]
    holds: Option<StatementId>,
    /// Was von jetzt an zwischen beiden gilt
    #[arg(long, value_name = "TEXT", required_unless_present = "agree")]
    terms: Option<String>,
}

/// What both sign alike.
struct Terms {
    to: OrgId,
    about: Vec<StatementId>,
    holds: Option<StatementId>,
    terms: String,
}

impl Settling {
    fn terms(self, known: &pb::Order) -> Result<Terms, Refusal> {
        if let Some(proposal) = self.agree {
            return agreed(known, proposal);
        }
        let missing = |what: &str| Refusal::new(Reason::UsageInvalid).with("missing", what);
        let to = self.with.ok_or_else(|| missing("--with"))?;
        let terms = self.terms.ok_or_else(|| missing("--terms"))?;
        Ok(Terms { to, about: self.about, holds: self.holds, terms })
    }
}

/// The terms of a proposal, as whoever it was made to signs them.
fn agreed(known: &pb::Order, proposal: StatementId) -> Result<Terms, Refusal> {
    let found = known.settlements.iter().find(|said| said.statement_id == proposal.to_string());
    let said = found.ok_or_else(|| Refusal::new(Reason::StatementUnknown).with("statement", proposal))?;
    let about: Result<Vec<StatementId>, Refusal> = said.about.iter().map(|id| id.parse()).collect();
    let holds = (!said.holds.is_empty()).then(|| said.holds.parse()).transpose()?;
    Ok(Terms { to: said.from.parse()?, about: about?, holds, terms: said.terms.clone() })
}

/// Signs one half and hands it in; says its id, which the other party names.
pub async fn settle(client: &mut Client, out: Output, settling: Settling) -> Result<(), Refusal> {
    let (id, agrees) = (settling.order, settling.agree);
    let order = client.order(id).await?;
    if order.seal_statement_id.is_empty() {
        return Err(Refusal::new(Reason::OrderState).with("rule", "not sealed"));
    }
    let Terms { to, about, holds, terms } = settling.terms(&order)?;
    let officer = client.officer()?;
    let body = Settlement {
        order: id,
        attempt: order.attempt,
        seal: order.seal_statement_id.parse()?,
        from: officer.org.clone(),
        to,
        number: order.next_settlement,
        about,
        holds,
        terms,
        agrees,
        officer: officer.name.clone(),
        signed_at: SystemClock.now(),
        salt: fresh_salt(),
    };
    let signed = Signed::sign(&Kind::Settlement, &body, &[&officer.key]);
    let order = client.hand_in("", &signed).await?;
    if agrees.is_none() {
        let told = out.say("Vorgeschlagen; der andere stimmt zu mit", "Proposed; the other party agrees with");
        out.talk(&format!("{told} `verbund order settle {id} --agree {}`", signed.id()));
    }
    answered(out, order)
}

/// One settlement as data.
pub fn value(settled: &pb::Settlement) -> Value {
    json!({
        "statement_id": settled.statement_id, "from": settled.from, "to": settled.to, "about": settled.about,
        "holds": settled.holds, "terms": settled.terms, "agreement_id": settled.agreement_id,
    })
}

/// Contradictions, and what was settled about them.
pub fn lines(order: &pb::Order, out: Output) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let is_settled = |id: &String| {
        let mut settled = order.settlements.iter().filter(|said| !said.agreement_id.is_empty());
        settled.any(|said| said.about.contains(id))
    };
    for id in &order.contradictions {
        let state = if is_settled(id) { out.say(" (beigelegt)", " (settled)") } else { "" };
        lines.push(format!("{} {id}{state}", out.say("Widerspruch:", "Contradiction:")));
    }
    for said in &order.settlements {
        let head = match said.agreement_id.is_empty() {
            false => out.say("Beigelegt", "Settled"),
            true => out.say("Beilegung vorgeschlagen", "Settlement proposed"),
        };
        lines.push(format!("{head} {} – {}: {}", said.from, said.to, said.terms));
        lines.push(format!("   {}", said.statement_id));
    }
    lines
}
