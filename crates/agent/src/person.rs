//! The person at the agent's own terminal: told in plain lines, asked with y and n, heard.
//!
//! What is typed is read, and what is shown is written, on threads of their own: a terminal that
//! stands still holds up no shell. A line answers the open question; without one it goes to the
//! reps, and `stop` ends the session.

use jumpdeck_link::Outbox;
use jumpdeck_protocol::agent::{AgentReport, FromAgent};
use jumpdeck_protocol::{limits, text};
use std::io::{BufRead, IsTerminal, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

/// Lines that wait for a terminal that stands still, at most.
const UNWRITTEN: usize = 256;
/// So many ends of the input in a row are one: the terminal is gone.
const MOST_ENDS: u32 = 50;
/// How long what is still to be shown may take when the program ends.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The person. Clones speak with the same one.
#[derive(Clone, Debug)]
pub struct Person {
    talk: Arc<Mutex<Talk>>,
    out: SyncSender<PersonWords>,
    stopping: watch::Sender<bool>,
}

/// What is shown, or whom to tell that all before it was.
#[derive(Debug)]
enum PersonWords {
    Text(String),
    Shown(std::sync::mpsc::Sender<()>),
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
}

impl Person {
    /// Begins to listen to what is typed.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn listen() -> std::io::Result<Self> {
        let (out, shown) = sync_channel(UNWRITTEN);
        let person = Self { talk: Arc::default(), out, stopping: watch::channel(false).0 };
        std::thread::Builder::new().name("words".to_owned()).spawn(move || show(&shown))?;
        let listener = person.clone();
        std::thread::Builder::new()
            .name("terminal".to_owned())
            .spawn(move || listener.listens())?;
        Ok(person)
    }

    /// Shows a sentence.
    pub fn say(&self, sentence: &str) {
        let talk = self.talk();
        let sentence = text::clean(sentence);
        match &talk.question {
            None => self.print(format!("{sentence}\n")),
            Some((question, _)) => self.print(format!("\n{sentence}\n{question}")),
        }
    }

    /// Shows a last sentence, and returns once it is shown, as far as that can be.
    pub fn say_at_last(&self, sentence: &str) {
        self.say(sentence);
        let (shown, is_shown) = std::sync::mpsc::channel();
        if self.out.try_send(PersonWords::Shown(shown)).is_ok() {
            // A terminal that stands still is not waited for.
            let _ = is_shown.recv_timeout(LAST_WORDS);
        }
    }

    /// Asks for a yes. Whatever else is typed, and silence, is a no.
    pub(crate) async fn allows(&self, question: &str) -> bool {
        self.answer(question, limits::CUSTOMER_PATIENCE).await.unwrap_or(false)
    }

    /// Asks for a yes, and waits for so long. Whatever else is typed is a no, and silence nothing.
    pub(crate) async fn answer(&self, question: &str, patience: Duration) -> Option<bool> {
        let (answer, answered) = oneshot::channel();
        {
            let mut talk = self.talk();
            if talk.silent {
                return None;
            }
            let question = format!("{} [y/N] ", text::clean(question));
            self.print(question.clone());
            // One question at a time: the one who asked before gets a no.
            talk.question = Some((question, answer));
        }
        match timeout(patience, answered).await {
            Ok(Ok(yes)) => {
                self.talk().served |= yes;
                Some(yes)
            }
            Ok(Err(_)) => Some(false),
            Err(_) => {
                self.talk().question = None;
                self.print("\nNobody answered in time.\n".to_owned());
                None
            }
        }
    }

    /// A link is up: what is typed goes there.
    pub(crate) fn linked(&self, outbox: Outbox) {
        if self.has_stopped() {
            // It was said while there was no link, or on one that was dead already.
            outbox.send(&FromAgent::Notice { body: AgentReport::Stopped });
        }
        let mut talk = self.talk();
        talk.outbox = Some(outbox);
        let known = std::mem::replace(&mut talk.known, true);
        drop(talk);
        self.say(if known { "The link is back." } else { WELCOME });
    }

    /// The link is gone; and so is the one who asked something.
    pub(crate) fn unlinked(&self) {
        let mut talk = self.talk();
        talk.outbox = None;
        if talk.question.take().is_some() {
            self.print("\nThat question is no longer open.\n".to_owned());
        }
    }

    /// Wants no session any more.
    pub fn stop(&self) {
        if self.stopping.send_replace(true) {
            return;
        }
        if let Some(outbox) = &self.talk().outbox {
            outbox.send(&FromAgent::Notice { body: AgentReport::Stopped });
        }
    }

    /// Resolves when the person wants no session any more.
    pub(crate) async fn stops(&self) {
        // The sender lives as long as this.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }

    /// What the person wanted to stop is over: another session may come.
    pub(crate) fn has_been_heard(&self) {
        self.stopping.send_replace(false);
    }

    /// Whether the person said that it is over.
    pub fn has_stopped(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Whether a rep was let in.
    pub fn was_served(&self) -> bool {
        self.talk().served
    }

    /// Reads what is typed to its end. On a terminal, Ctrl-D is an empty line and no end.
    fn listens(&self) {
        let (mut line, mut ends) = (String::new(), 0);
        loop {
            line.clear();
            match std::io::stdin().lock().read_line(&mut line) {
                Ok(0) if std::io::stdin().is_terminal() && ends < MOST_ENDS => ends += 1,
                Ok(0) | Err(_) => break,
                Ok(_) => ends = 0,
            }
            self.heard(&line);
        }
        self.fell_silent();
    }

    fn heard(&self, line: &str) {
        let line = line.trim();
        let mut talk = self.talk();
        if let Some((_, waiting)) = talk.question.take() {
            let yes = matches!(line.to_lowercase().as_str(), "y" | "yes");
            if !yes {
                self.print("Not allowed. The technician can ask again.\n".to_owned());
            }
            // Anyone who asked may have given up.
            let _ = waiting.send(yes);
            return;
        }
        let outbox = talk.outbox.clone();
        drop(talk);
        match (line.to_lowercase().as_str(), outbox) {
            ("", _) => {}
            ("stop" | "quit" | "exit", _) => self.stop(),
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

    /// Has something shown. What a terminal that stands still has no room for is lost.
    fn print(&self, text: String) {
        let _ = self.out.try_send(PersonWords::Text(text));
    }

    fn talk(&self) -> MutexGuard<'_, Talk> {
        self.talk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const WELCOME: &str = "Waiting for a technician. You can chat here; type “stop” or press \
     Ctrl-C to leave.";
const HELP: &str = "Your messages go to the technician. “stop” or Ctrl-C ends the session.";

/// Writes what is to be shown.
fn show(words: &Receiver<PersonWords>) {
    while let Ok(words) = words.recv() {
        match words {
            PersonWords::Text(text) => {
                let mut out = std::io::stdout().lock();
                // Nobody reads it: then there is nobody to tell.
                let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            }
            // Anyone who wanted to know may be gone.
            PersonWords::Shown(shown) => drop(shown.send(())),
        }
    }
}
