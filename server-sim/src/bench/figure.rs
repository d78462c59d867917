//! Figures, beside their targets.

use serde::Serialize;
use std::fmt;

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub(super) struct BenchFigure {
    /// What was measured.
    pub what: String,
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: &'static str,
    /// What it should be.
    pub target: Option<BenchTarget>,
    /// How it was measured, what it was made of.
    pub note: String,
}

/// What a figure should be.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum BenchTarget {
    /// No less.
    AtLeast(f64),
    /// No more.
    AtMost(f64),
}

impl BenchTarget {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

/// All of them.
#[derive(Debug, Default, Serialize)]
pub(super) struct Table {
    figures: Vec<BenchFigure>,
}

impl Table {
    pub(super) fn add(
        &mut self,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        target: Option<BenchTarget>,
        note: impl Into<String>,
    ) {
        let figure = BenchFigure { what: what.into(), value, unit, target, note: note.into() };
        super::progress(&figure.to_string());
        self.figures.push(figure);
    }

    /// As a program reads it.
    pub(super) fn json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

impl fmt::Display for BenchFigure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.what, number(self.value), self.unit)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | measured | target | | how |\n|---|---|---|---|---|")?;
        for figure in &self.figures {
            let target = match figure.target {
                None => String::new(),
                Some(BenchTarget::AtLeast(least)) => format!("≥ {} {}", number(least), figure.unit),
                Some(BenchTarget::AtMost(most)) => format!("≤ {} {}", number(most), figure.unit),
            };
            let verdict = match figure.target.map(|target| target.is_met(figure.value)) {
                None => "",
                Some(true) => "met",
                Some(false) => "**missed**",
            };
            let BenchFigure { what, value, unit, note, .. } = figure;
            let value = number(*value);
            writeln!(f, "| {what} | {value} {unit} | {target} | {verdict} | {note} |")?;
        }
        Ok(())
    }
}

/// A figure with as many digits as say something.
fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        0.0 => "0".to_owned(),
        _ => format!("{value:.2}"),
    }
}

/// The value that this share of all values does not exceed; 0 of none.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a position among some thousand values"
)]
pub(super) fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let position = (values.len().saturating_sub(1) as f64 * share).round() as usize;
    values.get(position).copied().unwrap_or(0.0)
}

/// The one in the middle.
pub(super) fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// A count as a figure.
#[allow(clippy::cast_precision_loss, reason = "counts are below 2^52")]
pub(super) const fn float(count: usize) -> f64 {
    count as f64
}
