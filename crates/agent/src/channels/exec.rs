//! A command without a terminal: input, output and errors apart.

use super::environment::{self, ProgramOrigin};
use super::{AgentChannel, output};
use jumpdeck_link::why;
use jumpdeck_protocol::argument::Argument;
use jumpdeck_protocol::session::Program;
use jumpdeck_protocol::{Refusal, RefusalCode};
use process_wrap::tokio::{ChildWrapper, CommandWrap, CommandWrapper, ProcessSession};
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// Time to end after the hang-up.
const FAREWELL: Duration = Duration::from_secs(5);

/// Starts the command and the tasks that serve it. Returns its process id.
pub(super) fn spawn(
    channel: &Arc<AgentChannel>,
    errors: &Arc<AgentChannel>,
    (argv, program): (&[Argument], Program),
    origin: &ProgramOrigin,
) -> Result<u32, Refusal> {
    let Some(words) = words(argv, program) else {
        return Err(RefusalCode::InvalidValue.because("No command was given."));
    };
    let mut command = Command::new(&words.program);
    command
        .args(&words.arguments)
        .env_clear()
        .envs(environment::of(origin, None))
        .current_dir(environment::home())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(name) = words.name {
        command.arg0(name);
    }
    let shown = argv.first().map(Argument::shown).unwrap_or_default();
    let failed =
        |why: &dyn std::fmt::Display| RefusalCode::SpawnFailed.because(format!("{shown}: {why}"));
    let spawned = CommandWrap::from(command).wrap(OwnSession).spawn();
    let mut child = spawned.map_err(|error| failed(&why::system(&error)))?;
    let process = child.id().unwrap_or(0);
    let pipes = (child.stdin().take(), child.stdout().take(), child.stderr().take());
    let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
        return Err(failed(&"it has no pipes"));
    };
    let pipes = Pipes { stdin, stdout, stderr };
    channel.all.serve(serve(Arc::clone(channel), Arc::clone(errors), child, pipes));
    Ok(process)
}

/// As sshd has it: a session without a terminal, so that nothing reads the terminal that the agent
/// may have been started on.
#[derive(Clone, Copy, Debug)]
struct OwnSession;

impl CommandWrapper for OwnSession {
    fn pre_spawn(&mut self, command: &mut Command, core: &CommandWrap) -> std::io::Result<()> {
        ProcessSession.pre_spawn(command, core)
    }
}

/// A program and its arguments as the system takes them.
pub(super) struct Words {
    pub program: OsString,
    pub arguments: Vec<OsString>,
    /// The name that it gets as its zeroth argument, if that is another one.
    pub name: Option<OsString>,
}

/// What a command runs; nothing without any word.
pub(super) fn words(argv: &[Argument], program: Program) -> Option<Words> {
    let (first, arguments) = argv.split_first()?;
    let bytes = |argument: &Argument| OsStr::from_bytes(argument.as_bytes()).to_os_string();
    let arguments = arguments.iter().map(bytes).collect();
    let shell = environment::login_shell();
    let called = |before: &str| {
        let mut name = OsString::from(before);
        name.push(shell.file_name().unwrap_or(shell.as_os_str()));
        Some(name)
    };
    let (program, name) = match program {
        Program::Named => (bytes(first), None),
        Program::Shell => (shell.clone().into(), called("")),
        Program::LoginShell => (shell.clone().into(), called("-")),
    };
    Some(Words { program, arguments, name })
}

/// The agent's ends of the command's pipes.
struct Pipes {
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: ChildStderr,
}

async fn serve(
    channel: Arc<AgentChannel>,
    errors: Arc<AgentChannel>,
    mut child: Box<dyn ChildWrapper>,
    pipes: Pipes,
) {
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let closed = tokio::select! {
        () = run(&channel, &errors, &mut *child, pipes) => false,
        () = channel.until_closed() => true,
    };
    if closed && let Some(group) = group {
        hang_up(child.wait(), group).await;
    }
}

/// Ends a program and its group: what does not hear that nobody is there any more is killed.
pub(super) async fn hang_up<T>(ended: impl Future<Output = T>, group: Pid) {
    let mut ended = std::pin::pin!(ended);
    say_hang_up(group);
    if timeout(FAREWELL, &mut ended).await.is_err() {
        let _ = kill_process_group(group, Signal::KILL);
        ended.await;
    }
}

/// Tells a program and its group that nobody is there any more.
pub(super) fn say_hang_up(group: Pid) {
    // The group may be gone already; what is stopped hears nothing before it goes on.
    let _ = kill_process_group(group, Signal::HUP);
    let _ = kill_process_group(group, Signal::CONT);
}

async fn run(
    channel: &AgentChannel,
    errors: &AgentChannel,
    child: &mut dyn ChildWrapper,
    pipes: Pipes,
) {
    let mut out = std::pin::pin!(output::read(channel, pipes.stdout));
    let mut err = std::pin::pin!(output::read(errors, pipes.stderr));
    let mut input = std::pin::pin!(output::write(channel, pipes.stdin));
    let (mut out_done, mut err_done, mut input_done) = (false, false, false);
    // As with ssh, output counts until both pipes are closed: by the command and by whatever it
    // left running with them.
    while !(out_done && err_done) {
        tokio::select! {
            _ = &mut out, if !out_done => out_done = true,
            _ = &mut err, if !err_done => err_done = true,
            _ = &mut input, if !input_done => input_done = true,
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
async fn drain<T>(input: std::pin::Pin<&mut impl Future<Output = T>>, done: bool) {
    if !done {
        input.await;
    }
}
