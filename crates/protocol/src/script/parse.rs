//! From text to a [`Script`], or to what is wrong with it, where, and what would be right.

use super::percent::decode;
use super::{AdHoc, Command, Credentials, Custom, Field, Script, Search};
use crate::rep::Secret;
use std::str::FromStr;
use thiserror::Error;

/// Bytes of a script at most: ten commands with everything that may be in them, encoded.
pub const LONGEST: usize = 512 * 1024;

/// Commands of a script at most (DOMAIN 9).
const COMMANDS: usize = 10;
/// Characters of a `search_string`, and of a custom attribute (DOMAIN 9).
const LONG: usize = 1024;
/// Characters of everything else (DOMAIN 9).
const SHORT: usize = 255;
/// Bytes of all custom attributes of a session (DOMAIN 9).
const CUSTOM: usize = 10 * 1024;

/// Pairs of a command at most.
const PAIRS: usize = 1000;

const ATTRIBUTE: &str = "session.custom.";

/// Why a text is no script. What is in the text is not repeated: it may be a password.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line}, column {column}: {what}")]
pub struct ScriptError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub what: String,
}

impl FromStr for Script {
    type Err = ScriptError;

    /// Reads a whole file.
    fn from_str(text: &str) -> Result<Self, ScriptError> {
        if text.len() > LONGEST {
            let what = format!("a script has at most {LONGEST} bytes");
            return Err(ScriptError { line: 1, column: 1, what });
        }
        let text = text.strip_suffix('\n').unwrap_or(text);
        let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        if lines.next() != Some("BRCS1.0") {
            let what = "the first line of a script is BRCS1.0".to_owned();
            return Err(ScriptError { line: 1, column: 1, what });
        }
        let mut commands = Vec::new();
        for (index, text) in lines.enumerate() {
            let line = ScriptLine { number: index + 2, text };
            if index == COMMANDS {
                return Err(line.wrong(0, &format!("a script has at most {COMMANDS} commands")));
            }
            commands.push(line.command()?);
        }
        if commands.is_empty() {
            let what = "after the first line comes a command: action=…".to_owned();
            return Err(ScriptError { line: 2, column: 1, what });
        }
        Ok(Self { commands })
    }
}

impl FromStr for Command {
    type Err = ScriptError;

    /// Reads one command.
    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let line = ScriptLine { number: 1, text };
        if text.len() > LONGEST {
            return Err(line.wrong(0, &format!("a command has at most {LONGEST} bytes")));
        }
        line.command()
    }
}

#[derive(Clone, Copy)]
struct ScriptLine<'t> {
    number: usize,
    text: &'t str,
}

/// A pair, and at which bytes of the line its key and its value begin.
struct Pair {
    key: String,
    value: String,
    at: usize,
    value_at: usize,
}

impl<'t> ScriptLine<'t> {
    fn wrong(self, at: usize, what: &str) -> ScriptError {
        let before = self.text.get(..at).unwrap_or(self.text);
        let column = before.chars().count() + 1;
        ScriptError { line: self.number, column, what: what.to_owned() }
    }

    fn command(self) -> Result<Command, ScriptError> {
        let mut pairs = self.pairs()?;
        let is_first = pairs.first().is_some_and(|pair| pair.key == "action");
        if !is_first {
            return Err(self.wrong(0, "a command begins with action="));
        }
        let action = pairs.remove(0);
        let mut given = GivenParameter { line: self, pairs };
        let command = given.command(&action)?;
        given.nothing_more(&command)?;
        Ok(command)
    }

    fn pairs(self) -> Result<Vec<Pair>, ScriptError> {
        let (mut pairs, mut at) = (Vec::<Pair>::new(), 0);
        for text in self.text.split('&') {
            let Some((key, value)) = text.split_once('=') else {
                return Err(self.wrong(at, "a key, = and a value are expected"));
            };
            let value_at = at + key.len() + 1;
            let pair = Pair {
                key: self.decoded(key, at)?,
                value: self.decoded(value, value_at)?,
                at,
                value_at,
            };
            if pairs.len() == PAIRS {
                return Err(self.wrong(at, &format!("a command has at most {PAIRS} pairs")));
            }
            if pairs.iter().any(|other| other.key == pair.key) {
                return Err(self.wrong(at, "this key is given twice"));
            }
            pairs.push(pair);
            at += text.len() + 1;
        }
        Ok(pairs)
    }

    fn decoded(self, text: &'t str, at: usize) -> Result<String, ScriptError> {
        decode(text).map_err(|wrong| self.wrong(at + wrong.at, wrong.what))
    }
}

/// The pairs of a command that were not used yet.
struct GivenParameter<'t> {
    line: ScriptLine<'t>,
    pairs: Vec<Pair>,
}

impl GivenParameter<'_> {
    fn command(&mut self, action: &Pair) -> Result<Command, ScriptError> {
        let ad_hoc = AdHoc::ALL.into_iter().find(|kind| kind.action() == action.value);
        Ok(match (action.value.as_str(), ad_hoc) {
            ("login", _) => Command::Login(self.credentials()?),
            ("start_pinned_client_session", _) => {
                Command::StartPinnedClientSession { search: self.search()?, custom: self.custom()? }
            }
            ("start_jump_item_session", _) => Command::StartJumpItemSession {
                search: self.search()?,
                method: self.take("jump.method", SHORT)?,
                credential: self.take("credential_id", SHORT)?,
                custom: self.custom()?,
            },
            ("generate_session_key", _) => Command::GenerateSessionKey { custom: self.custom()? },
            (_, Some(kind)) => Command::StartAdHoc {
                kind,
                jumpoint: match kind {
                    AdHoc::PushLocal => None,
                    _ => self.take("jumpoint", SHORT)?,
                },
                target: self.take("target", SHORT)?,
                custom: self.custom()?,
            },
            _ => {
                let ad_hoc = AdHoc::ALL.map(AdHoc::action).join(", ");
                let what = format!(
                    "the action is one of login, start_pinned_client_session, \
                     start_jump_item_session, {ad_hoc}, generate_session_key"
                );
                return Err(self.line.wrong(action.value_at, &what));
            }
        })
    }

    fn find(&mut self, key: &str) -> Option<Pair> {
        let at = self.pairs.iter().position(|pair| pair.key == key)?;
        Some(self.pairs.remove(at))
    }

    /// A value that is there is not empty, and not too long.
    fn take(&mut self, key: &str, most: usize) -> Result<Option<String>, ScriptError> {
        let pair = self.find(key);
        pair.map(|pair| checked(self.line, pair, most)).transpose()
    }

    fn credentials(&mut self) -> Result<Option<Credentials>, ScriptError> {
        let whole = "a login has mechanism, username and password, or none of them";
        let at = self.pairs.first().map_or(0, |pair| pair.at);
        let mechanism = self.find("mechanism");
        if let Some(pair) = mechanism.as_ref().filter(|pair| pair.value != "username_password") {
            return Err(self.line.wrong(pair.value_at, "the mechanism is username_password"));
        }
        let (username, password) = (self.take("username", SHORT)?, self.take("password", LONG)?);
        match (mechanism, username, password) {
            (None, None, None) => Ok(None),
            (Some(_), Some(username), Some(password)) => {
                Ok(Some(Credentials { username, password: Secret(password) }))
            }
            _ => Err(self.line.wrong(at, whole)),
        }
    }

    fn search(&mut self) -> Result<Search, ScriptError> {
        let anywhere = self.take("search_string", LONG)?;
        let mut fields = Vec::new();
        for field in Field::ALL {
            if let Some(pair) = self.find(field.key()) {
                if anywhere.is_some() {
                    let what = "search_string and client.… do not go together";
                    return Err(self.line.wrong(pair.at, what));
                }
                fields.push((field, checked(self.line, pair, SHORT)?));
            }
        }
        match anywhere {
            Some(text) => Ok(Search::Anywhere(text)),
            None if fields.is_empty() => {
                let fields = Field::ALL.map(Field::key).join(", ");
                let what = format!("search_string is missing, or one of {fields}");
                Err(self.line.wrong(self.line.text.len(), &what))
            }
            None => Ok(Search::Fields(fields)),
        }
    }

    fn custom(&mut self) -> Result<Custom, ScriptError> {
        let is_custom = |pair: &Pair| pair.key.starts_with(ATTRIBUTE);
        let (own, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pairs).into_iter().partition(is_custom);
        self.pairs = rest;
        let (mut custom, mut bytes) = (Vec::new(), 0);
        for pair in own {
            let name = pair.key.strip_prefix(ATTRIBUTE).unwrap_or_default().to_owned();
            if name.is_empty() || name.chars().count() > SHORT {
                let what = format!("the attribute's name has 1 to {SHORT} characters");
                return Err(self.line.wrong(pair.at, &what));
            }
            let at = pair.at;
            if pair.value.chars().count() > LONG {
                let what = format!("this is longer than {LONG} characters");
                return Err(self.line.wrong(pair.value_at, &what));
            }
            bytes += name.len() + pair.value.len();
            if bytes > CUSTOM {
                let what = format!("all custom attributes have at most {CUSTOM} bytes");
                return Err(self.line.wrong(at, &what));
            }
            custom.push((name, pair.value));
        }
        Ok(Custom(custom))
    }

    fn nothing_more(&self, command: &Command) -> Result<(), ScriptError> {
        match self.pairs.first() {
            None => Ok(()),
            Some(pair) => {
                let what = format!("{} has no such parameter", command.action());
                Err(self.line.wrong(pair.at, &what))
            }
        }
    }
}

fn checked(line: ScriptLine<'_>, pair: Pair, most: usize) -> Result<String, ScriptError> {
    if pair.value.trim().is_empty() {
        return Err(line.wrong(pair.value_at, "a value is expected here"));
    }
    if pair.value.chars().count() > most {
        let what = format!("this is longer than {most} characters");
        return Err(line.wrong(pair.value_at, &what));
    }
    Ok(pair.value)
}
