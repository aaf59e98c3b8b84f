//! The days to remember of a sealed order as iCalendar (RFC 5545): notice, end, and evidence that expires.
use crate::domain::order::aftercare::notice_due;
use crate::domain::reason::Lang;
use crate::domain::time::{Date, Timestamp};
use crate::exchange::contract::Contract;

/// Longest line, in bytes, before it is folded.
const LINE_BYTES_MAX: usize = 75;

/// A day and what it is.
struct Entry {
    uid: String,
    day: Date,
    text: String,
}

/// The calendar of some orders, each with the time of its seal as the time of its entries: same orders, same bytes.
pub fn calendar(contracts: &[Contract], lang: Lang) -> String {
    let mut lines = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//Verbund//Vertragskalender//DE".to_owned(),
        "CALSCALE:GREGORIAN".to_owned(),
    ];
    for contract in contracts {
        let stamp = contract.seal.body().signed_at;
        for entry in entries(contract, lang) {
            lines.extend(event(&entry, stamp));
        }
    }
    lines.push("END:VCALENDAR".to_owned());
    lines.iter().map(|line| folded(line)).collect()
}

fn entries(contract: &Contract, lang: Lang) -> Vec<Entry> {
    let say = |de: &'static str, en: &'static str| if lang == Lang::De { de } else { en };
    let (order, title) = (contract.request.order, &contract.offering.title);
    let ends = contract.ends();
    let mut entries = Vec::new();
    let mut add = |what: &str, day: Date, text: String| {
        entries.push(Entry { uid: format!("{what}-{order}@verbund"), day, text });
    };
    if !contract.is_ending() {
        let due = notice_due(ends, contract.offering.notice_days);
        add("notice", due, format!("{}: {title}", say("Letzter Tag für die Kündigung", "Last day for notice")));
    }
    add("end", ends, format!("{}: {title}", say("Vertrag endet", "Contract ends")));
    for (id, about, day) in contract.expiring() {
        let said = say("Nachweis läuft ab", "Evidence expires");
        add(&id.to_string()[..16], day, format!("{said}: {about} ({title})"));
    }
    entries
}

fn event(entry: &Entry, stamp: Timestamp) -> [String; 6] {
    let digits = |text: String| text.replace(['-', ':'], "");
    let second = stamp.to_string();
    let second = second.split(['.', 'Z']).next().unwrap_or_default().to_owned();
    [
        "BEGIN:VEVENT".to_owned(),
        format!("UID:{}", entry.uid),
        format!("DTSTAMP:{}Z", digits(second)),
        format!("DTSTART;VALUE=DATE:{}", digits(entry.day.to_string())),
        format!("SUMMARY:{}", escaped(&entry.text)),
        "END:VEVENT".to_owned(),
    ]
}

/// Text as a value: what would end it or begin another is escaped.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,");
    text.replace("\r\n", "\\n").replace(['\n', '\r'], "\\n")
}

/// A line with its end, folded between characters.
fn folded(line: &str) -> String {
    let (mut text, mut bytes) = (String::new(), 0);
    for c in line.chars() {
        if bytes + c.len_utf8() > LINE_BYTES_MAX {
            text.push_str("\r\n ");
            bytes = 1;
        }
        text.push(c);
        bytes += c.len_utf8();
    }
    text + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_its_line_or_begins_another() {
        assert_eq!(escaped("a;b,c\\d\nBEGIN:VEVENT"), "a\\;b\\,c\\\\d\\nBEGIN:VEVENT");
        let folded = folded(&"ä".repeat(100));
        assert!(folded.split("\r\n").all(|line| line.len() <= LINE_BYTES_MAX) && folded.ends_with("\r\n"));
        assert_eq!(folded.replace("\r\n ", "").trim_end(), "ä".repeat(100));
    }
}
