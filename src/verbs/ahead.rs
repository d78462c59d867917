//! What is typed into a shell in this terminal is shown before its machine has printed it, where the way
//! there is long. Whether it is, is decided when the shell is attached: where it is not, output goes to the
//! terminal untouched and unread.

use bytes::Bytes;
use jumpdeck_protocol::session::Size;
use jumpdeck_terminal::{Overlay, Predict, Prediction, PredictionTimer, Terminal};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// An attach that takes longer is a long way.
const SLOW: Duration = Duration::from_millis(30);

pub(super) struct Ahead {
    prediction: Prediction,
    overlay: Overlay,
    /// What the terminal shows of the program; nothing where nothing is predicted.
    copy: Option<Terminal>,
    size: Size,
    /// When the attach was sent that is not answered yet.
    asked: Option<Instant>,
    waits: Vec<(Instant, PredictionTimer)>,
    /// The last acknowledged offset.
    acknowledged: u64,
}

/// The keys in what was typed: one by one where they print or delete, else all that is left.
fn keys(typed: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = typed;
    std::iter::from_fn(move || {
        let first = *rest.first()?;
        let length = match first {
            0x1b => rest.len(),
            0..=0x7f => 1,
            _ => rest
                .utf8_chunks()
                .next()
                .map_or(1, |chunk| chunk.valid().chars().next().map_or(1, char::len_utf8)),
        };
        let (key, left) = rest.split_at(length);
        rest = left;
        Some(key)
    })
}

impl Ahead {
    /// A shell whose attach was just sent.
    pub(super) fn new(mode: Predict, size: Size) -> Self {
        Self {
            prediction: Prediction::new(mode),
            overlay: Overlay::default(),
            copy: None,
            size,
            asked: Some(Instant::now()),
            waits: Vec::new(),
            acknowledged: 0,
        }
    }

    /// The shell is attached. Returns whether the machine is to say what it takes.
    pub(super) fn attached(&mut self) -> bool {
        let slow = self.asked.take().is_some_and(|asked| asked.elapsed() > SLOW);
        let wanted = match self.prediction.mode() {
            Predict::Always => true,
            Predict::Auto => slow,
            Predict::Never => false,
        };
        // What was printed before is not known any more: it is decided once.
        if wanted && self.copy.is_none() {
            self.prediction.begin_slow();
            self.copy = Some(Terminal::new(self.size));
        }
        self.acknowledged = 0;
        self.prediction.attached() && self.copy.is_some()
    }

    /// Output, ours or the program's, with what is over it taken off before and put on again after.
    pub(super) fn output(&mut self, bytes: Bytes) -> Bytes {
        let Some(copy) = &mut self.copy else {
            return bytes;
        };
        let mut all = self.overlay.take_off(copy).into_bytes();
        all.extend_from_slice(&bytes);
        for part in self.prediction.parts(&bytes) {
            // The rep's own terminal answers.
            copy.take(part);
            self.prediction.printed(copy.term());
        }
        all.extend_from_slice(self.overlay.put_on(copy, &self.prediction).as_bytes());
        all.into()
    }

    /// Something was typed; `end` is the end of the input with it. Returns what is to be shown.
    pub(super) fn typed(&mut self, bytes: &[u8], end: u64) -> Bytes {
        let Some(copy) = &mut self.copy else {
            return Bytes::new();
        };
        let mut at = end.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        for key in keys(bytes) {
            at += u64::try_from(key.len()).unwrap_or(0);
            if let Some((wait, what)) = self.prediction.typed(key, at, copy.term()) {
                self.waits.push((Instant::now() + wait, what));
            }
        }
        self.drawn_anew()
    }

    fn drawn_anew(&mut self) -> Bytes {
        let Some(copy) = &self.copy else {
            return Bytes::new();
        };
        let mut text = self.overlay.take_off(copy);
        text.push_str(&self.overlay.put_on(copy, &self.prediction));
        text.into()
    }

    /// The machine may have taken more input.
    pub(super) fn acknowledged(&mut self, end: u64) {
        if self.copy.is_some() && end > self.acknowledged {
            self.acknowledged = end;
            if let Some((wait, what)) = self.prediction.acknowledged(end) {
                self.waits.push((Instant::now() + wait, what));
            }
        }
    }

    /// Whether something may print what is typed.
    pub(super) fn echo_is(&mut self, on: bool) -> Bytes {
        self.prediction.set_silent(!on);
        self.drawn_anew()
    }

    /// The terminal has a new size. Returns what takes off what was drawn.
    pub(super) fn resize(&mut self, size: Size) -> Bytes {
        self.size = size;
        let Some(copy) = &mut self.copy else {
            return Bytes::new();
        };
        let off = self.overlay.take_off(copy);
        self.prediction.forget();
        copy.resize(size);
        off.into()
    }

    /// What takes off what was drawn, for good.
    pub(super) fn leave(&mut self) -> Bytes {
        let Some(copy) = self.copy.take() else {
            return Bytes::new();
        };
        self.overlay.take_off(&copy).into()
    }

    /// Resolves when a wait is over; never while nothing is waited for.
    pub(super) async fn due(&self) -> PredictionTimer {
        match self.waits.iter().min_by_key(|(at, _)| *at) {
            Some((at, what)) => {
                sleep_until(*at).await;
                *what
            }
            None => std::future::pending().await,
        }
    }

    /// That wait is over. Returns what is to be shown.
    pub(super) fn waited(&mut self, what: PredictionTimer) -> Bytes {
        self.waits.retain(|(_, other)| *other != what);
        if let Some(copy) = &self.copy {
            // It does say what it takes, or nothing would be predicted.
            self.prediction.waited(what, copy.term());
        }
        self.drawn_anew()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_apart_and_sequences_kept_whole() {
        let read = |text: &'static str| {
            keys(text.as_bytes()).map(|key| std::str::from_utf8(key).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(read("lé東\r\x7f"), ["l", "é", "東", "\r", "\x7f"]);
        assert_eq!(read("a\x1b[D"), ["a", "\x1b[D"]);
        assert_eq!(keys(b"\xff\xc3").count(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_quick_shell_is_passed_through_and_a_slow_one_is_ahead() {
        let size = Size { columns: 20, rows: 4 };
        let mut quick = Ahead::new(Predict::Auto, size);
        assert!(!quick.attached());
        assert_eq!((quick.output("$ ".into()), quick.typed(b"l", 1)), ("$ ".into(), Bytes::new()));
        let mut slow = Ahead::new(Predict::Auto, size);
        tokio::time::advance(Duration::from_millis(90)).await;
        assert!(slow.attached());
        slow.output("$ ".into());
        slow.typed(b"l", 1);
        slow.output("l".into());
        assert!(slow.typed(b"s", 2).windows(2).any(|part| part == b"ms"), "underlined");
        assert_eq!(slow.leave(), Bytes::from("\x1b[1D\x1b[0m \x1b[1D\x1b[0m"));
        assert_eq!(slow.leave(), Bytes::new());
    }
}
