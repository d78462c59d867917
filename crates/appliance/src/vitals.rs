//! The parts without which an appliance is none: its store, its recorder, the supervision of rights,
//! the follow-up work and the periodic jobs. One that ends by a mistake of its own is the end of the appliance, said aloud, for a
//! half of it would answer as if all were well.

use tokio::sync::watch;

/// Which part has failed, if one has.
#[derive(Clone, Debug)]
pub(crate) struct Vitals(watch::Sender<Option<&'static str>>);

/// Held by a part for as long as it lives. The appliance has failed if it is dropped before the
/// part says that it ends.
#[derive(Debug)]
pub(crate) struct Vital {
    name: &'static str,
    vitals: Option<Vitals>,
}

impl Default for Vitals {
    fn default() -> Self {
        Self(watch::channel(None).0)
    }
}

impl Vitals {
    /// A part of this name begins.
    pub(crate) fn part(&self, name: &'static str) -> Vital {
        Vital { name, vitals: Some(self.clone()) }
    }

    /// The same for a part that knows nothing of vitals: it calls this when it ends as it should.
    pub(crate) fn end_of(&self, name: &'static str) -> impl FnOnce() + Send + 'static {
        let vital = self.part(name);
        move || vital.ends()
    }

    /// The part that has failed.
    pub(crate) fn failed(&self) -> Option<&'static str> {
        *self.0.borrow()
    }

    /// Waits until one has.
    pub(crate) async fn until_failed(&self) -> &'static str {
        let mut failed = self.0.subscribe();
        let part = failed.wait_for(Option::is_some).await.ok().and_then(|part| *part);
        match part {
            Some(part) => part,
            // The sender lives in `self`.
            None => std::future::pending().await,
        }
    }
}

impl Vital {
    /// The part ends as it should.
    pub(crate) fn ends(mut self) {
        self.vitals = None;
    }
}

impl Drop for Vital {
    fn drop(&mut self) {
        let name = self.name;
        if let Some(vitals) = self.vitals.take() {
            vitals.0.send_if_modified(|failed| {
                let first = failed.is_none();
                if first {
                    *failed = Some(name);
                }
                first
            });
        }
    }
}
