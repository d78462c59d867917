//! Pinning, as the machine sees it: it becomes a Jump Client if its person allows it.

use crate::files::{AgentDir, AgentDirError, Target};
use crate::install::{self, InstallError, Installed};
use crate::person::Person;
use jumpdeck_protocol::agent::AgentReply;
use jumpdeck_protocol::inventory::StartMode;
use jumpdeck_protocol::{Refusal, RefusalCode, Timestamp};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Whether this machine is a Jump Client, and where it keeps what it needs for that.
#[derive(Clone, Debug)]
pub(crate) struct PinnedClient {
    installed: Arc<Mutex<Option<Installed>>>,
    /// Held while something is installed or undone: neither ends in the other's midst.
    work: Arc<tokio::sync::Mutex<()>>,
    /// It is to be no Jump Client any more: nothing is written down from then on, and what is
    /// being installed is undone.
    undone: Arc<AtomicBool>,
    /// Where it goes; nothing for an agent that is a Jump Client from its start.
    place: Option<PathBuf>,
}

/// What a rep wants.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub rep: Box<str>,
    pub name: Box<str>,
    pub expires: Option<Timestamp>,
    pub start_mode: StartMode,
}

impl Wish {
    /// What the person is asked.
    fn question(&self) -> String {
        let date = |at: Timestamp| jiff::Timestamp::from_second(at.0).ok();
        let until = self.expires.and_then(date);
        let until = until.map(|at| at.to_zoned(jiff::tz::TimeZone::system()));
        let until = until.map_or(String::new(), |at| format!(" until {}", at.strftime("%F %H:%M")));
        let quietly = match self.start_mode {
            StartMode::Normal => "",
            StartMode::Minimized => " Later you see only when a session starts and ends.",
            StartMode::Hidden => " Later you do not see when a session starts.",
        };
        format!(
            "{} wants permanent access to this computer (as “{}”){until}, even when you are away.\
             {quietly} Allow it?",
            self.rep, self.name
        )
    }
}

impl PinnedClient {
    pub(crate) fn new(place: Option<PathBuf>) -> Self {
        Self { installed: Arc::default(), work: Arc::default(), undone: Arc::default(), place }
    }

    /// Asks the person, then installs.
    pub(crate) async fn pin(
        &self,
        person: Option<&Person>,
        from: AgentDir,
        target: Option<Target>,
        wish: Wish,
    ) -> Result<AgentReply, Refusal> {
        let failed = |reason: String| RefusalCode::PinFailed.because(reason);
        let enrolled = || failed("it was enrolled with an installer; enrol it again".to_owned());
        let place = self.place.clone().ok_or_else(enrolled)?;
        if let Some(installed) = &*self.installed() {
            // The appliance has not kept the answer.
            let by_hand = installed.by_hand.as_deref().map(Into::into);
            return Ok(AgentReply::Pinned { by_hand });
        }
        let person = person.ok_or_else(|| RefusalCode::NobodyThere.plain())?;
        let there = AgentDir::at(&place);
        if there.target().is_some() {
            // Nobody is asked for what cannot be.
            let detail = format!("to remove it: {}", there.uninstall_command());
            return Err(RefusalCode::AlreadyPinned.because(detail));
        }
        if !person.allows(&wish.question()).await {
            return Err(RefusalCode::CustomerRefused.plain());
        }
        let target = target.ok_or_else(|| failed("its appliance is not known".to_owned()))?;
        let _work = self.work.lock().await;
        self.undone.store(false, Ordering::Relaxed);
        let expires = wish.expires;
        let installing = move || install::install(&from, &place, &target, expires);
        let installed = tokio::task::spawn_blocking(installing).await;
        let installed = match installed.map_err(|error| failed(error.to_string()))? {
            Ok(installed) => installed,
            Err(taken @ InstallError::Taken(_)) => {
                return Err(RefusalCode::AlreadyPinned.because(taken.to_string()));
            }
            Err(error) => return Err(failed(error.to_string())),
        };
        if self.is_undone() {
            undo(installed.dir.clone()).await.map_err(|error| failed(error.to_string()))?;
            return Err(failed("the session ended meanwhile".to_owned()));
        }
        person.say(&words(&installed));
        let by_hand = installed.by_hand.as_deref().map(Into::into);
        *self.installed() = Some(installed);
        Ok(AgentReply::Pinned { by_hand })
    }

    /// Undoes it. `own` is the directory of an agent that is a Jump Client from its start.
    pub(crate) async fn unpin(&self, own: &AgentDir) -> Result<AgentReply, Refusal> {
        let removed = self.remove(own).await;
        removed
            .map(|()| AgentReply::Unpinned)
            .map_err(|error| RefusalCode::UnpinFailed.because(error.to_string()))
    }

    /// Removes what was installed, or what the agent itself is. Waits for an installation that is
    /// under way, which then is undone.
    pub(crate) async fn remove(&self, own: &AgentDir) -> Result<(), AgentDirError> {
        self.undone.store(true, Ordering::Relaxed);
        let _work = self.work.lock().await;
        let installed = self.installed().take();
        let dir = installed.as_ref().map_or_else(|| own.clone(), |it| it.dir.clone());
        let removed = undo(dir).await;
        // The lock is held until nothing is left.
        drop(installed);
        removed
    }

    /// The agent ends: an installation under way, of which nobody heard, is undone.
    pub(crate) async fn settle(&self) {
        if self.stands().is_none() {
            self.undone.store(true, Ordering::Relaxed);
        }
        drop(self.work.lock().await);
    }

    /// Whether nothing of the appliance is to be written down any more.
    pub(crate) fn is_undone(&self) -> bool {
        self.undone.load(Ordering::Relaxed)
    }

    /// Whether it was installed by this process, and starts by itself from now on.
    pub(crate) fn stands(&self) -> Option<bool> {
        self.installed().as_ref().map(|installed| installed.by_hand.is_none())
    }

    /// Where the Jump Client keeps what it knows.
    pub(crate) fn dir(&self, own: &AgentDir) -> AgentDir {
        self.installed().as_ref().map_or_else(|| own.clone(), |installed| installed.dir.clone())
    }

    fn installed(&self) -> MutexGuard<'_, Option<Installed>> {
        self.installed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Undoes an installation, off the loop: a service manager may take its time.
async fn undo(dir: AgentDir) -> Result<(), AgentDirError> {
    let path = dir.path().to_path_buf();
    let undone = tokio::task::spawn_blocking(move || install::uninstall(&dir)).await;
    undone.unwrap_or_else(|error| {
        Err(AgentDirError::Unusable { path, reason: std::io::Error::other(error) })
    })
}

/// What the person reads about an installation.
fn words(installed: &Installed) -> String {
    let dir = &installed.dir;
    match &installed.by_hand {
        None => format!(
            "This computer stays reachable. Once the session is over, this undoes it: {}",
            dir.uninstall_command()
        ),
        Some(reason) => format!(
            "This computer stays reachable while this program runs; it cannot start by itself \
             ({reason}). To start it: {}",
            dir.run_command()
        ),
    }
}
