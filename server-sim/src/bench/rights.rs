//! Rights that change while many watch, and the audit under load.

use super::figure::{BenchTarget, Table, float, median};
use super::place::BenchPlace;
use super::{Bench, progress};
use anyhow::{Context, bail};
use jumpdeck_protocol::inventory::{ItemView, Place as Where};
use jumpdeck_protocol::item::{FieldValue, ItemChange, ItemEdit, ItemField, Shortcut};
use jumpdeck_protocol::jump_method::JumpMethod;
use jumpdeck_protocol::limits::ITEMS_PER_REQUEST;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{RepReply, RepRequest, Secret};
use jumpdeck_protocol::{ItemId, JumpGroupId, Outcome};
use jumpdeck_server_sim::{ConsoleHeard, ConsoleLogin, SimulatedConsole};
use tokio::time::Instant;

/// Items that the role is about.
const TOUCHED: usize = 10_000;
/// Consoles that watch.
const CONSOLES: usize = 50;
/// Requests under way at once.
const AT_ONCE: usize = 48;
/// The password that the watching user chooses.
const PASSWORD: &str = "watching from here";

/// The configuration: a user who sees the touched group by a role of its own, and all the rest.
fn file(start: bool) -> String {
    let role = if start { "Start Sessions Only" } else { "No Access" };
    format!(
        "[[jump_group]]\nname = \"Touched\"\n[[jump_group]]\nname = \"Rest\"\n\
         [[user]]\nusername = \"admin\"\n[user.settings]\nadministrator = true\n\
         default_role = \"Administrator\"\npersonal_role = \"Administrator\"\n\
         system_role = \"Administrator\"\n\
         [[user]]\nusername = \"watcher\"\nsettings = {{ system_role = \"Auditor\" }}\n\
         [[group_policy]]\nname = \"Watchers\"\nmembers = [\"watcher\"]\n\
         add_to_jump_groups = [{{ group = \"Touched\", role = \"{role}\" }}]\n"
    )
}

pub(super) async fn measure(bench: &Bench, table: &mut Table) -> anyhow::Result<()> {
    let place = BenchPlace::start(bench.program.as_deref()).await?;
    let mut admin = place.console().await?;
    let first = configure(&mut admin, true).await?.context("no first password was printed")?;
    let rest = bench.items.saturating_sub(TOUCHED);
    progress(&format!("{TOUCHED} and {rest} items are made"));
    // The first group is the one that `serve` makes, which the file does not name.
    let touched = fill(&mut admin, 2, TOUCHED).await?;
    fill(&mut admin, 3, rest).await?;
    audit(&mut admin, &touched, table).await?;
    changes(&place, &mut admin, &first, bench.items, table).await
}

/// Applies the file. Returns the first password of a user that was made.
async fn configure(admin: &mut SimulatedConsole, start: bool) -> anyhow::Result<Option<String>> {
    let request =
        RepRequest::Configure(request::Configure { file: file(start), apply: true, planned: None });
    let RepReply::Plan(plan) = admin.ask(request).await? else {
        bail!("the appliance gave another answer");
    };
    anyhow::ensure!(plan.applied, "the file was not applied: {:?}", plan.problems);
    Ok(plan.passwords.into_iter().next().map(|user| user.password))
}

/// Makes items in a group.
async fn fill(
    admin: &mut SimulatedConsole,
    group: u64,
    count: usize,
) -> anyhow::Result<Vec<ItemId>> {
    let mut made = Vec::with_capacity(count);
    let (mut asked, mut under_way) = (0, 0);
    while made.len() < count {
        while asked < count && under_way < AT_ONCE {
            let item = ItemView {
                name: format!("item {group}-{asked}").into(),
                place: Where::JumpGroup(JumpGroupId(group)),
                method: JumpMethod::ShellJump,
                shortcut: Some(Box::new(Shortcut::new(JumpMethod::ShellJump))),
                facts: jumpdeck_protocol::inventory::Facts {
                    hostname: format!("host-{asked}").into(),
                    ..Default::default()
                },
                ..ItemView::default()
            };
            admin.request(RepRequest::AddShortcut(request::AddShortcut { item: Box::new(item) }));
            asked += 1;
            under_way += 1;
        }
        let answer = admin.until(|heard| match heard {
            ConsoleHeard::Reply(_, outcome) => Some(outcome.clone()),
            _ => None,
        });
        match answer.await? {
            Outcome::Ok(RepReply::Added(reply::Added { item })) => made.push(item),
            other => bail!("an item was not made: {other:?}"),
        }
        under_way -= 1;
    }
    Ok(made)
}

/// Edits of many items, each an event of the audit that is on the disk before the answer.
async fn audit(
    admin: &mut SimulatedConsole,
    items: &[ItemId],
    table: &mut Table,
) -> anyhow::Result<()> {
    let rounds = 10;
    let began = Instant::now();
    for round in 0..rounds {
        let tag = |round: usize| FieldValue::Text(tag_of(round).into());
        let change = || ItemChange { field: ItemField::Tag, from: tag(round), to: tag(round + 1) };
        let mut under_way = 0;
        for some in items.chunks(ITEMS_PER_REQUEST) {
            let edit = |item: &ItemId| ItemEdit { item: *item, changes: vec![change()] };
            admin.request(RepRequest::EditItems(request::EditItems {
                edits: some.iter().map(edit).collect(),
            }));
            under_way += 1;
        }
        for _ in 0..under_way {
            let answer = admin.until(|heard| match heard {
                ConsoleHeard::Reply(
                    _,
                    Outcome::Ok(RepReply::Done(reply::BulkDone { refused })),
                ) => Some(refused.len()),
                ConsoleHeard::Reply(_, other) => Some(other_len(other)),
                _ => None,
            });
            anyhow::ensure!(answer.await? == 0, "an edit was refused");
        }
    }
    let each = float(items.len() * rounds) / began.elapsed().as_secs_f64();
    let how = format!(
        "{} edits of {} items, each with its event, on the disk before the answer",
        items.len() * rounds,
        items.len()
    );
    table.add("audit events, durable", each, "/s", Some(BenchTarget::AtLeast(20_000.0)), how);
    Ok(())
}

/// Any other answer is as bad as a refusal.
const fn other_len(_: &Outcome<RepReply>) -> usize {
    1
}

fn tag_of(round: usize) -> String {
    if round == 0 { String::new() } else { format!("round {round}") }
}

/// A role that hides and shows a group, while many watch.
async fn changes(
    place: &BenchPlace,
    admin: &mut SimulatedConsole,
    first: &str,
    items: usize,
    table: &mut Table,
) -> anyhow::Result<()> {
    let login = |password: &str| {
        ConsoleLogin::with_password(&place.url(), &place.fingerprint, "watcher", password)
    };
    let (current, new) = (Secret(first.to_owned()), Secret(PASSWORD.to_owned()));
    let mut console = SimulatedConsole::connect(&login(first)).await?;
    console.ask(RepRequest::ChangePassword(request::ChangePassword { current, new })).await?;
    progress(&format!("{CONSOLES} consoles fetch {items} items"));
    let mut consoles = Vec::new();
    for _ in 0..CONSOLES {
        let mut console = SimulatedConsole::skimming(&login(PASSWORD)).await?;
        console.request(RepRequest::Subscribe(request::Subscribe { have: None, presence: None }));
        let mut seen = 0;
        while seen < items {
            seen += console.until(skimmed).await?.0;
        }
        consoles.push(console);
    }
    let (mut hides, mut shows) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        hides.push(reaches(admin, &mut consoles, false).await?);
        shows.push(reaches(admin, &mut consoles, true).await?);
    }
    let how = format!(
        "from the edit to the last of {CONSOLES} consoles, {items} items in all; plan and commit included"
    );
    let target = Some(BenchTarget::AtMost(500.0));
    let what = |what: &str| format!("a role that {what} {TOUCHED} items, at {CONSOLES} consoles");
    table.add(what("hides"), median(&mut hides), "ms", target, how.clone());
    table.add(what("shows"), median(&mut shows), "ms", target, how);
    Ok(())
}

/// How many items came and went with a part.
const fn skimmed(heard: &ConsoleHeard) -> Option<(usize, usize)> {
    match heard {
        ConsoleHeard::Skimmed { items, gone } => Some((*items, *gone)),
        _ => None,
    }
}

/// Milliseconds from an edit of the role until the last console knows.
async fn reaches(
    admin: &mut SimulatedConsole,
    consoles: &mut [SimulatedConsole],
    shows: bool,
) -> anyhow::Result<f64> {
    let began = Instant::now();
    configure(admin, shows).await?;
    let mut last = began;
    for console in consoles {
        let mut count = 0;
        while count < TOUCHED {
            let (at, heard) = console.next_at().await?;
            if let Some((items, gone)) = skimmed(&heard) {
                count += if shows { items } else { gone };
                last = last.max(at);
            }
        }
    }
    Ok((last - began).as_secs_f64() * 1000.0)
}
