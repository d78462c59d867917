//! What goes wrong in a network and with its machines: nothing is lost, nobody else is disturbed,
//! and the one who is refused is refused for the right reason.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::pedantic,
    reason = "a test says what it expects by unwrapping and indexing"
)]

mod house;

use house::{Bystander, House, scenario};
use jumpdeck_protocol::inventory::Status;
use jumpdeck_protocol::modes::TerminalModes;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, RepRequest};
use jumpdeck_protocol::session::{ChannelKind, Size};
use jumpdeck_protocol::{ItemId, RefusalCode};
use jumpdeck_server_sim::hostile::{HostileCaller, Offence, commit};
use jumpdeck_server_sim::{
    ConsoleError, ConsoleHeard, FleetOpening, SimulatedConsole, SimulatedShell,
};
use std::sync::atomic::Ordering;

/// The numbers of the lines that an `echo` printed, in order.
fn numbers(shell: &SimulatedShell) -> Vec<u32> {
    let text = String::from_utf8_lossy(&shell.output);
    let lines = text.split("\r\n").filter_map(|line| line.strip_prefix("number "));
    lines.map(|number| number.parse().unwrap()).collect()
}

async fn count_up(shell: &mut SimulatedShell, console: &mut SimulatedConsole, to: u32) {
    for number in 1..=to {
        shell.enter(console, &format!("echo number {number}\r"));
    }
    shell.until(console, &format!("\r\nnumber {to}\r\n")).await.unwrap();
    assert_eq!(numbers(shell), (1..=to).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_offence_is_answered_as_it_must_be_and_disturbs_nobody() {
    let house = House::new().await;
    let mut bystander = Bystander::new(&house).await;
    let target = house.target().await;
    let offences: Vec<_> = Offence::ALL
        .iter()
        .map(|offence| {
            let target = target.clone();
            tokio::spawn(async move { (*offence, commit(*offence, &target).await) })
        })
        .collect();
    bystander.work(200).await;
    for offence in offences {
        let (offence, verdict) = offence.await.unwrap();
        assert_eq!(verdict.unwrap(), offence.verdict(), "{}", offence.word());
        bystander.work(5).await;
    }
    bystander.is_undisturbed();
}

#[tokio::test]
async fn facts_that_are_too_long_and_hostile_are_cut_and_cleaned() {
    let house = House::new().await;
    commit(Offence::HostileFacts, &house.target().await).await.unwrap();
    let item = house.items().await.pop().unwrap();
    for text in [&item.facts.hostname, &item.facts.operating_system, &item.facts.console_user] {
        assert!(text.chars().count() <= 256 && !text.contains(['\x1b', '\u{202e}']), "{text:?}");
    }
}

#[tokio::test]
async fn a_flood_of_facts_ends_with_the_last_ones_when_the_agent_is_back() {
    let house = House::new().await;
    let target = house.target().await;
    let mut caller = HostileCaller::new(Some(&target.installer_key));
    drop(caller.link(&target).await.unwrap());
    caller.facts.console_user = "the last one".into();
    let _link = caller.link(&target).await.unwrap();
    assert_eq!(&*house.items().await[0].facts.console_user, "the last one");
}

/// A shell on a machine whose wires are broken, while a bystander works.
async fn survives(fault: &str, links: std::ops::RangeFrom<usize>) {
    let house = House::new().await;
    let mut bystander = Bystander::new(&house).await;
    let mut fleet = house.fleet(scenario(""), 1).await;
    fleet.fault = Some((fault.parse().unwrap(), 1.0));
    let fleet = house.run(fleet);
    let mut console = house.console().await;
    let item = house.until_online(&mut console, "F-M-0000").await;
    let mut shell = console.start(item).await.unwrap();
    let (counted, ()) = tokio::join!(
        async {
            count_up(&mut shell, &mut console, 400).await;
            shell
        },
        bystander.work(300),
    );
    assert_eq!(numbers(&counted).len(), 400);
    bystander.is_undisturbed();
    assert_eq!(house.items().await.len(), 2, "no machine came twice");
    assert!(links.contains(&fleet.counts.enrolled.get()), "the fault did not strike");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_outlives_wires_that_are_lost_again_and_again() {
    survives("drop:24000", 2..).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_outlives_wires_that_are_cut_in_the_middle_of_a_message() {
    survives("cut:20000", 2..).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_works_over_a_wire_that_delays_everything() {
    survives("delay:20", 1..).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_works_for_an_agent_that_reads_slowly() {
    survives("slow:20000", 1..).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_that_reads_slowly_gets_everything_and_holds_up_nobody() {
    let house = House::new().await;
    let mut bystander = Bystander::new(&house).await;
    let _fleet = house.run(house.fleet(scenario(""), 300).await);
    house.until_all_online(301).await;
    let mut login = house.login();
    login.fault = Some("slow:200000".parse().unwrap());
    let mut slow = SimulatedConsole::connect(&login).await.unwrap();
    slow.request(RepRequest::Subscribe(request::Subscribe { have: None, presence: None }));
    let mut items = 0;
    let reading = slow.until(|heard| match heard {
        ConsoleHeard::Notice(ApplianceNotice::Inventory(part)) => {
            items += part.items.len();
            part.position.is_some().then_some(())
        }
        _ => None,
    });
    let (read, ()) = tokio::join!(reading, bystander.work(300));
    read.unwrap();
    assert_eq!(items, 301);
    bystander.is_undisturbed();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_whose_link_is_half_open_holds_up_nobody() {
    let house = House::new().await;
    let mut bystander = Bystander::new(&house).await;
    let mut login = house.login();
    login.fault = Some("half-open:9000".parse().unwrap());
    let mut deaf = SimulatedConsole::connect(&login).await.unwrap();
    deaf.request(RepRequest::Subscribe(request::Subscribe { have: None, presence: None }));
    let _fleet = house.run(house.fleet(scenario(""), 200).await);
    bystander.work(200).await;
    house.until_all_online(201).await;
    bystander.is_undisturbed();
}

#[tokio::test]
async fn an_agent_whose_link_is_half_open_takes_its_place_again_from_elsewhere() {
    let house = House::new().await;
    let target = house.target().await;
    let caller = HostileCaller::new(Some(&target.installer_key));
    let first = caller.link(&target).await.unwrap();
    let item = first.item;
    let silent = tokio::spawn(first.fall_silent());
    let mut second = caller.link(&target).await.unwrap();
    assert_eq!(second.item, item);
    assert_eq!(second.verdict().await, jumpdeck_server_sim::hostile::HostileVerdict::PassedOver);
    house.until_all_online(1).await;
    silent.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_storm_everybody_is_back_and_every_shell_goes_on() {
    let mut house = House::new().await;
    let mut fleet = house.fleet(scenario(""), 150).await;
    fleet.at_once = usize::MAX;
    let _fleet = house.run(fleet);
    house.until_all_online(150).await;
    let before = house.items().await;
    let mut console = house.console().await;
    let mut shells = Vec::new();
    for item in before.iter().take(5) {
        let mut shell = console.start(item.id).await.unwrap();
        shell.enter(&console, "echo before the storm\r");
        shell.until(&mut console, "\r\nbefore the storm\r\n").await.unwrap();
        shells.push(shell);
    }
    drop(console);
    house.restart().await;
    house.until_all_online(150).await;
    let mut ids: Vec<_> = house.items().await.iter().map(|item| item.id).collect();
    ids.sort();
    assert_eq!(ids, before.iter().map(|item| item.id).collect::<Vec<_>>(), "nobody came twice");
    let mut console = house.console().await;
    for shell in &mut shells {
        shell.attach(&console);
        shell.enter(&console, "echo after the storm\r");
        shell.until(&mut console, "\r\nafter the storm\r\n").await.unwrap();
        let text = String::from_utf8_lossy(&shell.output);
        assert_eq!(text.matches("\r\nbefore the storm\r\n").count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_parts_nobody() {
    let house = House::new().await;
    let mut bystander = Bystander::new(&house).await;
    for jump in [10_000_000, -20_000_000, 10_000_000] {
        house.clock.0.fetch_add(jump, Ordering::SeqCst);
        bystander.work(50).await;
    }
    bystander.is_undisturbed();
}

/// The refusal of a start, and the status shown.
async fn refused(churn: &str, opening: FleetOpening) -> (RefusalCode, Status) {
    let house = House::new().await;
    let mut bystander = Bystander::new(&house).await;
    let mut fleet = house.fleet(scenario(churn), 1).await;
    fleet.opening = opening;
    let _fleet = house.run(fleet);
    let mut console = house.console().await;
    let (item, status) = house.until_known(&mut console, "F-M-0000").await;
    let (outcome, ()) = tokio::join!(console.start(item), bystander.work(100));
    bystander.is_undisturbed();
    match outcome {
        Err(ConsoleError::Refused(refusal)) => (refusal.code, status),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_disabled_machine_refuses_for_its_customer() {
    let refused = refused("disabled = 1.0", FleetOpening::Works).await;
    assert_eq!(refused, (RefusalCode::DisabledByUser, Status::Disabled));
}

#[tokio::test]
async fn a_machine_that_waits_for_its_upgrade_cannot_be_jumped_to() {
    let refused = refused("upgrade_pending = 1.0", FleetOpening::Works).await;
    assert_eq!(refused, (RefusalCode::UpgradePending, Status::UpgradePending));
}

#[tokio::test]
async fn an_uninstalled_machine_says_so() {
    let refused = refused("uninstalled = 1.0", FleetOpening::Works).await;
    assert_eq!(refused, (RefusalCode::JumpClientUninstalled, Status::Uninstalled));
}

#[tokio::test]
async fn a_machine_that_is_away_is_offline() {
    let refused = refused("offline = 1.0", FleetOpening::Works).await;
    assert_eq!(refused, (RefusalCode::JumpClientOffline, Status::Offline));
}

#[tokio::test]
async fn an_agent_that_cannot_start_a_program_says_so() {
    let refused = refused("", FleetOpening::Refuses).await;
    assert_eq!(refused, (RefusalCode::SpawnFailed, Status::Online));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_that_never_answer_a_start_time_out_and_too_many_of_them_make_it_busy() {
    let house = House::new().await;
    let mut fleet = house.fleet(scenario(""), 21).await;
    fleet.opening = FleetOpening::Silent;
    let _fleet = house.run(fleet);
    house.until_all_online(21).await;
    let items: Vec<ItemId> = house.items().await.iter().map(|item| item.id).collect();
    let mut console = house.console().await;
    let size = Size { columns: 80, rows: 24 };
    for item in items {
        let (term, modes) = ("xterm".into(), TerminalModes::utf8());
        let kind = ChannelKind::Shell { size, term, modes };
        console.request(RepRequest::StartSession(request::StartSession {
            item,
            kind,
            override_schedule: false,
            reason: None,
            code: None,
        }));
    }
    let mut codes = Vec::new();
    while codes.len() < 21 {
        let code = console.until(|heard| match heard {
            ConsoleHeard::Reply(_, jumpdeck_protocol::Outcome::Refused(refusal)) => {
                Some(refusal.code)
            }
            _ => None,
        });
        codes.push(code.await.unwrap());
    }
    assert_eq!(codes[0], RefusalCode::ServerBusy, "the one too many is told at once");
    assert!(codes[1..].iter().all(|code| *code == RefusalCode::SpawnTimeout), "{codes:?}");
    // The machines themselves are as they were, and may be tried again.
    house.until_all_online(21).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restless_fleet_is_seen_as_it_is_once_it_rests() {
    let house = House::new().await;
    let churn = "leaves_per_hour = 3600\naway_seconds = [0, 1]\nstanding_changes_per_hour = 3600";
    let fleet = house.fleet(scenario(churn), 30).await;
    let running = house.run(fleet);
    let mut bystander = Bystander::new(&house).await;
    bystander.work(500).await;
    let mut console = house.console().await;
    let mut seen = house.watch(&mut console).await;
    running.abort();
    // Whatever happened: a console that saw every change and one that asks again see the same.
    house.until_links(1).await;
    let anew = house.picture().await;
    while seen != anew {
        house.see(&mut console, &mut seen).await;
    }
    bystander.is_undisturbed();
}
