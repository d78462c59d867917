//! Things done to many items at once: asked for in portions, told of together.

use super::messages::Level;
use super::{Asked, Console};
use jumpdeck_protocol::rep::{RepReply, RepRequest};
use jumpdeck_protocol::{ItemId, Outcome, Refusal, limits};

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Properties are changed.
    Edit,
    /// Items go to another place.
    Move(String),
    /// They stand in another place too.
    Copy(String),
    /// They are removed.
    Remove,
}

impl Deed {
    fn done(&self) -> String {
        match self {
            Self::Edit => "changed".to_owned(),
            Self::Move(place) => format!("moved to {place}"),
            Self::Copy(place) => format!("copied to {place}"),
            Self::Remove => "removed".to_owned(),
        }
    }
}

/// A deed under way.
#[derive(Debug)]
pub(super) struct Batch {
    number: u64,
    deed: Deed,
    items: usize,
    /// Portions without an answer.
    open: usize,
    refused: Vec<(ItemId, Refusal)>,
    /// Why a whole portion was refused.
    failed: Option<(usize, Refusal)>,
}

impl Console {
    /// Asks for a deed, in portions.
    pub(super) fn begin_batch<T>(
        &mut self,
        deed: Deed,
        items: Vec<T>,
        request: impl Fn(Vec<T>) -> RepRequest,
    ) {
        let count = items.len();
        let number = self.last_request.0;
        let mut items = items.into_iter().peekable();
        let mut open = 0;
        while items.peek().is_some() {
            let some: Vec<_> = items.by_ref().take(limits::ITEMS_PER_REQUEST).collect();
            let asked = Asked::Batch { number, items: some.len() };
            self.request(asked, request(some));
            open += 1;
        }
        let (refused, failed) = (Vec::new(), None);
        self.batches.push(Batch { number, deed, items: count, open, refused, failed });
    }

    /// A portion was answered.
    pub(super) fn batch_answered(&mut self, number: u64, items: usize, outcome: Outcome<RepReply>) {
        let Some(at) = self.batches.iter().position(|batch| batch.number == number) else {
            return;
        };
        let Some(batch) = self.batches.get_mut(at) else {
            return;
        };
        batch.open -= 1;
        match outcome {
            Outcome::Ok(RepReply::Done { refused }) => batch.refused.extend(refused),
            Outcome::Ok(_) => {}
            Outcome::Refused(refusal) => {
                let before = batch.failed.take().map_or(0, |(count, _)| count);
                batch.failed = Some((before + items, refusal));
            }
        }
        if batch.open == 0 {
            let batch = self.batches.remove(at);
            self.batch_over(&batch);
        }
    }

    fn batch_over(&mut self, batch: &Batch) {
        let failed = batch.failed.as_ref().map_or(0, |(count, _)| *count);
        let done = batch.items.saturating_sub(batch.refused.len() + failed);
        let what = batch.deed.done();
        if batch.deed == Deed::Edit {
            self.form_batch_over(batch);
        }
        let first = batch.refused.first().map(|(item, refusal)| {
            let name = self.inventory.name(*item).unwrap_or("An item").to_owned();
            (name, refusal.clone())
        });
        let whole =
            batch.failed.as_ref().map(|(_, refusal)| ("The rest".to_owned(), refusal.clone()));
        match whole.or(first) {
            None => {
                let items = if done == 1 { "1 item was" } else { &format!("{done} items were") };
                self.say(&format!("{items} {what}."));
            }
            Some((name, refusal)) => {
                let head = match (batch.items, done) {
                    (1, _) => String::new(),
                    (all, done) => format!("{done} of {all} items were {what}. "),
                };
                self.messages.say(self.now, Level::Error, &format!("{head}{name}: {refusal}"));
            }
        }
        // Each of them can be read in the history.
        for (item, refusal) in batch.refused.iter().skip(1).take(50) {
            let name = self.inventory.name(*item).unwrap_or("An item");
            let text = format!("{name}: {refusal}");
            self.messages.note(self.now, Level::Error, &text);
        }
    }

    fn form_batch_over(&mut self, batch: &Batch) {
        match &batch.failed {
            None => self.form_saved(&batch.refused),
            Some((_, refusal)) => self.form_saved(&[(ItemId(0), refusal.clone())]),
        }
    }

    /// The link is gone: nobody will answer.
    pub(super) fn batches_lost(&mut self) {
        for batch in std::mem::take(&mut self.batches) {
            if batch.deed != Deed::Edit {
                let what = batch.deed.done();
                self.warn(&format!(
                    "The link was lost before the appliance said whether {} items were {what}; \
                     look again when it is back.",
                    batch.items
                ));
            }
        }
    }
}
