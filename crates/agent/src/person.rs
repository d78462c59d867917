//! The person at the agent's own terminal: told in plain lines, asked with y and n, heard.
//!
//! What is typed is read on a thread of its own. A line answers the open question; without one it
//! goes to the reps, and `stop` ends the session.

use jumpdeck_protocol::agent::{AgentReport, FromAgent};
use jumpdeck_protocol::link::Outbox;
use jumpdeck_protocol::{limits, text};
use std::io::{BufRead, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

/// How long a last word may take to get out.
const FAREWELL: Duration = Duration::from_secs(2);

/// The person. Clones speak with the same one.
#[derive(Clone, Debug)]
pub struct Person {
    talk: Arc<Mutex<Talk>>,
    leaving: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Talk {
    /// The question that is open, and who waits for its answer.
    question: Option<(String, oneshot::Sender<bool>)>,
    outbox: Option<Outbox>,
    /// Nothing more will be typed.
    silent: bool,
    /// A rep was let in once.
    served: bool,
    /// A link stood once.
    known: bool,
    /// Said that it is over.
    stopped: bool,
}

impl Person {
    /// Begins to listen to what is typed.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn listen() -> std::io::Result<Self> {
        let person = Self { talk: Arc::default(), leaving: watch::channel(false).0 };
        let listener = person.clone();
        std::thread::Builder::new().name("terminal".to_owned()).spawn(move || {
            for line in std::io::stdin().lock().lines() {
                match line {
                    Ok(line) => listener.heard(&line),
                    Err(_) => break,
                }
            }
            listener.fell_silent();
        })?;
        Ok(person)
    }

    /// Shows a sentence.
    pub fn say(&self, sentence: &str) {
        let talk = self.talk();
        let sentence = text::clean(sentence);
        match &talk.question {
            None => print(&format!("{sentence}\n")),
            Some((question, _)) => print(&format!("\n{sentence}\n{question}")),
        }
    }

    /// Asks for a yes. Whatever else is typed, and silence, is a no.
    pub(crate) async fn allows(&self, question: &str) -> bool {
        let (answer, answered) = oneshot::channel();
        {
            let mut talk = self.talk();
            if talk.silent {
                return false;
            }
            let question = format!("{} [y/N] ", text::clean(question));
            print(&question);
            // One question at a time: whoever asked before gets a no.
            talk.question = Some((question, answer));
        }
        match timeout(limits::CUSTOMER_PATIENCE, answered).await {
            Ok(Ok(yes)) => {
                self.talk().served |= yes;
                yes
            }
            Ok(Err(_)) => false,
            Err(_) => {
                self.talk().question = None;
                print("\nNobody answered: that is a no.\n");
                false
            }
        }
    }

    /// A link is up: what is typed goes there.
    pub(crate) fn linked(&self, outbox: Outbox) {
        let mut talk = self.talk();
        talk.outbox = Some(outbox);
        let known = std::mem::replace(&mut talk.known, true);
        drop(talk);
        self.say(if known { "The link is back." } else { WELCOME });
    }

    /// Whether the person said that it is over.
    pub fn has_stopped(&self) -> bool {
        self.talk().stopped
    }

    /// Whether a rep was let in.
    pub fn was_served(&self) -> bool {
        self.talk().served
    }

    /// The link is gone.
    pub(crate) fn unlinked(&self) {
        self.talk().outbox = None;
    }

    /// Wants no session any more. Returns once the appliance knows, as far as that can be.
    pub async fn stop(&self) {
        let outbox = {
            let mut talk = self.talk();
            talk.stopped = true;
            talk.outbox.clone()
        };
        if let Some(outbox) = outbox {
            outbox.send(&FromAgent::Notice { body: AgentReport::Stopped });
            // It closes the link in answer; without an answer there is nothing to wait for.
            let _ = timeout(FAREWELL, outbox.until_below(1)).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.leaving.send_replace(true);
    }

    /// Resolves when the person wants to leave.
    pub async fn leaves(&self) {
        // The sender lives as long as this.
        let _ = self.leaving.subscribe().wait_for(|leaving| *leaving).await;
    }

    fn heard(&self, line: &str) {
        let line = line.trim();
        let mut talk = self.talk();
        if let Some((_, waiting)) = talk.question.take() {
            let yes = matches!(line.to_lowercase().as_str(), "y" | "yes");
            // Whoever asked may have given up.
            let _ = waiting.send(yes);
            return;
        }
        let outbox = talk.outbox.clone();
        drop(talk);
        match (line.to_lowercase().as_str(), outbox) {
            ("", _) => {}
            ("stop" | "quit" | "exit", outbox) => {
                self.talk().stopped = true;
                if let Some(outbox) = outbox {
                    outbox.send(&FromAgent::Notice { body: AgentReport::Stopped });
                } else {
                    self.leaving.send_replace(true);
                }
            }
            ("?" | "help", _) => self.say(HELP),
            (_, Some(outbox)) => {
                let text = text::bounded(line, limits::COMMENTS).into();
                outbox.send(&FromAgent::Notice { body: AgentReport::Said { text } });
            }
            (_, None) => self.say("Not sent: there is no link at this moment."),
        }
    }

    fn fell_silent(&self) {
        let mut talk = self.talk();
        talk.silent = true;
        // Its sender is dropped: a no.
        talk.question = None;
    }

    fn talk(&self) -> MutexGuard<'_, Talk> {
        self.talk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const WELCOME: &str =
    "You wait for a representative. What you type is shown to them; “stop” or Ctrl-C leaves.";
const HELP: &str =
    "What you type goes to the representative. “stop” ends the session, and so does Ctrl-C.";

fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody reads it: then there is nobody to tell.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
