//! `jumpdeck plain`: a prompt that takes the verbs, a line each, for screen readers, tiny terminals
//! and those who prefer it.

mod line;

use super::context::VerbContext;
use super::remote::RemoteLine as Words;
use super::select;
use super::status::VerbStatus;
use super::stdio::{Outside, Stdio};
use crate::runtime::runner::RunnerInput;
use crate::runtime::typed::KeyReader;
use clap::{Args, CommandFactory, Parser};
use jumpdeck_protocol::private_file;
use jumpdeck_protocol::rep::request;
use line::{InputLine, LineOutcome};
use rustix::process::Signal;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const PROMPT: &str = "jumpdeck> ";
/// How long a name that was looked up for a completion is good.
const FRESH: Duration = Duration::from_secs(60);
/// How long the rest of a key's bytes may take.
const PATIENCE: Duration = Duration::from_millis(50);
/// Completions that are listed.
const LISTED: usize = 40;
/// Verbs whose first words are names of items.
const TAKE_ITEMS: [&str; 8] =
    ["show", "exec", "jump", "wake", "tunnel", "explain", "simulate", "attach"];

#[derive(Args, Debug)]
pub(crate) struct Plain {
    /// From now on, the console is this prompt, wherever you log in.
    #[arg(long, conflicts_with = "never")]
    always: bool,
    /// From now on, the console is the one with panes again.
    #[arg(long)]
    never: bool,
}

impl Plain {
    /// The prompt.
    pub(crate) const fn prompt() -> Self {
        Self { always: false, never: false }
    }

    pub(crate) async fn run(self, context: &mut VerbContext) -> anyhow::Result<VerbStatus> {
        if self.always || self.never {
            prefer(context, self.always).await?;
            let words = if self.always {
                "The console is this prompt from now on; `plain --never` takes that back."
            } else {
                "The console has panes from now on."
            };
            context.io.say(words).await;
            return Ok(VerbStatus::DONE);
        }
        context.settle_in().await?;
        let kept = context.history();
        let mut prompt = PlainPrompt {
            line: InputLine::remembering(kept.as_ref().map(read_history).unwrap_or_default()),
            names: None,
        };
        let outcome = prompt.serve(context).await;
        if let Some(path) = kept {
            // What was typed is worth keeping, but no reason to fail.
            let text = prompt.line.history().join("\n");
            let _ = private_file::write(&path, text.as_bytes());
        }
        context.settle_out().await;
        outcome
    }
}

fn read_history(path: &PathBuf) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Keeps which console the rep prefers.
async fn prefer(context: &VerbContext, plain: bool) -> anyhow::Result<()> {
    let mut client = context.client().await?;
    client.fetch_inventory().await?;
    let mut preferences = Box::new(client.preferences().cloned().unwrap_or_default());
    preferences.plain = plain;
    let answer = client.ask(request::SavePreferences { preferences }).await;
    client.close().await;
    Ok(answer?)
}

struct PlainPrompt {
    line: InputLine,
    /// Names of items, and when they were looked up.
    names: Option<(Instant, Vec<String>)>,
}

impl PlainPrompt {
    async fn serve(&mut self, context: &mut VerbContext) -> anyhow::Result<VerbStatus> {
        self.greet(context).await?;
        take_over(context, true)?;
        let outcome = self.lines(context).await;
        take_over(context, false)?;
        outcome
    }

    /// Takes lines. The terminal is this program's own but for the time of a verb: what is typed
    /// ahead is for the next line, whatever it is.
    async fn lines(&mut self, context: &mut VerbContext) -> anyhow::Result<VerbStatus> {
        let mut last = VerbStatus::DONE;
        loop {
            let Some(text) = self.read(context).await? else {
                return Ok(last);
            };
            let Some(words) = shlex::split(&text) else {
                tell(context, "A quote is not closed.").await?;
                last = VerbStatus::USAGE;
                continue;
            };
            match words.first().map(String::as_str) {
                None => continue,
                Some("exit" | "quit" | "logout") => return Ok(last),
                Some("plain") if words.len() == 1 => {
                    tell(context, "This is the prompt already.").await?;
                    continue;
                }
                Some(_) => {}
            }
            // Lines that nobody types are for the prompt, not for what it runs.
            context.io.hold_input(!context.io.somebody_is_there());
            context.io.at_prompt(true);
            take_over(context, false)?;
            last = run(words, context).await;
            context.io.at_prompt(false);
            context.io.hold_input(false);
            if last != VerbStatus::DONE {
                context.io.say(&format!("VerbStatus {}.", last.0)).await;
            }
            take_over(context, true)?;
        }
    }

    async fn greet(&mut self, context: &VerbContext) -> anyhow::Result<()> {
        let mut client = context.client().await?;
        client.fetch_inventory().await?;
        let sessions = client.fetch_sessions().await?.len();
        let all = select::matching(&client.inventory, "")?;
        let counts = client.inventory.count(&all);
        let who = client.welcome.username.clone();
        client.close().await;
        let words = format!(
            "{who}: {}, {} online; {}. `help` lists the words, Tab completes them, `exit` leaves.",
            several(counts.items, "item"),
            counts.online,
            several(sessions, "session")
        );
        context.io.say(&words).await;
        Ok(())
    }

    /// A line; nothing at the end of the input.
    async fn read(&mut self, context: &mut VerbContext) -> anyhow::Result<Option<String>> {
        if !context.io.somebody_is_there() {
            return context.io.next_line().await;
        }
        self.edit(context).await
    }

    async fn edit(&mut self, context: &mut VerbContext) -> anyhow::Result<Option<String>> {
        context.io.echo(PROMPT).await?;
        let mut reader = KeyReader::default();
        loop {
            let Some(bytes) = typed(&mut context.io, reader.is_waiting()).await? else {
                return Ok(None);
            };
            if bytes.is_empty() {
                reader.settle();
            }
            let mut rest: &[u8] = &bytes;
            loop {
                while let Some(input) = reader.next() {
                    if let Some(line) = self.input(input, context).await? {
                        // What was typed ahead is for the next reader.
                        context.io.put_back(rest);
                        context.io.echo("\r\n").await?;
                        return Ok(line);
                    }
                }
                let Some((byte, after)) = rest.split_first() else {
                    break;
                };
                reader.feed(&[*byte]);
                rest = after;
            }
        }
    }

    /// Takes what was typed. Returns the line once it is whole; nothing in it at the end of the
    /// input.
    async fn input(
        &mut self,
        input: RunnerInput,
        context: &VerbContext,
    ) -> anyhow::Result<Option<Option<String>>> {
        let echo = match input {
            RunnerInput::Paste(text) => self.line.paste(PROMPT, &text),
            RunnerInput::Key(key) => match self.line.key(PROMPT, key) {
                LineOutcome::Echo(echo) => echo,
                LineOutcome::Line(line) => return Ok(Some(Some(line))),
                LineOutcome::End => return Ok(Some(None)),
                LineOutcome::GivenUp => format!("^C\r\n{PROMPT}"),
                LineOutcome::Complete => self.complete(context).await,
            },
            _ => return Ok(None),
        };
        context.io.echo(&echo).await?;
        Ok(None)
    }

    /// Completes the word before the cursor.
    async fn complete(&mut self, context: &VerbContext) -> String {
        let before = self.line.before().to_owned();
        let from = before.rfind(' ').map_or(0, |at| at + 1);
        let (start, word) = before.split_at(from);
        let verb = start.split_whitespace().next();
        let fitting: Vec<String> = match verb {
            None => {
                let words = Words::command();
                let known = words.get_subcommands().map(|verb| verb.get_name().to_owned());
                known.chain(["exit".to_owned()]).filter(|name| name.starts_with(word)).collect()
            }
            Some(verb) if word.starts_with('-') => options(verb, word),
            Some(verb) if TAKE_ITEMS.contains(&verb) => self.items(context, word).await,
            Some(_) => Vec::new(),
        };
        let common = common(&fitting);
        match fitting.as_slice() {
            [] => "\x07".to_owned(),
            [only] => self.line.complete(PROMPT, from, &format!("{} ", quoted(only))),
            _ if common.len() > word.len() => self.line.complete(PROMPT, from, &common),
            several => {
                let mut shown = several.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>();
                let more = several.len().saturating_sub(LISTED);
                let words = format!("and {more} more");
                if more > 0 {
                    shown.push(&words);
                }
                format!("\r\n{}\r\n{}", shown.join("  "), self.line.drawn(PROMPT))
            }
        }
    }

    /// The names of items that begin with this.
    async fn items(&mut self, context: &VerbContext, word: &str) -> Vec<String> {
        let is_old = |(then, _): &(Instant, Vec<String>)| then.elapsed() > FRESH;
        if self.names.as_ref().is_none_or(is_old) {
            self.names = names(context).await.ok().map(|names| (Instant::now(), names));
        }
        let names = self.names.iter().flat_map(|(_, names)| names);
        let lower = word.to_lowercase();
        names.filter(|name| name.to_lowercase().starts_with(&lower)).cloned().collect()
    }
}

/// Takes over a terminal that somebody sits at, or gives it back.
fn take_over(context: &VerbContext, raw: bool) -> anyhow::Result<()> {
    if context.io.somebody_is_there() { context.io.raw(raw) } else { Ok(()) }
}

/// Says something between two lines.
async fn tell(context: &VerbContext, words: &str) -> anyhow::Result<()> {
    if context.io.somebody_is_there() {
        context.io.echo(&format!("{words}\r\n")).await?;
    } else {
        context.io.say(words).await;
    }
    Ok(())
}

/// So many of a thing.
fn several(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

async fn names(context: &VerbContext) -> anyhow::Result<Vec<String>> {
    let mut client = context.client().await?;
    client.fetch_inventory().await?;
    let all = select::matching(&client.inventory, "")?;
    let names = all.iter().map(|item| item.name().to_owned()).collect();
    client.close().await;
    Ok(names)
}

/// The options of a verb that begin with this.
fn options(verb: &str, word: &str) -> Vec<String> {
    let words = Words::command();
    let Some(verb) = words.find_subcommand(verb) else {
        return Vec::new();
    };
    let long = verb.get_arguments().filter_map(|argument| argument.get_long());
    let options = long.map(|name| format!("--{name}"));
    options.filter(|option| option.starts_with(word)).collect()
}

/// A word as it can be in a line.
fn quoted(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), std::borrow::Cow::into_owned)
}

/// What all of them begin with.
fn common(words: &[String]) -> String {
    let Some((first, rest)) = words.split_first() else {
        return String::new();
    };
    let mut common = first.as_str();
    for word in rest {
        let same = common.char_indices().zip(word.chars()).find(|((_, one), other)| one != other);
        let end = same.map_or(common.len().min(word.len()), |((at, _), _)| at);
        common = common.get(..end).unwrap_or_default();
    }
    common.to_owned()
}

/// What Ctrl-C sends.
const CTRL_C: &[u8] = b"\x03";

/// The next bytes; none once nothing followed for a while; nothing at the end, or at a signal that
/// ends the prompt.
async fn typed(io: &mut Stdio, waiting: bool) -> anyhow::Result<Option<bytes::Bytes>> {
    let (mut keyboard, mut events) = io.events(true)?;
    loop {
        let bytes = tokio::select! {
            bytes = keyboard.read() => bytes?,
            () = sleep(PATIENCE), if waiting => return Ok(Some(bytes::Bytes::new())),
            outside = events.next() => match outside {
                Outside::Resized(_) => continue,
                // It was meant for a verb that had just ended: the prompt stays.
                Outside::Signal(signal) if signal == Signal::INT.as_raw() => CTRL_C.into(),
                Outside::Signal(_) => return Ok(None),
            },
        };
        return Ok(Some(bytes).filter(|bytes| !bytes.is_empty()));
    }
}

/// Runs a verb, and says what was wrong with it.
async fn run(words: Vec<String>, context: &mut VerbContext) -> VerbStatus {
    let words = std::iter::once(String::new()).chain(words);
    match Words::try_parse_from(words) {
        Ok(words) => match Box::pin(words.verb.run(context)).await {
            Ok(status) => status,
            Err(error) => {
                context.io.say(&format!("{error:#}")).await;
                VerbStatus::FAILED
            }
        },
        Err(error) => super::remote::explain(error, &context.io).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_words_have_in_common_is_a_whole_number_of_letters() {
        let words = ["web-é1", "web-è2"].map(str::to_owned);
        assert_eq!(common(&words), "web-");
        assert_eq!(common(&["web".to_owned(), "web-1".to_owned()]), "web");
        assert_eq!(common(&[]), "");
    }

    #[test]
    fn options_of_a_verb_are_known() {
        assert_eq!(options("sessions", "--j"), ["--json"]);
        assert!(options("nonsense", "--").is_empty());
    }
}
