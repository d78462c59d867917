//! A shell: the user's login shell on a real terminal.

use super::echo::Echo;
use super::environment::{self, ProgramOrigin};
use super::exec::words;
use super::logins::{Books, LoginRecord};
use super::{AgentChannel, output};
use jumpdeck_link::why;
use jumpdeck_protocol::argument::Argument;
use jumpdeck_protocol::session::{ChannelKind, ExitStatus, Program, Size};
use jumpdeck_protocol::{Refusal, RefusalCode};
use pty_process::{Command, OwnedReadPty, OwnedWritePty};
use rustix::process::Pid;
use rustix::termios::{Winsize, tcsetwinsize};
use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::process::Child;
use tokio::time::timeout;

/// After the shell ended, programs it left behind may hold the terminal open; what was written
/// before is read for this long at most.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// So long a shell has its terminal still while it hears of the end.
const HEARS: Duration = Duration::from_millis(500);

/// Starts the shell or the program and the tasks that serve it. Returns its process id.
pub(super) fn spawn(
    channel: &Arc<AgentChannel>,
    kind: &ChannelKind,
    origin: &ProgramOrigin,
) -> Result<u32, Refusal> {
    let unsupported = || RefusalCode::Unsupported.plain();
    let (size, term) = kind.terminal().ok_or_else(unsupported)?;
    let login = [Argument::from("sh")];
    let (argv, program) = match kind {
        ChannelKind::Terminal { argv, program, .. } => (argv.as_slice(), *program),
        _ => (login.as_slice(), Program::LoginShell),
    };
    let none = || RefusalCode::InvalidValue.because("No command was given.");
    let words = words(argv, program).ok_or_else(none)?;
    let failed = |error: pty_process::Error| {
        let why = match error {
            pty_process::Error::Io(error) => why::system(&error),
            pty_process::Error::Rustix(error) => why::system(&error.into()).into_owned().into(),
            _ => "there is no terminal to be had".into(),
        };
        match kind.command().and_then(<[_]>::first) {
            Some(program) => {
                RefusalCode::SpawnFailed.because(format!("{}: {why}", program.shown()))
            }
            None => RefusalCode::SpawnFailed.because(why),
        }
    };
    let (pty, pts) = pty_process::open().map_err(failed)?;
    let size = size.clamped();
    pty.resize(pty_process::Size::new(size.rows, size.columns)).map_err(failed)?;
    if let Some(modes) = kind.modes() {
        modes.apply(pty.as_fd());
    }
    let tty = rustix::pty::ptsname(pty.as_fd(), Vec::new());
    let tty = tty.map(|name| OsString::from_vec(name.into_bytes())).unwrap_or_default();
    let mut command = Command::new(&words.program)
        .args(&words.arguments)
        .env_clear()
        .envs(environment::of(origin, Some((term, &tty))))
        .current_dir(environment::home());
    if let Some(name) = &words.name {
        command = command.arg0(name);
    }
    let child = command.spawn(pts).map_err(failed)?;
    let process = child.id().unwrap_or(0);
    let copy = pty.as_fd().try_clone_to_owned();
    let size = copy.map_err(|error| RefusalCode::SpawnFailed.because(why::system(&error)))?;
    let echo = size.try_clone().ok().map(|copy| Arc::new(Echo::of(copy)));
    if let Some(echo) = &echo {
        // Nobody else has set it: the channel is new.
        let _ = channel.echo.set(Arc::downgrade(echo));
    }
    let (reader, writer) = pty.into_split();
    let login = LoginRecord::enter(&Books::default(), process, Path::new(&tty), &origin.rep);
    let terminal = ShellTerminal { reader, writer, size, echo };
    let serving = serve(Arc::clone(channel), child, terminal);
    channel.all.serve(async move {
        serving.await;
        drop(login);
    });
    Ok(process)
}

/// The terminal's ends that this side holds. Once they are dropped, the kernel hangs up.
struct ShellTerminal {
    reader: OwnedReadPty,
    writer: OwnedWritePty,
    size: OwnedFd,
    echo: Option<Arc<Echo>>,
}

async fn serve(channel: Arc<AgentChannel>, mut child: Child, terminal: ShellTerminal) {
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    {
        let mut running = std::pin::pin!(run(&channel, &mut child, terminal));
        tokio::select! {
            biased;
            () = channel.until_closed() => {}
            status = &mut running => {
                channel.finish(status);
                return;
            }
        }
        // A shell tells its jobs when it hears this; not when its terminal just ends.
        if let Some(group) = group {
            super::exec::say_hang_up(group);
        }
        if timeout(HEARS, &mut running).await.is_ok() {
            return;
        }
    }
    // A shell that outlives the hang-up of its terminal is told once more.
    if let Some(group) = group {
        super::exec::hang_up(child.wait(), group).await;
    }
}

async fn run(channel: &AgentChannel, child: &mut Child, terminal: ShellTerminal) -> ExitStatus {
    let ShellTerminal { reader, writer, size, echo: _echo } = terminal;
    let mut reading = std::pin::pin!(output::read(channel, reader));
    let mut writing = std::pin::pin!(output::write(channel, writer));
    let mut resizing = std::pin::pin!(follow_size(channel, size));
    let (mut read_all, mut written_all) = (false, false);
    let status = loop {
        tokio::select! {
            biased;
            _ = &mut writing, if !written_all => written_all = true,
            status = child.wait() => break status,
            () = &mut resizing => {}
            // Last, for a flood of output could use up the task's budget each time.
            _ = &mut reading, if !read_all => read_all = true,
        }
    };
    // Whatever is in the terminal's buffer was written before the shell ended. Time counts only
    // while the terminal is silent, not while nobody takes what it said.
    while !read_all {
        read_all = tokio::time::timeout(LAST_WORDS, &mut reading).await.is_ok()
            || !channel.starved.load(Ordering::Relaxed);
    }
    status.map_or(ExitStatus::Signal(0), output::status)
}

async fn follow_size(channel: &AgentChannel, terminal: OwnedFd) {
    let mut sizes = channel.resize.subscribe();
    while sizes.changed().await.is_ok() {
        let size = *sizes.borrow_and_update();
        if let Some(Size { columns, rows }) = size {
            let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
            // A terminal that is gone is noticed where it is read.
            let _ = tcsetwinsize(&terminal, size);
        }
    }
}
