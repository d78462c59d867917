//! What the one who has the data directory can do without the appliance: give a user a new password.

use crate::accounts::hashing::{Hasher, Whose};
use crate::accounts::passwords::renew;
use crate::app::StartError;
use crate::data_dir::DataDir;
use crate::keys;
use crate::vitals::Vitals;
use anyhow::Context;
use jumpdeck_protocol::Timestamp;
use jumpdeck_protocol::audit::Action;
use jumpdeck_store::{AuditRecord, Draft, Store};
use jumpdeck_world::{Account, User};
use std::io;
use std::sync::Arc;

/// A user's new first password.
#[derive(Clone)]
pub struct Rescued {
    /// Whose.
    pub username: String,
    /// To be shown once; it has to be changed at the first login.
    pub password: String,
}

/// Gives a user of an appliance that does not run a new first password, enables the user, and
/// removes the second factor if that is asked for. The password is shown before it is made.
///
/// # Errors
/// When the appliance runs, there is no such user, or the password cannot be shown or stored.
pub async fn reset_password(
    dir: &DataDir,
    username: &str,
    second_factor: bool,
    show: impl FnOnce(&Rescued) -> io::Result<()>,
) -> anyhow::Result<()> {
    let _lock = dir.lock().context("stop the appliance first")?;
    if !dir.found()?.database {
        anyhow::bail!("there is no appliance in {}", dir.path().display());
    }
    let vitals = Vitals::default();
    let store = Store::open(&dir.database(), vitals.end_of("store"))?.store;
    let world = store.world();
    let user = world.user_by_name(username).cloned();
    let user = user.with_context(|| format!("there is no user {username}"))?;
    if world.account(user.id).is_none_or(|account| account.password.is_none()) {
        anyhow::bail!("{username} has no password: an embedded appliance's user needs none");
    }
    let password = keys::secret()?;
    let hash = Hasher::new()?.hash(Whose::Own, password.clone()).await?;
    let rescued = Rescued { username: user.username.clone(), password };
    show(&rescued).map_err(StartError::Untold)?;
    let now = Timestamp::from_system(std::time::SystemTime::now());
    let edit = move |draft: &mut Draft| {
        let subject = format!("user {}", user.username);
        let detail = "by the owner of the data directory";
        draft.audit(
            now,
            AuditRecord { who: "", action: Action::PasswordReset, subject: &subject, detail },
        );
        let id = user.id;
        if !user.enabled {
            let enabled = User { enabled: true, ..User::clone(&Arc::clone(&user)) };
            draft.put(enabled)?;
        }
        let change = |account: &mut Account| {
            (account.password, account.must_change) = (Some(hash.clone()), true);
            if second_factor {
                account.second_factor = None;
            }
        };
        renew(draft, id, None, change)
    };
    store.edit(edit).await?;
    store.close().await;
    Ok(())
}
