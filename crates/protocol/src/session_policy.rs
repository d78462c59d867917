//! Session policies: what may be done inside a session (DOMAIN 6).
//!
//! A [`Rules`] says of each permission a value, or nothing: then the next layer speaks. What came
//! out of all layers is [`Granted`]: it holds from the start of a session to its end.

mod values;

use values::AsAccess;

pub use values::{
    Access, Asks, Clipboard, CommandFilter, Often, Paths, PromptTimeout, Prompted, Prompting,
    ScreenSharing,
};

use serde::{Deserialize, Serialize};

macro_rules! session_permissions {
    ($($(#[$doc:meta])* $name:ident $field:ident : $value:ty , $title:literal;)*) => {
        /// What a session policy speaks of.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum SessionPermission {
            $($(#[$doc])* $name,)*
        }

        impl SessionPermission {
            /// All of them, in the order of DOMAIN 6.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its stable name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($field),)* }
            }

            /// What it is about, for people.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }

        /// What one session policy says: of each permission a value, or nothing (*not defined*).
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Rules {
            $($(#[$doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $field: Option<$value>,)*
        }

        impl Rules {
            /// What is said of a permission, in words.
            pub fn says(&self, permission: SessionPermission) -> Option<String> {
                match permission {
                    $(SessionPermission::$name => self.$field.as_ref().map(ToString::to_string),)*
                }
            }

            /// Whether a permission is defined.
            pub const fn defines(&self, permission: SessionPermission) -> bool {
                match permission { $(SessionPermission::$name => self.$field.is_some(),)* }
            }

            /// These rules, and what lower ones define where these say nothing.
            #[must_use]
            pub fn over(&self, lower: &Self) -> Self {
                Self { $($field: self.$field.as_ref().or(lower.$field.as_ref()).cloned(),)* }
            }

            /// Rules with only this permission of these.
            #[must_use]
            pub fn only(&self, permission: SessionPermission) -> Self {
                let mut one = Self::default();
                match permission { $(SessionPermission::$name => one.$field = self.$field.clone(),)* }
                one
            }
        }

        /// What a session grants: a value for every permission.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Granted {
            $($(#[$doc])* pub $field: $value,)*
        }

        impl Granted {
            /// Rules that define everything; what they leave out is at its lowest.
            pub fn of(rules: &Rules) -> Self {
                let lowest = Self::default();
                Self { $($field: rules.$field.clone().unwrap_or(lowest.$field),)* }
            }

            /// The same as rules: every permission is defined.
            pub fn rules(&self) -> Rules {
                Rules { $($field: Some(self.$field.clone()),)* }
            }

            /// Whether a permission that is allowed or denied as a whole is allowed. Of others this
            /// cannot be said, and they are not.
            pub fn grants(&self, permission: SessionPermission) -> bool {
                let access = match permission {
                    $(SessionPermission::$name => self.$field.access(),)*
                };
                access == Some(Access::Allow)
            }

            /// What is granted of a permission, in words.
            pub fn says(&self, permission: SessionPermission) -> String {
                match permission { $(SessionPermission::$name => self.$field.to_string(),)* }
            }
        }
    };
}

session_permissions! {
    /// The machine's screen.
    ScreenSharing screen_sharing: ScreenSharing, "see and control the screen";
    /// Which way the clipboard goes.
    ClipboardDirection clipboard_direction: Clipboard, "share the clipboard";
    /// The customer's screen goes dark.
    PrivacyMode privacy_mode: Access, "darken the customer's screen";
    /// Drawing on the screen.
    Annotations annotations: Access, "draw on the screen";
    /// Files to the machine.
    FileTransferUpload file_transfer_upload: Access, "send files to the machine";
    /// Files from the machine.
    FileTransferDownload file_transfer_download: Access, "fetch files from the machine";
    /// Where on the machine.
    FilePathsCustomer file_paths_customer: Paths, "paths on the machine";
    /// Where on the rep's side.
    FilePathsRep file_paths_rep: Paths, "paths on the rep's side";
    /// Shells and commands.
    CommandShell command_shell: Access, "shells and commands";
    /// Which commands.
    CommandFilter command_filter: CommandFilter, "which commands";
    /// What the system is and does.
    SystemInfo system_info: Access, "see system information";
    /// Ending processes, restarting services and the machine.
    SystemActions system_actions: Access, "act on processes and services";
    /// The registry of a Windows machine.
    RegistryAccess registry_access: Access, "edit the registry";
    /// Scripts that were prepared.
    CannedScripts canned_scripts: Access, "run canned scripts";
    /// More rights than the customer has.
    Elevation elevation: Access, "elevate";
    /// Writing to each other and to the customer.
    Chat chat: Access, "chat";
    /// Making the machine a Jump Client, or no Jump Client any more.
    JumpClientsPinning jump_clients_pinning: Access, "pin and unpin";
    /// Leaving a support button on the machine.
    SupportButtonDeploy support_button_deploy: Access, "deploy a support button";
    /// TCP through the machine.
    Tunnel tunnel: Access, "tunnels";
    /// Shells are recorded.
    Recording recording: Access, "record shells";
    /// Which tools ask the customer first.
    Prompting prompting: Prompting, "ask the customer";
}

/// Everything at its lowest, but that shells are recorded.
impl Default for Granted {
    fn default() -> Self {
        Self {
            screen_sharing: ScreenSharing::Deny,
            clipboard_direction: Clipboard::Deny,
            privacy_mode: Access::Deny,
            annotations: Access::Deny,
            file_transfer_upload: Access::Deny,
            file_transfer_download: Access::Deny,
            file_paths_customer: Paths::default(),
            file_paths_rep: Paths::default(),
            command_shell: Access::Deny,
            command_filter: CommandFilter::default(),
            system_info: Access::Deny,
            system_actions: Access::Deny,
            registry_access: Access::Deny,
            canned_scripts: Access::Deny,
            elevation: Access::Deny,
            chat: Access::Deny,
            jump_clients_pinning: Access::Deny,
            support_button_deploy: Access::Deny,
            tunnel: Access::Deny,
            recording: Access::Allow,
            prompting: Prompting::default(),
        }
    }
}

impl Granted {
    /// Everything, without a question, recorded.
    pub fn everything() -> Self {
        use Access::Allow;
        Self {
            screen_sharing: ScreenSharing::ViewAndControl,
            clipboard_direction: Clipboard::Both,
            privacy_mode: Allow,
            annotations: Allow,
            file_transfer_upload: Allow,
            file_transfer_download: Allow,
            file_paths_customer: Paths::Any,
            file_paths_rep: Paths::Any,
            command_shell: Allow,
            command_filter: CommandFilter::default(),
            system_info: Allow,
            system_actions: Allow,
            registry_access: Allow,
            canned_scripts: Allow,
            elevation: Allow,
            chat: Allow,
            jump_clients_pinning: Allow,
            support_button_deploy: Allow,
            tunnel: Allow,
            recording: Allow,
            prompting: Prompting::default(),
        }
    }
}

/// Where a session policy is applied: the first layer that defines a permission decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// The Jump Item's, for a customer who is present or not.
    JumpItem,
    /// The public portal's.
    PublicPortal,
    /// The representative's, for attended or unattended sessions.
    Representative,
    /// The one that defines everything.
    GlobalDefault,
}

impl Layer {
    /// The layer, for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::JumpItem => "Jump Item",
            Self::PublicPortal => "public portal",
            Self::Representative => "representative",
            Self::GlobalDefault => "global default",
        }
    }
}

/// How a session comes about: which of a rep's policies counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartMethod {
    /// The rep jumps.
    #[default]
    Unattended,
    /// The customer starts it, with a session key.
    Attended,
}

/// What the layers say of one permission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simulated {
    /// The permission.
    pub permission: SessionPermission,
    /// What comes out.
    pub value: Box<str>,
    /// The layer that decides.
    pub layer: Layer,
    /// The session policy that decides.
    pub policy: Box<str>,
    /// What each lower layer says, from the next one down; nothing where it does not define it.
    pub lower: Vec<Lower>,
}

/// What a layer says that does not decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lower {
    /// The layer.
    pub layer: Layer,
    /// Its policy.
    pub policy: Box<str>,
    /// What it says.
    pub value: Option<Box<str>>,
}
