//! Verbs for anyone who comes by SSH: as they are typed there.

use super::context::VerbContext;
use super::plain::Plain;
use super::status::VerbStatus;
use super::stdio::Stdio;
use super::{SharedVerb, own_failure};
use crate::verbs::{exec, jump};
use clap::Parser;
use clap::error::ErrorKind;
use jumpdeck_link::why;
use jumpdeck_protocol::text::clean;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// What can be said after `ssh rep@appliance`.
#[derive(Parser, Debug)]
#[command(
    name = "ssh REP@APPLIANCE",
    bin_name = "ssh REP@APPLIANCE",
    about = "The console, without a verb; or one of its verbs.",
    after_help = "ssh -t REP@APPLIANCE jump NAME and ssh REP:NAME@APPLIANCE open a shell on a \
                  machine; ssh REP:NAME@APPLIANCE COMMAND runs a command there."
)]
pub(super) struct RemoteLine {
    #[command(subcommand)]
    pub verb: SharedVerb,
}

/// A machine's shell.
pub(crate) async fn jump(item: String, context: &mut VerbContext) -> VerbStatus {
    let outcome = jump::JumpVerb::to(item).run(context).await;
    own_failure(outcome, &context.io).await
}

/// A command on a machine, which the machine's shell reads; on a terminal, if there is one here.
pub(crate) async fn command_on(
    item: String,
    command: Vec<u8>,
    context: &mut VerbContext,
) -> VerbStatus {
    let command = OsString::from_vec(command);
    let outcome = exec::Exec::by_shell(item, command, context.io.is_terminal()).run(context).await;
    own_failure(outcome, &context.io).await
}

/// Says that files are not copied through the door, and what is done instead.
pub(crate) async fn no_files(
    item: Option<String>,
    what: &str,
    context: &VerbContext,
) -> VerbStatus {
    let item = item.unwrap_or_else(|| "ITEM".to_owned());
    let (what, item) = (clean(what), clean(&item));
    context
        .io
        .say(&format!(
            "jumpdeck: files cannot be copied through this door yet ({what}). \
             `ssh REP:{item}@APPLIANCE 'cat > FILE' < FILE` sends one, \
             `ssh REP:{item}@APPLIANCE 'cat FILE' > FILE` brings one."
        ))
        .await;
    VerbStatus::FAILED
}

/// The prompt.
pub(crate) async fn plain(context: &mut VerbContext) -> VerbStatus {
    match Plain::prompt().run(context).await {
        Ok(status) => status,
        Err(error) => {
            context.io.say(&format!("jumpdeck: {}", why::told(error.as_ref()))).await;
            VerbStatus::FAILED
        }
    }
}

/// A verb, as it was typed.
pub(crate) async fn command(line: &[u8], context: &mut VerbContext) -> VerbStatus {
    let Some(words) = shlex::bytes::split(line) else {
        context.io.say("jumpdeck: a quote is not closed").await;
        return VerbStatus::USAGE;
    };
    // What `scp -O` has the other side run.
    if words.first().is_some_and(|word| word == b"scp") {
        return no_files(None, "scp", context).await;
    }
    let words = words.into_iter().map(OsString::from_vec);
    let words = std::iter::once("ssh REP@APPLIANCE".into()).chain(words);
    match RemoteLine::try_parse_from(words) {
        Ok(line) => match line.verb.run(context).await {
            Ok(status) => status,
            Err(error) => {
                context.io.say(&format!("jumpdeck: {}", why::told(error.as_ref()))).await;
                VerbStatus::FAILED
            }
        },
        Err(error) => explain(error, &context.io).await,
    }
}

/// Says what was wrong with a line, or the help that was asked for.
pub(super) async fn explain(error: clap::Error, io: &Stdio) -> VerbStatus {
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let words = error.render().to_string();
    if asked {
        // Anyone who went away has read enough.
        drop(io.print(|out| out.write_all(words.as_bytes())).await);
        return VerbStatus::DONE;
    }
    io.say(words.trim_end()).await;
    VerbStatus::USAGE
}
