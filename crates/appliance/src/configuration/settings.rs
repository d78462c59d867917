//! Settings of users and of group policies, as the file says them.

use super::file::{Name, SettingsEntry};
use super::reader::{At, FileReader};
use jumpdeck_policy::{Availability, PolicySettings, Role, Setting, Settings};
use jumpdeck_world::World;
use std::collections::BTreeMap;

pub(super) fn own_settings(
    world: &World,
    reader: &mut FileReader<'_>,
    at: At<'_>,
    entry: &SettingsEntry,
) -> Settings {
    let none = Settings::default();
    let mut role = |field: &str, name: Option<&Name>| {
        name.and_then(|name| reader.role(world, at, field, name)).unwrap_or(Role::NO_ACCESS)
    };
    let default_role = role("default_role", entry.default_role.as_ref());
    let personal_role = role("personal_role", entry.personal_role.as_ref());
    let teams_role = role("teams_role", entry.teams_role.as_ref());
    let system_role = role("system_role", entry.system_role.as_ref());
    let attended =
        (entry.attended_session_policy.as_ref(), entry.custom_attended_session_policy.as_ref());
    let unattended =
        (entry.unattended_session_policy.as_ref(), entry.custom_unattended_session_policy.as_ref());
    let to = Availability::Users;
    Settings {
        default_role,
        personal_role,
        teams_role,
        system_role,
        attended_session_policy: reader.choice(world, at, "attended_session_policy", attended, to),
        unattended_session_policy: reader.choice(
            world,
            at,
            "unattended_session_policy",
            unattended,
            to,
        ),
        administrator: entry.administrator.unwrap_or_default(),
        view_audit: entry.view_audit.unwrap_or_default(),
        generate_session_keys: entry.generate_session_keys.unwrap_or_default(),
        jump_clients_pinning: entry.jump_clients_pinning.unwrap_or_default(),
        second_factor_required: entry.second_factor_required.unwrap_or_default(),
        jump_methods: match &entry.jump_methods {
            Some(methods) => methods.iter().copied().collect(),
            None => none.jump_methods,
        },
    }
}

/// What a group policy defines, and what of that is final.
pub(super) fn policy_settings(
    world: &World,
    reader: &mut FileReader<'_>,
    at: At<'_>,
    (said, is_final): (&SettingsEntry, &[Name]),
) -> PolicySettings {
    let own = own_settings(world, reader, at, said);
    let mut fixed: BTreeMap<&str, &Name> =
        is_final.iter().map(|name| (name.get_ref().as_str(), name)).collect();
    let mut settings = PolicySettings::default();
    macro_rules! take {
        ($($field:ident if $defined:expr;)*) => {$(
            let is_final = fixed.remove(stringify!($field));
            settings.$field = match ($defined, is_final) {
                (true, None) => Setting::Defined(own.$field),
                (true, Some(_)) => Setting::Final(own.$field),
                (false, None) => Setting::NotDefined,
                (false, Some(name)) => {
                    reader.wrong(at, "final", name, "what is final must be defined in settings");
                    Setting::NotDefined
                }
            };
        )*};
    }
    let either = |name: &Option<Name>, custom: bool| name.is_some() || custom;
    take! {
        default_role if said.default_role.is_some();
        personal_role if said.personal_role.is_some();
        teams_role if said.teams_role.is_some();
        system_role if said.system_role.is_some();
        attended_session_policy if either(
            &said.attended_session_policy, said.custom_attended_session_policy.is_some());
        unattended_session_policy if either(
            &said.unattended_session_policy, said.custom_unattended_session_policy.is_some());
        administrator if said.administrator.is_some();
        view_audit if said.view_audit.is_some();
        generate_session_keys if said.generate_session_keys.is_some();
        jump_clients_pinning if said.jump_clients_pinning.is_some();
        second_factor_required if said.second_factor_required.is_some();
        jump_methods if said.jump_methods.is_some();
    }
    for name in fixed.into_values() {
        reader.wrong(at, "final", name, "there is no such setting");
    }
    settings
}
