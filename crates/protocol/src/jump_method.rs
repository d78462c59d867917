//! Jump methods: how an item's machine is reached (DOMAIN 2). A method is one entry of the list
//! below; what the appliance does for it follows from its [`Route`].

use crate::item::ItemField;
use serde::{Deserialize, Serialize};

/// What leads to the machine of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// An agent on the machine itself.
    Agent,
    /// A Jumpoint in the machine's network.
    Jumpoint,
    /// The representative's own machine.
    Console,
}

impl Route {
    /// Whether this version can start sessions this way.
    pub const fn is_served(self) -> bool {
        match self {
            Self::Agent => true,
            Self::Jumpoint | Self::Console => false,
        }
    }
}

macro_rules! jump_methods {
    ($($(#[doc = $doc:literal])* $name:ident $title:literal $about:literal $route:ident $port:literal
        [$($field:ident)*])*) => {
        /// How an item is reached (DOMAIN 2).
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum JumpMethod {
            #[default]
            $($(#[doc = $doc])* $name,)*
        }

        impl JumpMethod {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The method's name on screen.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What it is, for anyone who chooses one.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$name => $about,)* }
            }

            /// What leads to the machine.
            pub const fn route(self) -> Route {
                match self { $(Self::$name => Route::$route,)* }
            }

            /// The port of a new item; 0 where it has none.
            pub const fn port(self) -> u16 {
                match self { $(Self::$name => $port,)* }
            }

            /// The properties of its items, in the order of a form.
            pub const fn fields(self) -> &'static [ItemField] {
                match self { $(Self::$name => &[$(ItemField::$field),*],)* }
            }
        }
    };
}

jump_methods! {
    /// An agent on the machine.
    JumpClient "Jump Client" "an agent on the machine" Agent 0
        [Name Place Tag Comments JumpPolicy PublicPortal CustomerPresentPolicy
         CustomerNotPresentPolicy Expires MaxOfflineMinutes StartMode]
    /// ssh or telnet.
    ShellJump "Shell Jump" "ssh or telnet" Jumpoint 22
        [Name Hostname Port Protocol Username Terminal KeepAlive Place Tag Comments JumpPolicy]
    /// An agent that is pushed to the machine through a Jumpoint.
    RemoteJump "Remote Jump" "an agent is pushed there through a Jumpoint" Jumpoint 0
        [Name Hostname Place Tag Comments JumpPolicy]
    /// The same from the rep's own machine.
    LocalJump "Local Jump" "an agent is pushed there from your own machine" Console 0
        [Name Hostname Place Tag Comments JumpPolicy]
    /// Microsoft's Remote Desktop Protocol.
    Rdp "RDP" "the screen, over Microsoft's RDP" Jumpoint 0
        [Name Hostname Username Domain Quality ConsoleSession IgnoreUntrusted Place Tag Comments
         JumpPolicy]
    /// VNC.
    Vnc "VNC" "the screen, over VNC" Jumpoint 5900
        [Name Hostname Port Place Tag Comments JumpPolicy]
    /// TCP ports.
    ProtocolTunnel "Tunnel" "TCP ports of the machine on your own" Jumpoint 0
        [Name Hostname TunnelDefinitions TunnelListenAddress Place Tag Comments JumpPolicy]
    /// A web site.
    WebJump "Web Jump" "a web site" Jumpoint 0
        [Name Url VerifyCertificate Place Tag Comments JumpPolicy]
}

impl JumpMethod {
    /// Whether its items are made by reps, not by an agent that comes.
    pub fn is_shortcut(self) -> bool {
        self.route() != Route::Agent
    }
}
