//! Session policies: which layer decides (DOMAIN 6).

use jumpdeck_protocol::SessionPolicyId;
use jumpdeck_protocol::session_policy::{
    Granted, Layer, Lower, Rules, SessionPermission, Simulated,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A session policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionPolicy {
    /// Its id.
    pub id: SessionPolicyId,
    /// Its name for people.
    pub display_name: String,
    /// Its name for files and programs, `[A-Za-z0-9_-]{1,64}`.
    pub code_name: String,
    /// What it is for.
    pub description: String,
    /// What it may be applied to.
    pub availability: BTreeSet<Availability>,
    /// What it says.
    pub rules: Rules,
}

impl SessionPolicy {
    /// The one that defines everything and cannot be removed.
    pub const GLOBAL_DEFAULT: SessionPolicyId = SessionPolicyId(1);
    /// The built-in one that allows everything.
    pub const EVERYTHING: SessionPolicyId = SessionPolicyId(2);

    /// The policies every appliance starts with.
    pub fn built_in() -> [Self; 2] {
        let policy =
            |id, display_name: &str, code_name: &str, description: &str, granted: Granted| Self {
                id,
                display_name: display_name.to_owned(),
                code_name: code_name.to_owned(),
                description: description.to_owned(),
                availability: Availability::ALL.iter().copied().collect(),
                rules: granted.rules(),
            };
        [
            policy(
                Self::GLOBAL_DEFAULT,
                "Global Default",
                "global_default",
                "What holds where no other session policy says anything.",
                Granted::default(),
            ),
            policy(
                Self::EVERYTHING,
                "Everything",
                "everything",
                "Allows everything without asking.",
                Granted::everything(),
            ),
        ]
    }
}

/// What a session policy may be applied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// Users and group policies.
    Users,
    /// Public portals.
    PublicPortals,
    /// Jump Items.
    JumpItems,
}

impl Availability {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Users, Self::PublicPortals, Self::JumpItems];
}

/// A session policy that is applied to something: one of the list, or one of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyChoice {
    /// One of the list.
    Shared(SessionPolicyId),
    /// Its own.
    Custom(Arc<Rules>),
}

/// A layer that has something to say.
#[derive(Clone, Copy, Debug)]
pub struct Say<'a> {
    /// Which.
    pub layer: Layer,
    /// Its session policy's name.
    pub policy: &'a str,
    /// What it says.
    pub rules: &'a Rules,
}

/// What a session grants: of each permission what the first layer says that defines it. What no
/// layer defines is at its lowest.
pub fn granted(layers: &[Say<'_>]) -> Granted {
    let mut rules = Rules::default();
    for say in layers {
        rules = rules.over(say.rules);
    }
    Granted::of(&rules)
}

/// The same, permission by permission, with the layer that decides and what lower ones say.
pub fn simulate(layers: &[Say<'_>]) -> Vec<Simulated> {
    SessionPermission::ALL.iter().map(|permission| simulate_one(layers, *permission)).collect()
}

/// The same for one permission.
pub fn simulate_one(layers: &[Say<'_>], permission: SessionPermission) -> Simulated {
    let decides = layers.iter().position(|say| say.rules.defines(permission));
    let after = decides.map_or(layers.len(), |at| at + 1);
    let lower = layers.iter().skip(after).map(|say| Lower {
        layer: say.layer,
        policy: say.policy.into(),
        value: say.rules.says(permission).map(Into::into),
    });
    let lower = lower.collect();
    match decides.and_then(|at| layers.get(at)) {
        Some(say) => Simulated {
            permission,
            value: say.rules.says(permission).unwrap_or_default().into(),
            layer: say.layer,
            policy: say.policy.into(),
            lower,
        },
        None => Simulated {
            permission,
            value: Granted::default().says(permission).into(),
            layer: Layer::GlobalDefault,
            policy: "the lowest level".into(),
            lower,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jumpdeck_protocol::session_policy::{Access, Asks, Prompted, Prompting};

    const LAYERS: [Layer; 4] =
        [Layer::JumpItem, Layer::PublicPortal, Layer::Representative, Layer::GlobalDefault];

    /// Rules that say something of every permission, and each layer something else.
    fn all(layer: usize) -> Rules {
        use jumpdeck_protocol::session_policy::{Clipboard, CommandFilter, Paths, ScreenSharing};
        let access = if layer.is_multiple_of(2) { Access::Allow } else { Access::Deny };
        let everything = Granted::everything();
        let name = format!("layer-{layer}");
        let choose = |at: usize| {
            [Clipboard::Both, Clipboard::ToRep, Clipboard::Deny, Clipboard::ToCustomer][at]
        };
        Granted {
            screen_sharing: [ScreenSharing::ViewOnly, ScreenSharing::Deny][layer % 2],
            clipboard_direction: choose(layer),
            privacy_mode: access,
            annotations: access,
            file_transfer_upload: access,
            file_transfer_download: access,
            file_paths_customer: Paths::List(vec![name.clone()]),
            file_paths_rep: Paths::List(vec![name.clone()]),
            command_shell: access,
            command_filter: CommandFilter { allow: vec![name], deny: vec![] },
            system_info: access,
            system_actions: access,
            registry_access: access,
            canned_scripts: access,
            elevation: access,
            chat: access,
            jump_clients_pinning: access,
            support_button_deploy: access,
            tunnel: access,
            recording: access,
            prompting: Prompting {
                tools: [Prompted::All, Prompted::None][layer % 2],
                ..everything.prompting
            },
        }
        .rules()
    }

    #[test]
    fn the_first_layer_that_defines_a_permission_decides_for_every_permission_and_every_stack() {
        for permission in SessionPermission::ALL {
            for defined in 0..1_usize << LAYERS.len() {
                let rules: Vec<Rules> = (0..LAYERS.len())
                    .map(|layer| match defined >> layer & 1 {
                        1 => all(layer).only(*permission),
                        _ => Rules::default(),
                    })
                    .collect();
                let layers: Vec<_> = LAYERS
                    .iter()
                    .zip(&rules)
                    .map(|(layer, rules)| Say { layer: *layer, policy: layer.title(), rules })
                    .collect();
                let first = (0..LAYERS.len()).find(|layer| defined >> layer & 1 == 1);
                let expected = match first {
                    Some(layer) => all(layer).says(*permission).unwrap(),
                    None => Granted::default().says(*permission),
                };
                let told = simulate_one(&layers, *permission);
                assert_eq!(*told.value, expected, "{permission:?} {defined:b}");
                assert_eq!(granted(&layers).says(*permission), expected);
                assert_eq!(told.layer, first.map_or(Layer::GlobalDefault, |at| LAYERS[at]));
                let lower: Vec<_> = told.lower.iter().map(|lower| lower.value.is_some()).collect();
                let after = first.map_or(LAYERS.len(), |at| at + 1);
                let defines = (after..LAYERS.len()).map(|layer| defined >> layer & 1 == 1);
                assert_eq!(lower, defines.collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn only_with_some_may_the_tools_differ_in_whether_they_ask() {
        for tools in [Prompted::All, Prompted::Some, Prompted::None] {
            for asks in [None, Some(Asks::Always), Some(Asks::Never)] {
                for tool in SessionPermission::ALL {
                    let each = asks.map(|asks| (*tool, asks)).into_iter().collect();
                    let prompting = Prompting { tools, each, ..Prompting::default() };
                    let expected = match tools {
                        Prompted::All => true,
                        Prompted::None => false,
                        Prompted::Some => asks == Some(Asks::Always),
                    };
                    assert_eq!(prompting.asks(*tool), expected);
                }
            }
        }
    }
}
