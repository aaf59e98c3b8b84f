//! Prices in words, German and English: items, keys, steps. One place, so that tool, page and dossier say the same.
use crate::domain::facts::BasisPoints;
use crate::domain::price::quote::PriceStep;
use crate::domain::price::{CostItem, Due, KeyKind, Party, Tax, Treatment};
use crate::domain::reason::Lang;

fn say(lang: Lang, de: &'static str, en: &'static str) -> &'static str {
    if lang == Lang::De { de } else { en }
}

impl CostItem {
    /// The words for a person.
    pub fn text(self, lang: Lang) -> &'static str {
        match self {
            Self::Infrastructure => say(lang, "Betrieb der Infrastruktur", "operation of the infrastructure"),
            Self::Development => say(lang, "Weiterentwicklung", "further development"),
            Self::Platform => say(lang, "Nutzung der Plattform", "use of the platform"),
            Self::Operation => say(lang, "Betrieb, Pflege und Betreuung", "operation, maintenance and support"),
            Self::Usage => say(lang, "Kosten der Nutzung", "costs of use"),
            Self::SetUp => say(lang, "Einrichtung", "set-up"),
            Self::Connection => say(lang, "Anbindung", "connection"),
            Self::Brokering => say(lang, "Vermittlung", "brokering"),
        }
    }
}

impl Due {
    /// The words for a person; `year` is the contract year of an item due once in one of them.
    pub fn text(self, year: Option<u32>, lang: Lang) -> String {
        match (self, year) {
            (Self::Once, Some(year)) => format!("{} {year}", say(lang, "im Vertragsjahr", "in contract year")),
            (Self::Once, None) => say(lang, "einmalig", "once").to_owned(),
            (Self::PerYear, _) => say(lang, "je Jahr", "per year").to_owned(),
            (Self::PerUse, _) => say(lang, "je Nutzung", "per use").to_owned(),
        }
    }
}

impl KeyKind {
    /// The words for a person.
    pub fn text(self, lang: Lang) -> &'static str {
        match self {
            Self::Inhabitants => say(lang, "Einwohnerzahl", "inhabitants"),
            Self::Uses => say(lang, "tatsächliche Nutzung", "actual uses"),
            Self::TargetGroup => say(lang, "Zielgruppe", "target group"),
            Self::Koenigstein => say(lang, "Königsteiner Schlüssel", "Königsteiner Schlüssel"),
            Self::Fixed => say(lang, "vereinbarte Anteile", "agreed shares"),
        }
    }
}

impl Party {
    /// The words for a person.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::Bund => say(lang, "Bund", "federal government").to_owned(),
            Self::Land(land) => land.name().to_owned(),
            Self::Org(org) => org.to_string(),
        }
    }
}

impl Tax {
    /// The words for a person.
    pub fn text(&self, lang: Lang) -> String {
        let treatment = match self.treatment {
            Treatment::Taxed => say(lang, "Umsatzsteuer", "value-added tax"),
            Treatment::Exempt => say(lang, "steuerfrei", "exempt"),
            Treatment::NotTaxable => say(lang, "nicht steuerbar", "not taxable"),
            Treatment::ReverseCharge => say(lang, "Steuerschuld beim Empfänger", "recipient owes the tax"),
        };
        let rate = self.rate.map(|rate| format!(" {}", percent(rate, lang))).unwrap_or_default();
        format!("{treatment}{rate} ({})", self.reason)
    }
}

/// A share with as many decimals as it has.
pub fn percent(share: BasisPoints, lang: Lang) -> String {
    decimals(u64::from(share.get()), 2, lang)
}

/// A number with up to `places` decimals, as a percentage.
fn decimals(number: u64, places: u32, lang: Lang) -> String {
    let unit = 10_u64.pow(places);
    let width = places as usize;
    let mut text = format!("{}{}{:0width$}", number / unit, say(lang, ",", "."), number % unit);
    text.truncate(text.trim_end_matches('0').len());
    format!("{} %", text.trim_end_matches([',', '.']))
}

impl PriceStep {
    /// One sentence with every input.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::Uses { unit, stated, least } => uses_text(unit.text(lang), *stated, *least, lang),
            Self::Risen { index, rate, from, to } => {
                let (from, rate, to) = (from.text(lang), percent(*rate, lang), to.text(lang));
                match lang {
                    Lang::De => format!("{index}: {from} im ersten Jahr, {rate} je Jahr mehr: {to}."),
                    Lang::En => format!("{index}: {from} in the first year, plus {rate} a year: {to}."),
                }
            }
            Self::Indexed { index } => match lang {
                Lang::De => format!("Änderung nach {index} möglich; gerechnet mit dem heutigen Betrag."),
                Lang::En => format!("May change by {index}; computed with today's amount."),
            },
            Self::Shared { .. } => self.shared_text(lang),
            Self::Paid { who, share, cents, source } => {
                let who =
                    who.as_ref().map_or_else(|| say(lang, "Besteller", "buyer").to_owned(), |who| who.text(lang));
                let source_word = say(lang, "Quelle", "source");
                let pays = say(lang, "zahlt", "pays");
                format!("{who} {pays} {}: {} ({source_word}: {source}).", percent(*share, lang), cents.text(lang))
            }
        }
    }

    fn shared_text(&self, lang: Lang) -> String {
        let Self::Shared { whole, share, part, key, group, year, source, party, weight, of, parties, bears } = self
        else {
            return String::new();
        };
        let number = |number: u64| match key {
            KeyKind::Koenigstein => decimals(number, 5, lang),
            _ => number.to_string(),
        };
        let named =
            if group.is_empty() { key.text(lang).to_owned() } else { format!("{} ({group})", key.text(lang)) };
        let (of, weight) = (number(*of), number(*weight));
        let (whole, part, bears) = (whole.text(lang), part.text(lang), bears.text(lang));
        let head = match lang {
            Lang::De => format!(
                "{} von {whole} = {part} nach {named}, Stand {year}, {parties} Beteiligte, Summe {of}",
                percent(*share, lang)
            ),
            Lang::En => format!(
                "{} of {whole} = {part} by {named}, as of {year}, {parties} taking part, sum {of}",
                percent(*share, lang)
            ),
        };
        let own = match (party, lang) {
            (Some(party), Lang::De) => format!("{} mit {weight} trägt {bears}", party.text(lang)),
            (Some(party), Lang::En) => format!("{} with {weight} bears {bears}", party.text(lang)),
            (None, Lang::De) => "der Besteller ist daran nicht beteiligt".to_owned(),
            (None, Lang::En) => "the buyer has no share in it".to_owned(),
        };
        format!("{head}; {own} ({}: {source}).", say(lang, "Quelle", "source"))
    }
}

fn uses_text(unit: String, stated: Option<u32>, least: Option<u32>, lang: Lang) -> String {
    let counted = stated.max(least).unwrap_or(0);
    let mut text = match lang {
        Lang::De => format!("{unit} × {counted} Nutzungen je Jahr"),
        Lang::En => format!("{unit} × {counted} uses a year"),
    };
    text += &match (stated, lang) {
        (Some(stated), Lang::De) => format!("; erwartet {stated}"),
        (Some(stated), Lang::En) => format!("; expected {stated}"),
        (None, Lang::De) => "; erwartete Zahl nicht angegeben".to_owned(),
        (None, Lang::En) => "; no expected number given".to_owned(),
    };
    if let Some(least) = least {
        text += &format!(", {} {least}", say(lang, "mindestens", "at least"));
    }
    text + say(lang, ". Abgerechnet wird die tatsächliche Nutzung.", ". Bills count the actual uses.")
}
