//! `jumpdeck tunnel`: a port of a machine, on the standard input and output.

use super::context::VerbContext;
use super::exec::attend;
use super::overriding::Overriding;
use super::select;
use super::status::VerbStatus;
use super::transfer::RunningProgram;
use clap::{Args, value_parser};
use jumpdeck_protocol::session::ChannelKind;

#[derive(Args, Debug)]
pub(crate) struct Tunnel {
    #[command(flatten)]
    overriding: Overriding,
    /// The machine: its name, its host name, a part of either, or # and its number.
    name: String,
    /// The port there, of the machine itself.
    #[arg(default_value_t = 22, value_parser = value_parser!(u16).range(1..))]
    port: u16,
}

impl Tunnel {
    pub(super) async fn run(self, context: &mut VerbContext) -> anyhow::Result<VerbStatus> {
        let mut client = context.client().await?;
        client.fetch_inventory().await?;
        let item = select::one(&client.inventory, &self.name)?;
        let kind = ChannelKind::Tunnel { port: self.port };
        let io = &mut context.io;
        let reason = self.overriding.reason(io).await?;
        let mut program = RunningProgram::start(client, item, kind, reason, io).await?;
        let outcome = attend(&mut program, io, true).await;
        program.close().await;
        outcome
    }
}
