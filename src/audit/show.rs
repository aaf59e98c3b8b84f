//! What lies in a bundle, for reading: every statement with what it is, by whom, of which day, and its id.
//!
//! Must never judge, and must say so: a list of forged papers looks like a list of true ones.
use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::audit::bundle::{Bundle, Filed, Reading, Section, origin_of};
use crate::audit::papers::Paper;
use crate::domain::annex::{Erased, named};
use crate::domain::characters::printable;
use crate::domain::id::Hash;
use crate::domain::reason::Lang;
use crate::domain::value_words::kind_text;
use crate::log::checkpoint::Checkpoint;

/// The contents of a bundle.
pub struct Listing {
    reading: Reading,
    /// Annexes that their authors have let be erased.
    erased: BTreeSet<Hash>,
    members: usize,
    bytes: usize,
}

/// Reads a bundle for showing.
pub fn show(bundle: &Bundle) -> Listing {
    let bytes = bundle.members.values().map(Vec::len).sum();
    let reading = bundle.read();
    let erased = Erased::of(reading.statements.iter().map(|filed| &filed.signed)).annexes();
    Listing { reading, erased, members: bundle.members.len(), bytes }
}

impl Section {
    fn text(self, lang: Lang) -> &'static str {
        let [de, en] = match self {
            Self::Order => ["Erklärungen zur Bestellung", "Statements on the order"],
            Self::Facts => ["Angebot, Tarife, Nachweise", "Offering, tariffs, facts"],
            Self::Root => ["Was alle betrifft", "What concerns everyone"],
            Self::Trust => ["Aufnahmen, Schlüssel, Vollmachten", "Admissions, keys, grants"],
            Self::Receipts => ["Empfangsbestätigungen", "Receipts"],
        };
        if lang == Lang::De { de } else { en }
    }
}

/// In the order in which a person asks for them.
const SECTIONS: [Section; 5] = [Section::Order, Section::Receipts, Section::Facts, Section::Trust, Section::Root];

impl Listing {
    fn of(&self, section: Section) -> impl Iterator<Item = (&Filed, Paper)> {
        let here = self.reading.statements.iter().filter(move |filed| filed.section == section);
        here.map(|filed| (filed, Paper::of(&filed.signed)))
    }

    /// What the annex of a statement says, if it is here and no paper of the bundle says that it is erased: what somebody has left
    /// lying shall not be read out.
    fn note(&self, filed: &Filed) -> Option<String> {
        let annex = self.reading.annexes.get(&named(&filed.signed)?)?;
        (!self.is_erased(filed)).then(|| annex.texts().told())
    }

    fn is_erased(&self, filed: &Filed) -> bool {
        named(&filed.signed).is_some_and(|id| self.erased.contains(&id))
    }

    /// Where each log ends: node and size.
    fn ends(&self) -> impl Iterator<Item = (String, u64)> {
        self.reading.ends.iter().filter_map(|end| {
            let head = Checkpoint::parse(end.proof.checkpoint.text()).ok()?;
            Some((origin_of(&end.proof)?.to_string(), head.size))
        })
    }

    /// The list for a person.
    pub fn text(&self, lang: Lang) -> String {
        let say = |de: &'static str, en: &'static str| if lang == Lang::De { de } else { en };
        let mut lines = vec![
            say(
                "NICHT GEPRÜFT: nur eine Liste dessen, was im Paket steht. `verify` prüft es.",
                "NOT CHECKED: only a list of what is in the bundle. `verify` checks it.",
            )
            .to_owned(),
            format!("{} {}, {} Bytes", self.members, say("Teile", "members"), self.bytes),
        ];
        for section in SECTIONS {
            let papers: Vec<_> = self.of(section).collect();
            if !papers.is_empty() {
                lines.extend([String::new(), section.text(lang).to_owned()]);
            }
            for (filed, paper) in papers {
                lines.push(format!("  {}", paper.text(lang)));
                lines.push(format!("    {}  sha256:{}", filed.name, paper.id));
                lines.extend(self.note(filed).map(|note| format!("    „{note}“")));
                if self.is_erased(filed) {
                    lines.push(format!("    {}", say("(Text gelöscht)", "(text erased)")));
                }
            }
        }
        lines.extend([
            String::new(),
            say("Protokolle, soweit das Paket sie zeigt", "Logs as far as shown").to_owned(),
        ]);
        for (log, size) in self.ends() {
            lines.push(format!("  {log}: {size} {}", say("Einträge", "entries")));
        }
        if !self.reading.refused.is_empty() || !self.reading.strays.is_empty() {
            lines.extend([String::new(), say("Nicht lesbar oder nicht zugehörig", "Unreadable or stray").to_owned()]);
        }
        for (member, refusal) in &self.reading.refused {
            lines.push(format!("  {member}: {} [{}]", refusal.reason.text(lang), refusal.reason.code()));
        }
        lines.extend(self.reading.strays.iter().map(|member| format!("  {member}")));
        lines.iter().map(|line| printable(line) + "\n").collect()
    }

    /// The list for machines.
    pub fn json(&self, lang: Lang) -> Value {
        let statement = |(filed, paper): (&Filed, Paper)| {
            json!({
                "member": filed.name, "kind": paper.kind.name(), "title": kind_text(&paper.kind, lang), "org": paper.org,
                "officer": paper.officer, "about": paper.about, "day": paper.day.map(|day| day.to_string()),
                "note": self.note(filed), "erased": self.is_erased(filed), "id": paper.id, "signatures": filed.signed.signatures().len(), "proofs": filed.proofs.len(),
            })
        };
        let statements: Vec<Value> =
            SECTIONS.into_iter().flat_map(|section| self.of(section)).map(statement).collect();
        let refused = self.reading.refused.iter();
        json!({
            "checked": false, "members": self.members, "bytes": self.bytes, "statements": statements,
            "logs": self.ends().map(|(log, size)| json!({ "log": log, "size": size })).collect::<Vec<_>>(),
            "unreadable": refused.map(|(member, refusal)| json!({ "member": printable(member), "reason": refusal.reason.code() })).collect::<Vec<_>>(),
            "strays": self.reading.strays.iter().map(|member| printable(member)).collect::<Vec<_>>(),
        })
    }
}
