//! A small believable shell, without a machine behind it.

use crate::identity::SimulatedMachine;
use crate::scenario::FleetCommand;
use bytes::Bytes;
use jumpdeck_link::{Lane, Outbox};
use jumpdeck_protocol::session::{ChannelReport, ExitStatus};
use jumpdeck_protocol::stream::{Accept, ReceiveStream, SendStream, StreamError};
use jumpdeck_protocol::{ChannelId, frame, limits};
use std::sync::Arc;

/// One simulated shell and where its streams stand.
pub(crate) struct Shell {
    channel: ChannelId,
    host: String,
    system: String,
    user: String,
    address: String,
    commands: Arc<[FleetCommand]>,
    output: SendStream,
    input: ReceiveStream,
    line: String,
    /// What has come of a key's escape sequence.
    escape: Option<char>,
    exit: Option<ExitStatus>,
    exit_told: bool,
}

/// Lines that `flood` prints at most: what fits into the output that is kept.
const FLOOD: usize = 10_000;

impl Shell {
    pub(crate) fn new(
        channel: ChannelId,
        simulated: &SimulatedMachine,
        commands: &Arc<[FleetCommand]>,
    ) -> Self {
        let facts = &simulated.facts;
        let mut shell = Self {
            channel,
            host: facts.hostname.to_string(),
            system: facts.operating_system.to_string(),
            user: if facts.console_user.is_empty() { "support" } else { &facts.console_user }
                .to_owned(),
            address: facts.private_ip.to_string(),
            commands: Arc::clone(commands),
            output: SendStream::new(limits::RING, limits::RING),
            input: ReceiveStream::new(limits::INPUT_WINDOW),
            line: String::new(),
            escape: None,
            exit: None,
            exit_told: false,
        };
        shell.print(&format!("{}\r\n", shell.system));
        shell.help();
        shell.prompt();
        shell
    }

    /// A console attaches.
    pub(crate) fn attach(
        &mut self,
        received: Option<u64>,
        window: u64,
        attempt: u32,
    ) -> Result<Vec<ChannelReport>, StreamError> {
        let from = self.output.attach(received, window)?;
        let attached = ChannelReport::Attached {
            channel: self.channel,
            attempt,
            from,
            end: self.output.end(),
            input_received: self.input.received(),
            input_limit: self.input.limit(),
        };
        let exited = self.exit.map(|status| self.exited(status));
        Ok(std::iter::once(attached).chain(exited).collect())
    }

    fn exited(&self, status: ExitStatus) -> ChannelReport {
        ChannelReport::Exited { channel: self.channel, end: self.output.end(), status }
    }

    /// A console has output and takes more.
    pub(crate) fn credit(&mut self, received: u64, limit: u64) -> Result<(), StreamError> {
        self.output.credit(received, limit)
    }

    /// Somebody typed.
    pub(crate) fn typed(&mut self, offset: u64, bytes: &Bytes) -> Result<(), StreamError> {
        if let Accept::Take { skip } = self.input.accept(offset, bytes.len())? {
            let text = String::from_utf8_lossy(bytes.get(skip..).unwrap_or_default()).into_owned();
            for character in text.chars() {
                if self.exit.is_none() {
                    self.key(character);
                }
            }
        }
        Ok(())
    }

    /// Sends what may be sent.
    pub(crate) fn pump(&mut self, outbox: &Outbox) {
        while let Some((offset, bytes)) = self.output.take(limits::DATA_CHUNK) {
            outbox.push(Lane::Interactive, frame::data(self.channel, offset, &bytes));
        }
        if let Some((received, limit)) = self.input.credit(self.input.received()) {
            outbox.push(Lane::Interactive, frame::credit(self.channel, received, limit));
        }
        if let Some(status) = self.exit
            && !std::mem::replace(&mut self.exit_told, true)
        {
            let body = jumpdeck_protocol::agent::AgentReport::Channel(self.exited(status));
            outbox.send(&jumpdeck_protocol::agent::FromAgent::Notice { body });
        }
    }

    fn key(&mut self, character: char) {
        match (self.escape, character) {
            (None, '\x1b') => self.escape = Some('\x1b'),
            (Some('\x1b'), '[' | 'O') => self.escape = Some('['),
            // Its last letter: arrows and the like mean nothing here.
            (Some('['), '@'..='~') | (Some('\x1b'), _) => self.escape = None,
            (Some(_), _) => {}
            (None, plain) => self.plain_key(plain),
        }
    }

    fn plain_key(&mut self, character: char) {
        match character {
            '\r' | '\n' => {
                self.print("\r\n");
                let line = std::mem::take(&mut self.line);
                self.run(line.trim());
            }
            '\x7f' | '\x08' if self.line.pop().is_some() => self.print("\x08 \x08"),
            '\x15' => {
                let erased = "\x08 \x08".repeat(self.line.chars().count());
                self.line.clear();
                self.print(&erased);
            }
            '\x03' => {
                self.line.clear();
                self.print("^C\r\n");
                self.prompt();
            }
            '\x04' if self.line.is_empty() => self.run("exit"),
            plain if !plain.is_control() && self.line.len() < 4096 => {
                self.line.push(plain);
                self.print(plain.encode_utf8(&mut [0; 4]));
            }
            _ => {}
        }
    }

    fn run(&mut self, line: &str) {
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        match command {
            "" => {}
            "exit" | "logout" => {
                self.print("logout\r\n");
                self.exit = Some(ExitStatus::Code(rest.trim().parse().unwrap_or(0)));
                return;
            }
            "help" => self.help(),
            "hostname" => self.print(&format!("{}\r\n", self.host)),
            "whoami" => self.print(&format!("{}\r\n", self.user)),
            "flood" => self.flood(rest.trim().parse().unwrap_or(1000)),
            "uname" => self.print(&format!("{}\r\n", self.system)),
            "pwd" => self.print("/home/support\r\n"),
            "ls" => self.print("notes.txt  \x1b[1;34mlogs\x1b[0m  \x1b[1;34mbackup\x1b[0m\r\n"),
            "uptime" => {
                self.print(" up 12 days,  4:07,  1 user,  load average: 0.23, 0.31, 0.28\r\n");
            }
            "echo" => self.print(&format!("{rest}\r\n")),
            other => self.scripted(other),
        }
        self.prompt();
    }

    /// A command of the scenario.
    fn scripted(&mut self, name: &str) {
        let known = self.commands.iter().find(|command| command.name == name);
        let text = match known {
            None => format!("{name}: command not found\n"),
            Some(command) => command
                .output
                .trim_start_matches('\n')
                .replace("{host}", &self.host)
                .replace("{system}", &self.system)
                .replace("{user}", &self.user)
                .replace("{address}", &self.address),
        };
        self.print(&text.replace('\n', "\r\n"));
    }

    fn help(&mut self) {
        let usual = "help, hostname, whoami, uname, pwd, ls, uptime, echo, flood N, exit";
        let more = self.commands.iter().map(|command| command.name.as_str());
        let known: Vec<_> = std::iter::once(usual).chain(more).collect();
        self.print(&format!("This machine is simulated. It knows: {}.\r\n", known.join(", ")));
    }

    /// Many numbered lines.
    fn flood(&mut self, lines: usize) {
        for line in 1..=lines.min(FLOOD) {
            self.print(&format!("line {line:08} of a flood that fills the screen and more\r\n"));
        }
    }

    fn prompt(&mut self) {
        self.print(&format!("\x1b[32m{}@{}\x1b[0m:~$ ", self.user, self.host));
    }

    fn print(&mut self, text: &str) {
        self.output.write(text.as_bytes());
    }
}
