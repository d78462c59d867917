//! Who is a user, and what proves it: passwords, second factors, keys, kept logins, accounts of
//! programs.

pub(crate) mod hashing;
pub(crate) mod keys;
pub(crate) mod login;
pub(crate) mod passwords;
pub(crate) mod programs;
pub(crate) mod rates;
pub(crate) mod rescue;
pub(crate) mod second_factor;
pub(crate) mod ssh_keys;
pub(crate) mod throttle;
