//! What waits to be sent on a link.

use bytes::Bytes;
pub use jumpdeck_protocol::channel::Lane;
use jumpdeck_protocol::control::Wire;
use jumpdeck_protocol::{control, limits};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The sending end of a link; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Outbox(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    queue: Mutex<OutboxQueue>,
    filled: Notify,
    taken: Notify,
    closed: Notify,
}

#[derive(Debug, Default)]
struct OutboxQueue {
    interactive: VecDeque<Bytes>,
    bulk: VecDeque<Bytes>,
    bytes: usize,
    closed: bool,
    overflowed: bool,
    probe: bool,
}

impl Outbox {
    /// An empty outbox.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a message. On a closed outbox it is dropped: the link is gone and will resume.
    pub fn push(&self, lane: Lane, message: Bytes) {
        let mut queue = self.lock();
        if queue.closed {
            return;
        }
        if queue.bytes.saturating_add(message.len()) > limits::OUTBOX {
            queue.overflowed = true;
            drop(queue);
            self.close();
            return;
        }
        queue.bytes += message.len();
        match lane {
            Lane::Interactive => queue.interactive.push_back(message),
            Lane::Bulk => queue.bulk.push_back(message),
        }
        drop(queue);
        self.0.filled.notify_one();
    }

    /// Adds a control message.
    pub fn send(&self, message: &impl Wire) {
        self.push(Lane::Interactive, control::encode(message));
    }

    /// Has the other side pinged now, whenever it would be due.
    pub fn probe(&self) {
        self.lock().probe = true;
        self.0.filled.notify_one();
    }

    /// Whether that was asked for.
    pub(super) fn take_probe(&self) -> bool {
        std::mem::take(&mut self.lock().probe)
    }

    /// Nothing more is taken; what waits is still sent, then the link is closed.
    pub fn close(&self) {
        self.lock().closed = true;
        self.0.filled.notify_one();
        self.0.taken.notify_waiters();
        self.0.closed.notify_waiters();
    }

    /// Resolves when it is closed.
    pub(super) async fn closed(&self) {
        let closed = self.0.closed.notified();
        if !self.is_closed() {
            closed.await;
        }
    }

    /// Whether the link is closed or closing.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Whether the peer was too slow to take what was meant for it.
    pub fn overflowed(&self) -> bool {
        self.lock().overflowed
    }

    /// Bytes that wait.
    pub fn waiting(&self) -> usize {
        self.lock().bytes
    }

    /// Waits until no more than so many bytes wait, or the link is closed: for anyone who has much to
    /// send and can pause.
    pub async fn until_below(&self, bytes: usize) {
        loop {
            let taken = self.0.taken.notified();
            if self.waiting() <= bytes || self.is_closed() {
                return;
            }
            taken.await;
        }
    }

    pub(super) fn pop(&self) -> Option<Bytes> {
        let mut queue = self.lock();
        let message = match queue.interactive.pop_front() {
            Some(message) => message,
            None => queue.bulk.pop_front()?,
        };
        queue.bytes = queue.bytes.saturating_sub(message.len());
        if queue.bytes == 0 {
            queue.interactive.shrink_to(16);
            queue.bulk.shrink_to(16);
        }
        drop(queue);
        self.0.taken.notify_waiters();
        Some(message)
    }

    pub(super) async fn filled(&self) {
        self.0.filled.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, OutboxQueue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Lane, Outbox};
    use bytes::Bytes;
    use jumpdeck_protocol::limits;

    #[test]
    fn a_keystroke_overtakes_bulk_but_order_within_a_lane_stays() {
        let outbox = Outbox::new();
        outbox.push(Lane::Bulk, Bytes::from_static(b"file 1"));
        outbox.push(Lane::Bulk, Bytes::from_static(b"file 2"));
        outbox.push(Lane::Interactive, Bytes::from_static(b"key"));
        let order: Vec<_> = std::iter::from_fn(|| outbox.pop()).collect();
        assert_eq!(order, ["key", "file 1", "file 2"]);
    }

    #[tokio::test]
    async fn whoever_has_much_to_send_waits_for_what_was_taken() {
        let outbox = Outbox::new();
        outbox.push(Lane::Bulk, Bytes::from_static(&[0; 100]));
        let waiting = outbox.clone();
        let task = tokio::spawn(async move { waiting.until_below(50).await });
        tokio::task::yield_now().await;
        assert!(!task.is_finished());
        outbox.pop().unwrap();
        task.await.unwrap();
    }

    #[test]
    fn a_peer_that_takes_nothing_is_given_up() {
        let outbox = Outbox::new();
        let large = Bytes::from(vec![0; limits::OUTBOX / 2 + 1]);
        outbox.push(Lane::Bulk, large.clone());
        assert!(!outbox.is_closed());
        outbox.push(Lane::Bulk, large);
        assert!(outbox.is_closed() && outbox.overflowed());
    }
}
