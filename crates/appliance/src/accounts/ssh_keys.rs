//! The public keys of a rep, which open the SSH front door.

use crate::accounts::passwords::renew;
use crate::answered::Answered;
use crate::base::Base;
use crate::links::consoles::RepLink;
use data_encoding::BASE64_NOPAD;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::{SshKey, SshKeyRequest};
use jumpdeck_protocol::{Refusal, RefusalCode, Timestamp, UserId, limits, text};
use jumpdeck_store::Draft;
use jumpdeck_world::World;
use jumpdeck_world::{Account, SshPublicKey};
use ring::digest;
use ssh_key::PublicKey;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Keys of one user at most.
const KEYS: usize = 20;
/// The length of an RSA key.
const RSA_BITS: RangeInclusive<u32> = 2048..=16_384;

/// What OpenSSH calls the algorithms whose keys are taken.
const ALGORITHMS: [&str; 5] =
    ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"];

/// Adds and removes the public keys that open the SSH front door.
pub(crate) struct SshKeys {
    pub(super) base: Base,
    pub(super) embedded: bool,
}

impl SshKeys {
    /// Lists, adds or removes a rep's public keys.
    pub(crate) async fn ssh_keys(
        &self,
        rep: &RepLink,
        wish: SshKeyRequest,
    ) -> Result<reply::SshKeyList, Refusal> {
        let (user, now) = (rep.user, self.base.now());
        match wish {
            SshKeyRequest::List => {}
            // Someone who finds an open link must not be able to add a key.
            SshKeyRequest::Add { .. }
                if !self.embedded && !rep.came_just_now(self.base.uptime()) =>
            {
                return Err(RefusalCode::PasswordRequired.plain());
            }
            SshKeyRequest::Add { key } => {
                let key = read(&key, now)?;
                self.base.store.edit(move |draft| add(draft, user, key.clone(), now)).await?;
            }
            SshKeyRequest::Remove { which } => {
                let login = Arc::clone(&rep.login);
                let edit = move |draft: &mut Draft| {
                    let account = draft.account(user).ok_or_else(|| unknown(&which))?;
                    let meant = |key: &SshPublicKey| {
                        *fingerprint(&key.blob) == *which || *key.comment == *which
                    };
                    let mut keys = account.ssh_keys.clone();
                    let Some(at) = keys.iter().position(meant) else {
                        return Err(unknown(&which));
                    };
                    let detail = fingerprint(&keys.remove(at).blob);
                    draft.audit_by(now, user, Action::SshKeyRemoved, ("", &detail));
                    // What it opened is over.
                    renew(draft, user, Some(&login), |account| account.ssh_keys = keys)
                };
                self.base.store.edit(edit).await?;
            }
        }
        Ok(reply::SshKeyList { keys: views(&self.base.world(), user) })
    }
}

impl Answered for SshKeyRequest {
    type By = SshKeys;

    async fn answer(
        self,
        keys: &Arc<SshKeys>,
        rep: &RepLink,
    ) -> Result<reply::SshKeyList, Refusal> {
        keys.ssh_keys(rep, self).await
    }
}

fn views(world: &World, user: UserId) -> Vec<SshKey> {
    let keys = world.account(user).map(|account| account.ssh_keys.clone()).unwrap_or_default();
    let view = |key: SshPublicKey| SshKey {
        fingerprint: fingerprint(&key.blob).into(),
        algorithm: key.algorithm.into(),
        comment: key.comment.into(),
        added: key.added,
    };
    keys.into_iter().map(view).collect()
}

fn unknown(which: &str) -> Refusal {
    let which = text::bounded(which, limits::NAME);
    RefusalCode::InvalidValue.because(format!("None of your keys is “{which}”."))
}

fn add(draft: &mut Draft, user: UserId, key: SshPublicKey, now: Timestamp) -> Result<(), Refusal> {
    let known = draft.account(user).map(|account| Account::clone(account));
    let mut account = known.unwrap_or_else(|| Account::none(user));
    if account.ssh_keys.iter().any(|other| other.blob == key.blob) {
        return Err(RefusalCode::InvalidValue.because("That key is yours already."));
    }
    if account.ssh_keys.len() >= KEYS {
        return Err(RefusalCode::InvalidValue
            .because(format!("You have {KEYS} keys, the limit. Remove one first.")));
    }
    draft.audit_by(now, user, Action::SshKeyAdded, ("", &fingerprint(&key.blob)));
    account.ssh_keys.push(key);
    draft.put(account)
}

/// A key from a line as in `authorized_keys`.
fn read(line: &str, now: Timestamp) -> Result<SshPublicKey, Refusal> {
    let wrong = |what: &str| RefusalCode::InvalidValue.because(what);
    let algorithm = line.split_whitespace().next().unwrap_or_default();
    if !ALGORITHMS.contains(&algorithm) {
        let what = format!(
            "A public key is a line like `ssh-ed25519 AAAA… comment`, of {}.",
            ALGORITHMS.join(", ")
        );
        return Err(wrong(&what));
    }
    let key = PublicKey::from_openssh(line.trim()).map_err(|error| match error {
        ssh_key::Error::Encoding(_) => wrong("The key is not base64, or not whole."),
        _ => wrong("The key is not what its line says it is."),
    })?;
    if let Some(rsa) = key.key_data().rsa()
        && !RSA_BITS.contains(&rsa.key_size())
    {
        return Err(wrong("An RSA key has 2,048 to 16,384 bits."));
    }
    let blob = key.to_bytes().map_err(|_| wrong("The key is not what its line says it is."))?;
    let comment = text::bounded(key.comment().as_str_lossy().trim(), limits::NAME);
    Ok(SshPublicKey { algorithm: algorithm.to_owned(), blob, comment, added: now })
}

/// The fingerprint of a key as it goes over the wire, as `ssh-keygen -l` shows it.
pub(crate) fn fingerprint(blob: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, blob);
    format!("SHA256:{}", BASE64_NOPAD.encode(digest.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::BASE64;

    /// From RFC 8709 and `ssh-keygen -l`.
    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

    fn refused(line: &str) -> String {
        read(line, Timestamp(0)).unwrap_err().detail
    }

    #[test]
    fn a_key_is_read_with_its_comment_and_known_by_its_fingerprint() {
        let key = read(&format!("{KEY} alice on her laptop\n"), Timestamp(7)).unwrap();
        assert_eq!(key.comment, "alice on her laptop");
        assert_eq!(fingerprint(&key.blob), "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU");
    }

    #[test]
    fn what_is_no_key_is_refused_and_said_why() {
        assert!(refused("hello").contains("like `ssh-ed25519"));
        assert!(refused("ssh-dss AAAA").contains("ssh-rsa"));
        let not_whole = "The key is not base64, or not whole.";
        let another = "The key is not what its line says it is.";
        assert_eq!(refused("ssh-ed25519 AAA!"), not_whole);
        assert_eq!(refused(&KEY.replace("ssh-ed25519 ", "ssh-rsa ")), another);
        // The name of the algorithm, and no key behind it.
        let named = [field(b"ssh-ed25519"), vec![7; 3]].concat();
        assert_eq!(refused(&line("ssh-ed25519", &named)), not_whole);
        assert!(refused(&line("ssh-rsa", &rsa(&[0xff; 255]))).contains("2,048"));
        assert!(refused(&line("ssh-rsa", &rsa(&[0xff; 2049]))).contains("16,384"));
    }

    #[test]
    fn each_algorithm_is_taken() {
        let curve = |name: &str, size: usize| {
            let point = [&[4][..], &vec![7; 2 * size]].concat();
            let algorithm = format!("ecdsa-sha2-{name}");
            let blob = [algorithm.as_bytes(), name.as_bytes(), &point].map(field).concat();
            line(&algorithm, &blob)
        };
        let keys = [
            KEY.to_owned(),
            curve("nistp256", 32),
            curve("nistp384", 48),
            curve("nistp521", 66),
            line("ssh-rsa", &rsa(&[0xff; 256])),
            line("ssh-rsa", &rsa(&[0xff; 2048])),
        ];
        for key in keys {
            let read = read(&key, Timestamp(0)).unwrap();
            assert!(key.ends_with(&BASE64.encode(&read.blob)), "as it was given");
        }
    }

    fn line(algorithm: &str, blob: &[u8]) -> String {
        format!("{algorithm} {}", BASE64.encode(blob))
    }

    /// A string of RFC 4251.
    fn field(bytes: &[u8]) -> Vec<u8> {
        [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
    }

    /// An RSA key with this modulus, as RFC 4253 has it.
    fn rsa(modulus: &[u8]) -> Vec<u8> {
        let positive = [&[0], modulus].concat();
        [&b"ssh-rsa"[..], &[1, 0, 1], &positive].map(field).concat()
    }
}
