//! What a finding says to a person, in German and in English.
use crate::domain::facts::{BasisPoints, Relation};
use crate::domain::id::OrgId;
use crate::domain::law::{Condition, Finding, Note, Verdict};
use crate::domain::reason::Lang;
use crate::domain::time::Date;

impl Finding {
    /// The reason in one sentence.
    pub fn text(&self, lang: Lang) -> String {
        let (clause, day) = (self.clause(lang), self.as_of);
        let opening = match (lang, self.verdict, self.assumed) {
            (Lang::De, _, _) if self.condition == Condition::InverseJointAdmitted => {
                "Das Regelwerk sagt, dass".to_owned()
            }
            (Lang::En, _, _) if self.condition == Condition::InverseJointAdmitted => {
                "The rule pack says that".to_owned()
            }
            (Lang::De, Verdict::NotProven, _) => format!("Für den {} ist nicht belegt, dass", german(day)),
            (Lang::En, Verdict::NotProven, _) => format!("There is no evidence for {day} that"),
            (Lang::De, _, true) => "Angenommen ist, dass".to_owned(),
            (Lang::En, _, true) => "It is assumed that".to_owned(),
            (Lang::De, _, false) => "Belegt ist, dass".to_owned(),
            (Lang::En, _, false) => "There is evidence that".to_owned(),
        };
        format!("{opening} {clause}{}.", self.remark(lang))
    }

    /// What was asked, turned into its contrary when the answer is no.
    fn clause(&self, lang: Lang) -> String {
        let of = self.of.as_ref().map_or("", OrgId::as_str);
        match lang {
            Lang::De => self.clause_de(of),
            Lang::En => self.clause_en(of),
        }
    }

    fn clause_de(&self, of: &str) -> String {
        let (org, no) = (&self.org, self.verdict == Verdict::NotFulfilled);
        let nicht = if no { "nicht " } else { "" };
        match self.condition {
            Condition::RulePackInForce => format!("das Regelwerk {org} für Vergaben an diesem Tag {nicht}gilt"),
            Condition::ContractingAuthority => {
                format!(
                    "{org} {}öffentlicher Auftraggeber nach § 99 Nr. 1 bis 3 GWB ist",
                    if no { "kein " } else { "" }
                )
            }
            Condition::ControllingRelation => {
                format!("die Verbindung von {org} und {of} {}Kontrolle vermittelt", if no { "keine " } else { "" })
            }
            Condition::SoleControl => format!("{of} {nicht}von {org} allein kontrolliert wird"),
            Condition::Membership => format!("{org} {nicht}Mitglied, Gesellschafter oder Träger von {of} ist"),
            Condition::Seat => format!("{org} in den beschlussfassenden Organen von {of} {nicht}vertreten ist"),
            Condition::Stake => {
                format!("{org} {}Anteil am Kapital von {of} hält", if no { "keinen " } else { "einen " })
            }
            Condition::Vote => format!("{org} in {of} {} hat", if no { "keine Stimme" } else { "eine Stimme" }),
            Condition::JointInfluence => format!(
                "die Träger von {org} {nicht}gemeinsam ausschlaggebenden Einfluss auf strategische Ziele und \
                 wesentliche Entscheidungen haben"
            ),
            Condition::NoContraryInterests => {
                format!(
                    "{org} {}Interessen verfolgt, die denen der Träger zuwiderlaufen",
                    if no { "" } else { "keine " }
                )
            }
            Condition::ActivityShare => {
                format!(
                    "{org} {nicht}den geforderten Anteil der Tätigkeiten für die ausführt, die {org} kontrollieren"
                )
            }
            Condition::NoPrivateCapital => {
                format!("an {org} {}Kapital direkt beteiligt ist", if no { "privates " } else { "kein privates " })
            }
            Condition::SameMother => format!("{org} und {of} {nicht}von derselben Mutter allein kontrolliert werden"),
            Condition::InverseJointAdmitted => {
                format!("Vergaben von {org} an das Mitglied {of} {nicht}zulässig sind")
            }
            _ => self.clause_without_control_de(of, nicht),
        }
    }

    fn clause_en(&self, of: &str) -> String {
        let (org, no) = (&self.org, self.verdict == Verdict::NotFulfilled);
        let not = if no { "not " } else { "" };
        match self.condition {
            Condition::RulePackInForce => format!("the rule pack {org} is {not}meant for awards on this day"),
            Condition::ContractingAuthority => {
                format!("{org} is {not}a contracting authority under section 99 Nr. 1 to 3 GWB")
            }
            Condition::ControllingRelation => {
                format!("the relation of {org} and {of} {} control", if no { "does not carry" } else { "carries" })
            }
            Condition::SoleControl => format!("{of} is {not}controlled by {org} alone"),
            Condition::Membership => format!("{org} is {not}a member, shareholder or owner of {of}"),
            Condition::Seat => format!("{org} is {not}represented in the decision-making bodies of {of}"),
            Condition::Stake => {
                format!("{org} holds {} of the capital of {of}", if no { "no share" } else { "a share" })
            }
            Condition::Vote => format!("{org} has {} in {of}", if no { "no vote" } else { "a vote" }),
            Condition::JointInfluence => format!(
                "the owners of {org} {}together have decisive influence on strategic objectives and significant \
                 decisions",
                if no { "do not " } else { "" }
            ),
            Condition::NoContraryInterests => {
                format!("{org} pursues {}interests contrary to those of its owners", if no { "" } else { "no " })
            }
            Condition::ActivityShare => format!(
                "{org} {} the share of its activities required for those who control it",
                if no { "does not perform" } else { "performs" }
            ),
            Condition::NoPrivateCapital => {
                format!("there is {}direct private capital in {org}", if no { "" } else { "no " })
            }
            Condition::SameMother => format!("{org} and {of} are {not}controlled alone by the same mother"),
            Condition::InverseJointAdmitted => format!("awards of {org} to its member {of} are {not}admissible"),
            _ => self.clause_without_control_en(of, not),
        }
    }

    fn clause_without_control_de(&self, of: &str, nicht: &str) -> String {
        let org = &self.org;
        match self.condition {
            Condition::CommonGoals => format!(
                "die Zusammenarbeit von {org} und {of} {nicht}der Erfüllung gemeinsamer öffentlicher Aufgaben im Hinblick \
                 auf gemeinsame Ziele dient"
            ),
            Condition::PublicInterest => format!(
                "die Zusammenarbeit von {org} und {of} {nicht}ausschließlich von Überlegungen des öffentlichen Interesses \
                 bestimmt wird"
            ),
            Condition::MarketShare => format!(
                "der Anteil der Tätigkeiten von {org} und {of} auf dem offenen Markt {nicht}unter der Schwelle liegt"
            ),
            Condition::CentralPurchasingBody => format!("{org} {nicht}zentrale Beschaffungsstelle ist"),
            Condition::Contract => format!("{org} aus einem Vertrag mit {of} {nicht}abrufen kann"),
            Condition::Procedure => {
                format!("der Vertrag von {org} mit {of} {nicht}in einem Vergabeverfahren zustande kam")
            }
            _ => format!("zwischen {org} und {of} {nicht}ein Vertrag über Zusammenarbeit besteht"),
        }
    }

    fn clause_without_control_en(&self, of: &str, not: &str) -> String {
        let org = &self.org;
        match self.condition {
            Condition::CommonGoals => format!(
                "the cooperation of {org} and {of} does {not}serve public services of both with a view to common goals"
            ),
            Condition::PublicInterest => format!(
                "the cooperation of {org} and {of} is {not}governed solely by considerations of public interest"
            ),
            Condition::MarketShare => format!(
                "the share of the activities of {org} and {of} on the open market is {not}below the threshold"
            ),
            Condition::CentralPurchasingBody => format!("{org} is {not}a central purchasing body"),
            Condition::Contract => format!("{org} may {not}call off from a contract with {of}"),
            Condition::Procedure => {
                format!("the contract of {org} with {of} was {not}awarded in a procurement procedure")
            }
            _ => format!("there is {not}a cooperation contract between {org} and {of}"),
        }
    }

    fn remark(&self, lang: Lang) -> String {
        let say = |de: &str, en: &str| if lang == Lang::De { de.to_owned() } else { en.to_owned() };
        let points = |share: BasisPoints| percent(share, if lang == Lang::De { ',' } else { '.' });
        match &self.note {
            Note::Missing { last_day, first_day } => self.other_days(*last_day, *first_day, lang),
            Note::Share { share, above } => {
                let asked = say("gefordert sind mehr als", "required is more than");
                format!(" ({}; {asked} {})", points(*share), points(*above))
            }
            Note::Projection { share, above } => {
                let asked = say("gefordert sind mehr als", "required is more than");
                let word = say("Prognose nach § 108 Abs. 7 Satz 3 GWB", "projection under § 108 Abs. 7 Satz 3 GWB");
                format!(" ({}, {word}; {asked} {})", points(*share), points(*above))
            }
            Note::Market { share, below } => {
                let asked = say("gefordert sind weniger als", "required is less than");
                format!(" ({}; {asked} {})", points(*share), points(*below))
            }
            Note::Private(share) => format!(" ({})", points(*share)),
            Note::Unmeasured { last: Some(last) } => match lang {
                Lang::De => format!("; gemessen wurden nicht die drei Jahre davor, sondern Jahre bis {last}"),
                Lang::En => format!("; what was measured are not the three years before it but years up to {last}"),
            },
            Note::Unmeasured { last: None } => say(
                "; wie und in welchen drei Jahren gemessen wurde, ist nicht angegeben",
                "; how it was measured and in which three years is not stated",
            ),
            Note::ProjectionOnly => say(
                "; es liegt nur eine Prognose vor, und sie genügt nur bei einer neuen oder umgestalteten Organisation",
                "; there is only a projection, which suffices for a new or reorganised body only",
            ),
            Note::Accordingly => " (§ 108 Abs. 8 GWB)".to_owned(),
            Note::Contradiction(clash) => {
                let (word, code) =
                    (say("die Angaben widersprechen sich", "statements contradict each other"), clash.reason());
                format!("; {word} ({})", code.code())
            }
            Note::Relation(Relation::AssociationMember) => {
                say(" (Mitgliedschaft in einem Verein)", " (membership in an association)")
            }
            Note::Relation(Relation::CooperationContract) => say(" (Kooperationsvertrag)", " (cooperation contract)"),
            Note::Relation(_) => say(" (Vertrag)", " (contract)"),
            Note::Plain if self.condition == Condition::SameMother => " (OLG Naumburg, 7 Verg 1/22)".to_owned(),
            Note::Plain if matches!(self.condition, Condition::Stake | Condition::Vote) => {
                " (EuGH, C-183/11)".to_owned()
            }
            Note::Plain => String::new(),
        }
    }

    fn other_days(&self, last: Option<Date>, first: Option<Date>, lang: Lang) -> String {
        let proven = match (lang, self.assumed) {
            (Lang::De, true) => "; angenommen ist es",
            (Lang::De, false) => "; belegt ist es",
            (Lang::En, true) => "; it is assumed",
            (Lang::En, false) => "; there is",
        };
        match (last, first, lang) {
            (Some(last), Some(first), Lang::De) => {
                format!("{proven} nur bis {} und wieder ab {}", german(last), german(first))
            }
            (Some(last), Some(first), Lang::En) => format!("{proven} only until {last} and again from {first}"),
            (Some(last), None, Lang::De) => format!("{proven} nur bis {}", german(last)),
            (Some(last), None, Lang::En) => format!("{proven} only until {last}"),
            (None, Some(first), Lang::De) => format!("{proven} erst ab {}", german(first)),
            (None, Some(first), Lang::En) => format!("{proven} only from {first}"),
            (None, None, _) => String::new(),
        }
    }
}

/// A date as Germans write it: `15.06.2021`.
pub fn german(day: Date) -> String {
    format!("{:02}.{:02}.{}", day.day(), day.month(), day.year())
}

/// Hundredths of a per cent as a person reads them.
pub fn percent(share: BasisPoints, comma: char) -> String {
    format!("{}{comma}{:02} %", share.get() / 100, share.get() % 100)
}
