//! Who may do something with an item: the question the other way round. Administrators ask it.

use super::Layer;
use crate::core::Console;
use crate::core::keymap::Context;
use crate::core::layers::Why;
use crate::core::requests::{About, IfLost};
use crate::core::room::{Room, moved};
use crate::core::why::WhyLine;
use crate::core::why::lines_of_window;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rights::{Answer, Permission, Whom};
use jumpdeck_protocol::text::clean;
use jumpdeck_protocol::{ItemId, Refusal};

/// What is asked of everybody, and what the appliance says.
#[derive(Debug)]
pub struct Who {
    /// The item.
    pub item: ItemId,
    /// The item's name.
    pub name: String,
    /// What is to be done.
    pub action: Permission,
    /// The number of the question that was asked last.
    pub number: u64,
    /// The answers, once they came.
    pub outcome: Option<Result<Vec<Answer>, Refusal>>,
    /// Lines scrolled down.
    pub scroll: usize,
}

/// What is shown: those who may, then those who may not, each with what decided it.
pub fn lines(who: &Who) -> Vec<WhyLine> {
    let name = clean(&who.name);
    let mut lines = vec![
        WhyLine::Heading(format!("Who may do this with {name}?")),
        WhyLine::Text(format!("a  action: {} ({})", who.action.title(), who.action.as_str())),
        WhyLine::Text(String::new()),
    ];
    match &who.outcome {
        None => lines.push(WhyLine::Text("The appliance is asked …".to_owned())),
        Some(Err(refusal)) => lines.push(WhyLine::Text(format!("✕ {refusal}"))),
        Some(Ok(answers)) => {
            let (may, may_not): (Vec<_>, Vec<_>) =
                answers.iter().partition(|answer| answer.allowed);
            part(&mut lines, &format!("✓ {} may", may.len()), &may);
            part(&mut lines, &format!("✕ {} may not", may_not.len()), &may_not);
        }
    }
    lines
}

fn part(lines: &mut Vec<WhyLine>, heading: &str, answers: &[&Answer]) {
    if answers.is_empty() {
        return;
    }
    lines.push(WhyLine::Heading(heading.to_owned()));
    for answer in answers {
        lines.push(WhyLine::Text(clean(&answer.user).into_owned()));
        lines.extend(answer.because.iter().map(crate::core::why::step));
    }
}

impl Console {
    pub(in crate::core) fn open_who(&mut self) {
        let Some(Layer::Why(Why { item, .. })) = self.dialogs.layers.last() else {
            return;
        };
        let item = *item;
        let name = self.list.inventory.name(item).unwrap_or_default().to_owned();
        let action = Permission::PermStart;
        let (number, outcome, scroll) = (0, None, 0);
        self.dialogs.layers.push(Layer::Who(Box::new(Who {
            item,
            name,
            action,
            number,
            outcome,
            scroll,
        })));
        self.ask_who();
    }

    /// Why that cannot be asked here.
    pub(in crate::core) fn no_who(&self) -> Option<String> {
        let why = matches!(self.dialogs.layers.last(), Some(Layer::Why(_)));
        if why { self.no_link() } else { Some("This is about no item.".to_owned()) }
    }

    pub(in crate::core) fn who_action(&mut self, by: isize) {
        let Some(Layer::Who(who)) = self.dialogs.layers.last_mut() else {
            return;
        };
        let all = Permission::ALL;
        let at = all.iter().position(|action| *action == who.action).unwrap_or(0);
        let next = (at + all.len()).saturating_add_signed(by) % all.len();
        who.action = all.get(next).copied().unwrap_or(who.action);
        self.ask_who();
    }

    fn ask_who(&mut self) {
        if let Some(reason) = self.no_link() {
            self.warn(&reason);
            return;
        }
        let Some(Layer::Who(who)) = self.dialogs.layers.last_mut() else {
            return;
        };
        (who.outcome, who.scroll) = (None, 0);
        who.number += 1;
        let (item, number, action) = (who.item, who.number, Some(who.action));
        let request = request::Explain { whom: Whom::Everybody, item, action, at: None };
        let note = (About::Anything, IfLost::Nothing);
        self.ask(note, request, move |console, outcome| {
            console.who_came(number, outcome.map(|reply| reply.answers));
        });
    }

    /// What the appliance says.
    fn who_came(&mut self, number: u64, outcome: Result<Vec<Answer>, Refusal>) {
        let who = self.dialogs.layers.iter_mut().rev().find_map(|layer| match layer {
            Layer::Who(who) => Some(who),
            _ => None,
        });
        // An answer to a question of before says nothing any more.
        if let Some(who) = who.filter(|who| who.number == number) {
            who.outcome = Some(outcome);
        }
    }
}

impl Room for Who {
    fn context(&self) -> Context {
        Context::Who
    }

    fn rows(&self, console: &Console) -> usize {
        lines_of_window(console, &lines(self))
    }

    fn scroll(&mut self, by: isize, most: usize) {
        self.scroll = moved(self.scroll, by, most);
    }
}
