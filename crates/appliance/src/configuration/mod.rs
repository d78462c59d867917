//! The configuration as a file: written, planned and applied.
//!
//! Applying is one edit of the store: all of it or nothing. A plan is the same edit on a World of
//! its own that is thrown away, so what it says is what applying does.

mod apply;
mod applying;
mod effects;
mod export;
mod file;
mod hours;
mod kinds;
mod reader;
mod settings;
mod usage;
mod written;

use crate::answered::Answered;
use crate::base::Base;
use crate::bus::ApplianceEvent;
use crate::keys;
use crate::links::consoles::RepLink;
use crate::policies::jump_policies::JumpPolicies;
use crate::sessions::withdraw::Withdrawal;
use applying::By;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::configuration::{Change, Plan, PlannedChange, Problem};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::{Refusal, RefusalCode, limits};
use jumpdeck_store::Draft;
use jumpdeck_world::World;
use reader::FileReader;
use std::sync::Arc;

/// Exports, plans and applies the configuration file.
pub(crate) struct Configuration {
    pub(super) base: Base,
    pub(super) jump_policies: Arc<JumpPolicies>,
    pub(super) withdrawal: Arc<Withdrawal>,
    pub(super) embedded: bool,
}

impl Configuration {
    /// The configuration as a file.
    fn export_configuration(&self, rep: &RepLink) -> Result<String, Refusal> {
        let world = self.base.world();
        administers(&world, rep)?;
        let file = export::write(&world);
        if file.len() > limits::CONFIGURATION {
            let detail = format!("the file would have {} bytes, and at most", file.len());
            let detail = format!("{detail} {} can be sent", limits::CONFIGURATION);
            return Err(RefusalCode::Unsupported.because(detail));
        }
        Ok(file)
    }

    /// What a file changes; with `apply`, it does.
    async fn configure(
        &self,
        rep: &RepLink,
        file: String,
        apply: bool,
        planned: Option<jumpdeck_protocol::Revision>,
    ) -> Result<Plan, Refusal> {
        administers(&self.base.world(), rep)?;
        if file.len() > limits::CONFIGURATION {
            let detail = format!(
                "A configuration has at most {} bytes; this one has {}.",
                limits::CONFIGURATION,
                file.len()
            );
            return Err(RefusalCode::InvalidValue.because(detail));
        }
        let by = By { user: rep.user, embedded: self.embedded };
        let world = self.base.world();
        let text = file.clone();
        let planning = tokio::task::spawn_blocking(move || plan(&world, &text, by));
        let failed =
            |error: tokio::task::JoinError| RefusalCode::StoreFailed.because(error.to_string());
        let plan = planning.await.map_err(failed)??;
        if !apply || !plan.problems.is_empty() {
            return Ok(plan);
        }
        let base = planned.unwrap_or(plan.revision);
        let (user, now) = (rep.user, self.base.now());
        let (sum, bytes) = (keys::hash(&file), file.len());
        let edit = move |draft: &mut Draft| {
            if draft.configured() != base {
                let detail = "the configuration changed meanwhile; plan once more";
                return Err(RefusalCode::EditConflict.because(detail));
            }
            let before = export::entries(draft);
            let applied = put(draft, &file, by)?;
            let after = export::entries(draft);
            let detail = format!("{bytes} bytes, SHA-256 {sum}");
            draft.audit_by(now, user, Action::ConfigurationApplied, ("", &detail));
            // All of it, however little of it the plan had room to tell.
            for change in effects::changes(&before, &after) {
                let (subject, detail) = words(&change, &after);
                draft.audit_by(now, user, Action::ConfigurationChanged, (&subject, &detail));
            }
            Ok((applied, draft.configured()))
        };
        let (applied, revision) = self.base.store.edit(edit).await?;
        self.jump_policies.look_at_policies();
        self.base.bus.publish(ApplianceEvent::QueuesChanged);
        self.withdrawal.withdraw();
        Ok(Plan { applied: true, passwords: applied.passwords, revision, ..plan })
    }
}

impl Answered for request::ExportConfiguration {
    type By = Configuration;

    async fn answer(
        self,
        configuration: &Arc<Configuration>,
        rep: &RepLink,
    ) -> Result<reply::ExportedConfiguration, Refusal> {
        Ok(reply::ExportedConfiguration { file: configuration.export_configuration(rep)? })
    }
}

impl Answered for request::Configure {
    type By = Configuration;

    async fn answer(
        self,
        configuration: &Arc<Configuration>,
        rep: &RepLink,
    ) -> Result<Box<Plan>, Refusal> {
        let plan = configuration.configure(rep, self.file, self.apply, self.planned).await?;
        Ok(Box::new(plan))
    }
}

fn administers(world: &World, rep: &RepLink) -> Result<(), Refusal> {
    if world.administers(rep.user) {
        return Ok(());
    }
    let by = world.effective(rep.user).map(|user| user.settings.administrator.by.words());
    let detail = format!("administrator: {} say no", by.unwrap_or_default());
    Err(RefusalCode::PermissionDenied.because(detail))
}

/// What a file changes of a World.
fn plan(world: &World, text: &str, by: By) -> Result<Plan, Refusal> {
    let revision = world.configured();
    let nothing = Plan { revision, ..Plan::default() };
    let file = match apply::parse(text) {
        Ok(file) => file,
        Err(problem) => return Ok(Plan { problems: vec![problem], ..nothing }),
    };
    let mut draft = Draft::new(world.clone());
    let mut reader = FileReader::new(text);
    let applied = apply::apply(&mut draft, &mut reader, &file, by)?;
    if !reader.problems.is_empty() {
        return Ok(Plan { problems: reader.problems, ..nothing });
    }
    let mut changes = effects::changes(&export::entries(world), &export::entries(&draft));
    let changes_in_all = changes.len() as u64;
    changes.truncate(limits::PLAN_LINES);
    let effects = effects::effects(world, &draft);
    Ok(Plan {
        changes,
        changes_in_all,
        effects: effects.effects,
        effects_in_all: effects.in_all,
        gain: effects.gain,
        lose: effects.lose,
        notes: applied.notes.into_iter().map(Into::into).collect(),
        ..nothing
    })
}

/// Applies a file that was planned before.
fn put(draft: &mut Draft, text: &str, by: By) -> Result<applying::Applied, Refusal> {
    let wrong = |problem: &Problem| {
        RefusalCode::EditConflict.because(format!("line {}: {}", problem.line, problem.what))
    };
    let file = apply::parse(text).map_err(|problem| wrong(&problem))?;
    let mut reader = FileReader::new(text);
    let applied = apply::apply(draft, &mut reader, &file, by)?;
    match reader.problems.first() {
        None => Ok(applied),
        Some(problem) => Err(wrong(problem)),
    }
}

/// A change, for the audit: of what is new, all that it holds.
fn words(change: &Change, after: &export::Entries) -> (String, String) {
    let subject = format!("{} {}", change.kind, change.name);
    let detail = match &change.deed {
        PlannedChange::Added => {
            format!("added: {}", effects::whole(after, &change.kind, &change.name))
        }
        PlannedChange::Removed => "removed".to_owned(),
        PlannedChange::Changed(field, was, is) => format!("{field}: {is}, was {was}"),
    };
    (subject, detail)
}
