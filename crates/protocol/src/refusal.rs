//! Refusals: a stable code, a sentence, and the next step (DOMAIN 8).

use serde::{Deserialize, Serialize};
use std::fmt;

/// Something was not done. Says what, why, and what the rep can do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Stable, for programs.
    pub code: RefusalCode,
    /// What was special about this case; may be empty. Never holds a secret.
    #[serde(default)]
    pub detail: String,
}

macro_rules! codes {
    ($($name:ident $code:literal : $what:literal , $next:literal;)*) => {
        /// The stable codes of refusals.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum RefusalCode {
            $(#[doc = $what] $name,)*
            /// A code of a newer peer.
            #[serde(other)]
            Unknown,
        }

        impl RefusalCode {
            /// Every code this build knows, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code as programs see it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* Self::Unknown => "unknown" }
            }

            /// What happened, as a sentence.
            pub const fn sentence(self) -> &'static str {
                match self {
                    $(Self::$name => $what,)*
                    Self::Unknown => "The appliance refused, with a reason this version does not know.",
                }
            }

            /// What to do next, as a sentence.
            pub const fn next_step(self) -> &'static str {
                match self { $(Self::$name => $next,)* Self::Unknown => "Update jumpdeck." }
            }
        }
    };
}

codes! {
    JumpClientOffline "jump_client_offline": "The Jump Client is offline.", "Try again when it is online, or look at when it was last seen.";
    JumpClientUninstalled "jump_client_uninstalled": "The Jump Client was uninstalled.", "Install it again, or remove the item.";
    UpgradePending "upgrade_pending": "The Jump Client is waiting for its upgrade.", "Try again once it is done.";
    JumpItemGone "jump_item_gone": "The Jump Item no longer exists.", "Somebody removed it; look for it under another name.";
    SessionGone "session_gone": "The session has ended.", "Jump again to start a new one.";
    ChannelGone "channel_gone": "The channel has ended.", "Open it again.";
    JoinDenied "join_denied": "Somebody else is in a session with this item and may not be joined.", "Ask its owner to share or end the session.";
    ServerBusy "server_busy": "The appliance is too busy for this at the moment.", "Try again in a few seconds.";
    SpawnFailed "spawn_failed": "The program could not be started on the machine.", "Check that it exists there and may be run.";
    SpawnTimeout "spawn_timeout": "The machine did not start the program in time.", "Look at how busy the machine is, then try again.";
    ConnectTimeout "connect_timeout": "The connection was not made in time.", "Check the address and the network.";
    ConnectFailed "connect_failed": "The connection could not be made.", "Check the address and that the other side runs.";
    IdentityCheckFailed "identity_check_failed": "Another machine answers under this client's name, or it lost its key.", "Find the copy, often a cloned disk, and enrol one of them again.";
    DisabledByUser "disabled_by_user": "The customer disabled this Jump Client.", "Ask the customer to enable it.";
    VersionMismatch "version_mismatch": "The two sides speak different versions of the protocol.", "Update the older one.";
    PermissionDenied "permission_denied": "You may not do this.", "Ask an administrator for the permission.";
    LoginFailed "login_failed": "The user name or the password is wrong.", "Try again, or ask an administrator for a new password.";
    LoginThrottled "login_throttled": "Too many failed logins.", "Wait a minute, then try again; the wait doubles with each further failure.";
    LoginExpired "login_expired": "The login has expired or was revoked.", "Log in again with the password.";
    InstallerKeyInvalid "installer_key_invalid": "The installer key is wrong, expired or revoked.", "Make a new one with `jumpdeck installer` and enrol with it.";
    ParameterNotAllowed "parameter_not_allowed": "This installer does not let that parameter be chosen.", "Leave the parameter out, or make an installer that allows it.";
    EditConflict "edit_conflict": "Somebody else changed this first.", "Look at the new values, then edit again.";
    SessionKeyInvalid "session_key_invalid": "The session key is wrong, used or expired.", "Ask the technician for a new one.";
    SessionKeyThrottled "session_key_throttled": "Too many session keys were tried.", "Wait a minute, then try again.";
    CustomerRefused "customer_refused": "The person at the machine did not allow it.", "Talk to them, then ask again.";
    CustomerNotOnline "customer_not_online": "The machine of this session is not linked at this moment.", "Try again when it is back.";
    NoCustomerInSession "no_customer_in_session": "There is no machine in this session any more.", "Start a new session.";
    BeingTaken "being_taken": "Another rep is taking this machine.", "Look again in a moment, or take another one.";
    NotFound "not_found": "What you named does not exist.", "Look at how it is written.";
    NobodyThere "nobody_there": "Nobody is at the machine who could be asked.", "Jump to it as a Jump Client, or have somebody join with a session key.";
    QueueFull "queue_full": "Too many machines wait already.", "Try again later.";
    PinFailed "pin_failed": "The Jump Client could not be installed on the machine.", "Look at what the machine says, then try again.";
    UnpinFailed "unpin_failed": "The machine left the list, but what was installed there is not undone yet.", "Its agent gets the order again when the session ends.";
    AlreadyPinned "already_pinned": "The machine is a Jump Client already.", "Edit its properties instead.";
    NotPinned "not_pinned": "The machine is no Jump Client.", "There is nothing to undo.";
    PinAlreadyPending "pin_already_pending": "The machine is being pinned at this moment.", "Wait for the answer of the person there.";
    JumpClientLimitReached "jump_client_limit_reached": "This appliance has as many Jump Clients as it may have.", "Remove one that is not needed, or have the limit raised.";
    InSession "in_session": "A session with this item is open.", "End the session first.";
    LocalAgent "local_agent": "This machine's own Jump Client belongs to its appliance.", "`jumpdeck stop` ends both.";
    NotOwner "not_owner": "The session belongs to another rep.", "Ask its owner.";
    NoSuchUser "no_such_user": "There is no user of that name.", "Look at how the name is written.";
    RecordingFailed "recording_failed": "The session is to be recorded, and the recording cannot be written.", "Free space on the appliance's disk; input is taken again as soon as it can be recorded.";
    ApprovalRequired "approval_required": "The Jump Policy wants somebody's approval first.", "Ask an administrator; approvals are not supported yet.";
    TicketRequired "ticket_required": "The Jump Policy wants a ticket ID.", "Ask an administrator; ticket systems are not supported yet.";
    SecondFactorRequired "second_factor_required": "A code of your second factor is required.", "Give the code that your authenticator shows now.";
    SecondFactorUnknown "second_factor_unknown": "You have no second factor yet.", "Set one up with `jumpdeck second-factor set`.";
    PasswordRequired "password_required": "Your password is required for this.", "Log in with it; a saved login is not enough.";
    PasswordChangeRequired "password_change_required": "The password was made for the first login and must be changed.", "Change it with `jumpdeck passwd`.";
    ScheduleClosed "schedule_closed": "The Jump Policy does not let anybody in at this time.", "Try again when it opens.";
    ReasonRequired "reason_required": "The Jump Policy is closed, and overriding it takes a reason.", "Give the reason; it is logged.";
    WakeCoolingDown "wake_cooling_down": "Somebody has tried to wake this machine a moment ago.", "Try again when the countdown is over.";
    NoWakeHelper "no_wake_helper": "No Jump Client near this machine is online to wake it.", "Wake another machine of that network first, or go there.";
    WakeUnknown "wake_unknown": "This machine cannot be woken: its hardware address is not known.", "Its Jump Client must have been linked once since it can tell.";
    StoreFailed "store_failed": "The appliance could not write to its database, so nothing was changed.", "Free space on the appliance's disk and look at its log.";
    ProtocolViolation "protocol_violation": "The other side sent something the protocol does not allow.", "Update both sides; if it stays, report it.";
    InvalidValue "invalid_value": "That value is not possible.", "Correct it and try again.";
    Unsupported "unsupported": "The other side does not know this request.", "Update the older side.";
    Stopping "stopping": "The appliance is stopping.", "Start it again.";
}

impl RefusalCode {
    /// A refusal with this code and nothing special to say.
    pub const fn plain(self) -> Refusal {
        Refusal { code: self, detail: String::new() }
    }

    /// A refusal with this code and what was special about it.
    pub fn because(self, detail: impl Into<String>) -> Refusal {
        Refusal { code: self, detail: detail.into() }
    }
}

/// What the detail of a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detail {
    /// Something beside the sentence.
    Aside,
    /// What the sentence is about, and how it goes on.
    Subject(&'static str),
    /// What is so, and what to do: all there is to say.
    Whole,
}

impl RefusalCode {
    const fn detail(self) -> Detail {
        match self {
            Self::InvalidValue | Self::NotFound => Detail::Whole,
            Self::JumpClientOffline => Detail::Subject("is offline."),
            Self::JumpClientUninstalled => Detail::Subject("no longer has a Jump Client."),
            Self::UpgradePending => Detail::Subject("is waiting for its upgrade."),
            Self::DisabledByUser => Detail::Subject("was disabled by its customer."),
            Self::NoSuchUser => Detail::Subject("is no user here."),
            _ => Detail::Aside,
        }
    }
}

impl fmt::Display for Refusal {
    /// What happened, why, and the next step.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sentence, next) = (self.code.sentence(), self.code.next_step());
        let detail = crate::text::clean(&self.detail);
        match self.code.detail() {
            _ if detail.is_empty() => write!(f, "{sentence} {next}"),
            Detail::Aside => write!(f, "{sentence} ({detail}) {next}"),
            Detail::Subject(what) => write!(f, "{detail} {what} {next}"),
            Detail::Whole => f.write_str(&detail),
        }
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_is_so_and_about_what() {
        let told = RefusalCode::InvalidValue.because("vm is already online.").to_string();
        assert_eq!(told, "vm is already online.");
        let told = RefusalCode::JumpClientOffline.because("vm").to_string();
        assert!(told.starts_with("vm is offline. "), "{told}");
        let told = RefusalCode::PermissionDenied.because("why").to_string();
        assert!(told.contains("(why)"), "{told}");
        for code in RefusalCode::ALL {
            let plain = code.plain().to_string();
            assert!(plain.ends_with('.') && !plain.contains('('), "{plain}");
        }
    }
}
