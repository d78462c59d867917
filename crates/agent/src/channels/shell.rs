//! A shell: the user's login shell on a real terminal.

use super::{Channel, output};
use jumpdeck_protocol::session::{ExitStatus, Size};
use jumpdeck_protocol::{Refusal, RefusalCode};
use pty_process::{Command, OwnedReadPty, OwnedWritePty};
use rustix::process::Pid;
use rustix::termios::{Winsize, tcsetwinsize};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::process::Child;
use uzers::os::unix::UserExt;

/// After the shell ended, programs it left behind may hold the terminal open; what was written
/// before is read for this long at the most.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Starts the shell and the tasks that serve it. Returns its process id.
pub(super) fn spawn(channel: &Arc<Channel>, size: Size, command: Command) -> Result<u32, Refusal> {
    let failed = |error: pty_process::Error| RefusalCode::SpawnFailed.because(error.to_string());
    let (pty, pts) = pty_process::open().map_err(failed)?;
    let size = size.clamped();
    pty.resize(pty_process::Size::new(size.rows, size.columns)).map_err(failed)?;
    let child = command.spawn(pts).map_err(failed)?;
    let process = child.id().unwrap_or(0);
    let copy = pty.as_fd().try_clone_to_owned();
    let size = copy.map_err(|error| RefusalCode::SpawnFailed.because(error.to_string()))?;
    let (reader, writer) = pty.into_split();
    channel.all.serve(serve(Arc::clone(channel), child, Terminal { reader, writer, size }));
    Ok(process)
}

/// The login shell.
pub(super) fn login(term: &str) -> Command {
    let shell = login_shell();
    let name = shell.file_name().unwrap_or(shell.as_os_str()).to_string_lossy();
    dressed(Command::new(&shell).arg0(format!("-{name}")), term)
}

/// A program of these arguments; nothing without any.
pub(super) fn program(term: &str, argv: &[String]) -> Option<Command> {
    let (program, arguments) = argv.split_first()?;
    Some(dressed(Command::new(program).args(arguments), term))
}

/// A refusal that says which program it is about.
pub(super) fn named(refusal: Refusal, argv: &[String]) -> Refusal {
    let program = argv.first().map(String::as_str).unwrap_or_default();
    refusal.code.because(format!("{program}: {}", refusal.detail))
}

fn login_shell() -> PathBuf {
    let user = uzers::get_user_by_uid(uzers::get_current_uid());
    let shell = user.map(|user| user.shell().to_path_buf()).filter(|shell| shell.is_file());
    shell.unwrap_or_else(|| PathBuf::from("/bin/sh"))
}

/// A program with the environment that a login has.
fn dressed(command: Command, term: &str) -> Command {
    let mut command = command
        .env_clear()
        .envs(super::exec::inherited())
        .env("TERM", if term.is_empty() { "xterm-256color" } else { term })
        .env("SHELL", login_shell())
        .current_dir(super::exec::home());
    if std::env::var_os("LANG").is_none() && std::env::var_os("LC_ALL").is_none() {
        command = command.env("LANG", "C.UTF-8");
    }
    if let Some(user) = uzers::get_user_by_uid(uzers::get_current_uid()) {
        command = command.envs(super::exec::identity(&user));
    }
    command
}

/// The terminal's ends that this side holds. Once they are dropped, the kernel hangs up.
struct Terminal {
    reader: OwnedReadPty,
    writer: OwnedWritePty,
    size: OwnedFd,
}

async fn serve(channel: Arc<Channel>, mut child: Child, terminal: Terminal) {
    let group = child.id();
    let closed = tokio::select! {
        status = run(&channel, &mut child, terminal) => {
            channel.finish(status);
            false
        }
        () = channel.until_closed() => true,
    };
    // A shell that outlives the hang-up of its terminal is told once more.
    if closed && let Some(group) = group.and_then(|id| Pid::from_raw(id.cast_signed())) {
        super::exec::hang_up(&mut child, group).await;
    }
}

async fn run(channel: &Channel, child: &mut Child, terminal: Terminal) -> ExitStatus {
    let Terminal { reader, writer, size } = terminal;
    let mut reading = std::pin::pin!(output::read(channel, reader));
    let mut writing = std::pin::pin!(output::write(channel, writer));
    let mut resizing = std::pin::pin!(follow_size(channel, size));
    let (mut read_all, mut written_all) = (false, false);
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            () = &mut reading, if !read_all => read_all = true,
            () = &mut writing, if !written_all => written_all = true,
            () = &mut resizing => {}
        }
    };
    // Whatever stands in the terminal's buffer was written before the shell ended. Time counts only
    // while the terminal is silent, not while nobody takes what it said.
    while !read_all {
        read_all = tokio::time::timeout(LAST_WORDS, &mut reading).await.is_ok()
            || !channel.starved.load(Ordering::Relaxed);
    }
    status.map_or(ExitStatus::Signal(0), output::status)
}

async fn follow_size(channel: &Channel, terminal: OwnedFd) {
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
