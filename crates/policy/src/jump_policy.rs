//! Jump Policies: when and on what conditions an item may be jumped to (DOMAIN 5).

use crate::decision::Step;
use crate::schedule::Schedule;
use jumpdeck_protocol::inventory::{JumpPolicyView, PolicyState};
use jumpdeck_protocol::{JumpPolicyId, RefusalCode, Timestamp};
use serde::{Deserialize, Serialize};

/// A Jump Policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JumpPolicy {
    /// Its id.
    pub id: JumpPolicyId,
    /// Its name for people.
    pub display_name: String,
    /// Its name for files and programs, `[A-Za-z0-9_-]{1,64}`.
    pub code_name: String,
    /// What it is for.
    pub description: String,
    /// When it lets anybody in; nothing for always.
    pub schedule: Option<Schedule>,
    /// Somebody must agree; never together with a schedule.
    pub approval: Option<Approval>,
    /// A ticket id is asked for and checked.
    pub ticket: Option<Ticket>,
    /// Who is notified of sessions.
    pub notifications: Option<Notifications>,
    /// A code of the second factor is asked for before a start.
    pub two_factor: bool,
    /// Sessions are not recorded.
    pub no_recordings: bool,
    /// Days that recordings are kept; 0 for what the site says.
    pub recordings_days: u32,
    /// What becomes of a second rep; nothing for the global setting.
    pub simultaneous_jumps: Option<SimultaneousJumps>,
}

/// Who must agree to a jump, and to what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Approval {
    /// Seconds a grant may hold at most, 60 or more.
    pub approval_max_duration: u64,
    /// User names.
    pub users: Vec<String>,
    /// Names of teams.
    pub teams: Vec<String>,
    /// Addresses.
    pub emails: Vec<String>,
    /// Anyone who asked may agree too.
    pub self_approval: bool,
    /// A grant is for anyone who may ask, not only for the one who did.
    pub for_anyone: bool,
}

/// A ticket id that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ticket {
    /// What the rep is asked.
    pub prompt: String,
    /// Where it is checked, an `https` address.
    pub url: String,
    /// It is shown nowhere.
    pub sensitive: bool,
}

/// Who is notified of sessions, by e-mail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notifications {
    /// Addresses.
    pub emails: Vec<String>,
    /// When a session starts.
    pub at_start: bool,
    /// When it ends.
    pub at_end: bool,
}

/// What becomes of a rep who jumps to an item that another rep is in a session with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SimultaneousJumps {
    /// Each has a session of their own.
    #[default]
    NewSession,
    /// The second joins the first one's session.
    Join,
    /// The second is turned away.
    Disallow,
}

/// What a rep brings along who wants to start a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempt {
    /// The rep overrides a closed schedule.
    pub overrides: bool,
    /// How it is with the second factor.
    pub second_factor: Code,
}

/// How it is with a code of the second factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Code {
    /// There is none.
    #[default]
    None,
    /// The rep can give one, if asked.
    Promised,
    /// One was given, and it was right.
    Right,
}

/// A condition of a Jump Policy, and whether it is met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What it says.
    pub step: Step,
    /// The refusal it is met with, if it is not met.
    pub refusal: Option<RefusalCode>,
    /// It is met only because the schedule is overridden.
    pub overridden: bool,
}

/// What a condition is asked about.
struct Asked<'a> {
    now: Timestamp,
    attempt: Attempt,
    words: &'a dyn Fn(Timestamp) -> String,
}

/// A condition that a Jump Policy may have.
type Conditions = &'static [fn(&JumpPolicy, &Asked<'_>) -> Option<Condition>];

/// All of them, in the order in which they are asked.
const CONDITIONS: Conditions = &[
    |policy, asked| Some(policy.hours(asked)),
    JumpPolicy::wants_approval,
    JumpPolicy::wants_ticket,
    JumpPolicy::wants_second_factor,
];

impl JumpPolicy {
    /// Whether its schedule lets anybody in at a moment. What cannot be reckoned is closed.
    pub fn state(&self, now: Timestamp) -> PolicyState {
        let Some(schedule) = &self.schedule else {
            return PolicyState::Always;
        };
        schedule.state(now).unwrap_or(PolicyState::Closed { opens: None })
    }

    /// When it lets anybody in and whether that can be overridden, in words; empty for always.
    pub fn hours_in_words(&self) -> String {
        self.schedule.as_ref().map(Schedule::in_words).unwrap_or_default()
    }

    fn knows_its_zone(&self) -> bool {
        self.schedule.as_ref().is_none_or(Schedule::knows_its_zone)
    }

    /// Whether nobody may override its schedule.
    pub fn is_strict(&self) -> bool {
        self.schedule.as_ref().is_some_and(|schedule| schedule.strict)
    }

    /// When a session that is open now must end.
    pub fn forces_end(&self, now: Timestamp) -> Option<Timestamp> {
        match self.state(now) {
            _ if !self.is_strict() => None,
            PolicyState::Always => None,
            PolicyState::Open { until } => until,
            // A zone that is not known lets nobody in; it ends nothing.
            PolicyState::Closed { .. } if !self.knows_its_zone() => None,
            PolicyState::Closed { .. } => Some(now),
        }
    }

    /// As a rep sees it.
    pub fn view(&self, now: Timestamp) -> JumpPolicyView {
        JumpPolicyView {
            id: self.id,
            name: self.display_name.as_str().into(),
            strict: self.is_strict(),
            state: self.state(now),
            hours: self.hours_in_words().into(),
        }
    }

    /// Its conditions for a start at a moment, in the order in which they are asked. `words` puts
    /// a moment into words.
    pub fn conditions(
        &self,
        now: Timestamp,
        attempt: Attempt,
        words: impl Fn(Timestamp) -> String,
    ) -> Vec<Condition> {
        let asked = Asked { now, attempt, words: &words };
        CONDITIONS.iter().filter_map(|condition| condition(self, &asked)).collect()
    }

    fn source(&self) -> String {
        format!("the Jump Policy {}", self.display_name)
    }

    fn denies(&self, says: &str, code: RefusalCode) -> Condition {
        let step = Step::denies(self.source(), says);
        Condition { step, refusal: Some(code), overridden: false }
    }

    fn wants_approval(&self, _: &Asked<'_>) -> Option<Condition> {
        let says = "requires an approval, which is not supported yet";
        self.approval.as_ref().map(|_| self.denies(says, RefusalCode::ApprovalRequired))
    }

    fn wants_ticket(&self, _: &Asked<'_>) -> Option<Condition> {
        let says = "requires a ticket ID, which is not supported yet";
        self.ticket.as_ref().map(|_| self.denies(says, RefusalCode::TicketRequired))
    }

    fn wants_second_factor(&self, asked: &Asked<'_>) -> Option<Condition> {
        let says = match asked.attempt.second_factor {
            _ if !self.two_factor => return None,
            Code::None => {
                let says = "wants a code of the second factor";
                return Some(self.denies(says, RefusalCode::SecondFactorRequired));
            }
            Code::Promised => "asks for a code of the second factor",
            Code::Right => "wanted a code of the second factor, and got it",
        };
        let step = Step::allows(self.source(), says);
        Some(Condition { step, refusal: None, overridden: false })
    }

    /// What the schedule says.
    fn hours(&self, asked: &Asked<'_>) -> Condition {
        let Asked { now, attempt, words } = *asked;
        let open = |says: String| Condition {
            step: Step::allows(self.source(), says),
            refusal: None,
            overridden: false,
        };
        let about = match self.hours_in_words() {
            hours if hours.is_empty() => hours,
            hours => format!(" ({hours})"),
        };
        let opens = match self.state(now) {
            PolicyState::Always | PolicyState::Open { until: None } => {
                return open(format!("is always open{about}"));
            }
            PolicyState::Open { until: Some(until) } => {
                return open(format!("is open until {}{about}", words(until)));
            }
            PolicyState::Closed { .. } if !self.knows_its_zone() => {
                let zone = self.schedule.as_ref().map_or("", |schedule| &schedule.timezone);
                format!("is closed: this appliance does not know its time zone {zone}")
            }
            PolicyState::Closed { opens: Some(opens) } => {
                format!("is closed and opens {}", words(opens))
            }
            PolicyState::Closed { opens: None } => "never opens".to_owned(),
        };
        if attempt.overrides && !self.is_strict() {
            return Condition {
                overridden: true,
                ..open(format!("{opens}{about} and is overridden"))
            };
        }
        self.denies(&format!("{opens}{about}"), RefusalCode::ScheduleClosed)
    }
}
