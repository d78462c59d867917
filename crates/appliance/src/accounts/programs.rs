//! Accounts of programs: a token each, with scopes.

use crate::accounts::rates::Rates;
use crate::answered::Answered;
use crate::base::Base;
use crate::keys;
use crate::links::consoles::RepLink;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::rep::{ApiAccountRequest, ApiAccountView, ApiAccounts, ApiScope, Secret};
use jumpdeck_protocol::{Refusal, RefusalCode, Timestamp, UserId, limits, text};
use jumpdeck_store::Draft;
use jumpdeck_world::username;
use jumpdeck_world::{ApiAccount, DocumentId};
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Accounts there may be.
const ACCOUNTS: usize = 100;
/// Seconds a token may be good for: an hour to ten years.
const VALID: RangeInclusive<u64> = 3600..=315_360_000;

/// Makes and checks the accounts of programs that use the HTTP API.
pub(crate) struct Programs {
    pub(super) base: Base,
    /// How often they ask.
    pub(super) rates: Rates,
}

impl Programs {
    /// Whether somebody at this address may ask now; else in how many seconds.
    pub(crate) fn admits(&self, from: IpAddr) -> Result<(), u32> {
        self.rates.take(from, self.base.uptime())
    }

    /// The account whose token this is, while it is good.
    pub(crate) fn api_account_by_token(&self, token: &str) -> Option<Arc<ApiAccount>> {
        let (hash, now) = (keys::hash(token), self.base.now());
        let world = self.base.world();
        // Hashes are compared, so the time it takes says nothing about a token.
        let known = world.api_accounts().find(|account| account.token_hash == hash);
        known.filter(|account| account.expires > now).cloned()
    }

    /// So many requests in a minute to the API from one address.
    pub(crate) fn limit_api(&self, most: u32) {
        self.rates.limit(most);
    }

    /// Lists, makes or removes accounts of programs.
    async fn api_accounts(
        &self,
        rep: &RepLink,
        wish: ApiAccountRequest,
    ) -> Result<ApiAccounts, Refusal> {
        if !self.base.world().administers(rep.user) {
            let detail = "only an administrator looks after API accounts";
            return Err(RefusalCode::PermissionDenied.because(detail));
        }
        let (user, now) = (rep.user, self.base.now());
        let token = match wish {
            ApiAccountRequest::List => None,
            ApiAccountRequest::Add { name, scopes, valid } => {
                Some(self.add((user, now), name, scopes, valid).await?)
            }
            ApiAccountRequest::Remove { name } => {
                self.remove((user, now), name).await?;
                None
            }
        };
        let world = self.base.world();
        let mut accounts: Vec<_> = world.api_accounts().map(|account| view(account)).collect();
        accounts.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(ApiAccounts { accounts, token })
    }

    async fn add(
        &self,
        (user, now): (UserId, Timestamp),
        name: Box<str>,
        scopes: Vec<ApiScope>,
        valid: u64,
    ) -> Result<Secret, Refusal> {
        let name = username(&name)?;
        let wrong = |what: &str| Err(RefusalCode::InvalidValue.because(what));
        if scopes.is_empty() {
            return wrong("An API account needs a scope: items:read or sessions:read.");
        }
        if !VALID.contains(&valid) {
            return wrong("A token is valid for 1 hour to 10 years.");
        }
        let failed = |error: anyhow::Error| RefusalCode::StoreFailed.because(error.to_string());
        let token = keys::secret().map_err(failed)?;
        let token_hash = keys::hash(&token);
        let expires = now.plus(valid);
        let edit = move |draft: &mut Draft| {
            let taken = draft.api_accounts().any(|account| account.name == name);
            let refused = |detail| Err(RefusalCode::InvalidValue.because(detail));
            if taken {
                return refused(format!("There is an API account {name} already."));
            }
            if draft.api_accounts().count() >= ACCOUNTS {
                return refused(format!("There are {ACCOUNTS} API accounts, the limit."));
            }
            let names: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
            draft.audit_by(now, user, Action::ApiAccountMade, (&name, &names.join(", ")));
            let id = draft.next::<ApiAccount>();
            let made = now;
            let (name, token_hash) = (name.clone(), token_hash.clone());
            let scopes = scopes.clone();
            let account = ApiAccount { id, name, token_hash, scopes, made, expires };
            draft.put(account)
        };
        self.base.store.edit(edit).await?;
        Ok(Secret(token))
    }

    async fn remove(
        &self,
        (user, now): (UserId, Timestamp),
        name: Box<str>,
    ) -> Result<(), Refusal> {
        let edit = move |draft: &mut Draft| {
            let meant = draft.api_accounts().find(|account| *account.name == *name);
            let Some(id) = meant.map(|account| account.id) else {
                let name = text::bounded(&name, limits::NAME);
                let detail = format!("There is no API account “{name}”.");
                return Err(RefusalCode::InvalidValue.because(detail));
            };
            draft.audit_by(now, user, Action::ApiAccountRemoved, (&name, ""));
            draft.remove(DocumentId::ApiAccount(id));
            Ok(())
        };
        self.base.store.edit(edit).await
    }
}

impl Answered for ApiAccountRequest {
    type By = Programs;

    async fn answer(self, programs: &Arc<Programs>, rep: &RepLink) -> Result<ApiAccounts, Refusal> {
        programs.api_accounts(rep, self).await
    }
}

fn view(account: &ApiAccount) -> ApiAccountView {
    ApiAccountView {
        name: account.name.as_str().into(),
        scopes: account.scopes.clone(),
        made: account.made,
        expires: account.expires,
    }
}
