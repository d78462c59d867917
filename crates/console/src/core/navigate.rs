//! Moving about: the tree, the list, the search, the layers.

use super::layers::{Chooser, ChooserKind, Layer, Question};
use super::query::{self, Query};
use super::search::{Found, Job, Scope, SearchAnswer, Wanted};
use super::{Console, Effect, Focus, Screen, Timer};
use crate::core::layers::Help;
use crate::core::layers::MessageHistory;
use crate::core::list::{Searches, Stale};
use crate::core::requests::{About, IfLost};
use jumpdeck_protocol::preferences::Column;
use jumpdeck_protocol::rep::RepNotice;
use jumpdeck_protocol::rep::request;
use std::time::Duration;

/// Choices that a completion names, at most.
const CHOICES: usize = 12;
/// How long a selection must stay before its item is watched.
const SETTLED: Duration = Duration::from_millis(120);

impl Console {
    pub(super) fn open_help(&mut self) {
        if matches!(self.dialogs.layers.last(), Some(Layer::Help(_))) {
            self.dialogs.layers.pop();
            return;
        }
        self.knows_the_keys();
        let context = self
            .dialogs
            .layers
            .last()
            .map_or_else(|| self.ground(), |layer| layer.room().context());
        self.dialogs.layers.push(Help { context, query: String::new(), scroll: 0 }.into());
    }

    pub(super) fn open_messages(&mut self) {
        if matches!(self.dialogs.layers.last(), Some(Layer::Messages(_))) {
            self.dialogs.layers.pop();
            return;
        }
        self.dialogs.layers.push(MessageHistory { scroll: 0 }.into());
    }

    pub(super) fn back(&mut self) {
        if matches!(self.dialogs.layers.last(), Some(Layer::Form(_))) {
            self.leave_form();
            return;
        }
        if let Some(layer) = self.dialogs.layers.pop() {
            // Anyone who closes a question of a script wants no more of it; a key was only shown.
            if !matches!(layer, Layer::SessionKey(_)) {
                self.forget_script();
            }
            return;
        }
        match self.shown.screen {
            // There is nothing to close; what the list shows is not touched from here.
            Screen::Session(_) => return,
            Screen::Sessions => {
                self.go_jump();
                return;
            }
            Screen::Jump => {}
        }
        let searched = !self.list.jump.search.text().is_empty();
        if self.list.jump.focus == Focus::TreeFind {
            self.list.jump.find.clear();
            self.list.jump.focus = Focus::Tree;
            return;
        }
        if self.list.jump.details {
            self.list.jump.details = false;
        } else if searched {
            self.list.jump.search.clear();
            self.read_search();
            self.watch_figures();
            self.start_filter();
        } else if !self.list.jump.marked.is_empty() {
            self.list.jump.marked.clear();
            self.count_hidden_marks();
        } else {
            self.knows_the_keys();
        }
        self.list.jump.focus = Focus::List;
    }

    pub(super) fn quit(&mut self) {
        match self.dialogs.layers.last() {
            None => self.out.effects.push(Effect::Quit),
            Some(Layer::Form(_)) => self.leave_form(),
            Some(_) => drop(self.dialogs.layers.pop()),
        }
    }

    pub(super) fn redraw(&mut self) {
        self.out.effects.push(Effect::Redraw);
    }

    pub(super) fn go_jump(&mut self) {
        self.dialogs.layers.clear();
        self.hide_shells();
        self.shown.screen = Screen::Jump;
    }

    pub(super) fn move_selection(&mut self, by: isize) {
        match self.list.jump.focus {
            Focus::Tree | Focus::TreeFind => {
                let position = self.list.jump.tree.position().saturating_add_signed(by);
                self.list.jump.tree.select(position);
                self.scope_changed();
            }
            Focus::List | Focus::Search => {
                // Where an item was that is gone, the next one is now: down leads to that.
                let down = by.saturating_sub(isize::from(by > 0 && self.list.jump.gone.is_some()));
                let position = self.list.jump.position().saturating_add_signed(down);
                self.list.jump.select(position);
                self.selection_moved();
            }
        }
    }

    pub(super) fn move_page(&mut self, by: isize) {
        let page = isize::try_from(self.list.jump.height.saturating_sub(1).max(1)).unwrap_or(1);
        self.move_selection(by.saturating_mul(page));
    }

    pub(super) fn left(&mut self) {
        match self.list.jump.focus {
            Focus::Tree | Focus::TreeFind => self.fold(false),
            Focus::List | Focus::Search => self.list.jump.focus = Focus::Tree,
        }
    }

    pub(super) fn right(&mut self) {
        let folded = self.list.jump.tree.node().is_some_and(|node| node.unfolded == Some(false));
        if self.list.jump.focus == Focus::Tree && folded {
            self.fold(true);
        } else {
            self.list.jump.focus = Focus::List;
        }
    }

    /// Folds or unfolds the selected group.
    pub(super) fn fold(&mut self, unfold: bool) {
        let before = self.list.jump.tree.selected().clone();
        if self.list.jump.tree.set_unfolded(unfold) {
            self.rebuild_tree();
            self.folding_changed();
        }
        if *self.list.jump.tree.selected() != before || !unfold {
            self.start_filter();
        }
    }

    /// Another part of the inventory is shown.
    pub(super) fn scope_changed(&mut self) {
        self.list.jump.start_over();
        self.watch_figures();
        self.start_filter();
    }

    /// Looks for a row of the tree.
    pub(super) fn start_find(&mut self) {
        self.list.jump.find_missed = false;
        self.list.jump.find.clear();
        self.list.jump.focus = Focus::TreeFind;
    }

    pub(super) fn accept_find(&mut self) {
        self.list.jump.find.clear();
        self.list.jump.focus = Focus::Tree;
    }

    pub(super) fn find_in_tree(&mut self) {
        let text = self.list.jump.find.text().to_owned();
        if text.trim().is_empty() {
            self.list.jump.find_missed = false;
            return;
        }
        let groups = self.dynamic_groups();
        let before = self.list.jump.tree.unfolded();
        self.list.jump.find_missed =
            !self.list.jump.tree.find(text.trim(), &self.list.inventory, &groups);
        if !self.list.jump.find_missed {
            self.rebuild_tree();
            if self.list.jump.tree.unfolded() != before {
                self.folding_changed();
            }
            self.scope_changed();
        }
    }

    pub(super) fn next_pane(&mut self) {
        self.list.jump.focus = match self.list.jump.focus {
            Focus::Tree | Focus::TreeFind => Focus::List,
            Focus::List | Focus::Search => Focus::Tree,
        };
    }

    pub(super) fn open_group(&mut self) {
        self.list.jump.focus = Focus::List;
    }

    pub(super) fn start_search(&mut self) {
        self.list.jump.focus = Focus::Search;
    }

    /// Reads what is typed. Returns whether it means anything; what was said of a mistake in it is then over.
    pub(super) fn read_search(&mut self) -> bool {
        let said = self.no_whole_list();
        let is_right = self.list.jump.read_query();
        let shown = self.dialogs.messages.current(self.now).map(|message| &message.text);
        if is_right && said.is_some() && shown == said.as_ref() {
            self.dialogs.messages.settle();
        }
        is_right
    }

    pub(super) fn accept_search(&mut self) {
        match self.no_whole_list() {
            // The list is not what was asked for: the one who acts on it would act on something else.
            Some(mistake) => self.warn(&mistake),
            None => self.list.jump.focus = Focus::List,
        }
    }

    /// Completes what is being searched for, or says what it could become.
    pub(super) fn complete(&mut self) {
        let Some(done) = query::complete(self.list.jump.search.text(), &self.list.inventory) else {
            return;
        };
        self.list.jump.search.replace_from(done.from, &done.text);
        if !done.choices.is_empty() {
            let more = done.choices.len().saturating_sub(CHOICES);
            let shown: Vec<_> = done.choices.into_iter().take(CHOICES).collect();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            self.say(&format!("{}{more}", shown.join("  ")));
        }
        self.typed();
    }

    pub(super) fn delete_word(&mut self) {
        if let Some(input) = self.text_input() {
            input.delete_word();
        }
        self.typed();
    }

    pub(super) fn suspend(&mut self) {
        self.out.effects.push(Effect::Suspend);
    }

    pub(super) fn clear_input(&mut self) {
        if let Some(input) = self.text_input() {
            input.clear();
        }
        self.typed();
        if let Some(Layer::Form(form)) = self.dialogs.layers.last_mut() {
            form.cleared();
        }
    }

    pub(super) const fn toggle_details(&mut self) {
        self.list.jump.details = !self.list.jump.details;
    }

    pub(super) fn scroll(&mut self, by: isize) {
        let rows = self.dialogs.layers.last().map_or(0, |layer| layer.room().rows(self));
        let most = rows.saturating_sub(super::layout::reader_height(self.shown.size));
        if let Some(layer) = self.dialogs.layers.last_mut() {
            layer.room_mut().scroll(by, most);
        }
    }

    pub(super) fn confirm(&mut self) {
        let Some(Layer::Confirm(question)) = self.dialogs.layers.pop() else {
            return;
        };
        match question {
            Question::EndSession { session, name } => {
                let note = (About::Anything, IfLost::Unknown(name.clone()));
                let request = request::EndSession { session };
                self.ask(note, request, move |console, outcome| {
                    if let Err(refusal) = outcome {
                        console.refused(&format!("Ending {name}"), &refusal);
                    }
                });
            }
            Question::CloseShell { channel, .. } => self.close_shell(channel),
            Question::Leave { session, name, .. } => self.leave_session(session, &name),
            Question::Transfer { session, to, .. } => self.transfer_to(session, to),
            Question::TurnAway { item, name } => self.turn_away(item, &name),
            Question::Unpin { session, name } => self.unpin(session, &name),
            Question::Remove { items, .. } => self.remove(items),
            Question::Wake { items, .. } => self.wake_these(&items, None, None),
            Question::WakeAndJump { item, .. } => self.wake_and_jump(item),
            Question::Start { items, .. } => self.start_many(items),
            Question::Discard => self.close_form(),
            Question::Forget { name } => self.forget_search(&name),
        }
    }

    /// Filters the list again, off the loop.
    pub(super) fn start_filter(&mut self) {
        let scope = self.list.jump.tree.selected().clone();
        let look = self.look(scope, self.query_shown());
        self.start_job(Wanted::Matching(look));
    }

    /// What holds for the items of the list: what is typed, and the saved search that is selected.
    pub fn query_shown(&self) -> Query {
        let saved = match self.list.jump.tree.selected() {
            // One that means nothing to this version finds nothing.
            Scope::Saved(name) => self.saved_query(name).unwrap_or(Query::Any(Vec::new())),
            _ => Query::default(),
        };
        saved.and(self.list.jump.query.clone())
    }

    pub(super) fn search_for_chooser(&mut self) {
        if let Some(Layer::Chooser(chooser)) = self.dialogs.layers.last()
            && matches!(chooser.kind, ChooserKind::Jump { .. })
        {
            let text = chooser.input.text().to_owned();
            let familiar = self.list.inventory.familiar(self.frecency());
            self.fit_sessions();
            self.start_job(Wanted::Like(text, familiar));
        }
    }

    pub(super) fn start_job(&mut self, wanted: Wanted) {
        self.list.searches.last += 1;
        let generation = self.list.searches.last;
        match &wanted {
            Wanted::Matching(_) => self.list.searches.list_asked = generation,
            Wanted::Like(..) => self.list.searches.chooser_asked = generation,
            Wanted::Counts(_) => self.list.searches.counts_asked = generation,
        }
        let picture = self.list.inventory.picture();
        self.out.effects.push(Effect::Search(Box::new(Job { generation, picture, wanted })));
    }

    /// Whether a command means what a search will find that is still under way.
    pub(super) fn must_wait(&self, command: &str) -> bool {
        let searches = &self.list.searches;
        let acts_on_list = |command: &str| {
            let context = super::command::Command::named(command).map(|c| c.spec().context);
            context == Some(super::keymap::Context::List) || command == "export"
        };
        match command {
            command if acts_on_list(command) => searches.list_shown != searches.list_asked,
            "choose" => {
                let items = matches!(
                    self.dialogs.layers.last(),
                    Some(Layer::Chooser(Chooser { kind: ChooserKind::Jump { .. }, .. }))
                );
                items && searches.chooser_shown != searches.chooser_asked
            }
            _ => false,
        }
    }

    /// Whether a search is under way.
    pub const fn is_searching(&self) -> bool {
        let Searches { list_asked, list_shown, chooser_asked, chooser_shown, .. } =
            self.list.searches;
        list_asked != list_shown || chooser_asked != chooser_shown
    }

    /// A search is done. It counts only if nothing newer of its kind was asked for.
    pub(super) fn found(&mut self, found: Found) {
        self.list.inventory.adopt(found.order);
        match found.answer {
            SearchAnswer::List(list) if found.generation == self.list.searches.list_asked => {
                self.list.searches.list_shown = found.generation;
                let was_gone = self.list.jump.gone.is_some();
                self.list.jump.show(list, &self.list.inventory);
                if let Some(name) = self.list.jump.gone.clone().filter(|_| !was_gone) {
                    self.warn(&format!("{name} is gone."));
                }
                self.count_hidden_marks();
                self.selection_moved();
            }
            SearchAnswer::Like(list) if found.generation == self.list.searches.chooser_asked => {
                self.list.searches.chooser_shown = found.generation;
                if let Some(Layer::Chooser(Chooser { kind, .. })) = self.dialogs.layers.last_mut()
                    && let ChooserKind::Jump { items, .. } = kind
                {
                    *items = list;
                }
            }
            SearchAnswer::Counts(counts) if found.generation == self.list.searches.counts_asked => {
                self.counted(&counts);
                return;
            }
            _ => return,
        }
        self.out.dirty = true;
        if let Some(command) = self.list.searches.waiting.take() {
            self.run(command);
            for key in std::mem::take(&mut self.list.searches.held) {
                self.key(key);
            }
        }
    }

    pub(super) fn rebuild_tree(&mut self) {
        let recent =
            self.list.known.used.iter().filter(|u| self.list.inventory.name(u.item).is_some());
        let recent = recent.count();
        let saved = self.dynamic_groups();
        self.list.jump.tree.rebuild(&self.list.inventory, recent, &saved);
    }

    /// Brings tree, list and counts up to date after the inventory changed: once for a frame,
    /// however much has come.
    pub(super) fn freshen(&mut self) {
        if std::mem::take(&mut self.list.stale.presence) {
            self.list.jump.counts = self.list.inventory.count(&self.list.jump.fitting);
            self.list.stale.items |= self.query_shown().depends_on_presence()
                || matches!(self.preferences.current.sort.column, Column::Status | Column::Since)
                || self
                    .preferences
                    .saved
                    .iter()
                    .any(|saved| saved.query.as_ref().is_some_and(Query::depends_on_presence));
            self.look_at_waking();
        }
        if self.list.stale.items && self.is_worth_showing() {
            self.list.stale = Stale { shown: self.list.inventory.len(), ..Stale::default() };
            self.forget_marks();
            self.rebuild_tree();
            self.start_filter();
            self.count_saved();
            self.follow_form();
        }
    }

    /// Figures of all items are asked for while a search that is shown depends on them.
    pub(super) fn watch_figures(&mut self) {
        let saved = self.preferences.saved.iter().filter_map(|saved| saved.query.as_ref());
        let wanted = self.list.jump.query.depends_on_figures()
            || saved.into_iter().any(Query::depends_on_figures);
        if wanted != self.list.figures && self.is_linked() {
            self.list.figures = wanted;
            if !wanted {
                self.list.inventory.forget_figures();
            }
            self.notify(RepNotice::WatchFigures { wanted });
        }
    }

    /// While the last search is under way, or a snapshot is only on its way, the list stays as it
    /// is; but the first snapshot is shown as it grows.
    fn is_worth_showing(&self) -> bool {
        let idle = self.list.searches.list_shown == self.list.searches.list_asked;
        let whole = self.list.inventory.position().is_some();
        let growing =
            !self.list.whole_once && self.list.inventory.len() >= self.list.stale.shown * 2;
        idle && (whole || growing)
    }

    pub(super) fn selection_moved(&mut self) {
        if self.list.jump.selected != self.list.watched {
            self.out.effects.push(Effect::After(SETTLED, Timer::Watch(self.list.jump.selected)));
        }
    }

    /// Asks for the statistics of the selected item, and of no other.
    pub(super) fn watch(&mut self) {
        if self.list.jump.selected == self.list.watched || !self.is_linked() {
            return;
        }
        self.list.watched = self.list.jump.selected;
        if let Some(item) = self.list.watched {
            self.ask_history(item);
        }
        let items = self.list.watched.into_iter().collect();
        self.notify(RepNotice::Watch { items });
    }

    /// The place that is shown, in words.
    pub fn scope_title(&self) -> String {
        let tree = &self.list.jump.tree;
        match tree.selected() {
            Scope::All => "All Items".to_owned(),
            Scope::Recent => "Recently Used".to_owned(),
            Scope::Saved(name) => name.to_string(),
            Scope::Place(_) => tree.node().map(|node| node.name.clone()).unwrap_or_default(),
            Scope::Tag(place, tag) => {
                let scope = Some(Scope::Place(*place));
                let group = tree.nodes().iter().find(|node| node.scope == scope);
                format!("{} ▸ {tag}", group.map_or("", |node| &node.name))
            }
        }
    }
}
