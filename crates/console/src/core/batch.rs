//! Things done to many items at once: asked for in portions, told of together.

use super::Console;
use super::messages::Level;
use super::undoing::Inverse;
use crate::core::requests::{About, IfLost};
use jumpdeck_protocol::rep::Request;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::{RepReply, RepRequest};
use jumpdeck_protocol::{ItemId, Refusal, limits};
use std::collections::VecDeque;

/// Bytes of a request, about, so that it stays far below what a message may have.
const PORTION: usize = 256 * 1024;
/// Requests of one deed that are under way at once.
const UNDER_WAY: usize = 8;

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BatchEdit {
    /// Properties are changed, by this form.
    Edit(u64),
    /// Items go to another place.
    Move(String),
    /// They are in another place too.
    Copy(String),
    /// They are removed.
    Remove,
    /// What was done before is undone; this is what the items are then.
    Undo(&'static str),
}

impl BatchEdit {
    fn done(&self) -> String {
        match self {
            Self::Edit(_) => "changed".to_owned(),
            Self::Move(place) => format!("moved to {place}"),
            Self::Copy(place) => format!("copied to {place}"),
            Self::Remove => "removed".to_owned(),
            Self::Undo(what) => (*what).to_owned(),
        }
    }
}

/// A deed under way.
#[derive(Debug)]
pub(super) struct Batch {
    number: u64,
    deed: BatchEdit,
    items: usize,
    /// Portions without an answer.
    open: usize,
    /// Those that were not asked for yet, and how many items each has.
    waiting: VecDeque<(usize, RepRequest)>,
    refused: Vec<(ItemId, Refusal)>,
    /// Why a whole portion was refused.
    failed: Option<(usize, Refusal)>,
    /// What undoes it.
    inverse: Option<Inverse>,
}

impl Console {
    /// The same, for something that can be undone.
    pub(super) fn begin_undoable<T, R: Request<Reply = reply::BulkDone>>(
        &mut self,
        (deed, inverse): (BatchEdit, Inverse),
        items: Vec<T>,
        weigh: impl Fn(&T) -> usize,
        request: impl Fn(Vec<T>) -> R,
    ) {
        self.begin_batch(deed, items, weigh, request);
        if let Some(batch) = self.link.batches.last_mut() {
            batch.inverse = Some(inverse);
        }
    }

    /// Asks for a deed, in portions: `weigh` says about how many bytes one of the items takes.
    pub(super) fn begin_batch<T, R: Request<Reply = reply::BulkDone>>(
        &mut self,
        deed: BatchEdit,
        items: Vec<T>,
        weigh: impl Fn(&T) -> usize,
        request: impl Fn(Vec<T>) -> R,
    ) {
        if items.is_empty() {
            self.warn("These items are gone.");
            return;
        }
        let count = items.len();
        let mut waiting = VecDeque::new();
        let (mut some, mut bytes) = (Vec::new(), 0);
        for item in items {
            let weight = weigh(&item);
            let full = some.len() == limits::ITEMS_PER_REQUEST || bytes + weight > PORTION;
            if full && !some.is_empty() {
                let portion = std::mem::take(&mut some);
                waiting.push_back((portion.len(), request(portion).into()));
                bytes = 0;
            }
            bytes += weight;
            some.push(item);
        }
        waiting.push_back((some.len(), request(some).into()));
        self.link.last_batch += 1;
        let number = self.link.last_batch;
        let (refused, failed) = (Vec::new(), None);
        let (open, inverse) = (0, None);
        let batch = Batch { number, deed, items: count, open, waiting, refused, failed, inverse };
        self.link.batches.push(batch);
        self.go_on_with(number);
    }

    /// Asks for as many portions as may be under way.
    fn go_on_with(&mut self, number: u64) {
        while let Some(batch) = self.link.batches.iter_mut().find(|batch| batch.number == number) {
            if batch.open == UNDER_WAY {
                return;
            }
            let Some((items, request)) = batch.waiting.pop_front() else {
                return;
            };
            batch.open += 1;
            let note = (About::Anything, IfLost::Nothing);
            self.ask(note, request, move |console, outcome| {
                console.batch_answered(number, items, outcome);
            });
        }
    }

    /// A portion was answered.
    fn batch_answered(&mut self, number: u64, items: usize, outcome: Result<RepReply, Refusal>) {
        let Some(at) = self.link.batches.iter().position(|batch| batch.number == number) else {
            return;
        };
        let Some(batch) = self.link.batches.get_mut(at) else {
            return;
        };
        batch.open = batch.open.saturating_sub(1);
        match outcome {
            Ok(RepReply::Done(reply::BulkDone { refused })) => batch.refused.extend(refused),
            Ok(_) => {}
            Err(refusal) => {
                let before = batch.failed.take().map_or(0, |(count, _)| count);
                batch.failed = Some((before + items, refusal));
            }
        }
        if batch.open == 0 && batch.waiting.is_empty() {
            let batch = self.link.batches.remove(at);
            self.batch_over(&batch);
        } else {
            self.go_on_with(number);
        }
    }

    fn batch_over(&mut self, batch: &Batch) {
        let failed = batch.failed.as_ref().map_or(0, |(count, _)| *count);
        let done = batch.items.saturating_sub(batch.refused.len() + failed);
        let what = batch.deed.done();
        if let BatchEdit::Edit(form) = batch.deed {
            self.form_batch_over(form, batch);
        }
        let items = if done == 1 { "1 item was" } else { &format!("{done} items were") };
        let undo = match &batch.inverse {
            // Nobody knows what became of a portion that failed.
            Some(inverse) if batch.failed.is_none() => {
                let refused = batch.refused.iter().map(|(item, _)| *item).collect();
                self.can_undo(format!("{items} {what}"), inverse.clone(), &refused)
            }
            _ => String::new(),
        };
        let first = batch.refused.first().map(|(item, refusal)| {
            let name = self.list.inventory.name(*item).unwrap_or("An item").to_owned();
            (name, refusal.clone())
        });
        let whole =
            batch.failed.as_ref().map(|(_, refusal)| ("The rest".to_owned(), refusal.clone()));
        match whole.or(first) {
            None => {
                self.say(&format!("{items} {what}.{undo}"));
            }
            Some((name, refusal)) => {
                let head = match (batch.items, done) {
                    (1, _) => String::new(),
                    (all, done) => format!("{done} of {all} items were {what}.{undo} "),
                };
                self.dialogs.messages.say(
                    self.now,
                    Level::Error,
                    &format!("{head}{name}: {refusal}"),
                );
            }
        }
        // Each of them can be read in the history.
        let told = usize::from(batch.failed.is_none());
        for (item, refusal) in batch.refused.iter().skip(told).take(50) {
            let name = self.list.inventory.name(*item).unwrap_or("An item");
            let text = format!("{name}: {refusal}");
            self.dialogs.messages.note(self.now, Level::Error, &text);
        }
    }

    fn form_batch_over(&mut self, form: u64, batch: &Batch) {
        match &batch.failed {
            None => self.form_saved(form, &batch.refused),
            Some((_, refusal)) => self.form_saved(form, &[(ItemId(0), refusal.clone())]),
        }
    }

    /// The link is gone: nobody will answer.
    pub(super) fn batches_lost(&mut self) {
        for batch in std::mem::take(&mut self.link.batches) {
            if !matches!(batch.deed, BatchEdit::Edit(_)) {
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
