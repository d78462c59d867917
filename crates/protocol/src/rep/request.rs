//! What a console asks, and what it gets for it. A request is written down here and nowhere else in
//! this crate; that the appliance answers each, the compiler sees to.

use super::reply;
use super::{
    ApiAccountRequest, ApiAccounts, Installer, InstallerRequest, NewUser, RepReply, Secret,
    SshKeyRequest,
};
use crate::configuration::{Plan, Simulation};
use crate::handshake::Login;
use crate::history::HistoryFilter;
use crate::inventory::{ItemView, Place, Position, PresencePosition};
use crate::item::ItemEdit;
use crate::log::Attributes;
use crate::preferences::Preferences;
use crate::queue::{QueueChoice, Rank, SessionKey};
use crate::rights::{Permission, Whom};
use crate::session::{ChannelKind, ChannelView, Part, SessionView, Size};
use crate::session_policy::StartMethod;
use crate::wake::SecureOn;
use crate::{ChannelId, ItemId, Refusal, Revision, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

/// Something a console asks, and the reply that belongs to it.
pub trait Request: Into<RepRequest> + Send {
    /// What comes back when it was done.
    type Reply: Send;

    /// The reply as it goes over the wire.
    fn wrap(reply: Self::Reply) -> RepReply;

    /// The reply as it came over the wire; nothing if it is one to something else.
    fn of_reply(reply: RepReply) -> Option<Self::Reply>;
}

/// Any of them, for who does not know which.
impl Request for RepRequest {
    type Reply = RepReply;

    fn wrap(reply: RepReply) -> RepReply {
        reply
    }

    fn of_reply(reply: RepReply) -> Option<RepReply> {
        Some(reply)
    }
}

/// Answers one kind of request.
pub trait Answers<R: Request> {
    /// Does what is asked.
    ///
    /// # Errors
    /// A [`Refusal`] that says why not.
    fn answer(&self, request: R) -> impl Future<Output = Result<R::Reply, Refusal>> + Send;
}

macro_rules! requests {
    (@type) => { () };
    (@type $value:ty) => { $value };
    (@wrap $value:ident $reply:ident) => {{
        let () = $value;
        RepReply::$reply
    }};
    (@wrap $value:ident $reply:ident $type:ty) => { RepReply::$reply($value) };
    (@unwrap $from:ident $reply:ident) => { matches!($from, RepReply::$reply).then_some(()) };
    (@unwrap $from:ident $reply:ident $type:ty) => {
        match $from {
            RepReply::$reply(value) => Some(value),
            _ => None,
        }
    };
    (@request $variant:ident $type:ident $reply:ident $($value:ty)?) => {
        impl Request for $type {
            type Reply = requests!(@type $($value)?);

            fn wrap(reply: Self::Reply) -> RepReply {
                requests!(@wrap reply $reply $($value)?)
            }

            fn of_reply(reply: RepReply) -> Option<Self::Reply> {
                requests!(@unwrap reply $reply $($value)?)
            }
        }
    };
    (
        structs { $(
            $(#[$meta:meta])*
            $name:ident { $($(#[$field_meta:meta])* $field:ident: $field_type:ty),* $(,)? }
                -> $reply:ident $(($value:ty))?;
        )* }
        bare { $(
            $(#[$bare_meta:meta])* $bare:ident -> $bare_reply:ident $(($bare_value:ty))?;
        )* }
        wishes { $(
            $(#[$wish_meta:meta])*
            $about:ident($wish:ident) -> $wish_reply:ident $(($wish_value:ty))?;
        )* }
    ) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
            pub struct $name { $($(#[$field_meta])* pub $field: $field_type),* }

            impl From<$name> for RepRequest {
                fn from(request: $name) -> Self {
                    Self::$name(request)
                }
            }

            requests!(@request $name $name $reply $($value)?);
        )*
        $(
            $(#[$bare_meta])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub struct $bare;

            impl From<$bare> for RepRequest {
                fn from(_: $bare) -> Self {
                    Self::$bare
                }
            }

            requests!(@request $bare $bare $bare_reply $($bare_value)?);
        )*
        $(
            impl From<$wish> for RepRequest {
                fn from(wish: $wish) -> Self {
                    Self::$about(wish)
                }
            }

            requests!(@request $about $wish $wish_reply $($wish_value)?);
        )*

        /// What a console asks.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum RepRequest {
            $($(#[$meta])* $name($name),)*
            $($(#[$bare_meta])* $bare,)*
            $($(#[$wish_meta])* $about($wish),)*
        }

        impl RepRequest {
            /// Its name, without anything of what is in it.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)*
                    $(Self::$bare => stringify!($bare),)*
                    $(Self::$about(_) => stringify!($about),)*
                }
            }

            /// Has it answered. One that answers requests but forgot a kind does not compile.
            ///
            /// # Errors
            /// A [`Refusal`] that says why it was not done.
            pub async fn answered<A>(self, by: &A) -> Result<RepReply, Refusal>
            where
                A: $(Answers<$name> +)* $(Answers<$bare> +)* $(Answers<$wish> +)* Sync,
            {
                Ok(match self {
                    $(Self::$name(request) => $name::wrap(Box::pin(by.answer(request)).await?),)*
                    $(Self::$bare => $bare::wrap(Box::pin(by.answer($bare)).await?),)*
                    $(Self::$about(wish) => $wish::wrap(Box::pin(by.answer(wish)).await?),)*
                })
            }
        }
    };
}

requests! {
    structs {
        /// Send the inventory, and every change of it from now on.
        Subscribe {
            /// What the console has from before.
            have: Option<Position>,
            /// What it knows of the presence from before.
            #[serde(default)]
            presence: Option<PresencePosition>,
        } -> Subscribed;
        /// Start a session with an item and open a channel in it.
        StartSession {
            /// The item.
            item: ItemId,
            /// What to start there.
            kind: ChannelKind,
            /// Start although the Jump Policy's schedule is closed, where that may be overridden. It
            /// is logged.
            #[serde(default)]
            override_schedule: bool,
            /// Why it is overridden: it is logged. At most [`crate::limits::COMMENTS`] characters.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            reason: Option<Box<str>>,
            /// A code of the rep's second factor, where the Jump Policy wants one.
            #[serde(default)]
            code: Option<Secret>,
        } -> SessionStarted(SessionView);
        /// End a session and everything in it.
        EndSession {
            /// The session.
            session: SessionId,
        } -> SessionEnded;
        /// Open another shell in a session.
        OpenShell {
            /// The session.
            session: SessionId,
            /// The terminal's size.
            size: Size,
            /// The terminal's type, as in `TERM`.
            term: String,
        } -> ShellOpened(ChannelView);
        /// Let another rep take part in a session, or change how far.
        Share {
            /// The session.
            session: SessionId,
            /// The other rep's user name.
            with: String,
            /// How far; nothing to take it back.
            part: Option<Part>,
        } -> Saved;
        /// Let everybody of a team take part in a session, as [`RepRequest::Share`] does.
        ShareTeam {
            /// The session.
            session: SessionId,
            /// The team's name.
            team: String,
            /// How far; nothing to take it back.
            part: Option<Part>,
        } -> Saved;
        /// Give a session to another rep; the one who gives it stays a participant.
        Transfer {
            /// The session.
            session: SessionId,
            /// The other rep's user name.
            to: String,
        } -> Saved;
        /// Leave a session that is another rep's for good.
        Leave {
            /// The session.
            session: SessionId,
        } -> Saved;
        /// Write to the others in a session.
        Chat {
            /// The session.
            session: SessionId,
            /// What; at most [`crate::limits::COMMENTS`] characters.
            text: String,
        } -> Saved;
        /// Make a note in a session's log.
        Note {
            /// The session.
            session: SessionId,
            /// What; at most [`crate::limits::COMMENTS`] characters.
            text: String,
        } -> Saved;
        /// A session's log, also of one that has ended.
        Log {
            /// The session.
            session: SessionId,
            /// Entries after this number.
            after: u64,
        } -> Log(reply::LogPart);
        /// The sessions the rep may know of, the newest first.
        PastSessions {
            /// Which.
            filter: HistoryFilter,
            /// Before this one; nothing for the newest.
            before: Option<SessionId>,
        } -> PastSessions(reply::PastSessionsPart);
        /// The recordings the rep may see, the newest first.
        Recordings {
            /// Before this one; nothing for the newest.
            before: Option<ChannelId>,
        } -> Recordings(reply::RecordingsPart);
        /// A piece of a recording's file.
        ReadRecording {
            /// The recording.
            channel: ChannelId,
            /// From this byte on.
            offset: u64,
        } -> Piece(reply::RecordingPiece);
        /// Make a key by which a machine joins that is not a Jump Client.
        CreateSessionKey {
            /// Where it will wait.
            queue: QueueChoice,
            /// Seconds the key can be used: [`crate::limits::SESSION_KEY_VALID`].
            valid: u64,
            /// What the session gets that comes of it.
            #[serde(default)]
            attributes: Attributes,
        } -> SessionKey(SessionKey);
        /// Give a session attributes.
        SetAttributes {
            /// The session.
            session: SessionId,
            /// Which.
            attributes: Attributes,
        } -> Saved;
        /// Turn a machine away that waits.
        TurnAway {
            /// The machine.
            item: ItemId,
        } -> Saved;
        /// Come into a session of somebody one outranks in a team.
        JoinSession {
            /// The session.
            session: SessionId,
        } -> SessionStarted(SessionView);
        /// Make the machine of a session a Jump Client.
        Pin {
            /// The session.
            session: SessionId,
            /// What the item is to be: its name, place, tag, comments, policy and the like.
            item: Box<ItemView>,
        } -> Pinned(reply::PinnedItem);
        /// Make the machine of a session no Jump Client any more.
        Unpin {
            /// The session.
            session: SessionId,
        } -> Saved;
        /// Why may somebody do something with an item? Only administrators ask about others.
        Explain {
            /// Who.
            whom: Whom,
            /// With what.
            item: ItemId,
            /// What; nothing for everything.
            action: Option<Permission>,
            /// When; nothing for now.
            at: Option<Timestamp>,
        } -> Explained(reply::Explained);
        /// What would a session grant? Only administrators ask about others.
        Simulate {
            /// Whose session.
            whom: Whom,
            /// With what.
            item: ItemId,
            /// How it would come about.
            method: StartMethod,
            /// Whether somebody is at the machine; nothing for what is so now.
            present: Option<bool>,
            /// When; nothing for now.
            at: Option<Timestamp>,
        } -> Simulated(Box<Simulation>);
        /// Plan or apply a configuration. For administrators.
        Configure {
            /// The file, at most [`crate::limits::CONFIGURATION`] bytes.
            file: String,
            /// Apply it; else only say what it would change.
            apply: bool,
            /// Only if the configuration is still the one that was planned upon.
            #[serde(default)]
            planned: Option<Revision>,
        } -> Plan(Box<Plan>);
        /// A part of the audit. For users who may see it.
        Audit {
            /// Events after this number.
            after: u64,
        } -> Audit(reply::AuditPart);
        /// Make a team, or change who is in it.
        SetTeam {
            /// Its name.
            name: String,
            /// Who is in it, all of them; nobody to remove the team.
            members: Vec<(String, Rank)>,
        } -> Saved;
        /// Choose another password.
        ChangePassword {
            /// The one that holds.
            current: Secret,
            /// The other, at least [`crate::limits::PASSWORD`] characters.
            new: Secret,
        } -> PasswordChanged(reply::PasswordChanged);
        /// Make a second factor. An older one counts until the new one is confirmed.
        BeginSecondFactor {
            /// A code of the older one, if there is one; nothing where the rep has logged in with
            /// one a moment ago.
            code: Option<Secret>,
        } -> SecondFactor(reply::NewSecondFactor);
        /// Show that an authenticator has the second factor.
        ConfirmSecondFactor {
            /// Its code.
            code: Secret,
        } -> RecoveryCodes(reply::RecoveryCodes);
        /// Have no second factor any more.
        RemoveSecondFactor {
            /// A code of it, or a recovery code; nothing where the rep has logged in with one a
            /// moment ago.
            code: Option<Secret>,
        } -> Saved;
        /// Whether a password is the rep's own: what opens a locked console.
        Unlock {
            /// The password.
            password: Secret,
        } -> Saved;
        /// Keep this login, which was made with the password a moment ago.
        KeepLogin {
            /// What is to hold it, for people.
            holder: String,
            /// For so many seconds; 0: as long as the appliance does.
            seconds: u64,
        } -> LoginKept(Login);
        /// Revoke the rep's kept logins.
        Logout {
            /// The token of the one; nothing for all.
            token: Option<Secret>,
        } -> Saved;
        /// Give a user another first password, and perhaps no second factor any more. For
        /// administrators.
        ResetUser {
            /// Who.
            username: String,
            /// Take the second factor away.
            second_factor: bool,
        } -> UserAdded(NewUser);
        /// Make a user.
        AddUser {
            /// 1 to 64 characters.
            username: String,
        } -> UserAdded(NewUser);
        /// Make an installer for a Jump Group (DOMAIN 7).
        CreateInstaller {
            /// The group's name; it is made if there is none.
            group: Option<String>,
            /// Seconds it can be used: 600 to 31,536,000.
            valid: u64,
        } -> Installer(Installer);
        /// Change properties of items.
        EditItems {
            /// At most [`crate::limits::ITEMS_PER_REQUEST`].
            edits: Vec<ItemEdit>,
        } -> Done(reply::BulkDone);
        /// Make items that lead to the same machines from another place.
        CopyItems {
            /// At most [`crate::limits::ITEMS_PER_REQUEST`].
            items: Vec<ItemId>,
            /// Where to.
            to: Place,
        } -> Done(reply::BulkDone);
        /// Remove items. A Jump Client that is offline learns of it at its next connection.
        RemoveItems {
            /// At most [`crate::limits::ITEMS_PER_REQUEST`].
            items: Vec<ItemId>,
        } -> Done(reply::BulkDone);
        /// Take such items back.
        TakeBack {
            /// At most [`crate::limits::ITEMS_PER_REQUEST`].
            items: Vec<ItemId>,
        } -> Done(reply::BulkDone);
        /// Make a Jump shortcut. Id, revision and times are the appliance's to give.
        AddShortcut {
            /// What it is to be.
            item: Box<ItemView>,
        } -> Added(reply::Added);
        /// Have a machine woken by a neighbour.
        Wake {
            /// The item.
            item: ItemId,
            /// What the machine wants to hear.
            password: Option<SecureOn>,
        } -> Waking(reply::WakeHelper);
        /// The last sessions with an item's machine.
        History {
            /// The item.
            item: ItemId,
        } -> History(reply::ItemHistory);
        /// Keep what the rep likes.
        SavePreferences {
            /// All of it.
            preferences: Box<Preferences>,
        } -> Saved;
    }
    bare {
        /// The names of those a session can be shared with.
        Colleagues -> Colleagues(reply::Colleagues);
        /// The whole configuration as a file. For administrators.
        ExportConfiguration -> Configuration(reply::ExportedConfiguration);
        /// The teams one may see.
        Teams -> Teams(reply::TeamList);
        /// Say which items were removed because their machine was away for too long.
        RemovedItems -> RemovedItems(reply::RemovedItems);
        /// End an embedded appliance.
        Stop -> Stopping;
    }
    wishes {
        /// List, add or remove the public keys that open the SSH front door.
        SshKeys(SshKeyRequest) -> SshKeys(reply::SshKeyList);
        /// List, make or remove the accounts of programs that use the HTTP API.
        ApiAccounts(ApiAccountRequest) -> ApiAccounts(ApiAccounts);
        /// List or revoke installer keys.
        Installers(InstallerRequest) -> Installers(reply::InstallerList);
    }
}
