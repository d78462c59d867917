//! Jump Items: editing, installing, waking, sweeping up.

pub(crate) mod clones;
pub(crate) mod edit;
pub(crate) mod installers;
pub(crate) mod kept;
pub(crate) mod limit;
pub(crate) mod rules;
pub(crate) mod sweep;
pub(crate) mod wake;
pub(crate) mod wakes;

use crate::base::Base;
use crate::book::Book;
use crate::keys::Keys;
use crate::links::Links;
use crate::sessions::Sessions;
use clones::Clones;
use edit::ItemEdits;
use installers::Installers;
use kept::KeptItems;
use limit::ClientLimit;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use sweep::Sweep;
use wake::Waking;
use wakes::Wakes;

/// Its services.
pub(crate) struct Items {
    pub client_limit: Arc<ClientLimit>,
    pub edits: Arc<ItemEdits>,
    pub installers: Arc<Installers>,
    pub waking: Arc<Waking>,
    pub clones: Arc<Clones>,
    pub sweep: Arc<Sweep>,
    pub kept: Arc<KeptItems>,
}

impl Items {
    pub(crate) fn new(
        base: &Base,
        links: &Arc<Links>,
        book: &Arc<Book>,
        sessions: &Sessions,
        keys: &Arc<Keys>,
    ) -> Self {
        let client_limit = Arc::new(ClientLimit::default());
        let edits = Arc::new(ItemEdits {
            base: base.clone(),
            links: Arc::clone(links),
            book: Arc::clone(book),
            endings: Arc::clone(&sessions.endings),
        });
        let installers =
            Arc::new(Installers { base: base.clone(), fingerprint: keys.public.fingerprint() });
        let waking = Arc::new(Waking {
            base: base.clone(),
            links: Arc::clone(links),
            wakes: Wakes::default(),
        });
        let clones = Arc::new(Clones::new(base.clone(), Arc::clone(links)));
        let sweep = Arc::new(Sweep {
            base: base.clone(),
            links: Arc::clone(links),
            edits: Arc::clone(&edits),
            noted: AtomicI64::new(base.moment().lived.0),
        });
        let kept = Arc::new(KeptItems {
            base: base.clone(),
            links: Arc::clone(links),
            edits: Arc::clone(&edits),
            client_limit: Arc::clone(&client_limit),
        });
        Self { client_limit, edits, installers, waking, clones, sweep, kept }
    }
}
