//! Machines that come for one session, their queues, and their going.

pub(crate) mod customer;
pub(crate) mod departures;
pub(crate) mod pin;
pub(crate) mod queues;
