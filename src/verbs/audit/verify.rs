//! Whether an export of the audit is whole.

use anyhow::{Context, bail};
use jumpdeck_protocol::audit::{AuditEvent, Chain, Seal};
use std::io::{BufRead, Read};

/// Bytes of a line, at most: more than any event has.
const LINE: u64 = 64 * 1024;

/// Follows an export from its first line to its seal. Returns the seal.
///
/// # Errors
/// Where the first thing is that does not fit.
pub(super) fn lines(mut export: impl BufRead) -> anyhow::Result<Seal> {
    let (mut chain, mut line, mut number) = (Chain::default(), Vec::new(), 0_u64);
    let mut seal: Option<Seal> = None;
    loop {
        line.clear();
        if export.by_ref().take(LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        number += 1;
        let Some(text) = line.strip_suffix(b"\n") else {
            bail!("line {number} has no end, or is too long for an event");
        };
        if seal.is_some() {
            bail!("line {number} stands after the seal");
        }
        match serde_json::from_slice::<AuditEvent>(text) {
            Ok(event) => chain.follow(&event).with_context(|| format!("line {number}"))?,
            Err(error) => {
                let Ok(end) = serde_json::from_slice(text) else {
                    let error = jumpdeck_protocol::text::clean(&error.to_string()).into_owned();
                    bail!("line {number} is neither an event nor the seal: {error}");
                };
                seal = Some(end);
            }
        }
    }
    let seal = seal.context("the seal is missing: something was cut off the end")?;
    chain.ends_with(&seal)?;
    Ok(seal)
}

/// Whether the appliance that is meant has sealed it.
pub(super) fn is_of(seal: &Seal, key: Option<&str>) -> anyhow::Result<()> {
    let found = jumpdeck_protocol::text::clean(&seal.appliance);
    match key {
        Some(key) if key == &*seal.appliance => Ok(()),
        Some(_) => bail!("it was sealed by another appliance: {found}"),
        None => bail!(
            "{} events, whole, and sealed by {found}; nobody says that this is the appliance's key: \
             compare it, and give it with --key",
            seal.events
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jumpdeck_protocol::Timestamp;
    use ring::rand::SystemRandom;
    use ring::signature::Ed25519KeyPair;

    /// An export of a few events.
    fn export(count: u64) -> Vec<u8> {
        let mut chain = Chain::default();
        let mut out = Vec::new();
        for n in 0..count {
            let mut event = AuditEvent {
                number: 0,
                at: Timestamp(1_700_000_000 + i64::try_from(n).unwrap()),
                who: "alice".into(),
                action: "item_tended".into(),
                subject: format!("item {n}").into(),
                detail: "name from \"a\" to \"東京\"".into(),
                hash: "".into(),
            };
            chain.add(&mut event);
            super::super::format::json(&event, &mut out).unwrap();
        }
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
        super::super::format::json(&Seal::new(&pair, &chain, Timestamp(1_700_000_999)), &mut out)
            .unwrap();
        out
    }

    #[test]
    fn a_whole_export_is_whole() {
        for count in [0, 1, 5] {
            assert_eq!(lines(&export(count)[..]).unwrap().events, count);
        }
    }

    #[test]
    fn an_export_that_somebody_else_sealed_is_not_the_appliances() {
        let (ours, forged) = (lines(&export(3)[..]).unwrap(), lines(&export(2)[..]).unwrap());
        assert!(is_of(&ours, Some(&ours.appliance)).is_ok());
        assert!(is_of(&forged, Some(&ours.appliance)).is_err());
        assert!(is_of(&ours, None).is_err(), "whole, but by whom?");
    }

    #[test]
    fn any_bit_that_is_flipped_is_found() {
        let whole = export(4);
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut changed = whole.clone();
                changed[at] ^= 1 << bit;
                assert!(lines(&changed[..]).is_err(), "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn events_that_are_gone_doubled_or_elsewhere_are_named() {
        let whole = String::from_utf8(export(5)).unwrap();
        let all: Vec<&str> = whole.lines().collect();
        let told = |lines_of: &[&str]| {
            let text = lines_of.iter().fold(String::new(), |text, line| text + line + "\n");
            format!("{:#}", lines(text.as_bytes()).unwrap_err())
        };
        let without = [&all[..2], &all[3..]].concat();
        assert_eq!(told(&without), "line 3: event 4 stands where event 3 should");
        let swapped = [all[0], all[2], all[1], all[3], all[4], all[5]];
        assert_eq!(told(&swapped), "line 2: event 3 stands where event 2 should");
        let doubled = [&all[..2], &all[1..]].concat();
        assert_eq!(told(&doubled), "line 3: event 2 stands where event 3 should");
        assert!(told(&all[..5]).starts_with("the seal is missing"));
        let short = [&all[..4], &all[5..]].concat();
        assert_eq!(told(&short), "5 events were sealed, 4 are here");
        let added = [&all[..], &all[..1]].concat();
        assert_eq!(told(&added), "line 7 stands after the seal");
    }
}
