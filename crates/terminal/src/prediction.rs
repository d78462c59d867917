//! When to predict: whether the way to the machine and back is long, and what of a prediction is old
//! enough to be judged. Who uses it has a clock, and waits as long as it is told to.

use crate::predict::{Place, PredictedCell, Predictor};
use alacritty_terminal::Term;
use serde::Deserialize;
use std::time::Duration;

/// A round trip that takes longer is felt.
const SLOW: Duration = Duration::from_millis(30);
/// After it took a key, a machine prints what it has to say to it within this time.
const ANSWERS: Duration = Duration::from_millis(50);
/// After so many round trips that were quick, one after the other, the link is.
const QUICK: u8 = 8;

/// Whether typed characters are shown before the machine has printed them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Predict {
    /// Where a round trip takes more than 30 ms.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// What is waited for, up to an offset of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PredictionTimer {
    /// Whether a round trip is slow.
    RoundTrip(u64),
    /// That the machine has answered what it took.
    Answer(u64),
}

/// The prediction of one shell.
#[derive(Clone, Debug, Default)]
pub struct Prediction {
    mode: Predict,
    predictor: Predictor,
    /// The way is long.
    slow: bool,
    /// Round trips that were quick, since the last slow one.
    quick: u8,
    /// The machine says what it has taken.
    acknowledges: bool,
    /// The input whose round trip is being measured, and whether it was answered.
    measured: Option<(u64, bool)>,
}

impl Prediction {
    /// Nothing typed yet.
    pub fn new(mode: Predict) -> Self {
        Self { mode, ..Self::default() }
    }

    /// The way is known to be long.
    pub const fn begin_slow(&mut self) {
        self.slow = true;
        self.acknowledges = true;
    }

    /// Where it predicts.
    pub const fn mode(&self) -> Predict {
        self.mode
    }

    /// The parts in which output is to be taken, each followed by [`Self::printed`]: a prediction is
    /// compared with its line before the next one moves it.
    pub fn parts<'b>(&self, output: &'b [u8]) -> impl Iterator<Item = &'b [u8]> + use<'b> {
        // Where nothing is predicted, nobody looks through the output for line ends.
        let (whole, lines) = if self.is_empty() { (output, &[][..]) } else { (&[][..], output) };
        let split = lines.split_inclusive(|byte| *byte == b'\n').flat_map(|line| {
            let (line, end) = line.split_at(line.len() - usize::from(line.ends_with(b"\n")));
            [line, end]
        });
        std::iter::once(whole).chain(split).filter(|part| !part.is_empty())
    }

    /// The shell is attached. Returns whether the machine is to say what it takes.
    pub fn attached(&mut self) -> bool {
        self.predictor.forget();
        self.measured = None;
        self.acknowledges |= self.mode == Predict::Always;
        self.acknowledges
    }

    /// A key was typed, these bytes; `end` is the end of the input with them. Returns what is to be
    /// waited for, and how long.
    pub fn typed<T>(
        &mut self,
        bytes: &[u8],
        end: u64,
        term: &Term<T>,
    ) -> Option<(Duration, PredictionTimer)> {
        if self.mode == Predict::Never || bytes.is_empty() {
            return None;
        }
        if self.acknowledges {
            self.predictor.typed(bytes, end, term);
        }
        if self.measured.is_some() || self.mode == Predict::Always {
            return None;
        }
        self.measured = Some((end, false));
        Some((SLOW, PredictionTimer::RoundTrip(end)))
    }

    /// Output was taken.
    pub fn printed<T>(&mut self, term: &Term<T>) {
        if !self.predictor.is_empty() {
            self.predictor.printed(term);
        }
        // As long as the machine does not say what it takes, output is taken for the answer.
        if let (Some((_, answered)), false) = (&mut self.measured, self.acknowledges) {
            *answered = true;
        }
    }

    /// The machine has taken the input up to here. Returns what is to be waited for, and how long.
    pub fn acknowledged(&mut self, end: u64) -> Option<(Duration, PredictionTimer)> {
        if let Some((wanted, answered)) = &mut self.measured {
            *answered |= end >= *wanted;
        }
        if !self.acknowledges || self.predictor.is_empty() {
            return None;
        }
        self.predictor.taken(end);
        Some((ANSWERS, PredictionTimer::Answer(end)))
    }

    /// What was waited for is over. Returns whether the machine is to say what it takes, from now on.
    pub fn waited<T>(&mut self, timer: PredictionTimer, term: &Term<T>) -> bool {
        match timer {
            PredictionTimer::Answer(end) => self.predictor.answered(end, term),
            PredictionTimer::RoundTrip(end) => {
                if let Some((_, answered)) = self.measured.take_if(|(wanted, _)| *wanted == end) {
                    return self.measure(answered);
                }
            }
        }
        false
    }

    fn measure(&mut self, is_quick: bool) -> bool {
        if is_quick {
            self.quick = self.quick.saturating_add(1);
            self.slow &= self.quick < QUICK;
            return false;
        }
        self.quick = 0;
        // One key without an answer says little: from now on the machine says what it takes.
        self.slow |= self.acknowledges;
        !std::mem::replace(&mut self.acknowledges, true)
    }

    /// The machine's terminal prints nothing of what is typed, or does again.
    pub fn set_silent(&mut self, silent: bool) {
        self.predictor.set_silent(silent);
    }

    /// The screen is another one: nothing is known of what is on its way.
    pub fn forget(&mut self) {
        self.predictor.forget();
    }

    fn is_shown(&self) -> bool {
        self.slow || self.mode == Predict::Always
    }

    /// Whether anything is on its way of which something is predicted.
    pub fn is_empty(&self) -> bool {
        self.predictor.is_empty()
    }

    /// The cells that are shown before the machine has printed them; where there are two for a place,
    /// the later one counts.
    pub fn cells(&self) -> impl Iterator<Item = PredictedCell> + '_ {
        self.predictor.cells().filter(|_| self.is_shown())
    }

    /// Where the cursor is shown, if not where the terminal has it.
    pub fn cursor(&self) -> Option<Place> {
        self.predictor.cursor().filter(|_| self.is_shown())
    }

    /// How many keys were shown at once, and how many of those the machine did not print.
    pub const fn counts(&self) -> (u64, u64) {
        (self.predictor.shown(), self.predictor.corrected())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Terminal;
    use jumpdeck_protocol::session::Size;

    fn terminal() -> Terminal {
        Terminal::new(Size { columns: 20, rows: 5 })
    }

    #[test]
    fn a_quick_link_is_never_predicted() {
        let (mut prediction, terminal) = (Prediction::default(), terminal());
        assert!(!prediction.attached());
        for end in 1..20 {
            let (_, timer) = prediction.typed(b"a", end, terminal.term()).unwrap();
            prediction.printed(terminal.term());
            assert!(!prediction.waited(timer, terminal.term()), "nothing is asked of the machine");
        }
        assert_eq!((prediction.cells().count(), prediction.counts()), (0, (0, 0)));
    }

    #[test]
    fn a_slow_link_is_predicted_once_that_is_sure_and_until_it_is_quick_again() {
        let (mut prediction, mut terminal) = (Prediction::default(), terminal());
        let (_, timer) = prediction.typed(b"a", 1, terminal.term()).unwrap();
        assert!(prediction.waited(timer, terminal.term()), "the machine is to say what it takes");
        terminal.take(b"a");
        prediction.printed(terminal.term());
        let (_, timer) = prediction.typed(b"b", 2, terminal.term()).unwrap();
        terminal.take(b"b");
        prediction.printed(terminal.term());
        assert!(!prediction.waited(timer, terminal.term()), "it does already");
        assert!(prediction.acknowledged(2).is_some());
        prediction.typed(b"c", 3, terminal.term());
        assert_eq!(prediction.cells().count(), 1, "it is slow, and the epoch was right");
        assert_eq!(prediction.cursor().unwrap().column, 3);
        for end in 4..40 {
            terminal.take(b"c");
            prediction.printed(terminal.term());
            let timer = prediction.typed(b"c", end, terminal.term());
            prediction.acknowledged(end);
            if let Some((_, timer)) = timer {
                prediction.waited(timer, terminal.term());
            } else {
                prediction.waited(PredictionTimer::RoundTrip(end - 1), terminal.term());
            }
        }
        prediction.typed(b"d", 50, terminal.term());
        assert_eq!(prediction.cells().count(), 0, "it was quick for a while");
    }

    #[test]
    fn never_is_never_and_always_needs_no_measure() {
        let terminal = terminal();
        let mut never = Prediction::new(Predict::Never);
        assert!(!never.attached() && never.typed(b"a", 1, terminal.term()).is_none());
        assert!(never.is_empty());
        let mut always = Prediction::new(Predict::Always);
        assert!(always.attached() && always.typed(b"a", 1, terminal.term()).is_none());
        assert!(
            !always.is_empty() && always.cells().count() == 0,
            "an epoch has to be right first"
        );
    }
}
