//! From a script to its text.

use super::percent::encode;
use super::{Command, Custom, Script, Search};
use std::fmt;

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "BRCS1.0")?;
        self.commands.iter().try_for_each(|command| writeln!(f, "{command}"))
    }
}

impl fmt::Display for Command {
    /// As it is in a script. A password is written, too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = WrittenLine::default();
        line.pair("action", self.action());
        match self {
            Self::Login(credentials) => {
                if let Some(credentials) = credentials {
                    line.pair("mechanism", "username_password");
                    line.pair("username", &credentials.username);
                    line.pair("password", &credentials.password.0);
                }
            }
            Self::StartPinnedClientSession { search, custom } => {
                line.search(search);
                line.custom(custom);
            }
            Self::StartJumpItemSession { search, method, credential, custom } => {
                line.search(search);
                line.maybe("jump.method", method.as_deref());
                line.maybe("credential_id", credential.as_deref());
                line.custom(custom);
            }
            Self::StartAdHoc { jumpoint, target, custom, .. } => {
                line.maybe("jumpoint", jumpoint.as_deref());
                line.maybe("target", target.as_deref());
                line.custom(custom);
            }
            Self::GenerateSessionKey { custom } => line.custom(custom),
        }
        f.write_str(&line.0)
    }
}

#[derive(Default)]
struct WrittenLine(String);

impl WrittenLine {
    fn pair(&mut self, key: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        encode(key, &mut self.0);
        self.0.push('=');
        encode(value, &mut self.0);
    }

    fn maybe(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.pair(key, value);
        }
    }

    fn search(&mut self, search: &Search) {
        match search {
            Search::Anywhere(text) => self.pair("search_string", text),
            Search::Fields(fields) => {
                for (field, text) in fields {
                    self.pair(field.key(), text);
                }
            }
        }
    }

    fn custom(&mut self, custom: &Custom) {
        for (name, value) in &custom.0 {
            self.pair(&format!("session.custom.{name}"), value);
        }
    }
}
