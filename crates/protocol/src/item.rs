//! The properties of a Jump Item that can be edited: one name for each, one way to read and write
//! them, and what each may hold (DOMAIN 2).
//!
//! A property is changed from the value it had to the one it shall have. So nobody overwrites what
//! somebody else changed meanwhile, and an edit that is sent twice does no harm.

mod values;

use crate::inventory::{ItemPolicies, ItemView, Place, StartMode};
use crate::jump_method::JumpMethod;
use crate::rights::Permission;
use crate::{ItemId, JumpPolicyId, PortalId, SessionPolicyId, Timestamp, limits};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use thiserror::Error;
use values::{host, known, line, number, tunnels, word, wrong};

/// A property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemField {
    /// The name, 1 to 128 characters.
    Name,
    /// Jump Group or personal list.
    Place,
    /// The tag, up to 64 characters.
    Tag,
    /// Comments, up to 1024 characters.
    Comments,
    /// The Jump Policy.
    JumpPolicy,
    /// The public portal.
    PublicPortal,
    /// The session policy while somebody is at the machine.
    CustomerPresentPolicy,
    /// The session policy while nobody is.
    CustomerNotPresentPolicy,
    /// When a Jump Client uninstalls itself.
    Expires,
    /// Minutes offline after which a Jump Client is removed; 0 for the appliance's setting.
    MaxOfflineMinutes,
    /// What the person at a Jump Client's machine is shown.
    StartMode,
    /// Where a shortcut leads.
    Hostname,
    /// The port there.
    Port,
    /// `ssh` or `telnet`.
    Protocol,
    /// `xterm` or `vt100`.
    Terminal,
    /// Seconds between signs of life, 0 to 300; 0 for none.
    KeepAlive,
    /// Who logs in.
    Username,
    /// The domain of who logs in.
    Domain,
    /// How much the picture may cost.
    Quality,
    /// The console session of a Windows machine.
    ConsoleSession,
    /// Whether a certificate that nobody vouches for will do.
    IgnoreUntrusted,
    /// `local;remote;…` of a Protocol Tunnel.
    TunnelDefinitions,
    /// Where a tunnel listens, inside 127.0.0.0/8.
    TunnelListenAddress,
    /// Where a Web Jump leads.
    Url,
    /// Whether its certificate is verified.
    VerifyCertificate,
}

impl ItemField {
    /// Its name on screen.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::Place => "Jump Group",
            Self::Tag => "Tag",
            Self::Comments => "Comments",
            Self::JumpPolicy => "Jump Policy",
            Self::PublicPortal => "Public portal",
            Self::CustomerPresentPolicy => "Customer present",
            Self::CustomerNotPresentPolicy => "Customer absent",
            Self::Expires => "Expires",
            Self::MaxOfflineMinutes => "Max offline (min)",
            Self::StartMode => "Start mode",
            Self::Hostname => "Hostname/IP",
            Self::Port => "Port",
            Self::Protocol => "Protocol",
            Self::Terminal => "Terminal",
            Self::KeepAlive => "Keep alive (s)",
            Self::Username => "Username",
            Self::Domain => "Domain",
            Self::Quality => "Quality",
            Self::ConsoleSession => "Console session",
            Self::IgnoreUntrusted => "Ignore untrusted",
            Self::TunnelDefinitions => "Tunnels",
            Self::TunnelListenAddress => "Listen address",
            Self::Url => "URL",
            Self::VerifyCertificate => "Verify cert.",
        }
    }

    /// What a role must permit to the one who edits it (DOMAIN 3).
    pub const fn permission(self) -> Permission {
        match self {
            Self::Place => Permission::PermAssignJumpGroup,
            Self::Tag => Permission::PermEditTag,
            Self::Comments => Permission::PermEditComments,
            Self::JumpPolicy => Permission::PermEditJumpPolicy,
            Self::PublicPortal => Permission::PermEditPublicPortal,
            Self::CustomerPresentPolicy | Self::CustomerNotPresentPolicy => {
                Permission::PermEditSessionPolicy
            }
            Self::Expires
            | Self::MaxOfflineMinutes
            | Self::StartMode
            | Self::Terminal
            | Self::KeepAlive
            | Self::Quality
            | Self::ConsoleSession => Permission::PermEditBehavior,
            Self::Name
            | Self::Hostname
            | Self::Port
            | Self::Protocol
            | Self::Username
            | Self::Domain
            | Self::IgnoreUntrusted
            | Self::TunnelDefinitions
            | Self::TunnelListenAddress
            | Self::Url
            | Self::VerifyCertificate => Permission::PermEditIdentity,
        }
    }

    /// The words it can hold, if it holds one of a few.
    pub const fn words(self) -> &'static [&'static str] {
        match self {
            Self::Protocol => &["ssh", "telnet"],
            Self::Terminal => &["xterm", "vt100"],
            Self::Quality => &["best_performance", "balanced", "best_quality"],
            Self::StartMode => &["normal", "minimized", "hidden"],
            _ => &[],
        }
    }
}

/// What a property holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldValue {
    /// A text, or one of a few words.
    Text(Box<str>),
    /// Where it stands.
    Place(Place),
    /// A Jump Policy, or none.
    JumpPolicy(Option<JumpPolicyId>),
    /// A public portal; none for the default one.
    Portal(Option<PortalId>),
    /// A session policy, or none.
    SessionPolicy(Option<SessionPolicyId>),
    /// A moment, or never.
    Time(Option<Timestamp>),
    /// A number.
    Number(u32),
    /// Yes or no.
    Flag(bool),
}

/// A value that a property cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}: {why}", field.title())]
pub struct WrongValue {
    /// The property.
    pub field: ItemField,
    /// What it can hold.
    pub why: String,
}

/// A property that is changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemChange {
    /// The property.
    pub field: ItemField,
    /// What it held when the rep began.
    pub from: FieldValue,
    /// What it shall hold.
    pub to: FieldValue,
}

/// An item that is changed: all of it or nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemEdit {
    /// The item.
    pub item: ItemId,
    /// What is changed.
    pub changes: Vec<ItemChange>,
}

/// How a Jump shortcut reaches its machine (DOMAIN 2). Its host name is in the item's facts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Shortcut {
    /// The port; 0 where there is none.
    pub port: u16,
    /// `ssh` or `telnet`.
    pub protocol: Box<str>,
    /// `xterm` or `vt100`.
    pub terminal: Box<str>,
    /// Seconds, 0 to 300.
    pub keep_alive: u16,
    /// Who logs in.
    pub username: Box<str>,
    /// That one's domain.
    pub domain: Box<str>,
    /// How much the picture may cost.
    pub quality: Box<str>,
    /// The console session.
    pub console_session: bool,
    /// A certificate that nobody vouches for will do.
    pub ignore_untrusted: bool,
    /// `local;remote;…`.
    pub tunnel_definitions: Box<str>,
    /// Inside 127.0.0.0/8.
    pub tunnel_listen_address: Box<str>,
    /// Where a Web Jump leads.
    pub url: Box<str>,
    /// Its certificate is verified.
    pub verify_certificate: bool,
}

impl Shortcut {
    /// What a new one begins with.
    pub fn new(method: JumpMethod) -> Self {
        Self {
            port: method.port(),
            protocol: "ssh".into(),
            terminal: "xterm".into(),
            quality: "balanced".into(),
            tunnel_listen_address: "127.0.0.1".into(),
            verify_certificate: true,
            ..Self::default()
        }
    }
}

impl ItemPolicies {
    /// What a property of them holds.
    pub const fn field(&self, field: ItemField) -> FieldValue {
        match field {
            ItemField::CustomerPresentPolicy => FieldValue::SessionPolicy(self.customer_present),
            ItemField::CustomerNotPresentPolicy => {
                FieldValue::SessionPolicy(self.customer_not_present)
            }
            _ => FieldValue::Portal(self.public_portal),
        }
    }
}

impl ItemView {
    /// What a property holds.
    pub fn field(&self, field: ItemField) -> FieldValue {
        let shortcut = self.shortcut.as_deref().cloned().unwrap_or_default();
        match field {
            ItemField::Name => FieldValue::Text(self.name.clone()),
            ItemField::Place => FieldValue::Place(self.place),
            ItemField::Tag => FieldValue::Text(self.tag.clone()),
            ItemField::Comments => FieldValue::Text(self.comments.clone()),
            ItemField::JumpPolicy => FieldValue::JumpPolicy(self.jump_policy),
            ItemField::PublicPortal
            | ItemField::CustomerPresentPolicy
            | ItemField::CustomerNotPresentPolicy => self.policies.field(field),
            ItemField::Expires => FieldValue::Time(self.expires),
            ItemField::MaxOfflineMinutes => FieldValue::Number(self.max_offline_minutes),
            ItemField::StartMode => FieldValue::Text(self.start_mode.word().into()),
            ItemField::Hostname => FieldValue::Text(self.facts.hostname.clone()),
            other => shortcut.field(other),
        }
    }

    /// Puts a value into a property.
    ///
    /// # Errors
    /// [`WrongValue`] says what the property can hold; the item is unchanged then.
    pub fn set(&mut self, field: ItemField, value: FieldValue) -> Result<(), WrongValue> {
        match (field, value) {
            (ItemField::Name, FieldValue::Text(text)) => {
                self.name = line(field, &text, 1..=limits::NAME)?;
            }
            (ItemField::Place, FieldValue::Place(place)) => self.place = place,
            (ItemField::Tag, FieldValue::Text(text)) => {
                self.tag = line(field, &text, 0..=limits::TAG)?;
            }
            (ItemField::Comments, FieldValue::Text(text)) => {
                self.comments = line(field, &text, 0..=limits::COMMENTS)?;
            }
            (ItemField::JumpPolicy, FieldValue::JumpPolicy(policy)) => self.jump_policy = policy,
            (ItemField::PublicPortal, FieldValue::Portal(portal)) => {
                self.policies.public_portal = portal;
            }
            (ItemField::CustomerPresentPolicy, FieldValue::SessionPolicy(policy)) => {
                self.policies.customer_present = policy;
            }
            (ItemField::CustomerNotPresentPolicy, FieldValue::SessionPolicy(policy)) => {
                self.policies.customer_not_present = policy;
            }
            (ItemField::Expires, FieldValue::Time(time)) => self.expires = time,
            (ItemField::MaxOfflineMinutes, FieldValue::Number(minutes)) => {
                self.max_offline_minutes = number(field, minutes, 0..=MOST_OFFLINE)?;
            }
            (ItemField::StartMode, FieldValue::Text(text)) => {
                let mode = StartMode::named(&known(field, text)?);
                self.start_mode = mode.unwrap_or_default();
            }
            (ItemField::Hostname, FieldValue::Text(text)) => {
                self.facts.hostname = host(field, &text)?;
            }
            (other, value) => match &mut self.shortcut {
                Some(shortcut) => shortcut.set(other, value)?,
                None => return Err(wrong(other, "a Jump Client has no such property")),
            },
        }
        Ok(())
    }
}

/// Minutes that a Jump Client may be set to be offline, at most: ten years.
const MOST_OFFLINE: u32 = 5_256_000;

impl Shortcut {
    /// What one of its properties holds.
    pub fn field(&self, field: ItemField) -> FieldValue {
        match field {
            ItemField::Port => FieldValue::Number(self.port.into()),
            ItemField::Protocol => FieldValue::Text(self.protocol.clone()),
            ItemField::Terminal => FieldValue::Text(self.terminal.clone()),
            ItemField::KeepAlive => FieldValue::Number(self.keep_alive.into()),
            ItemField::Username => FieldValue::Text(self.username.clone()),
            ItemField::Domain => FieldValue::Text(self.domain.clone()),
            ItemField::Quality => FieldValue::Text(self.quality.clone()),
            ItemField::ConsoleSession => FieldValue::Flag(self.console_session),
            ItemField::IgnoreUntrusted => FieldValue::Flag(self.ignore_untrusted),
            ItemField::TunnelDefinitions => FieldValue::Text(self.tunnel_definitions.clone()),
            ItemField::TunnelListenAddress => FieldValue::Text(self.tunnel_listen_address.clone()),
            ItemField::VerifyCertificate => FieldValue::Flag(self.verify_certificate),
            _ => FieldValue::Text(self.url.clone()),
        }
    }

    fn set(&mut self, field: ItemField, value: FieldValue) -> Result<(), WrongValue> {
        match (field, value) {
            (ItemField::Port, FieldValue::Number(port)) => {
                self.port = number(field, port, 1..=65_535)?.try_into().unwrap_or(u16::MAX);
            }
            (ItemField::KeepAlive, FieldValue::Number(seconds)) => {
                self.keep_alive = number(field, seconds, 0..=300)?.try_into().unwrap_or(300);
            }
            (ItemField::Protocol, FieldValue::Text(text)) => self.protocol = known(field, text)?,
            (ItemField::Terminal, FieldValue::Text(text)) => self.terminal = known(field, text)?,
            (ItemField::Quality, FieldValue::Text(text)) => self.quality = known(field, text)?,
            (ItemField::Username, FieldValue::Text(text)) => {
                self.username = line(field, &text, 0..=limits::FACT)?;
            }
            (ItemField::Domain, FieldValue::Text(text)) => {
                self.domain = line(field, &text, 0..=limits::FACT)?;
            }
            (ItemField::ConsoleSession, FieldValue::Flag(flag)) => self.console_session = flag,
            (ItemField::IgnoreUntrusted, FieldValue::Flag(flag)) => self.ignore_untrusted = flag,
            (ItemField::VerifyCertificate, FieldValue::Flag(flag)) => {
                self.verify_certificate = flag;
            }
            (ItemField::TunnelDefinitions, FieldValue::Text(text)) => {
                self.tunnel_definitions = tunnels(field, &text)?;
            }
            (ItemField::TunnelListenAddress, FieldValue::Text(text)) => {
                let address: Result<Ipv4Addr, _> = text.trim().parse();
                self.tunnel_listen_address = match address {
                    Ok(address) if address.is_loopback() => address.to_string().into(),
                    _ => return Err(wrong(field, "it is an address inside 127.0.0.0/8")),
                };
            }
            (ItemField::Url, FieldValue::Text(text)) => {
                let text = word(field, &text, 1..=limits::COMMENTS)?;
                if !text.starts_with("https://") && !text.starts_with("http://") {
                    return Err(wrong(field, "it begins with https:// or http://"));
                }
                self.url = text;
            }
            (field, _) => return Err(wrong(field, "this kind of value does not fit")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
