//! The report for machines: stable words under stable names, beside the text for a person.
use serde_json::{Value, json};

use super::told::Told;
use super::{Assumption, AuditFinding, Case, Check, LegLine, LogLine, NotChecked, Report, Row, Stamp, instant};
use crate::domain::characters::printable;
use crate::domain::id::OrgId;
use crate::domain::money::Cents;
use crate::domain::reason::Lang;

impl Report {
    /// The report for machines.
    pub fn json(&self, lang: Lang) -> Value {
        let finding = |check: Check, finding: &AuditFinding| {
            let told = Told::new(check, finding, &self.case.papers, lang);
            json!({
                "subject": printable(&finding.subject),
                "about": told.about,
                "sentence": told.sentence,
                "verdict": finding.ruling.code(),
                "reason": finding.refusal.reason.code(),
                "message": finding.refusal.reason.text(lang),
                "details": finding.refusal.fields,
            })
        };
        let row = |row: &Row| {
            json!({
                "check": row.check.code(),
                "title": row.check.text(lang),
                "verdict": row.ruling().code(),
                "passed": row.passed,
                "findings": row.findings.iter().map(|found| finding(row.check, found)).collect::<Vec<_>>(),
            })
        };
        let not_checked = |gap: &NotChecked| json!({ "code": gap.code(), "text": gap.text(lang) });
        json!({
            "verdict": self.ruling().code(),
            "headline": self.headline(lang),
            "exit_code": self.ruling().exit_code(),
            "case": self.case.json(lang),
            "checks": self.rows.iter().map(row).collect::<Vec<_>>(),
            "not_checked": self.case.not_checked.iter().map(not_checked).collect::<Vec<_>>(),
        })
    }
}

impl Case {
    fn json(&self, lang: Lang) -> Value {
        let leg = |leg: &LegLine| {
            json!({
                "from": leg.from, "to": leg.to, "verdict": leg.verdict, "basis": leg.basis,
                "paragraph": leg.basis.map(|_| &leg.paragraph), "assumed": leg.assumed,
                "open": leg.open.iter().map(|[de, en]| if lang == Lang::De { de } else { en }).collect::<Vec<_>>(),
            })
        };
        let assumption = |assumption: &Assumption| json!({ "member": assumption.member, "about": assumption.about, "source": printable(&assumption.source) });
        let title = self.offering_title.as_ref();
        let member = |(org, weight, share): &(OrgId, u64, Cents)| json!({ "org": org, "weight": weight, "share_cents": share });
        let stamp =
            |stamp: &Stamp| json!({ "at": stamp.at.to_string(), "by": stamp.by, "trusted": stamp.is_trusted });
        let log = |log: &LogLine| {
            json!({
                "log": log.origin.to_string(), "size": log.size, "contents": log.contents, "checkpoint": log.checkpoint,
                "witnesses": log.witnesses, "witnesses_needed": log.needed,
            })
        };
        json!({
            "replica": self.logs.iter().map(log).collect::<Vec<_>>(),
            "timestamp": self.stamp.as_ref().map(stamp),
            "mode": self.mode, "amends": self.amends,
            "members": self.members.iter().map(member).collect::<Vec<_>>(),
            "root": self.root, "order": self.order.map(|(order, _)| order), "attempt": self.order.map(|(_, n)| n),
            "parties": self.parties, "offering": self.offering,
            "title": title.map(|(title, _, _)| printable(title)), "seller": title.map(|(_, seller, _)| seller),
            "version": title.map(|(_, _, version)| version), "as_of": self.as_of.map(|day| day.to_string()),
            "rule_pack": self.law.as_ref().map(|(pack, _)| pack),
            "procedure_began": self.law.as_ref().map(|(_, began)| began.to_string()),
            "total_cents": self.total.map(|(total, _)| total), "term_years": self.total.map(|(_, years)| years),
            "ending": self.ending.map(|ending| ending.code()), "witnessed_at": self.witnessed_at.map(|seconds| instant(seconds).to_string()),
            "statements": self.counts[0], "signatures": self.counts[1], "logs": self.counts[2],
            "legs": self.legs.iter().map(leg).collect::<Vec<_>>(),
            "assumptions": self.assumptions.iter().map(assumption).collect::<Vec<_>>(),
        })
    }
}
