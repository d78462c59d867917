//! Verbs for whoever comes by SSH: as they are typed there.

use super::desk::Desk;
use super::status::Status;
use super::{DeskVerb, own_failure};
use crate::verbs::{exec, jump};
use clap::Parser;
use clap::error::ErrorKind;

/// What can be said after `ssh rep@appliance`.
#[derive(Parser, Debug)]
#[command(
    name = "ssh REP@APPLIANCE",
    bin_name = "ssh REP@APPLIANCE",
    about = "The console, without a verb; or one of its verbs.",
    after_help = "ssh -t REP@APPLIANCE jump NAME and ssh REP:NAME@APPLIANCE open a shell on a \
                  machine; ssh REP:NAME@APPLIANCE COMMAND runs a command there."
)]
struct Line {
    #[command(subcommand)]
    verb: DeskVerb,
}

/// A machine's shell.
pub(crate) async fn jump(item: String, desk: &mut Desk) -> Status {
    let outcome = jump::Jump::to(item).run(desk).await;
    own_failure(outcome, &desk.io).await
}

/// A command on a machine, which the machine's shell reads.
pub(crate) async fn command_on(item: String, command: String, desk: &mut Desk) -> Status {
    let argv = ["sh", "-c", &command].map(str::to_owned).to_vec();
    let outcome = exec::Exec::on(item, argv).run(desk).await;
    own_failure(outcome, &desk.io).await
}

/// A verb, as it was typed.
pub(crate) async fn command(line: &str, desk: &mut Desk) -> Status {
    let Some(words) = shlex::split(line) else {
        desk.io.say("jumpdeck: a quote is not closed").await;
        return Status::USAGE;
    };
    let words = std::iter::once("ssh REP@APPLIANCE".to_owned()).chain(words);
    match Line::try_parse_from(words) {
        Ok(line) => match line.verb.run(desk).await {
            Ok(status) => status,
            Err(error) => {
                desk.io.say(&format!("jumpdeck: {error:#}")).await;
                Status::FAILED
            }
        },
        Err(error) => {
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            let words = error.render().to_string();
            if asked {
                drop(desk.io.print(|out| out.write_all(words.as_bytes())).await);
                return Status::DONE;
            }
            desk.io.say(words.trim_end()).await;
            Status::USAGE
        }
    }
}
