//! Who may do something, as a value.

use crate::core::why::WhyLine;
use jumpdeck_protocol::rights::{Answer, Permission};
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
