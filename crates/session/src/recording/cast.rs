//! One asciicast v2 file.

use super::Header;
use jumpdeck_protocol::session::Size;
use ring::digest::{Context, SHA256};
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// Bytes that are left to the database and to others on the disk.
const LEFT_FREE: u64 = 64 * 1024 * 1024;
/// The room on the disk is looked at again after so many bytes.
const LOOK_EVERY: u64 = 8 * 1024 * 1024;

/// A recording's file, and what is not in it yet.
#[derive(Debug)]
pub(super) struct CastFile {
    path: PathBuf,
    file: File,
    /// Where the last whole write ended.
    length: u64,
    /// When the recording's time was 0.
    began: Instant,
    /// The time of the last line, in microseconds: time never goes back.
    last: u128,
    /// Everything before this byte of the output is in the file.
    position: u64,
    /// The same, once what waits is written.
    taken: u64,
    /// The first bytes of a character whose rest has not come.
    part: Vec<u8>,
    /// Lines that wait to be written.
    lines: Vec<u8>,
    /// Look at the room on the disk once the file is this long.
    look_at: u64,
    /// It is closed: its hash is made, and nothing is added.
    is_finished: bool,
}

impl CastFile {
    /// Makes a new file, for its owner's eyes only.
    pub(super) fn create(path: &Path, header: &Header) -> io::Result<Self> {
        let file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
        let mut cast = Self::of(path, file, Instant::now());
        let header = serde_json::json!({
            "version": 2,
            "width": header.size.columns,
            "height": header.size.rows,
            "timestamp": header.timestamp,
            "title": header.title,
            "env": { "TERM": header.term },
        });
        cast.lines = format!("{header}\n[0.0, \"p\", \"0\"]\n").into_bytes();
        if let Err(error) = cast.write() {
            let _ = std::fs::remove_file(path);
            return Err(error);
        }
        Ok(cast)
    }

    /// Opens one that was not closed. What was written only in part is cut off.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::options().read(true).write(true).open(path)?;
        let found = last_position(&file)?;
        file.set_len(found.length)?;
        let idle = file
            .metadata()
            .and_then(|meta| meta.modified())
            .ok()
            .and_then(|modified| SystemTime::now().duration_since(modified).ok());
        let since = found.time + idle.unwrap_or_default();
        let began = Instant::now().checked_sub(since).unwrap_or_else(Instant::now);
        let mut cast = Self::of(path, file, began);
        cast.length = found.length;
        cast.last = found.time.as_micros();
        cast.position = found.position;
        cast.taken = found.position;
        Ok(cast)
    }

    fn of(path: &Path, file: File, began: Instant) -> Self {
        Self {
            path: path.to_path_buf(),
            file,
            length: 0,
            began,
            last: 0,
            position: 0,
            taken: 0,
            part: Vec::new(),
            lines: Vec::new(),
            look_at: 0,
            is_finished: false,
        }
    }

    /// Everything before this byte of the output is in the file.
    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    /// Adds output that is at `offset` to what waits.
    pub(super) fn add_output(&mut self, at: Instant, offset: u64, bytes: &[u8]) {
        if self.is_finished {
            return;
        }
        let next = self.taken + u64::try_from(self.part.len()).unwrap_or(0);
        if offset > next {
            // Nobody has what stood between; what comes bears its true place.
            tracing::error!(path = %self.path.display(), bytes = offset - next, "a recording has a hole");
            self.part.clear();
            self.taken = offset;
        }
        let known = usize::try_from(next.saturating_sub(offset)).unwrap_or(usize::MAX);
        let bytes = bytes.get(known..).unwrap_or_default();
        let mut all = std::mem::take(&mut self.part);
        all.extend_from_slice(bytes);
        let whole = whole_characters(&all);
        let rest = all.split_off(whole);
        self.part = rest;
        if !all.is_empty() {
            self.taken += u64::try_from(all.len()).unwrap_or(0);
            self.line(at, 'o', &as_text(&all));
        }
    }

    /// Adds a new size of the terminal to what waits.
    pub(super) fn add_resize(&mut self, at: Instant, size: Size) {
        if self.is_finished {
            return;
        }
        self.line(at, 'r', &format!("{}x{}", size.columns, size.rows));
    }

    fn line(&mut self, at: Instant, kind: char, data: &str) {
        let micros = at.saturating_duration_since(self.began).as_micros().max(self.last);
        self.last = micros;
        // Writing to memory cannot fail.
        let _ = write!(self.lines, "[{}, \"{kind}\", ", seconds(micros));
        let _ = serde_json::to_writer(&mut self.lines, data);
        self.lines.extend_from_slice(b"]\n");
    }

    /// Writes what waits, all of it or nothing.
    pub(super) fn write(&mut self) -> io::Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        self.look_at_the_disk()?;
        let mark = self.lines.len();
        if self.taken > self.position {
            let _ = writeln!(self.lines, "[{}, \"p\", \"{}\"]", seconds(self.last), self.taken);
        }
        let written = self
            .file
            .seek(SeekFrom::Start(self.length))
            .and_then(|_| self.file.write_all(&self.lines));
        if let Err(error) = written {
            self.lines.truncate(mark);
            // What was written in part is cut off now, or at the next start.
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        self.length += u64::try_from(self.lines.len()).unwrap_or(0);
        self.position = self.taken;
        self.lines.clear();
        self.lines.shrink_to(16 * 1024);
        Ok(())
    }

    /// A recording must not take the last room from the database.
    fn look_at_the_disk(&mut self) -> io::Result<()> {
        if self.length < self.look_at {
            return Ok(());
        }
        let stat = rustix::fs::fstatvfs(&self.file)?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        if free < LEFT_FREE {
            let text = format!("only {} MiB are free on the appliance's disk", free >> 20);
            return Err(io::Error::new(io::ErrorKind::StorageFull, text));
        }
        // Near the limit it is looked at more often.
        self.look_at = self.length + LOOK_EVERY.min((free - LEFT_FREE) / 4);
        Ok(())
    }

    /// The recording is over: the rest of a cut character is written, and all of it made durable.
    pub(super) fn finish(&mut self) {
        if std::mem::replace(&mut self.is_finished, true) {
            return;
        }
        if !self.part.is_empty() {
            let part = std::mem::take(&mut self.part);
            self.taken += u64::try_from(part.len()).unwrap_or(0);
            self.line(Instant::now(), 'o', &as_text(&part));
        }
        let outcome = self.write().and_then(|()| self.file.sync_all());
        if let Err(error) = outcome {
            tracing::error!(path = %self.path.display(), %error, "a recording's end could not be written");
        }
    }
}

/// The bytes as text. Most are, and that is checked faster than they are looked through.
fn as_text(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// How many bytes are whole characters, or can never become any.
fn whole_characters(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        match std::str::from_utf8(rest) {
            Ok(_) => return bytes.len(),
            Err(error) => match error.error_len() {
                None => return at + error.valid_up_to(),
                Some(length) => at += error.valid_up_to() + length,
            },
        }
    }
}

fn seconds(micros: u128) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// Where the last whole write ended.
struct FoundEnd {
    length: u64,
    time: Duration,
    position: u64,
}

/// Bytes at a file's end in which its last position stands, but for the strangest cases.
const TAIL: u64 = 4 * 1024 * 1024;

fn last_position(file: &File) -> io::Result<FoundEnd> {
    let tail = file.metadata()?.len().saturating_sub(TAIL);
    let found = match last_position_after(file, tail)? {
        None if tail > 0 => last_position_after(file, 0)?,
        found => found,
    };
    found.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "this is no recording"))
}

fn last_position_after(mut file: &File, mut at: u64) -> io::Result<Option<FoundEnd>> {
    file.seek(SeekFrom::Start(at))?;
    let mut reader = BufReader::with_capacity(256 * 1024, file);
    let mut found = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        let count = reader.by_ref().read_until(b'\n', &mut line)?;
        if count == 0 || !line.ends_with(b"\n") {
            return Ok(found);
        }
        at += u64::try_from(count).unwrap_or(0);
        // The first line of a tail may be half of one; then it is no position.
        if let Some((time, position)) = position_in(&line) {
            found = Some(FoundEnd { length: at, time, position });
        }
    }
}

fn position_in(line: &[u8]) -> Option<(Duration, u64)> {
    // Most lines are output; they need not be read.
    if !line.windows(5).take(40).any(|part| part == b"\"p\", ") {
        return None;
    }
    let (time, kind, position): (f64, String, String) = serde_json::from_slice(line).ok()?;
    let time = Duration::try_from_secs_f64(time).ok()?;
    (kind == "p").then_some((time, position.parse().ok()?))
}

/// Cuts off what was written only in part of a recording that nobody closed.
pub fn trim(path: &Path) -> io::Result<()> {
    CastFile::open(path).map(drop)
}

/// A file's length and the SHA-256 of its bytes.
pub fn digest(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 256 * 1024];
    let mut length = 0;
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok((length, data_encoding::HEXLOWER.encode(context.finish().as_ref())));
        }
        context.update(buffer.get(..count).unwrap_or_default());
        length += u64::try_from(count).unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl CastFile {
        /// Where the next output stands.
        fn end(&self) -> u64 {
            self.taken + self.part.len() as u64
        }
    }

    fn header() -> Header {
        let size = Size { columns: 80, rows: 24 };
        Header { size, timestamp: 7, title: "box".into(), term: "xterm".into() }
    }

    /// All output of a recording, as a player shows it.
    fn output(path: &Path) -> String {
        let text = std::fs::read_to_string(path).unwrap();
        let mut lines = text.lines();
        let header: serde_json::Value = serde_json::from_str(lines.next().unwrap()).unwrap();
        assert_eq!((&header["version"], &header["width"]), (&2.into(), &80.into()));
        let events = lines.map(|line| serde_json::from_str::<(f64, String, String)>(line).unwrap());
        events.filter(|(_, kind, _)| kind == "o").map(|(_, _, data)| data).collect()
    }

    #[test]
    fn characters_that_come_in_pieces_and_bytes_that_are_none_are_kept_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.cast");
        let mut cast = CastFile::create(&path, &header()).unwrap();
        let bytes = "a東\u{1f600}\x1b[1m\"\\".as_bytes();
        for byte in bytes {
            let end = cast.end();
            cast.add_output(Instant::now(), end, &[*byte]);
            cast.write().unwrap();
        }
        cast.add_output(Instant::now(), cast.end(), b"\xff\xe6\x9d");
        cast.finish();
        assert_eq!(output(&path), "a東\u{1f600}\x1b[1m\"\\\u{fffd}\u{fffd}");
        assert_eq!(cast.position(), bytes.len() as u64 + 3);
    }

    #[test]
    fn a_recording_that_was_cut_in_its_middle_goes_on_from_its_last_whole_write() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.cast");
        let mut cast = CastFile::create(&path, &header()).unwrap();
        cast.add_output(Instant::now(), cast.end(), b"first ");
        cast.write().unwrap();
        let whole = std::fs::metadata(&path).unwrap().len();
        cast.add_output(Instant::now(), cast.end(), b"second ");
        cast.write().unwrap();
        let end = std::fs::metadata(&path).unwrap().len();
        drop(cast);
        for length in whole..end {
            std::fs::copy(&path, dir.path().join("b.cast")).unwrap();
            let file = File::options().write(true).open(dir.path().join("b.cast")).unwrap();
            file.set_len(length).unwrap();
            let mut again = CastFile::open(&dir.path().join("b.cast")).unwrap();
            assert_eq!(again.position(), 6, "cut at {length}");
            again.add_output(Instant::now(), again.end(), b"second again");
            again.finish();
            assert_eq!(output(&dir.path().join("b.cast")), "first second again");
        }
        assert_eq!(CastFile::open(&path).unwrap().position(), 13);
    }

    #[test]
    fn the_digest_is_that_of_the_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, "abc").unwrap();
        let (length, digest) = digest(&path).unwrap();
        assert_eq!(length, 3);
        assert!(digest.starts_with("ba7816bf8f01cfea") && digest.ends_with("f20015ad"));
    }
}
