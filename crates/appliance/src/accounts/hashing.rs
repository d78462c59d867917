//! The work of argon2id: in one place, bounded, and in memory that is used again.

use crate::admission::{Admission, Limits, QueuePlace};
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use jumpdeck_protocol::{Refusal, RefusalCode, UserId};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Passwords at once; each takes 19 MiB and a processor for some 25 ms.
const LIMITS: Limits = Limits { at_once: 2, each_at_once: 1, queue: 96, each_queue: 32 };
/// Blocks of a stored hash, at most: a database of others does not take the memory either.
const BLOCKS: usize = 64 * 1024;
/// Bytes of a salt.
const SALT: usize = 16;

/// For whom a password is hashed: they take turns.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Whose {
    /// Somebody at this address who is not logged in.
    Address(IpAddr),
    /// Somebody with the name of a user who logged in from this address before.
    Known(UserId, IpAddr),
    /// A user who is logged in.
    User(UserId),
    /// The appliance.
    Own,
}

/// Hashes passwords.
#[derive(Debug)]
pub(crate) struct Hasher {
    admission: Arc<Admission<Whose>>,
    memory: Arc<Mutex<Vec<Memory>>>,
    decoy: String,
}

/// A place in the queue of those who wait for a hash.
pub(crate) type Waiting = QueuePlace<Whose>;

/// What argon2 works in.
type Memory = Vec<Block>;

impl Hasher {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let mut memory = Memory::new();
        let decoy = hash(&Argon2::default(), b"decoy", &mut memory)?;
        let memory = Arc::new(Mutex::new(vec![memory]));
        Ok(Self { admission: Admission::new(LIMITS), memory, decoy })
    }

    /// A place in the queue.
    ///
    /// # Errors
    /// `server_busy` if it is full, or full of this one's.
    pub(crate) fn enter(&self, whose: Whose) -> Result<Waiting, Refusal> {
        let place = match whose {
            Whose::Address(_) => self.admission.enter(whose),
            _ => self.admission.enter_known(whose),
        };
        place.ok_or_else(|| RefusalCode::ServerBusy.because("too many logins are waiting"))
    }

    /// Whether a password is the one of which this is kept. Takes the same time whether it is,
    /// whether anything is kept, and however costly what is kept was made.
    pub(crate) async fn is(
        &self,
        place: Waiting,
        password: String,
        stored: Option<String>,
    ) -> Result<bool, Refusal> {
        let decoy = self.decoy.clone();
        let check = move |memory: &mut Memory| verify(&password, stored.as_deref(), &decoy, memory);
        self.run(place, check).await
    }

    /// What is kept of a password: argon2id with the crate's recommended cost, in PHC form.
    pub(crate) async fn hash(&self, whose: Whose, password: String) -> Result<String, Refusal> {
        let place = self.enter(whose)?;
        let work = move |memory: &mut Memory| hash(&Argon2::default(), password.as_bytes(), memory);
        let failed = |error: anyhow::Error| RefusalCode::StoreFailed.because(error.to_string());
        self.run(place, work).await?.map_err(failed)
    }

    /// Does the work on a thread of its own. Anyone who stops waiting for a turn leaves the queue;
    /// work that has begun keeps its turn to its end, no matter who still waits for it.
    async fn run<T: Send + 'static>(
        &self,
        place: Waiting,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let stopping = || RefusalCode::Stopping.plain();
        let turn = place.turn().await.ok_or_else(stopping)?;
        let pool = Arc::clone(&self.memory);
        let work = move || {
            let mut memory = pool.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let memory = memory.get_or_insert_default();
            let done = work(memory);
            let memory = std::mem::take(memory);
            pool.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
            drop(turn);
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| stopping())
    }
}

/// What is kept of a first password of 160 random bits, which nobody guesses: hashing it costs
/// little, so that many users can be made at once.
pub(crate) fn hash_first_password(password: &str) -> anyhow::Result<String> {
    let failed = |error: argon2::Error| anyhow::anyhow!("hashing a password: {error}");
    let params = Params::new(Params::MIN_M_COST, 1, 1, None).map_err(failed)?;
    let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    hash(&cheap, password.as_bytes(), &mut Memory::new())
}

fn hash(argon2: &Argon2<'_>, password: &[u8], memory: &mut Memory) -> anyhow::Result<String> {
    let failed = |error: &dyn std::fmt::Display| anyhow::anyhow!("hashing a password: {error}");
    let mut salt = [0; SALT];
    getrandom::fill(&mut salt).map_err(|error| failed(&error))?;
    let mut tag = [0; Params::DEFAULT_OUTPUT_LEN];
    fill(argon2, password, &salt, &mut tag, memory).map_err(|error| failed(&error))?;
    let params = ParamsString::try_from(argon2.params()).map_err(|error| failed(&error))?;
    let kept = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params,
        salt: Some(Salt::new(&salt).map_err(|error| failed(&error))?),
        hash: Some(Output::new(&tag).map_err(|error| failed(&error))?),
    };
    Ok(kept.to_string())
}

fn verify(password: &str, stored: Option<&str>, decoy: &str, memory: &mut Memory) -> bool {
    let matched = stored.and_then(|stored| matches(password, stored, memory));
    let full = Argon2::default().params().block_count();
    match matched {
        Some((matched, blocks)) if blocks >= full => matched,
        // What was cheap or not there at all takes as long as everything else.
        matched => {
            std::hint::black_box(matches(password, decoy, memory));
            matched.is_some_and(|(matched, _)| matched)
        }
    }
}

/// Whether it matches, and how much memory it took.
fn matches(password: &str, stored: &str, memory: &mut Memory) -> Option<(bool, usize)> {
    let kept = PasswordHash::new(stored).ok()?;
    let params = Params::try_from(&kept).ok()?;
    let algorithm = Algorithm::try_from(kept.algorithm.as_str()).ok()?;
    let version = kept.version.map_or(Ok(Version::V0x13), Version::try_from).ok()?;
    let (salt, expected, blocks) = (kept.salt?, kept.hash?, params.block_count());
    let argon2 = Argon2::new(algorithm, version, params);
    let mut tag = vec![0; expected.as_ref().len()];
    fill(&argon2, password.as_bytes(), &salt, &mut tag, memory).ok()?;
    // Outputs are compared in constant time.
    Some((Output::new(&tag).is_ok_and(|tag| tag == expected), blocks))
}

fn fill(
    argon2: &Argon2<'_>,
    password: &[u8],
    salt: &[u8],
    tag: &mut [u8],
    memory: &mut Memory,
) -> argon2::Result<()> {
    let blocks = argon2.params().block_count();
    if blocks > BLOCKS {
        return Err(argon2::Error::MemoryTooMuch);
    }
    if memory.len() < blocks {
        memory.resize(blocks, Block::default());
    }
    let used = memory.get_mut(..blocks).ok_or(argon2::Error::OutOfMemory)?;
    argon2.hash_password_into_with_memory(password, salt, tag, used)
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::password_hash::{PasswordHasher, PasswordVerifier};
    use std::time::Duration;

    #[test]
    fn what_is_kept_is_what_everybody_elses_argon2_understands() {
        let mut memory = Memory::new();
        for password in ["right", "", "schlüssel ☃"] {
            let ours = hash(&Argon2::default(), password.as_bytes(), &mut memory).unwrap();
            let parsed = PasswordHash::new(&ours).unwrap();
            Argon2::default().verify_password(password.as_bytes(), &parsed).unwrap();
            let theirs = Argon2::default().hash_password(password.as_bytes()).unwrap().to_string();
            assert_eq!(matches(password, &theirs, &mut memory).map(|(right, _)| right), Some(true));
            assert_eq!(matches("wrong", &theirs, &mut memory).map(|(right, _)| right), Some(false));
        }
    }

    #[test]
    fn each_wrong_password_costs_a_whole_hash() {
        let mut memory = Memory::new();
        let decoy = hash(&Argon2::default(), b"decoy", &mut memory).unwrap();
        let full = memory.len();
        let first = hash_first_password("first").unwrap();
        for stored in [None, Some(first.as_str()), Some("nonsense")] {
            // Only a hash at full cost makes the memory as large as that again.
            memory = Memory::new();
            assert!(!verify("wrong", stored, &decoy, &mut memory));
            assert_eq!(memory.len(), full, "{stored:?}");
        }
        assert!(verify("first", Some(&first), &decoy, &mut memory));
    }

    #[tokio::test]
    async fn hashes_that_nobody_waits_for_any_more_are_no_more_than_two() {
        let hasher = Hasher::new().unwrap();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let released = Arc::new(Mutex::new(released));
        let address = |last| Whose::Address([192, 0, 2, last].into());
        for last in 0..20 {
            let released = Arc::clone(&released);
            let place = hasher.enter(address(last)).unwrap();
            let work = move |_: &mut Memory| released.lock().unwrap().recv();
            // Its caller gives up at once, as a handshake does whose time is over.
            let _ = tokio::time::timeout(Duration::ZERO, hasher.run(place, work)).await;
        }
        assert_eq!(hasher.admission.len(), 2, "those that have begun");
        drop(release);
    }

    #[tokio::test]
    async fn the_memory_is_used_again() {
        let hasher = Hasher::new().unwrap();
        for _ in 0..4 {
            hasher.hash(Whose::Own, "password".to_owned()).await.unwrap();
        }
        assert_eq!(hasher.memory.lock().unwrap().len(), 1);
    }
}
