//! Who is a user, and what proves it: passwords, second factors, keys, kept logins, accounts of
//! programs.

pub(crate) mod duties;
pub(crate) mod hashing;
pub(crate) mod login;
pub(crate) mod passwords;
pub(crate) mod programs;
pub(crate) mod rates;
pub(crate) mod second_factor;
pub(crate) mod ssh_keys;
pub(crate) mod throttle;

use crate::base::Base;
use crate::book::Book;
use login::LoginCheck;
use passwords::Passwords;
use programs::Programs;
use rates::Rates;
use second_factor::SecondFactors;
use ssh_keys::SshKeys;
use std::sync::Arc;
use throttle::Throttle;

/// Its services.
pub(crate) struct Accounts {
    pub login: Arc<LoginCheck>,
    pub passwords: Arc<Passwords>,
    pub second_factors: Arc<SecondFactors>,
    pub programs: Arc<Programs>,
    pub ssh_keys: Arc<SshKeys>,
}

impl Accounts {
    pub(crate) fn new(base: &Base, book: &Arc<Book>, login: LoginCheck, embedded: bool) -> Self {
        let login = Arc::new(login);
        let passwords = Arc::new(Passwords {
            base: base.clone(),
            book: Arc::clone(book),
            login: Arc::clone(&login),
            embedded,
            tries: Throttle::default(),
        });
        let second_factors =
            Arc::new(SecondFactors { base: base.clone(), tries: Throttle::default() });
        let programs = Arc::new(Programs { base: base.clone(), rates: Rates::default() });
        let ssh_keys = Arc::new(SshKeys { base: base.clone(), embedded });
        Self { login, passwords, second_factors, programs, ssh_keys }
    }
}
