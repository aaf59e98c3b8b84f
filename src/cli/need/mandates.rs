//! Mandates (*Abrufvollmachten*): a member lets a cooperative order for it, a colleague approves.
use serde_json::{Value, json};

use crate::cli::client::{ActingOfficer, Client, fresh_salt};
use crate::cli::ids;
use crate::cli::offering::euros;
use crate::cli::output::Output;
use crate::domain::id::{OrgId, ShortId, StatementId};
use crate::domain::money::Cents;
use crate::domain::order::mandate::Mandate;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Kind, Signed};
use crate::domain::time::{Date, parse_date};
use crate::node::ports::Clock as _;
use crate::node::system::SystemClock;

/// What a mandate says beside who gives it.
pub struct Terms {
    /// The own need.
    pub need: StatementId,
    /// The cooperative.
    pub to: OrgId,
    /// Most that is paid over the whole term.
    pub cap: Cents,
    /// Last day.
    pub until: Date,
    /// Counts mandates for one need.
    pub number: u32,
    /// Whose mandate this approves.
    pub approves: Option<StatementId>,
}

fn sign(officer: &ActingOfficer, terms: Terms) -> Signed {
    let Terms { need, to, cap, until, number, approves } = terms;
    let body = Mandate {
        order: Mandate::matter(&officer.org, &need),
        attempt: number,
        org: officer.org.clone(),
        to,
        need,
        cap,
        until,
        approves,
        officer: officer.name.clone(),
        signed_at: SystemClock.now(),
        salt: fresh_salt(),
    };
    Signed::sign(&Kind::Mandate, &body, &[&officer.key])
}

/// Signs and hands in. The next number of the same need is taken.
pub async fn give(client: &mut Client, out: Output, mut terms: Terms) -> Result<(), Refusal> {
    let known = client.mandates().await?;
    let of_need = known.iter().filter(|known| known.need_id == terms.need.to_string());
    terms.number = of_need.map(|known| known.number + 1).max().unwrap_or(1);
    hand_in(client, out, terms).await
}

/// Approves a colleague's mandate by signing its terms.
pub async fn approve(client: &mut Client, out: Output, called: &ShortId) -> Result<(), Refusal> {
    let known = client.mandates().await?;
    let id = ids::among(called, known.iter().map(|known| known.statement_id.as_str()))?;
    let unknown = || Refusal::new(Reason::StatementUnknown).with("approves", id);
    let first = known.into_iter().find(|known| known.statement_id == id.to_string()).ok_or_else(unknown)?;
    let terms = Terms {
        need: first.need_id.parse()?,
        to: first.to.parse()?,
        cap: Cents::try_from(first.cap_cents)?,
        until: parse_date(&first.until)?,
        number: first.number,
        approves: Some(id),
    };
    hand_in(client, out, terms).await
}

async fn hand_in(client: &mut Client, out: Output, terms: Terms) -> Result<(), Refusal> {
    let signed = sign(client.officer()?, terms);
    let id = client.give_mandate(&signed).await?;
    out.one(&json!({ "statement_id": id }), &id)
}

/// Mandates given and received.
pub async fn list(client: &mut Client, out: Output) -> Result<(), Refusal> {
    let columns = [
        ("Mitglied", "org"),
        ("An", "to"),
        ("Bedarf", "need_id"),
        ("Höchstbetrag", "cap"),
        ("Bis", "until"),
        ("Person", "officer"),
        ("Freigabe von", "approves"),
        ("Wartet", "waits_for"),
        ("Kennung", "statement_id"),
    ];
    let rows: Vec<Vec<Value>> = client
        .mandates()
        .await?
        .into_iter()
        .map(|mandate| {
            vec![
                mandate.org.into(),
                mandate.to.into(),
                out.id(&mandate.need_id),
                euros(mandate.cap_cents).into(),
                mandate.until.into(),
                mandate.officer.into(),
                out.id(&mandate.approves),
                mandate.waits_for.into(),
                out.id(&mandate.statement_id),
            ]
        })
        .collect();
    out.rows(&columns, &rows)
}
