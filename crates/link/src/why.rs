//! Why something failed, in words of our own: what a library says is for its programmers, and goes
//! to the log.

use std::borrow::Cow;
use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use tokio_tungstenite::tungstenite;

/// Why something with the network failed, as half a sentence.
pub fn network(error: &io::Error) -> Cow<'static, str> {
    use ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable,
        NetworkDown, NetworkUnreachable, NotConnected, NotFound, TimedOut, UnexpectedEof,
    };
    let words = match error.kind() {
        ConnectionRefused => "connection refused: nothing listens there",
        ConnectionReset | ConnectionAborted | BrokenPipe | UnexpectedEof | NotConnected => {
            "the connection was cut"
        }
        TimedOut => "no answer",
        HostUnreachable | NetworkUnreachable | NetworkDown => "there is no route to it",
        NotFound => "its name cannot be found",
        _ => return system(error),
    };
    Cow::Borrowed(words)
}

/// Why a link failed.
pub fn link(error: &tungstenite::Error) -> Cow<'static, str> {
    use tungstenite::Error;
    tracing::debug!(%error, "a link failed");
    Cow::Borrowed(match error {
        Error::Io(error) => return network(error),
        Error::ConnectionClosed | Error::AlreadyClosed => "the connection was cut",
        Error::Http(response) => {
            return Cow::Owned(format!(
                "it answers with HTTP status {}",
                response.status().as_u16()
            ));
        }
        Error::Capacity(_) | Error::WriteBufferFull(_) => "a message was too large",
        Error::Tls(_) => "its TLS failed",
        _ => "it breaks the rules of the protocol",
    })
}

/// What the system says of anything else, without its number.
pub fn system(error: &io::Error) -> Cow<'static, str> {
    use ErrorKind::{
        AlreadyExists, BrokenPipe, InvalidData, NotFound, PermissionDenied, StorageFull,
        UnexpectedEof, WouldBlock,
    };
    if let Some(code) = error.raw_os_error() {
        let said = error.to_string();
        let end = format!(" (os error {code})");
        return Cow::Owned(said.strip_suffix(&end).unwrap_or(&said).to_owned());
    }
    tracing::debug!(%error, "an error without a number");
    Cow::Borrowed(match error.kind() {
        NotFound => "there is no such file",
        PermissionDenied => "permission denied",
        AlreadyExists => "it exists already",
        StorageFull => "no space left on the disk",
        InvalidData => "it holds something else than it should",
        UnexpectedEof => "it ends too early",
        BrokenPipe => "nobody reads it any more",
        WouldBlock => "it takes nothing at the moment",
        // Our own words, most often.
        ErrorKind::Other => return Cow::Owned(error.to_string()),
        _ => "the system does not say why",
    })
}

/// A failure with its causes, each once. Every program says it with this.
pub fn told(error: &(dyn Error + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let words = if let Some(error) = cause.downcast_ref::<io::Error>() {
            system(error).into_owned()
        } else if cause.is::<std::string::FromUtf8Error>() || cause.is::<std::str::Utf8Error>() {
            "it is no UTF-8 text".to_owned()
        } else if cause.is::<std::num::TryFromIntError>() {
            "a number is too large".to_owned()
        } else {
            cause.to_string()
        };
        if said.last().is_none_or(|last| !last.ends_with(&words)) {
            said.push(words);
        }
        next = cause.source();
    }
    said.join(": ")
}

/// The status of a program that printed its help, or what was wrong with its arguments.
pub fn usage(program: &str, printed: io::Result<()>, status: i32) -> ExitCode {
    match printed.and_then(|()| io::stdout().flush()) {
        // Anyone who reads no further has read enough.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let why = system(&error);
            let _ = writeln!(io::stderr(), "{program}: writing the output: {why}");
            ExitCode::FAILURE
        }
        _ => ExitCode::from(u8::try_from(status).unwrap_or(2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_once_without_numbers_and_without_a_librarys_address() {
        let system = io::Error::from_raw_os_error(28);
        assert_eq!(super::system(&system), "No space left on device");
        let rustls = io::Error::new(ErrorKind::UnexpectedEof, "see https://docs.rs/rustls");
        assert_eq!(network(&rustls), "the connection was cut");
        let told = told(&io::Error::from_raw_os_error(2));
        assert!(!told.contains("os error"), "{told}");
    }
}
