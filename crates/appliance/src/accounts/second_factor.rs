//! The second factor: codes of an authenticator (RFC 6238), and recovery codes for when it is lost.
//!
//! A code is taken once: the time step it belongs to is written down in the same edit that takes
//! it, so two that come at once are not both let in, nor one that comes again after a restart.

use crate::accounts::duties::first_of;
use crate::accounts::passwords::renew;
use crate::accounts::throttle::Throttle;
use crate::answered::Answered;
use crate::base::Base;
use crate::keys;
use crate::links::consoles::{LinkLogin, RepLink};
use data_encoding::BASE32_NOPAD;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::rep::Secret;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::{Refusal, RefusalCode, Timestamp, UserId};
use jumpdeck_store::Draft;
use jumpdeck_world::World;
use jumpdeck_world::{Account, SecondFactor};
use std::fmt::Write;
use std::sync::Arc;
use totp_rs::{Builder, Totp};

/// Seconds of a time step.
const STEP: u64 = 30;
/// Recovery codes that are made at once.
const RECOVERY: usize = 10;
/// Characters of a recovery code.
const RECOVERY_LENGTH: usize = 12;

/// Sets up and checks second factors. Each code counts once.
pub(crate) struct SecondFactors {
    pub(super) base: Base,
    /// Who guesses codes.
    pub(super) tries: Throttle<UserId>,
}

impl SecondFactors {
    /// Takes a code of a user's second factor. It is used up.
    ///
    /// # Errors
    /// `second_factor_required` if it is wrong or used, `login_throttled` for anyone who guesses.
    pub(crate) async fn spend_code(&self, user: UserId, code: &str) -> Result<(), Refusal> {
        let now = self.base.now();
        let uptime = self.base.uptime();
        if !self.tries.admits(&user, uptime) {
            return Err(RefusalCode::LoginThrottled.plain());
        }
        // It counts before it is judged, so that many at once are no more than as many in turn.
        self.tries.count(user, uptime);
        let code = code.to_owned();
        let spent = self.base.store.edit(move |draft| spend(draft, user, &code, now)).await;
        if spent.is_ok() {
            self.tries.forgive(&user);
        }
        spent
    }

    /// Begins to set up a second factor.
    async fn begin(
        &self,
        rep: &RepLink,
        code: Option<Secret>,
    ) -> Result<reply::NewSecondFactor, Refusal> {
        let user = rep.user;
        if has_one(&self.base.world(), user) {
            self.still_has_it(rep, code).await?;
        } else if !rep.came_just_now(self.base.uptime()) {
            // Anyone who found an open link does not lock its owner out.
            return Err(RefusalCode::PasswordRequired.plain());
        }
        let secret = random::<20>()?.to_vec();
        let shown = Secret(BASE32_NOPAD.encode(&secret));
        let url = Secret(address(&self.base.world().username(user), &shown.0));
        self.base.store.edit(move |draft| begin(draft, user, secret.clone())).await?;
        Ok(reply::NewSecondFactor { secret: shown, url })
    }

    /// Takes a rep's second factor away.
    async fn remove(&self, rep: &RepLink, code: Option<Secret>) -> Result<(), Refusal> {
        let user = rep.user;
        self.still_has_it(rep, code).await?;
        let (now, login) = (self.base.now(), Arc::clone(&rep.login));
        let remove = move |draft: &mut Draft| {
            draft.audit_by(now, user, Action::SecondFactorRemoved, ("", ""));
            renew(draft, user, Some(&login), |account| account.second_factor = None)
        };
        self.base.store.edit(remove).await?;
        rep.must_first(first_of(&self.base.world(), user));
        Ok(())
    }

    /// Whether the rep has the second factor at hand: a code now, or one a moment ago.
    async fn still_has_it(&self, rep: &RepLink, code: Option<Secret>) -> Result<(), Refusal> {
        if !has_one(&self.base.world(), rep.user) {
            return Err(RefusalCode::SecondFactorUnknown.plain());
        }
        match code {
            Some(code) => self.spend_code(rep.user, &code.0).await,
            None if rep.came_just_now(self.base.uptime()) => Ok(()),
            None => Err(RefusalCode::SecondFactorRequired.plain()),
        }
    }

    async fn confirm(&self, rep: &RepLink, code: &str) -> Result<reply::RecoveryCodes, Refusal> {
        let (user, now) = (rep.user, self.base.now());
        let uptime = self.base.uptime();
        if !self.tries.admits(&user, uptime) {
            return Err(RefusalCode::LoginThrottled.plain());
        }
        self.tries.count(user, uptime);
        let codes = (0..RECOVERY).map(|_| recovery_code()).collect::<Result<Vec<_>, _>>()?;
        let recovery: Vec<_> = codes.iter().map(|code| keys::hash(&plain(code))).collect();
        let code = code.to_owned();
        let login = Arc::clone(&rep.login);
        let edit =
            move |draft: &mut Draft| confirm(draft, &login, user, &code, recovery.clone(), now);
        self.base.store.edit(edit).await?;
        rep.must_first(first_of(&self.base.world(), user));
        Ok(reply::RecoveryCodes { codes: codes.into_iter().map(Secret).collect() })
    }
}

impl Answered for request::BeginSecondFactor {
    type By = SecondFactors;

    async fn answer(
        self,
        factors: &Arc<SecondFactors>,
        rep: &RepLink,
    ) -> Result<reply::NewSecondFactor, Refusal> {
        factors.begin(rep, self.code).await
    }
}

impl Answered for request::ConfirmSecondFactor {
    type By = SecondFactors;

    async fn answer(
        self,
        factors: &Arc<SecondFactors>,
        rep: &RepLink,
    ) -> Result<reply::RecoveryCodes, Refusal> {
        factors.confirm(rep, &self.code.0).await
    }
}

impl Answered for request::RemoveSecondFactor {
    type By = SecondFactors;

    async fn answer(self, factors: &Arc<SecondFactors>, rep: &RepLink) -> Result<(), Refusal> {
        factors.remove(rep, self.code).await
    }
}

/// Whether a user has a second factor that counts.
pub(crate) fn has_one(world: &World, user: UserId) -> bool {
    world.account(user).is_some_and(|account| account.has_factor())
}

/// Changes what is kept of a factor, and no more: that somebody used a code ends no other link.
fn keep(draft: &mut Draft, user: UserId, factor: SecondFactor) -> Result<(), Refusal> {
    let account = draft.account(user).ok_or_else(|| RefusalCode::NoSuchUser.plain())?;
    let account = Account { second_factor: Some(factor), ..Account::clone(account) };
    draft.put(account)
}

fn factor_of(world: &World, user: UserId) -> Option<SecondFactor> {
    world.account(user).and_then(|account| account.second_factor.clone())
}

fn spend(draft: &mut Draft, user: UserId, code: &str, now: Timestamp) -> Result<(), Refusal> {
    let wrong = || RefusalCode::SecondFactorRequired.because("the code is wrong, or was used");
    let unknown = || RefusalCode::SecondFactorUnknown.plain();
    let factor = factor_of(draft, user).filter(|factor| factor.confirmed);
    let mut factor = factor.ok_or_else(unknown)?;
    let code = plain(code);
    let hash = keys::hash(&code);
    if let Some(step) = step_of(&factor.secret, &code, now) {
        if step <= factor.last_step {
            return Err(wrong());
        }
        factor.last_step = step;
    } else if let Some(at) = factor.recovery.iter().position(|kept| *kept == hash) {
        factor.recovery.remove(at);
        let left = format!("{} are left", factor.recovery.len());
        draft.audit_by(now, user, Action::RecoveryCodeUsed, ("", &left));
    } else {
        return Err(wrong());
    }
    keep(draft, user, factor)
}

fn begin(draft: &mut Draft, user: UserId, secret: Vec<u8>) -> Result<(), Refusal> {
    let factor = match factor_of(draft, user) {
        Some(factor) if factor.confirmed => SecondFactor { next: Some(secret), ..factor },
        _ => SecondFactor {
            secret,
            confirmed: false,
            next: None,
            last_step: 0,
            recovery: Vec::new(),
            since: Timestamp(0),
        },
    };
    keep(draft, user, factor)
}

fn confirm(
    draft: &mut Draft,
    login: &LinkLogin,
    user: UserId,
    code: &str,
    recovery: Vec<String>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let unknown = || RefusalCode::SecondFactorUnknown.because("none was begun");
    let factor = factor_of(draft, user).filter(|f| !f.confirmed || f.next.is_some());
    let factor = factor.ok_or_else(unknown)?;
    let secret = factor.next.unwrap_or(factor.secret);
    let wrong = || RefusalCode::SecondFactorRequired.because("the code is wrong");
    let last_step = step_of(&secret, &plain(code), now).ok_or_else(wrong)?;
    draft.audit_by(now, user, Action::SecondFactorSet, ("", ""));
    let (confirmed, next, since) = (true, None, now);
    let factor = SecondFactor { secret, confirmed, next, last_step, recovery, since };
    // Anyone who came without it has to come again.
    renew(draft, user, Some(login), |account| account.second_factor = Some(factor))
}

/// The time step to which a code belongs: this one, the one before or the one after.
fn step_of(secret: &[u8], code: &str, now: Timestamp) -> Option<u64> {
    if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    totp(secret)?.check(code, u64::try_from(now.0).ok()?)
}

fn totp(secret: &[u8]) -> Option<Totp> {
    let secret = <[u8; 20]>::try_from(secret).ok()?;
    let builder = Builder::new().with_secret(secret).with_step_duration(STEP);
    builder.with_skew(1).build().ok()
}

/// A code without what is only there to be read more easily.
fn plain(code: &str) -> String {
    let kept = code.chars().filter(|c| !c.is_whitespace() && *c != '-');
    kept.flat_map(char::to_lowercase).take(64).collect()
}

/// A recovery code: 60 bits, in groups of four.
fn recovery_code() -> Result<String, Refusal> {
    let letters = BASE32_NOPAD.encode(&random::<8>()?).to_lowercase();
    let mut code = String::new();
    for (at, letter) in letters.chars().take(RECOVERY_LENGTH).enumerate() {
        if at > 0 && at.is_multiple_of(4) {
            code.push('-');
        }
        code.push(letter);
    }
    Ok(code)
}

fn random<const N: usize>() -> Result<[u8; N], Refusal> {
    let mut bytes = [0; N];
    let failed = |error| RefusalCode::StoreFailed.because(format!("no randomness: {error}"));
    getrandom::fill(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// What an authenticator reads from a QR code.
fn address(username: &str, secret: &str) -> String {
    let mut name = String::new();
    for byte in username.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            name.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(name, "%{byte:02X}");
        }
    }
    format!("otpauth://totp/jumpdeck:{name}?secret={secret}&issuer=jumpdeck")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // Its appendix B, for SHA-1, the last six digits.
        let secret = b"12345678901234567890";
        for (time, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")]
        {
            let step = u64::try_from(time / 30).unwrap();
            assert_eq!(step_of(secret, code, Timestamp(time)), Some(step));
            assert_eq!(step_of(secret, code, Timestamp(time + 30)), Some(step), "a slow clock");
            assert_eq!(step_of(secret, code, Timestamp(time + 90)), None);
        }
        assert_eq!(step_of(secret, "28708", Timestamp(59)), None);
        assert_eq!(step_of(secret, "+87082", Timestamp(59)), None);
    }

    #[test]
    fn a_recovery_code_is_read_however_it_is_typed() {
        let code = recovery_code().unwrap();
        assert_eq!(code.len(), 14);
        assert_eq!(plain(&code.to_uppercase().replace('-', " ")), plain(&code));
    }

    #[test]
    fn a_name_with_odd_letters_makes_an_address() {
        let address = address("zoë@x", "ABC");
        assert_eq!(address, "otpauth://totp/jumpdeck:zo%C3%AB%40x?secret=ABC&issuer=jumpdeck");
    }
}
