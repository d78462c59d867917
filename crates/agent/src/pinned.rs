//! Pinning, as the machine sees it: it becomes a Jump Client if its person allows it.

use crate::files::{AgentDir, Target};
use crate::install::{self, InstallError, Installed};
use crate::person::Person;
use jumpdeck_protocol::agent::AgentReply;
use jumpdeck_protocol::{Refusal, RefusalCode, Timestamp};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Whether this machine is a Jump Client, and where it keeps what it needs for that.
#[derive(Clone, Debug)]
pub(crate) struct Pinned {
    installed: Arc<Mutex<Option<Installed>>>,
    /// It was one, and is none any more: nothing is written down from then on.
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
}

impl Pinned {
    pub(crate) fn new(place: Option<PathBuf>) -> Self {
        Self { installed: Arc::default(), undone: Arc::default(), place }
    }

    /// Asks the person, then installs.
    pub(crate) async fn pin(
        &self,
        person: Option<&Person>,
        from: AgentDir,
        target: Option<Target>,
        wish: Wish,
    ) -> Result<AgentReply, Refusal> {
        let already = || RefusalCode::AlreadyPinned.plain();
        let place = self.place.clone().ok_or_else(already)?;
        if let Some(installed) = &*self.installed() {
            // The appliance has not kept the answer.
            let by_hand = installed.by_hand.as_deref().map(Into::into);
            return Ok(AgentReply::Pinned { by_hand });
        }
        let person =
            person.ok_or_else(|| RefusalCode::CustomerRefused.because("nobody is there"))?;
        let date = |at: Timestamp| jiff::Timestamp::from_second(at.0).ok();
        let until = wish.expires.and_then(date);
        let until = until.map_or(String::new(), |at| format!(" until {}", at.strftime("%F")));
        let question = format!(
            "{} wants to keep this computer reachable as “{}”{until}, also when you are away. \
             Allow it?",
            wish.rep, wish.name
        );
        if !person.allows(&question).await {
            return Err(RefusalCode::CustomerRefused.plain());
        }
        let target = target.ok_or_else(|| RefusalCode::SpawnFailed.because("no appliance"))?;
        let installing = tokio::task::spawn_blocking(move || {
            install::install(&from, &place, &target, wish.expires)
        });
        let failed = |reason: String| RefusalCode::SpawnFailed.because(reason);
        let installed = match installing.await.map_err(|error| failed(error.to_string()))? {
            Ok(installed) => installed,
            Err(taken @ InstallError::Taken(_)) => {
                return Err(RefusalCode::AlreadyPinned.because(taken.to_string()));
            }
            Err(error) => return Err(failed(error.to_string())),
        };
        person.say(&match &installed.by_hand {
            None => format!(
                "This computer stays reachable. “{} uninstall” undoes it.",
                installed.dir.program().display()
            ),
            Some(reason) => format!(
                "This computer stays reachable while this program runs; it cannot start by itself \
                 ({reason}). To start it: {}",
                installed.dir.command()
            ),
        });
        let by_hand = installed.by_hand.as_deref().map(Into::into);
        self.undone.store(false, Ordering::Relaxed);
        *self.installed() = Some(installed);
        Ok(AgentReply::Pinned { by_hand })
    }

    /// Undoes it. `own` is the directory of an agent that is a Jump Client from its start.
    pub(crate) fn unpin(&self, own: &AgentDir) -> Result<AgentReply, Refusal> {
        self.remove(own)
            .map(|()| AgentReply::Unpinned)
            .map_err(|error| RefusalCode::SpawnFailed.because(error.to_string()))
    }

    /// Removes what was installed, or what the agent itself is.
    pub(crate) fn remove(&self, own: &AgentDir) -> Result<(), crate::files::AgentDirError> {
        self.undone.store(true, Ordering::Relaxed);
        match self.installed().take() {
            Some(installed) => install::uninstall(&installed.dir),
            None => install::uninstall(own),
        }
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
