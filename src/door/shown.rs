//! What a rep is told on leaving.

use crate::runtime::runner::Left;
use crate::verbs::status::VerbStatus;

/// What goes on without them, and how the console ended.
pub(super) fn farewell(left: &Left) -> (String, VerbStatus) {
    if let Some(reason) = &left.ended {
        return (format!("jumpdeck: {reason}\n"), VerbStatus::FAILED);
    }
    let words = match left.sessions {
        0 => String::new(),
        1 => "One session goes on; the next login comes back to it.\n".to_owned(),
        many => format!("{many} sessions go on; the next login comes back to them.\n"),
    };
    (words, left.signal.map_or(VerbStatus::DONE, VerbStatus::by_signal))
}
