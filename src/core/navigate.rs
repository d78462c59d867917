//! Moving about: the tree, the list, the search, the layers.

use super::layer::{Chooser, ChooserKind, Layer, Question};
use super::query;
use super::search::{Found, Job, Scope, Wanted};
use super::{Console, Effect, Focus, Screen, Searches, Timer};
use jumpdeck_protocol::rep::{RepNotice, RepRequest};
use std::time::Duration;

/// Choices that a completion names, at the most.
const CHOICES: usize = 12;
/// How long a selection must stay before its item is watched.
const SETTLED: Duration = Duration::from_millis(120);

impl Console {
    pub(super) fn open_help(&mut self) {
        if matches!(self.layers.last(), Some(Layer::Help { .. })) {
            self.layers.pop();
            return;
        }
        let context = self.layers.last().map_or_else(|| self.ground(), Layer::context);
        self.layers.push(Layer::Help { context, scroll: 0 });
    }

    pub(super) fn open_messages(&mut self) {
        if matches!(self.layers.last(), Some(Layer::Messages { .. })) {
            self.layers.pop();
            return;
        }
        self.layers.push(Layer::Messages { scroll: 0 });
    }

    pub(super) fn open_palette(&mut self) {
        let chooser = Chooser::commands(self.ground());
        self.layers.push(Layer::Chooser(chooser));
    }

    pub(super) fn open_fuzzy_jump(&mut self) {
        let kind = ChooserKind::Items { fitting: super::inventory::List::default() };
        let chooser = Chooser { kind, input: super::input::Input::default(), selected: 0 };
        self.layers.push(Layer::Chooser(chooser));
        self.search_for_chooser();
    }

    pub(super) fn back(&mut self) {
        if self.layers.pop().is_some() {
            return;
        }
        let searched = !self.jump.search.text().is_empty();
        if self.jump.details {
            self.jump.details = false;
        } else if searched {
            self.jump.search.clear();
            self.jump.read_query();
            self.start_filter();
        }
        self.jump.focus = Focus::List;
    }

    pub(super) fn quit(&mut self) {
        if self.layers.pop().is_none() {
            self.effects.push(Effect::Quit);
        }
    }

    pub(super) fn redraw(&mut self) {
        self.effects.push(Effect::Redraw);
    }

    pub(super) fn go_jump(&mut self) {
        self.layers.clear();
        self.screen = Screen::Jump;
    }

    pub(super) fn move_selection(&mut self, by: isize) {
        match self.jump.focus {
            Focus::Tree => {
                let position = self.jump.tree.position().saturating_add_signed(by);
                self.jump.tree.select(position);
                self.jump.start_over();
                self.start_filter();
            }
            Focus::List | Focus::Search => {
                let position = self.jump.position().saturating_add_signed(by);
                self.jump.select(position);
                self.selection_moved();
            }
        }
    }

    pub(super) fn move_page(&mut self, by: isize) {
        let page = isize::try_from(self.jump.height.saturating_sub(1).max(1)).unwrap_or(1);
        self.move_selection(by.saturating_mul(page));
    }

    pub(super) fn left(&mut self) {
        match self.jump.focus {
            Focus::Tree => {
                if self.jump.tree.set_unfolded(false) {
                    self.rebuild_tree();
                    self.start_filter();
                }
            }
            Focus::List | Focus::Search => self.jump.focus = Focus::Tree,
        }
    }

    pub(super) fn right(&mut self) {
        if self.jump.focus == Focus::Tree && self.jump.tree.set_unfolded(true) {
            self.rebuild_tree();
        } else {
            self.jump.focus = Focus::List;
        }
    }

    pub(super) fn next_pane(&mut self) {
        self.jump.focus = match self.jump.focus {
            Focus::Tree => Focus::List,
            Focus::List | Focus::Search => Focus::Tree,
        };
    }

    pub(super) fn open_group(&mut self) {
        self.jump.focus = Focus::List;
    }

    pub(super) fn start_search(&mut self) {
        self.jump.focus = Focus::Search;
    }

    pub(super) fn accept_search(&mut self) {
        self.jump.focus = Focus::List;
    }

    /// Completes what is being searched for, or says what it could become.
    pub(super) fn complete(&mut self) {
        let Some(done) = query::complete(self.jump.search.text(), &self.inventory) else {
            return;
        };
        self.jump.search.replace_from(done.from, &done.text);
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

    pub(super) fn clear_input(&mut self) {
        if let Some(input) = self.text_input() {
            input.clear();
        }
        self.typed();
    }

    pub(super) const fn toggle_details(&mut self) {
        self.jump.details = !self.jump.details;
    }

    pub(super) fn scroll(&mut self, by: isize) {
        let most = match self.layers.last() {
            Some(Layer::Help { context, .. }) => super::help::lines(self, *context).len(),
            _ => self.messages.all().count(),
        };
        let most = most.saturating_sub(super::layout::reader_height(self.size));
        match self.layers.last_mut() {
            Some(Layer::Help { scroll, .. }) => {
                *scroll = scroll.saturating_add_signed(by).min(most);
            }
            Some(Layer::Messages { scroll }) => {
                *scroll = scroll.saturating_add_signed(-by).min(most);
            }
            _ => {}
        }
    }

    pub(super) fn move_choice(&mut self, by: isize) {
        if let Some(Layer::Chooser(chooser)) = self.layers.last_mut() {
            let last = chooser.len().saturating_sub(1);
            chooser.selected = chooser.selected.saturating_add_signed(by).min(last);
        }
    }

    pub(super) fn choose(&mut self) {
        let Some(Layer::Chooser(chooser)) = self.layers.last() else {
            return;
        };
        match &chooser.kind {
            ChooserKind::Commands { fitting, .. } => {
                let command = fitting.get(chooser.selected).copied();
                if let Some(command) = command {
                    self.layers.pop();
                    self.run(command);
                }
            }
            ChooserKind::Items { fitting } => {
                let item = fitting.get(chooser.selected).map(|item| item.id());
                if let Some(item) = item {
                    self.layers.pop();
                    self.jump_to(item);
                }
            }
        }
    }

    pub(super) fn confirm(&mut self) {
        if let Some(Layer::Confirm(Question::EndSession { session, name })) = self.layers.pop() {
            let asked = super::Asked::End { name };
            self.request(asked, RepRequest::EndSession { session });
        }
    }

    /// Filters the list anew, off the loop.
    pub(super) fn start_filter(&mut self) {
        let scope = self.jump.tree.selected().clone();
        let query = self.jump.query.clone();
        self.start_job(Wanted::Matching(scope, query, self.now));
    }

    pub(super) fn search_for_chooser(&mut self) {
        if let Some(Layer::Chooser(chooser)) = self.layers.last()
            && matches!(chooser.kind, ChooserKind::Items { .. })
        {
            let text = chooser.input.text().to_owned();
            self.start_job(Wanted::Like(text));
        }
    }

    fn start_job(&mut self, wanted: Wanted) {
        self.searches.last += 1;
        let generation = self.searches.last;
        match &wanted {
            Wanted::Matching(..) => self.searches.list_asked = generation,
            Wanted::Like(_) => self.searches.chooser_asked = generation,
        }
        let picture = self.inventory.picture();
        self.effects.push(Effect::Search(Box::new(Job { generation, picture, wanted })));
    }

    /// Whether a command means what a search will find that is still under way.
    pub(super) fn must_wait(&self, command: &str) -> bool {
        let searches = &self.searches;
        match command {
            "jump" => searches.list_shown != searches.list_asked,
            "choose" => {
                let items = matches!(
                    self.layers.last(),
                    Some(Layer::Chooser(Chooser { kind: ChooserKind::Items { .. }, .. }))
                );
                items && searches.chooser_shown != searches.chooser_asked
            }
            _ => false,
        }
    }

    /// Whether a search is under way.
    pub const fn is_searching(&self) -> bool {
        let Searches { list_asked, list_shown, chooser_asked, chooser_shown, .. } = self.searches;
        list_asked != list_shown || chooser_asked != chooser_shown
    }

    /// A search is done. It counts only if nothing newer of its kind was asked for.
    pub(super) fn found(&mut self, found: Found) {
        self.inventory.adopt(found.order);
        match found.wanted {
            Wanted::Matching(..) if found.generation == self.searches.list_asked => {
                self.searches.list_shown = found.generation;
                self.jump.show(found.list, &self.inventory);
                self.selection_moved();
            }
            Wanted::Like(_) if found.generation == self.searches.chooser_asked => {
                self.searches.chooser_shown = found.generation;
                if let Some(Layer::Chooser(Chooser { kind, .. })) = self.layers.last_mut()
                    && let ChooserKind::Items { fitting } = kind
                {
                    *fitting = found.list;
                }
            }
            _ => return,
        }
        self.dirty = true;
        if let Some(command) = self.searches.waiting.take() {
            self.run(command);
        }
    }

    pub(super) fn rebuild_tree(&mut self) {
        self.jump.tree.rebuild(&self.inventory);
    }

    /// Brings tree, list and counts up to date after the inventory changed: once for a frame,
    /// however much has come.
    pub(super) fn freshen(&mut self) {
        if std::mem::take(&mut self.stale.presence) {
            self.jump.counts = self.inventory.count(&self.jump.rows);
            self.stale.items |= self.jump.query.depends_on_presence();
        }
        if self.stale.items && self.is_worth_showing() {
            self.stale = super::Stale { shown: self.inventory.len(), ..super::Stale::default() };
            self.rebuild_tree();
            self.start_filter();
        }
    }

    /// While the last search is under way, or a snapshot is only on its way, the list stays as it
    /// is; but the first snapshot is shown as it grows.
    fn is_worth_showing(&self) -> bool {
        let idle = self.searches.list_shown == self.searches.list_asked;
        let whole = self.inventory.position().is_some();
        let growing = !self.whole_once && self.inventory.len() >= self.stale.shown * 2;
        idle && (whole || growing)
    }

    fn selection_moved(&mut self) {
        if self.jump.selected != self.watched {
            self.effects.push(Effect::After(SETTLED, Timer::Watch));
        }
    }

    /// Asks for the statistics of the selected item, and of no other.
    pub(super) fn watch(&mut self) {
        if self.jump.selected == self.watched || !self.is_linked() {
            return;
        }
        self.watched = self.jump.selected;
        let items = self.watched.into_iter().collect();
        self.notify(RepNotice::Watch { items });
    }

    /// The place that is shown, in words.
    pub fn scope_title(&self) -> String {
        let tree = &self.jump.tree;
        match tree.selected() {
            Scope::All => "All Items".to_owned(),
            Scope::Place(_) => tree.node().map(|node| node.name.clone()).unwrap_or_default(),
            Scope::Tag(place, tag) => {
                let group = tree.nodes().iter().find(|node| node.scope == Scope::Place(*place));
                format!("{} ▸ {tag}", group.map_or("", |node| &node.name))
            }
        }
    }
}
