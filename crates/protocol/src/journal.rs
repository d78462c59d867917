//! Where a program's own log goes. Nobody is kept from work by it: what cannot be written, or not
//! soon, is lost and counted.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

/// Lines that may wait for the writer.
const WAITING: usize = 1024;
/// How long the end of a program waits for its last lines.
const PATIENCE: Duration = Duration::from_millis(500);

/// The way to the log; cheap to clone. Each write is one line.
#[derive(Clone, Debug)]
pub struct Journal {
    lines: SyncSender<JournalLine>,
    lost: Arc<AtomicU64>,
}

#[derive(Debug)]
enum JournalLine {
    Text(Vec<u8>),
    /// Everything before this is written.
    Settled(Sender<()>),
}

impl Journal {
    /// A log that ends up in `out`, written by a thread of its own.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn to(out: impl Write + Send + 'static) -> io::Result<Self> {
        let (lines, waiting) = sync_channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&lost);
        std::thread::Builder::new().name("log".into()).spawn(move || {
            write_all(out, &waiting, &count);
        })?;
        Ok(Self { lines, lost })
    }

    /// Waits until everything before is written, but not for long: the last thing a program does.
    pub fn settle(&self) {
        let (told, settled) = channel();
        if self.lines.try_send(JournalLine::Settled(told)).is_ok() {
            // Anyone who cannot write in time is not waited for.
            let _ = settled.recv_timeout(PATIENCE);
        }
    }
}

impl Write for Journal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.lines.try_send(JournalLine::Text(bytes.to_vec())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_all(mut out: impl Write, lines: &Receiver<JournalLine>, lost: &AtomicU64) {
    for line in lines {
        match line {
            JournalLine::Settled(told) => drop(told.send(())),
            JournalLine::Text(text) => {
                let missed = lost.swap(0, Ordering::Relaxed);
                let said = match missed {
                    0 => Ok(()),
                    missed => writeln!(out, "{missed} lines of this log were lost"),
                };
                if said.and_then(|()| out.write_all(&text)).is_err() {
                    lost.fetch_add(missed + 1, Ordering::Relaxed);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// A disk that is full until it is not.
    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<(bool, Vec<u8>)>>);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut disk = self.0.lock().unwrap();
            if disk.0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            disk.1.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_a_full_disk_did_not_take_is_counted_once_it_takes_something() {
        let disk = Disk::default();
        let mut journal = Journal::to(disk.clone()).unwrap();
        disk.0.lock().unwrap().0 = true;
        for _ in 0..3 {
            journal.write_all(b"lost\n").unwrap();
        }
        journal.settle();
        disk.0.lock().unwrap().0 = false;
        journal.write_all(b"kept\n").unwrap();
        journal.settle();
        let text = String::from_utf8(disk.0.lock().unwrap().1.clone()).unwrap();
        assert_eq!(text, "3 lines of this log were lost\nkept\n");
    }

    #[test]
    fn a_log_that_nobody_reads_holds_nobody_up() {
        struct Stuck(Sender<()>);
        impl Write for Stuck {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                self.0.send(()).unwrap();
                loop {
                    std::thread::park();
                }
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (stuck, is_stuck) = channel();
        let mut journal = Journal::to(Stuck(stuck)).unwrap();
        journal.write_all(b"line\n").unwrap();
        // Before that, what is lost may still be told by the line that comes next.
        is_stuck.recv().unwrap();
        for _ in 0..WAITING * 2 {
            journal.write_all(b"line\n").unwrap();
        }
        assert_eq!(journal.lost.load(Ordering::Relaxed), u64::try_from(WAITING).unwrap());
    }
}
