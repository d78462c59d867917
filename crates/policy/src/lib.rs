//! Pure decisions: who may do what, and why.
//!
//! Nothing here reads a clock, a database or a socket: the appliance hands over plain values and
//! gets a [`Decision`] whose steps name what decided it. The layers still to come (group policies,
//! Jump Policies, session policies; DOMAIN 4 to 6) add steps, not mechanisms.

mod decision;
mod role;
mod schedule;

pub use decision::{Decision, Step, Verdict};
pub use jumpdeck_protocol::rights::{Permission, Permissions};
pub use role::{Role, Slots, Subject, decide, role_of};
pub use schedule::{JumpPolicy, Schedule, SimultaneousJumps, TimeOfWeek, WeeklyEntry};
