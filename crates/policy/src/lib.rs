//! Pure decisions: who may do what, and why.
//!
//! Nothing here reads a clock, a database or a socket: the appliance hands over plain values and
//! gets a [`Decision`] whose steps name what decided it.

mod command;
mod decision;
mod jump_policy;
mod role;
mod schedule;
mod session;
mod user;

pub use command::check_command;
pub use decision::{Decision, Step, Verdict};
pub use jump_policy::{
    Approval, Attempt, Code, Condition, JumpPolicy, Notifications, SimultaneousJumps, Ticket,
};
pub use jumpdeck_protocol::rights::{Permission, Permissions};
pub use role::{Role, Slots, Subject, decide, role_of, sees};
pub use schedule::{DAYS, Schedule, TimeOfWeek, WeeklyEntry, written, zone};
pub use session::{
    Availability, PolicyChoice, Say, SessionPolicy, granted, simulate, simulate_one,
};
pub use user::{
    Effective, EffectiveMembership, EffectiveSettings, Given, GroupPolicy, Membership,
    PolicySettings, Setting, Settings, Source, given,
};
