//! Items whose texts are like a text, for the fuzzy jump.

use super::chunk::{CHUNK, letters};
use super::find::Familiar;
use super::picture::{List, Picture, Slot};
use super::symbols::Fits;
use fuzzy_matcher::FuzzyMatcher;
use fuzzy_matcher::skim::SkimMatcherV2;
use memchr::memmem::Finder;
use std::cmp::Reverse;
use std::collections::HashSet;

/// Entries that a fuzzy search returns at most.
const MOST_LIKE: usize = 200;

/// Items that a fuzzy search weighs at most. If more fit, those are weighed that hold the text
/// as it stands, at the start of a word if possible, and the short ones among them.
const WEIGHED: usize = 3000;

/// Items whose name, host or tag is like `text`: those that the rep uses most first, then the
/// likest.
pub fn like(picture: Picture, text: &str, familiar: &Familiar) -> List {
    let picture = picture.ordered();
    let text = text.trim();
    if text.is_empty() {
        let mut used: Vec<_> = familiar.0.to_vec();
        used.sort_by_key(|(_, worth)| Reverse(*worth));
        let known: HashSet<Slot> = used.iter().map(|(slot, _)| *slot).collect();
        let others = picture.order.iter().copied().filter(|slot| !known.contains(slot));
        let slots = used.into_iter().map(|(slot, _)| slot).chain(others).take(MOST_LIKE).collect();
        return picture.list(slots);
    }
    let mut candidates = candidates(&picture, &text.to_lowercase());
    // Candidates come in the order of their slots.
    for (slot, worth) in familiar.0.iter() {
        let at = candidates.binary_search_by_key(slot, |candidate| candidate.slot).ok();
        let candidate = at.and_then(|at| candidates.get_mut(at));
        // Letters that are only scattered over a name say too little.
        if let Some(candidate) = candidate.filter(|candidate| candidate.fit != Fit::Scattered) {
            candidate.worth = Reverse(*worth);
        }
    }
    if candidates.len() > WEIGHED {
        candidates.select_nth_unstable(WEIGHED);
        candidates.truncate(WEIGHED);
    }
    let matcher = SkimMatcherV2::default().ignore_case();
    let weigh = |candidate: Candidate| {
        let item = picture.item(candidate.slot)?;
        let fields = [item.name(), item.hostname(), item.tag()];
        // What is in the name says more than what is in the host's name, and that more than a tag.
        let weights = [20, 10, 0];
        let score = |word: &str| {
            let scores = fields.iter().zip(weights);
            scores.filter_map(|(field, w)| Some(matcher.fuzzy_match(field, word)? + w)).max()
        };
        let score = text.split_whitespace().map(score).sum::<Option<i64>>()?;
        Some((candidate.worth, Reverse(score), candidate))
    };
    let mut weighed: Vec<_> = candidates.into_iter().filter_map(weigh).collect();
    weighed.sort_unstable();
    let slots = weighed.iter().take(MOST_LIKE).map(|(_, _, candidate)| candidate.slot).collect();
    picture.list(slots)
}

/// An item that holds the letters in order: how well at first sight, how long its name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    worth: Reverse<u32>,
    fit: Fit,
    length: usize,
    slot: Slot,
}

/// How well a text fits at first sight, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Start,
    Word,
    Inside,
    Scattered,
}

/// The items in which each word is, in whichever of their texts.
fn candidates(picture: &Picture, lower: &str) -> Vec<Candidate> {
    let wanted = lower.split_whitespace().fold(0, |all, word| all | letters(word));
    let words: Vec<_> = lower.split_whitespace().map(|word| (word, Finder::new(word))).collect();
    let tags = words.iter().map(|(word, finder)| {
        // Each tag is looked at once.
        picture.symbols.fits(move |tag| fit(tag, word, finder))
    });
    let tags: Vec<_> = tags.collect();
    let mut candidates = Vec::new();
    for (number, chunk) in picture.chunks.iter().enumerate() {
        for (index, _) in chunk.letters.iter().enumerate().filter(|(_, l)| *l & wanted == wanted) {
            let Some(record) = chunk.record(index) else {
                continue;
            };
            let mut own = chunk.lower.of(index).splitn(3, super::chunk::BETWEEN);
            let name = own.next().unwrap_or_default();
            let host = own.next().unwrap_or_default();
            let best = |((word, finder), tags): (&(&str, Finder<'_>), &Fits<'_, Fit, _>)| {
                let tag = record.shared.first().and_then(|tag| tags.get(*tag));
                let fits = [fit(name, word, finder), fit(host, word, finder), tag];
                fits.into_iter().flatten().min()
            };
            // As well as the word that fits worst.
            let fits = words
                .iter()
                .zip(&tags)
                .map(best)
                .try_fold(Fit::Start, |all, fit| Some(all.max(fit?)));
            if let Some(fit) = fits {
                let slot = Slot::try_from(number * CHUNK + index).unwrap_or(Slot::MAX);
                let (worth, length) = (Reverse(0), name.len());
                candidates.push(Candidate { worth, fit, length, slot });
            }
        }
    }
    candidates
}

fn fit(text: &str, wanted: &str, finder: &Finder<'_>) -> Option<Fit> {
    match finder.find(text.as_bytes()) {
        Some(0) => Some(Fit::Start),
        Some(at) => {
            let before = text.as_bytes().get(at - 1).copied().unwrap_or(b' ');
            Some(if before.is_ascii_alphanumeric() { Fit::Inside } else { Fit::Word })
        }
        None => holds_in_order(text, wanted).then_some(Fit::Scattered),
    }
}

fn holds_in_order(text: &str, wanted: &str) -> bool {
    let mut letters = text.bytes();
    wanted.bytes().all(|byte| letters.any(|letter| letter == byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_fits_best_at_its_start_and_worst_in_scattered_letters() {
        let fit = |text: &str, wanted: &str| fit(text, wanted, &Finder::new(wanted));
        assert_eq!(fit("web-01", "web"), Some(Fit::Start));
        assert_eq!(fit("ber-web-01", "web"), Some(Fit::Word));
        assert_eq!(fit("berweb", "web"), Some(Fit::Inside));
        assert_eq!(fit("w-e-b", "web"), Some(Fit::Scattered));
        assert_eq!(fit("bew", "web"), None);
    }
}
