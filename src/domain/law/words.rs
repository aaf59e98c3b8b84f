//! What a finding says to a person, in German and in English.
use crate::domain::facts::{BasisPoints, Relation};
use crate::domain::id::OrgId;
use crate::domain::law::{Award, Condition, Finding, Note, Verdict};
use crate::domain::reason::Lang;
use crate::domain::time::Date;

impl Finding {
    /// The reason in one sentence.
    pub fn text(&self, lang: Lang) -> String {
        let (clause, day) = (self.clause(lang, self.verdict == Verdict::NotFulfilled), self.as_of);
        let opening = match (lang, self.verdict, self.assumed) {
            (Lang::De, Verdict::Contested, _) => "Erfüllt nach Wortlaut, aber umstritten ist, dass".to_owned(),
            (Lang::En, Verdict::Contested, _) => "Fulfilled by the wording, but it is contested that".to_owned(),
            (Lang::De, _, _) if self.condition.is_doctrine() => "Das Regelwerk sagt, dass".to_owned(),
            (Lang::En, _, _) if self.condition.is_doctrine() => "The rule pack says that".to_owned(),
            (Lang::De, Verdict::NotProven, _) => format!("Für den {} ist nicht belegt, dass", german(day)),
            (Lang::En, Verdict::NotProven, _) => format!("There is no evidence for {day} that"),
            (Lang::De, _, true) => "Angenommen ist, dass".to_owned(),
            (Lang::En, _, true) => "It is assumed that".to_owned(),
            (Lang::De, _, false) => "Belegt ist, dass".to_owned(),
            (Lang::En, _, false) => "There is evidence that".to_owned(),
        };
        format!("{opening} {clause}{}.", self.remark(lang))
    }

    /// What was asked; with `no` its contrary.
    pub(super) fn clause(&self, lang: Lang, no: bool) -> String {
        let of = self.of.as_ref().map_or("", OrgId::as_str);
        match lang {
            Lang::De => self.clause_de(of, no),
            Lang::En => self.clause_en(of, no),
        }
    }

    fn clause_de(&self, of: &str, no: bool) -> String {
        let org = &self.org;
        let nicht = if no { "nicht " } else { "" };
        match self.condition {
            Condition::RulePackInForce => {
                format!("das Regelwerk {org} für Verfahren {nicht}gilt, die an diesem Tag begannen")
            }
            Condition::ContractingAuthority => {
                let kein = if no { "kein " } else { "" };
                format!("{org} {kein}öffentlicher Auftraggeber nach {} ist", self.citation)
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
            _ => self.clause_further_de(of, nicht),
        }
    }

    fn clause_en(&self, of: &str, no: bool) -> String {
        let org = &self.org;
        let not = if no { "not " } else { "" };
        match self.condition {
            Condition::RulePackInForce => {
                format!("the rule pack {org} is {not}meant for procedures that began on this day")
            }
            Condition::ContractingAuthority => {
                format!("{org} is {not}a contracting authority under {}", self.citation)
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
            _ => self.clause_further_en(of, not),
        }
    }

    fn clause_further_de(&self, of: &str, nicht: &str) -> String {
        let org = &self.org;
        match self.condition {
            Condition::DecisiveInfluence => format!("{org} ausschlaggebenden Einfluss auf {of} {nicht}allein hat"),
            Condition::AllRepresented => format!(
                "die beschlussfassenden Organe von {org} sich {nicht}aus Vertretern aller Beteiligten zusammensetzen"
            ),
            Condition::Controllers => {
                format!("{org} sich an der gemeinsamen Kontrolle über {of} {nicht}beteiligen darf")
            }
            Condition::Entrustment => {
                format!(
                    "{org} {of} {nicht}erkennbar, inhaltlich festgelegt und rechtsverbindlich mit einer Aufgabe betraut hat"
                )
            }
            Condition::NoPrivateBetween => format!(
                "an {org}, wodurch die Kontrolle ausgeübt wird, {}Kapital direkt beteiligt ist",
                if nicht.is_empty() { "kein privates " } else { "privates " }
            ),
            Condition::JointIndirectAdmitted => {
                format!("{of} auch durch eine andere juristische Person gemeinsam {nicht}kontrolliert werden kann")
            }
            Condition::JointChainedAdmitted => {
                format!("{of} auch über zwei Stufen gemeinsamer Kontrolle {nicht}kontrolliert werden kann")
            }
            Condition::HalfSistersAdmitted => {
                format!("Vergaben von {org} an {of} {nicht}zulässig sind, die nur einen Träger gemeinsam haben")
            }
            _ => self.clause_without_control_de(of, nicht),
        }
    }

    fn clause_further_en(&self, of: &str, not: &str) -> String {
        let org = &self.org;
        match self.condition {
            Condition::DecisiveInfluence => {
                format!(
                    "{org} alone {} decisive influence on {of}",
                    if not.is_empty() { "has" } else { "does not have" }
                )
            }
            Condition::AllRepresented => format!(
                "the decision-making bodies of {org} are {not}composed of representatives of all who take part"
            ),
            Condition::Controllers => format!("{org} may {not}share in the joint control of {of}"),
            Condition::Entrustment => format!(
                "{org} has {not}entrusted {of} with a task recognisably, defined in content and binding in law"
            ),
            Condition::NoPrivateBetween => format!(
                "there is {}direct private capital in {org}, through which control is exercised",
                if not.is_empty() { "no " } else { "" }
            ),
            Condition::JointIndirectAdmitted => {
                format!("{of} can {not}be controlled jointly through another legal person")
            }
            Condition::JointChainedAdmitted => {
                format!("{of} can {not}be controlled over two links of joint control")
            }
            Condition::HalfSistersAdmitted => {
                format!("awards of {org} to {of}, which have only one owner in common, are {not}admissible")
            }
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
            Condition::CooperationAgreement => {
                format!(
                    "die Zusammenarbeit von {org} und {of} {nicht}auf einer gemeinsamen Kooperationsvereinbarung beruht"
                )
            }
            Condition::NoPrivateAdvantage => format!(
                "{} privater Dritter durch die Zusammenarbeit von {org} und {of} einen Vorteil vor Wettbewerbern erhält",
                if nicht.is_empty() { "kein" } else { "ein" }
            ),
            Condition::PurchasesFromOthers => {
                format!("{org} die Leistung {nicht}für {of} bei anderen beschafft")
            }
            Condition::Scope => {
                format!("Umfang und Wert des Vertrags von {org} mit {of} {nicht}angegeben sind")
            }
            Condition::CentralPurchasingBody => format!("{org} {nicht}zentrale Beschaffungsstelle ist"),
            Condition::Contract => format!("{org} aus einem Vertrag mit {of} {nicht}abrufen kann"),
            Condition::Procedure => {
                format!("der Vertrag von {org} mit {of} {nicht}in einem Vergabeverfahren zustande kam")
            }
            Condition::ModificationAdmitted => format!(
                "ein laufender Vertrag von {org} mit {of} auch dann {nicht}ohne neues Verfahren geändert werden darf, wenn \
                 der Auftragnehmer nicht mehr zum eigenen Bereich gehört"
            ),
            Condition::RunningContract => {
                format!("ein Vertrag von {org} mit {of} {nicht}läuft, der vergabefrei geschlossen wurde")
            }
            Condition::Unforeseen => format!(
                "Umstände die Änderung des Vertrags von {org} mit {of} {nicht}nötig machen, die nicht vorhersehbar waren"
            ),
            Condition::CharacterKept => {
                format!("der Gesamtcharakter des Vertrags von {org} mit {of} {nicht}derselbe bleibt")
            }
            Condition::PriceRise => format!(
                "der Preis des Vertrags von {org} mit {of} {nicht}um höchstens die Hälfte seines Werts steigt"
            ),
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
            Condition::CooperationAgreement => {
                format!("the cooperation of {org} and {of} does {not}rest on a joint cooperation agreement")
            }
            Condition::NoPrivateAdvantage => format!(
                "{} private third party gains an advantage over competitors from the cooperation of {org} and {of}",
                if not.is_empty() { "no" } else { "a" }
            ),
            Condition::PurchasesFromOthers => {
                format!("{org} does {not}purchase the service for {of} from others")
            }
            Condition::Scope => format!("scope and value of the contract of {org} with {of} are {not}stated"),
            Condition::CentralPurchasingBody => format!("{org} is {not}a central purchasing body"),
            Condition::Contract => format!("{org} may {not}call off from a contract with {of}"),
            Condition::Procedure => {
                format!("the contract of {org} with {of} was {not}awarded in a procurement procedure")
            }
            Condition::ModificationAdmitted => format!(
                "a running contract of {org} with {of} may {not}be changed without a new procedure after the contractor \
                 has ceased to be in-house"
            ),
            Condition::RunningContract => {
                format!("a contract of {org} with {of} that was awarded in-house is {not}running")
            }
            Condition::Unforeseen => format!(
                "the change of the contract of {org} with {of} is {not}made necessary by circumstances that could not \
                 be foreseen"
            ),
            Condition::CharacterKept => {
                format!("the overall character of the contract of {org} with {of} does {not}stay as it is")
            }
            Condition::PriceRise => {
                format!("the price of the contract of {org} with {of} does {not}rise by half of its value at most")
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
            Note::Projection { share, above, by } => {
                let asked = say("gefordert sind mehr als", "required is more than");
                let word = format!("{} {by}", say("Prognose nach", "projection under"));
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
            Note::Plain if self.condition.cites_a_court() => format!(" ({})", self.citation),
            Note::Plain => String::new(),
            _ => self.further_remark(lang),
        }
    }

    fn further_remark(&self, lang: Lang) -> String {
        let say = |de: &str, en: &str| if lang == Lang::De { de.to_owned() } else { en.to_owned() };
        match &self.note {
            Note::Accordingly(by) | Note::PublicPurpose(by) => format!(" ({by})"),
            Note::OnlyFor { award: Award::Concession, by } => {
                let only = say("gleichgestellt nur für Konzessionen", "treated like one for concessions only");
                format!("; {only} ({by})")
            }
            Note::OnlyFor { award: _, by } => {
                let only =
                    say("gleichgestellt nur für Sektorentätigkeiten", "treated like one for sector activities only");
                format!("; {only} ({by})")
            }
            Note::GroupUnknown(by) => {
                let why = say(
                    "ob der gemessene Umsatz der eines Konzerns ist, ist nicht angegeben",
                    "whether the turnover measured is that of a group is not stated",
                );
                format!("; {why} ({by})")
            }
            Note::GroupOwn(by) => {
                let why = say(
                    "gemessen wurde nur der eigene Umsatz einer Konzernmutter",
                    "what was measured is only the own turnover of a parent",
                );
                format!("; {why} ({by})")
            }
            Note::Rise { rise, volume } => {
                let (more, value) = (say("mehr", "more"), say("Vertragswert", "value of the contract"));
                let notice =
                    say("bekannt zu machen nach § 132 Abs. 5 GWB", "to be published under section 132 (5) GWB");
                format!(" ({} {more}, {value} {}; {notice})", rise.text(lang), volume.text(lang))
            }
            Note::Contested(source) => format!(" ({source})"),
            Note::RepresentedBy(other) => format!(", {} {other}", say("durch", "by")),
            Note::Unconfirmed => say(
                "; die andere Seite hat den Vertrag nicht bestätigt",
                "; the other party has not confirmed the contract",
            ),
            Note::StockCompany => say(
                "; eine Aktiengesellschaft leitet ihr Vorstand in eigener Verantwortung (§ 76 AktG)",
                "; a stock company is directed by its board alone (section 76 AktG)",
            ),
            _ => String::new(),
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
