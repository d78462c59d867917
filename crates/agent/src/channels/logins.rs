//! Who is on this machine, for the machine itself: entries in utmp and wtmp, where the account may
//! write them. Where there are no such files, or no right to them, there is no entry.

use rustix::fs::{FlockOperation, fcntl_lock};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where they are.
#[derive(Clone, Debug)]
pub(super) struct Books {
    utmp: PathBuf,
    wtmp: PathBuf,
}

impl Default for Books {
    fn default() -> Self {
        let utmp = if Path::new("/run/utmp").exists() { "/run/utmp" } else { "/var/run/utmp" };
        Self { utmp: utmp.into(), wtmp: "/var/log/wtmp".into() }
    }
}

/// Somebody on a terminal. The entry says so until this is dropped.
#[derive(Debug)]
pub(super) struct LoginRecord {
    books: Books,
    line: Vec<u8>,
    process: i32,
}

/// Tries to lock a book that others write, too, and the time between them.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(2);

/// Kinds of records (utmp(5)).
const USER: i16 = 7;
const DEAD: i16 = 8;

/// Bytes of a record, and where its parts begin (utmp(5)).
const SIZE: usize = if cfg!(target_arch = "x86_64") { 384 } else { 400 };
const PROCESS: usize = 4;
const LINE: usize = 8;
const ID: usize = 40;

impl LoginRecord {
    /// Enters somebody who is on a terminal. Nothing for a terminal without a name, or on a machine
    /// whose records are of another form.
    pub(super) fn enter(books: &Books, process: u32, tty: &Path, rep: &str) -> Option<Self> {
        if !cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) {
            return None;
        }
        let line = tty.strip_prefix("/dev").ok()?.as_os_str().as_encoded_bytes().to_vec();
        let user = uzers::get_current_username()?.to_string_lossy().into_owned();
        let login = Self { books: books.clone(), line, process: process.cast_signed() };
        login.write(USER, &user, &format!("jumpdeck:{rep}"));
        Some(login)
    }

    fn write(&self, kind: i16, user: &str, host: &str) {
        let record = self.record(kind, user, host);
        // What cannot be written is done without: the session does not depend on it.
        let _ = self.put(&record).and_then(|()| append(&self.books.wtmp, &record));
    }

    /// Into utmp, in place of the last one of that terminal.
    fn put(&self, record: &[u8]) -> io::Result<()> {
        let mut file = File::options().read(true).write(true).open(&self.books.utmp)?;
        lock(&file)?;
        let mut known = vec![0; SIZE];
        let mut at = 0;
        loop {
            file.seek(SeekFrom::Start(at))?;
            if file.read_exact(&mut known).is_err() {
                break;
            }
            if known.get(ID..ID + 4) == record.get(ID..ID + 4) {
                break;
            }
            at += SIZE as u64;
        }
        file.write_all_at(record, at)
    }

    fn record(&self, kind: i16, user: &str, host: &str) -> Vec<u8> {
        let mut record = Vec::with_capacity(SIZE);
        record.extend(kind.to_ne_bytes());
        record.resize(PROCESS, 0);
        record.extend(self.process.to_ne_bytes());
        record.resize(LINE, 0);
        let field = |record: &mut Vec<u8>, bytes: &[u8], length: usize| {
            let end = record.len() + length;
            // The last byte stays a zero.
            record.extend(bytes.iter().take(length.saturating_sub(1)));
            record.resize(end, 0);
        };
        field(&mut record, &self.line, 32);
        let tail = self.line.len().saturating_sub(4);
        record.extend(self.line.get(tail..).unwrap_or_default());
        record.resize(ID + 4, 0);
        field(&mut record, user.as_bytes(), 32);
        field(&mut record, host.as_bytes(), 256);
        record.resize(336, 0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = i64::try_from(now.as_secs()).unwrap_or_default();
        let micros = i32::try_from(now.subsec_micros()).unwrap_or_default();
        if cfg!(target_arch = "x86_64") {
            record.extend(0_i32.to_ne_bytes());
            record.extend(i32::try_from(seconds).unwrap_or_default().to_ne_bytes());
            record.extend(micros.to_ne_bytes());
        } else {
            record.extend(0_i64.to_ne_bytes());
            record.extend(seconds.to_ne_bytes());
            record.extend(i64::from(micros).to_ne_bytes());
        }
        record.resize(SIZE, 0);
        record
    }
}

impl Drop for LoginRecord {
    fn drop(&mut self) {
        self.write(DEAD, "", "");
    }
}

fn append(path: &Path, record: &[u8]) -> io::Result<()> {
    let mut file = File::options().append(true).open(path)?;
    lock(&file)?;
    file.write_all(record)
}

fn lock(file: &File) -> io::Result<()> {
    for _ in 0..TRIES {
        if fcntl_lock(file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
    Err(io::ErrorKind::WouldBlock.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_is_entered_once_a_terminal_and_is_gone_when_they_leave() {
        let dir = tempfile::tempdir().unwrap();
        let books = Books { utmp: dir.path().join("utmp"), wtmp: dir.path().join("wtmp") };
        for book in [&books.utmp, &books.wtmp] {
            std::fs::write(book, "").unwrap();
        }
        let kind = |at: usize| {
            let book = std::fs::read(&books.utmp).unwrap();
            i16::from_ne_bytes(book[at * SIZE..at * SIZE + 2].try_into().unwrap())
        };
        let enter = |tty: &str| LoginRecord::enter(&books, 42, Path::new(tty), "anna").unwrap();
        let (one, other) = (enter("/dev/pts/12"), enter("/dev/pts/13"));
        assert_eq!((kind(0), kind(1)), (USER, USER));
        drop(one);
        assert_eq!((kind(0), kind(1)), (DEAD, USER));
        let again = enter("/dev/pts/12");
        assert_eq!(std::fs::read(&books.utmp).unwrap().len(), 2 * SIZE, "in the same place");
        drop((other, again));
        assert_eq!(std::fs::read(&books.wtmp).unwrap().len(), 6 * SIZE);
        let none = Books { utmp: dir.path().join("no"), wtmp: dir.path().join("no") };
        drop(LoginRecord::enter(&none, 1, Path::new("/dev/pts/1"), "anna"));
        assert!(!dir.path().join("no").exists(), "no book is begun");
    }
}
