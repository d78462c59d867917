//! Measures.

use clap::Args;

/// Measure.
#[derive(Args)]
pub(crate) struct Bench {}

impl Bench {
    #[allow(clippy::unused_async)]
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        Ok(())
    }
}
