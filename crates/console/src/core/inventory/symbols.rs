//! Texts that many items share (systems, tags, users), each kept once.

use imbl::Vector;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

/// A shared text. The default is the empty one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Symbol(u32);

/// A text and how it is searched.
#[derive(Debug, Default)]
struct SymbolEntry {
    text: Arc<str>,
    lower: Box<str>,
}

/// The texts of one picture; a copy costs a pointer.
#[derive(Clone, Debug, Default)]
pub(super) struct Symbols(Vector<Arc<SymbolEntry>>);

impl Symbols {
    /// The text of a symbol.
    pub(super) fn text(&self, symbol: Symbol) -> &str {
        self.0.get(symbol.0 as usize).map_or("", |entry| &entry.text)
    }

    /// Those whose text in lower case is asked for, as one truth for each symbol; nothing if none is.
    pub(super) fn matching(&self, wanted: impl Fn(&str) -> bool) -> Option<Matching> {
        let truths: Vec<bool> = self.0.iter().map(|entry| wanted(&entry.lower)).collect();
        truths.contains(&true).then_some(Matching(truths))
    }

    /// The symbol of exactly this text.
    pub(super) fn find(&self, text: &str) -> Option<Symbol> {
        let at = self.0.iter().position(|entry| *entry.text == *text)?;
        u32::try_from(at).ok().map(Symbol)
    }

    /// What a function makes of texts in lower case, each asked once.
    pub(super) fn fits<T: Copy, F: Fn(&str) -> Option<T>>(&self, fit: F) -> Fits<'_, T, F> {
        Fits { symbols: self, fit, known: vec![OnceCell::new(); self.0.len()] }
    }
}

/// What was made of symbols so far.
pub(super) struct Fits<'s, T, F> {
    symbols: &'s Symbols,
    fit: F,
    known: Vec<OnceCell<Option<T>>>,
}

impl<T: Copy, F: Fn(&str) -> Option<T>> Fits<'_, T, F> {
    /// What is made of this one.
    pub(super) fn get(&self, symbol: Symbol) -> Option<T> {
        let known = self.known.get(symbol.0 as usize)?;
        let lower = self.symbols.0.get(symbol.0 as usize).map_or("", |entry| &entry.lower);
        *known.get_or_init(|| (self.fit)(lower))
    }
}

/// Which symbols a search found.
#[derive(Debug)]
pub(super) struct Matching(Vec<bool>);

impl Matching {
    /// Whether it found this one.
    pub(super) fn holds(&self, symbol: Symbol) -> bool {
        self.0.get(symbol.0 as usize).copied().unwrap_or(false)
    }
}

/// Makes symbols, and forgets those that no item uses any more.
#[derive(Debug)]
pub(super) struct Interner {
    symbols: Symbols,
    known: HashMap<Arc<str>, Symbol>,
    uses: Vec<u32>,
    free: Vec<Symbol>,
}

impl Default for Interner {
    fn default() -> Self {
        let empty = Arc::<SymbolEntry>::default();
        Self {
            known: HashMap::from([(Arc::clone(&empty.text), Symbol(0))]),
            symbols: Symbols(Vector::unit(empty)),
            uses: vec![1],
            free: Vec::new(),
        }
    }
}

impl Interner {
    /// The symbol of a text, used once more.
    pub(super) fn take(&mut self, text: &str) -> Symbol {
        if let Some(symbol) = self.known.get(text).copied() {
            if let Some(uses) = self.uses.get_mut(symbol.0 as usize) {
                *uses += 1;
            }
            return symbol;
        }
        let entry = Arc::new(SymbolEntry { text: text.into(), lower: text.to_lowercase().into() });
        let name = Arc::clone(&entry.text);
        let symbol = if let Some(free) = self.free.pop() {
            self.symbols.0.set(free.0 as usize, entry);
            free
        } else {
            self.symbols.0.push_back(entry);
            self.uses.push(0);
            Symbol(u32::try_from(self.uses.len() - 1).unwrap_or(u32::MAX))
        };
        if let Some(uses) = self.uses.get_mut(symbol.0 as usize) {
            *uses = 1;
        }
        self.known.insert(name, symbol);
        symbol
    }

    /// One use less.
    pub(super) fn release(&mut self, symbol: Symbol) {
        let Some(uses) = self.uses.get_mut(symbol.0 as usize) else {
            return;
        };
        *uses = uses.saturating_sub(1);
        if *uses == 0 {
            let text = self.symbols.text(symbol).to_owned();
            self.known.remove(&*text);
            self.symbols.0.set(symbol.0 as usize, Arc::default());
            self.free.push(symbol);
        }
    }

    /// The texts as they are now.
    pub(super) const fn symbols(&self) -> &Symbols {
        &self.symbols
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once_and_forgotten_with_its_last_use() {
        let mut interner = Interner::default();
        let (one, same) = (interner.take("Office"), interner.take("Office"));
        assert_eq!(one, same);
        let before = interner.symbols().clone();
        interner.release(one);
        assert_eq!(interner.symbols().text(one), "Office");
        interner.release(one);
        let next = interner.take("Mail");
        assert_eq!(next, one, "its place is used again");
        assert_eq!((before.text(one), interner.symbols().text(one)), ("Office", "Mail"));
    }

    #[test]
    fn the_empty_text_is_always_there() {
        let mut interner = Interner::default();
        for _ in 0..3 {
            let empty = interner.take("");
            assert_eq!(empty, Symbol::default());
            interner.release(empty);
        }
        assert_eq!(interner.take(""), Symbol::default());
    }

    #[test]
    fn matching_looks_at_lower_case() {
        let mut interner = Interner::default();
        let (debian, mac) = (interner.take("Debian 12"), interner.take("macOS"));
        let found = interner.symbols().matching(|text| text.contains("debian")).unwrap();
        assert!(found.holds(debian) && !found.holds(mac));
        assert!(interner.symbols().matching(|text| text.contains("plan 9")).is_none());
    }
}
