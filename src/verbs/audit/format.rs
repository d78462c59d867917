//! An event of the audit as a line.

use jumpdeck_protocol::audit::AuditEvent;
use jumpdeck_protocol::text::clean;
use serde::Serialize;
use std::io::{self, Write};

/// The enterprise number for examples (RFC 5612): jumpdeck has none of its own.
const ENTERPRISE: u32 = 32473;
/// Facility 13, log audit; severity 6, informational (RFC 5424, 6.2.1).
const PRIORITY: u8 = 13 * 8 + 6;
/// And severity 4, a warning, for what was refused.
const WARNING: u8 = 13 * 8 + 4;

/// The machine's name, for syslog.
pub(super) fn host() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let plain = |c: &char| c.is_ascii_graphic();
    let name: String = name.chars().filter(plain).take(255).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

fn time(event: &AuditEvent) -> jiff::Timestamp {
    jiff::Timestamp::from_second(event.at.0).unwrap_or_default()
}

/// Whether somebody was turned away.
fn is_refusal(event: &AuditEvent) -> bool {
    matches!(&*event.action, "login_failed" | "agent_refused" | "agent_broke_protocol")
}

/// The cells of a table.
pub(super) fn cells(event: &AuditEvent) -> [String; 6] {
    let local = time(event).to_zoned(jiff::tz::TimeZone::system());
    [
        event.number.to_string(),
        local.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        clean(&event.who).into_owned(),
        clean(&event.action).into_owned(),
        clean(&event.subject).into_owned(),
        clean(&event.detail).into_owned(),
    ]
}

/// A JSON object in a line.
pub(super) fn json(value: &impl Serialize, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// A line of ArcSight's Common Event Format, revision 25.
pub(super) fn cef(event: &AuditEvent, out: &mut impl Write) -> io::Result<()> {
    let head = |text: &str| escaped(&clean(text), &['\\', '|']);
    let value = |text: &str| escaped(&clean(text), &['\\', '=']);
    let severity = if is_refusal(event) { 6 } else { 3 };
    writeln!(
        out,
        "CEF:0|jumpdeck|appliance|{}|{action}|{action}|{severity}|rt={} externalId={} suser={} \
         cs1Label=subject cs1={} msg={} cs2Label=hash cs2={}",
        jumpdeck_protocol::VERSION,
        time(event).as_millisecond(),
        event.number,
        value(&event.who),
        value(&event.subject),
        value(&event.detail),
        value(&event.hash),
        action = head(&event.action),
    )
}

/// A line of syslog (RFC 5424).
pub(super) fn syslog(event: &AuditEvent, host: &str, out: &mut impl Write) -> io::Result<()> {
    let value = |text: &str| escaped(&clean(text), &['\\', '"', ']']);
    let priority = if is_refusal(event) { WARNING } else { PRIORITY };
    let action: String =
        event.action.chars().filter(char::is_ascii_graphic).take(32).collect::<String>();
    let action = if action.is_empty() { "-".to_owned() } else { action };
    writeln!(
        out,
        "<{priority}>1 {} {host} jumpdeck - {action} [audit@{ENTERPRISE} number=\"{}\" \
         who=\"{}\" subject=\"{}\" detail=\"{}\" hash=\"{}\"]",
        time(event),
        event.number,
        value(&event.who),
        value(&event.subject),
        value(&event.detail),
        value(&event.hash),
    )
}

fn escaped(text: &str, special: &[char]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if special.contains(&c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use jumpdeck_protocol::Timestamp;

    fn event() -> AuditEvent {
        AuditEvent {
            number: 7,
            at: Timestamp(1_700_000_000),
            who: "a|b=c".into(),
            action: "login_failed".into(),
            subject: "x\"]\\\n".into(),
            detail: "".into(),
            hash: "ff".into(),
        }
    }

    #[test]
    fn what_has_a_meaning_in_a_format_is_escaped_there() {
        let mut out = Vec::new();
        cef(&event(), &mut out).unwrap();
        let line = String::from_utf8(out).unwrap();
        assert!(line.starts_with("CEF:0|jumpdeck|appliance|"), "{line}");
        assert!(line.contains("|login_failed|login_failed|6|rt=1700000000000 "), "{line}");
        assert!(line.contains("suser=a|b\\=c "), "{line}");
        assert_eq!(line.lines().count(), 1);
        let mut out = Vec::new();
        syslog(&event(), "host", &mut out).unwrap();
        let line = String::from_utf8(out).unwrap();
        let begin = "<108>1 2023-11-14T22:13:20Z host jumpdeck - login_failed [audit@32473 ";
        assert!(line.starts_with(begin), "{line}");
        assert!(line.contains("subject=\"x\\\"\\]\\\\"), "{line}");
        assert_eq!(line.lines().count(), 1);
    }
}
