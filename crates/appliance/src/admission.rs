//! Work for strangers is bounded: so much at once, only a part of it for one address, and a short
//! queue for the rest. Addresses take turns, so a flood from one does not hold up another.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How much is admitted.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// At once, for all together.
    pub at_once: usize,
    /// At once, for one of them.
    pub each_at_once: usize,
    /// Admitted or waiting, for all together.
    pub queue: usize,
    /// Admitted or waiting, for one of them.
    pub each_queue: usize,
}

/// Who is admitted, and who waits.
#[derive(Debug)]
pub struct Admission<K: Hash + Eq + Clone> {
    limits: Limits,
    turns: Arc<Semaphore>,
    lines: Mutex<Lines<K>>,
}

#[derive(Debug)]
struct Lines<K> {
    total: usize,
    lines: HashMap<K, WaitingLine>,
}

/// Those of one address.
#[derive(Debug)]
struct WaitingLine {
    count: usize,
    turns: Arc<Semaphore>,
}

/// A place in the queue. It is free again when this is dropped.
#[derive(Debug)]
pub struct QueuePlace<K: Hash + Eq + Clone> {
    admission: Arc<Admission<K>>,
    who: K,
    line: Arc<Semaphore>,
}

/// Somebody's turn. It is over when this is dropped, so it belongs where the work is done.
#[derive(Debug)]
pub struct Turn<K: Hash + Eq + Clone> {
    // In the order in which they are given back.
    _turn: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
    _place: QueuePlace<K>,
}

impl<K: Hash + Eq + Clone> Admission<K> {
    /// Nobody is there yet.
    pub fn new(limits: Limits) -> Arc<Self> {
        let turns = Arc::new(Semaphore::new(limits.at_once));
        let lines = Mutex::new(Lines { total: 0, lines: HashMap::new() });
        Arc::new(Self { limits, turns, lines })
    }

    /// A place in the queue; nothing if it is full, or full of this one's.
    pub fn enter(self: &Arc<Self>, who: K) -> Option<QueuePlace<K>> {
        self.enter_within(who, self.limits.queue)
    }

    /// The same for somebody who is known: a queue full of strangers has room for some more of
    /// these.
    pub fn enter_known(self: &Arc<Self>, who: K) -> Option<QueuePlace<K>> {
        self.enter_within(who, self.limits.queue + self.limits.each_queue)
    }

    fn enter_within(self: &Arc<Self>, who: K, queue: usize) -> Option<QueuePlace<K>> {
        let mut guard = self.lines();
        let lines = &mut *guard;
        let waiting = lines.lines.get(&who).map_or(0, |line| line.count);
        if lines.total >= queue || waiting >= self.limits.each_queue {
            return None;
        }
        lines.total += 1;
        let new =
            || WaitingLine { count: 0, turns: Arc::new(Semaphore::new(self.limits.each_at_once)) };
        let line = lines.lines.entry(who.clone()).or_insert_with(new);
        line.count += 1;
        Some(QueuePlace { admission: Arc::clone(self), who, line: Arc::clone(&line.turns) })
    }

    /// How many are admitted or wait.
    pub fn len(&self) -> usize {
        self.lines().total
    }

    /// Whether nobody is there.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lines(&self) -> MutexGuard<'_, Lines<K>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq + Clone> QueuePlace<K> {
    /// Waits for a turn. Nothing only if the queue is closed for good.
    pub async fn turn(self) -> Option<Turn<K>> {
        let own = Arc::clone(&self.line).acquire_owned().await.ok()?;
        let turn = Arc::clone(&self.admission.turns).acquire_owned().await.ok()?;
        Some(Turn { _turn: turn, _own: own, _place: self })
    }
}

impl<K: Hash + Eq + Clone> Drop for QueuePlace<K> {
    fn drop(&mut self) {
        let mut guard = self.admission.lines();
        let lines = &mut *guard;
        lines.total = lines.total.saturating_sub(1);
        if let Some(line) = lines.lines.get_mut(&self.who) {
            line.count = line.count.saturating_sub(1);
            if line.count == 0 {
                lines.lines.remove(&self.who);
            }
        }
    }
}

/// What counts as one address: an IPv6 host counts with its whole /64.
pub fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => {
            let mut octets = six.octets();
            octets.iter_mut().skip(8).for_each(|octet| *octet = 0);
            IpAddr::V6(octets.into())
        }
        four @ IpAddr::V4(_) => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    const LIMITS: Limits = Limits { at_once: 2, each_at_once: 1, queue: 4, each_queue: 3 };

    fn ready<T>(future: impl Future<Output = T>) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_flood_from_one_address_leaves_a_turn_for_another() {
        let admission = Admission::new(LIMITS);
        let flood: Vec<_> = std::iter::from_fn(|| admission.enter("flood")).collect();
        assert_eq!(flood.len(), 3, "its own queue is full");
        let mut flood = flood.into_iter();
        let first = ready(flood.next().unwrap().turn()).flatten();
        assert!(first.is_some());
        let mut second = pin!(flood.next().unwrap().turn());
        let mut context = Context::from_waker(Waker::noop());
        assert!(second.as_mut().poll(&mut context).is_pending(), "one at once for each");
        let rep = admission.enter("rep").unwrap();
        assert!(ready(rep.turn()).flatten().is_some());
        assert!(second.as_mut().poll(&mut context).is_pending());
        drop(first);
        assert!(second.as_mut().poll(&mut context).is_ready());
    }

    #[test]
    fn a_full_queue_has_room_for_who_is_known_and_all_places_come_back() {
        let admission = Admission::new(LIMITS);
        let strangers: Vec<_> = (0..4).map(|who| admission.enter(who).unwrap()).collect();
        assert!(admission.enter(9).is_none());
        let known = admission.enter_known(10).unwrap();
        drop((strangers, known));
        assert!(admission.is_empty());
        assert!(admission.lines().lines.is_empty());
    }

    #[test]
    fn one_ipv6_subscriber_is_one_address() {
        let one = source("2001:db8::1".parse().unwrap());
        assert_eq!(one, source("2001:db8::2".parse().unwrap()));
        assert_ne!(one, source("2001:db8:0:1::1".parse().unwrap()));
        assert_eq!(
            source("::ffff:192.0.2.1".parse().unwrap()),
            source("192.0.2.1".parse().unwrap())
        );
    }
}
