//! A command without a terminal: input, output and errors apart.

use super::{Channel, output};
use jumpdeck_protocol::{Refusal, RefusalCode};
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use uzers::User;

/// Time to end after the hang-up.
const FAREWELL: Duration = Duration::from_secs(5);

/// What a program inherits of the agent's environment: as at a login, the place and the language,
/// but nothing of the terminal or the secrets the agent was started with.
pub(super) fn inherited() -> impl Iterator<Item = (OsString, OsString)> {
    let kept = |name: &str| {
        ["PATH", "LANG", "LANGUAGE", "TZ", "XDG_RUNTIME_DIR"].contains(&name)
            || name.starts_with("LC_")
    };
    std::env::vars_os().filter(move |(name, _)| name.to_str().is_some_and(kept))
}

/// Who the program runs as.
pub(super) fn identity(user: &User) -> [(&'static str, OsString); 3] {
    let name = user.name().to_os_string();
    [("USER", name.clone()), ("LOGNAME", name), ("HOME", home().into())]
}

/// Starts the command and the tasks that serve it. Returns its process id.
pub(super) fn spawn(
    channel: &Arc<Channel>,
    errors: &Arc<Channel>,
    argv: &[String],
) -> Result<u32, Refusal> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(RefusalCode::InvalidValue.because("no command was given"));
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(inherited())
        .current_dir(home())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    if let Some(user) = uzers::get_user_by_uid(uzers::get_current_uid()) {
        command.envs(identity(&user));
    }
    let mut child = command
        .spawn()
        .map_err(|error| RefusalCode::SpawnFailed.because(format!("{program}: {error}")))?;
    let process = child.id().unwrap_or(0);
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
        return Err(RefusalCode::SpawnFailed.because("the command has no pipes"));
    };
    let pipes = Pipes { stdin, stdout, stderr };
    channel.all.serve(serve(Arc::clone(channel), Arc::clone(errors), child, pipes));
    Ok(process)
}

/// The agent's ends of the command's pipes.
struct Pipes {
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: ChildStderr,
}

/// Where programs start: the home of the environment the agent was started in, else that of the
/// account.
pub(super) fn home() -> PathBuf {
    let home = std::env::home_dir().filter(|home| home.is_dir());
    home.unwrap_or_else(|| PathBuf::from("/"))
}

async fn serve(channel: Arc<Channel>, errors: Arc<Channel>, mut child: Child, pipes: Pipes) {
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let closed = tokio::select! {
        () = run(&channel, &errors, &mut child, pipes) => false,
        () = channel.until_closed() => true,
    };
    if closed && let Some(group) = group {
        hang_up(&mut child, group).await;
    }
}

/// Ends a program and its group: what does not hear that nobody is there any more is killed.
pub(super) async fn hang_up(child: &mut Child, group: Pid) {
    // The group may be gone already.
    let _ = kill_process_group(group, Signal::HUP);
    if timeout(FAREWELL, child.wait()).await.is_err() {
        let _ = kill_process_group(group, Signal::KILL);
        let _ = child.wait().await;
    }
}

async fn run(channel: &Channel, errors: &Channel, child: &mut Child, pipes: Pipes) {
    let mut out = std::pin::pin!(output::read(channel, pipes.stdout));
    let mut err = std::pin::pin!(output::read(errors, pipes.stderr));
    let mut input = std::pin::pin!(output::write(channel, pipes.stdin));
    let (mut out_done, mut err_done, mut input_done) = (false, false, false);
    // As with ssh, output counts until both pipes are closed: by the command and by whatever it
    // left running with them.
    while !(out_done && err_done) {
        tokio::select! {
            () = &mut out, if !out_done => out_done = true,
            () = &mut err, if !err_done => err_done = true,
            () = &mut input, if !input_done => input_done = true,
        }
    }
    let status = tokio::select! {
        status = child.wait() => status,
        () = drain(input, input_done) => child.wait().await,
    };
    let status = status.map_or(jumpdeck_protocol::session::ExitStatus::Signal(0), output::status);
    errors.finish(status);
    channel.finish(status);
}

/// The command may still read after it closed its output.
async fn drain(input: std::pin::Pin<&mut impl Future<Output = ()>>, done: bool) {
    if !done {
        input.await;
    }
}
