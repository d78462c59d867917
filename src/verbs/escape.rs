//! The keys that a shell in this terminal keeps for itself: a prefix and what follows it.

use super::context::VerbContext;
use crate::runtime::config;
use anyhow::anyhow;
use clap::Args;
use jumpdeck_terminal::key::Key;
use jumpdeck_terminal::terminal::key_bytes;

/// The variable that says the prefix.
const VARIABLE: &str = "JUMPDECK_ESCAPE";
/// What stands for no prefix at all.
const NONE: &str = "none";
/// What is asked before a session is ended.
pub(super) const QUESTION: &str = "End the session and its programs? y end · n continue";

#[derive(Args, Clone, Debug, Default)]
pub(crate) struct EscapeKey {
    /// The key before d (leave it running), x (end it), t (type here) and ?, as `ssh -e`; `none`
    /// passes every byte on. Otherwise $JUMPDECK_ESCAPE says it, or the prefix of config.toml.
    #[arg(long, value_name = "KEY|none")]
    escape: Option<String>,
}

impl EscapeKey {
    /// What watches for it.
    ///
    /// # Errors
    /// When it is no key that can be kept.
    pub(super) async fn watch(self, context: &VerbContext) -> anyhow::Result<Escape> {
        let said = match self.escape {
            Some(said) => Some(("--escape", said)),
            None => context.io.variable(VARIABLE).map(|said| (VARIABLE, said)),
        };
        match said {
            Some((_, said)) if said == NONE => Ok(Escape::new(None)),
            Some((place, said)) => {
                let key = config::prefix(&said).map_err(|why| anyhow!("{place}: {why}"))?;
                Ok(Escape::new(Some(key)))
            }
            None => Ok(Escape::new(Some(context.prefix().await))),
        }
    }
}

/// Watches for the prefix in what is typed. Every byte that is no command goes on to the program.
pub(super) struct Escape {
    /// The key and its bytes.
    prefix: Option<(Key, Vec<u8>)>,
    state: EscapeState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum EscapeState {
    Plain,
    /// The prefix was typed.
    Prefixed,
    /// It is asked whether the session is to end, and the question was seen or not.
    Asked {
        shown: bool,
    },
}

/// What typed bytes mean.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    Input(Vec<u8>),
    Take,
    Help,
    /// Whether to end the session is to be asked.
    Ask,
    /// It goes on.
    GoOn,
    Detach,
    Close,
}

impl Escape {
    fn new(prefix: Option<Key>) -> Self {
        let prefix = prefix.map(|key| (key, key_bytes(key)));
        Self { prefix, state: EscapeState::Plain }
    }

    /// The key as people read it, if there is one.
    pub(super) fn key(&self) -> Option<Key> {
        self.prefix.as_ref().map(|(key, _)| *key)
    }

    /// What may follow the prefix.
    pub(super) fn help(&self) -> String {
        let Some((key, _)) = &self.prefix else {
            return String::new();
        };
        format!("{key} and d: leave it running, x: end it, t: type here, {key}: send {key}")
    }

    /// All that was to be shown has been shown.
    pub(super) fn shown(&mut self) {
        if let EscapeState::Asked { shown } = &mut self.state {
            *shown = true;
        }
    }

    /// What bytes that came in one piece mean, in their order.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<Typed> {
        let Some((_, prefix)) = self.prefix.clone() else {
            return vec![Typed::Input(bytes.to_vec())];
        };
        let mut typed = Vec::new();
        let mut input = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some((byte, after)) = rest.split_first() {
            let state = std::mem::replace(&mut self.state, EscapeState::Plain);
            let starts = rest.strip_prefix(prefix.as_slice());
            let command = match (state, byte) {
                (EscapeState::Plain, _) => {
                    if let Some(after) = starts {
                        self.state = EscapeState::Prefixed;
                        rest = after;
                    } else {
                        input.push(*byte);
                        rest = after;
                    }
                    continue;
                }
                (EscapeState::Prefixed, b'd' | b'.') => Typed::Detach,
                (EscapeState::Prefixed, b't') => Typed::Take,
                (EscapeState::Prefixed, b'?') => Typed::Help,
                // Nobody types on before the question is there: what has more behind it was
                // pasted or piped.
                (EscapeState::Prefixed, b'x') if after.is_empty() => {
                    self.state = EscapeState::Asked { shown: false };
                    Typed::Ask
                }
                (EscapeState::Prefixed, _) => {
                    input.extend_from_slice(&prefix);
                    if let Some(after) = starts {
                        rest = after;
                    } else {
                        input.push(*byte);
                        rest = after;
                    }
                    continue;
                }
                (EscapeState::Asked { shown: true }, b'y' | b'Y') if after.is_empty() => {
                    Typed::Close
                }
                (EscapeState::Asked { shown: true }, b'n' | b'N' | 0x1b | 3)
                    if after.is_empty() =>
                {
                    Typed::GoOn
                }
                (EscapeState::Asked { .. }, _) => {
                    // This was no answer: all of it was meant for the program.
                    input.extend_from_slice(&prefix);
                    input.push(b'x');
                    continue;
                }
            };
            rest = after;
            if !input.is_empty() {
                typed.push(Typed::Input(std::mem::take(&mut input)));
            }
            typed.push(command);
        }
        if !input.is_empty() || bytes.is_empty() {
            typed.push(Typed::Input(input));
        }
        typed
    }
}

#[cfg(test)]
mod tests {
    use super::{Escape, Key, Typed};

    fn escape() -> Escape {
        Escape::new(Some(Key::ctrl(']')))
    }

    fn input(bytes: &[u8]) -> Typed {
        Typed::Input(bytes.to_vec())
    }

    #[test]
    fn the_prefix_works_even_when_its_keys_arrive_apart() {
        let mut keys = escape();
        assert_eq!(keys.take(b"ls\x1d"), [input(b"ls")]);
        assert_eq!(keys.take(b"d"), [Typed::Detach]);
        assert_eq!(keys.take(b"\x1d\x1d"), [input(b"\x1d")]);
        assert_eq!(keys.take(b"\x1dq"), [input(b"\x1dq")]);
        assert_eq!(keys.take(b"\x1dt"), [Typed::Take]);
    }

    #[test]
    fn what_stands_around_a_command_in_one_piece_is_typed() {
        let mut keys = escape();
        assert_eq!(keys.take(b"a\x1dtb"), [input(b"a"), Typed::Take, input(b"b")]);
    }

    #[test]
    fn only_an_answer_to_a_question_that_was_shown_ends_the_session() {
        let mut keys = escape();
        assert_eq!(keys.take(b"a\x1dxb"), [input(b"a\x1dxb")]);
        assert_eq!(keys.take(b"\x1dx"), [Typed::Ask]);
        assert_eq!(keys.take(b"y"), [input(b"\x1dxy")]);
        assert_eq!(keys.take(b"\x1dx"), [Typed::Ask]);
        keys.shown();
        assert_eq!(keys.take(b"n"), [Typed::GoOn]);
        assert_eq!(keys.take(b"\x1dx"), [Typed::Ask]);
        keys.shown();
        assert_eq!(keys.take(b"yes"), [input(b"\x1dxyes")]);
        assert_eq!(keys.take(b"\x1dx"), [Typed::Ask]);
        keys.shown();
        assert_eq!(keys.take(b"y"), [Typed::Close]);
    }

    #[test]
    fn another_prefix_or_none_leaves_the_usual_one_to_the_program() {
        let mut keys = Escape::new(Some(Key::ctrl('a')));
        assert_eq!(keys.take(b"\x1dd"), [input(b"\x1dd")]);
        assert_eq!(keys.take(b"\x01d"), [Typed::Detach]);
        let mut keys = Escape::new("alt-x".parse().ok());
        assert_eq!(keys.take(b"\x1bxd"), [Typed::Detach]);
        assert_eq!(keys.take(b"\x1b[A"), [input(b"\x1b[A")]);
        let mut keys = Escape::new(None);
        assert_eq!(keys.take(b"\x1dd\x1dx"), [input(b"\x1dd\x1dx")]);
    }
}
