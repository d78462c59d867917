//! The law of the hub: whatever is cut, taken over, recorded late or restarted in between, every
//! byte of output arrives once and in order at the one who types and in the recording, every byte of
//! input once and in order at the agent, and who watches ends with the same screen.

pub(super) mod world;

use super::*;
use proptest::prelude::*;
use world::*;

#[derive(Clone, Debug)]
enum Step {
    Print(usize),
    Type(usize),
    Up(usize),
    Down(usize),
    ToAgent,
    FromAgent,
    Record,
    CutConsole(usize),
    LinkConsole(usize),
    CutAgent,
    LinkAgent,
    ReplaceAgent,
    Late,
    Take(usize),
    Restart,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1usize..60).prop_map(Step::Print),
        3 => (1usize..30).prop_map(Step::Type),
        6 => (0usize..2).prop_map(Step::Up),
        6 => (0usize..2).prop_map(Step::Down),
        6 => Just(Step::ToAgent),
        6 => Just(Step::FromAgent),
        3 => Just(Step::Record),
        1 => (0usize..2).prop_map(Step::CutConsole),
        2 => (0usize..2).prop_map(Step::LinkConsole),
        1 => Just(Step::CutAgent),
        2 => Just(Step::LinkAgent),
        1 => Just(Step::ReplaceAgent),
        1 => Just(Step::Late),
        1 => Just(Step::Restart),
    ]
}

fn run(world: &mut World, steps: Vec<Step>) {
    for step in steps {
        match step {
            Step::Print(count) => world.print(count),
            Step::Type(count) => world.type_in(count),
            Step::Up(which) => world.deliver_up(which),
            Step::Down(which) => world.deliver_down(which),
            Step::ToAgent => world.deliver_to_agent(),
            Step::FromAgent => world.deliver_from_agent(),
            Step::Record => world.flush_recording(),
            Step::CutConsole(which) if world.desks[which].linked => world.cut_console(which),
            Step::LinkConsole(which) => world.link_console(which),
            Step::CutAgent => world.cut_agent(),
            Step::LinkAgent => world.link_agent(),
            Step::ReplaceAgent => world.replace_agent(),
            Step::Late => world.deliver_late(),
            Step::Take(which) if world.desks[which].linked => {
                world.desks[which].endpoint.want_keyboard(WINDOW);
                let order = world.desks[which].endpoint.attach();
                world.desks[which].up.put(Wire::Order(order));
            }
            Step::Restart => world.restart(),
            Step::Take(_) | Step::CutConsole(_) => {}
        }
    }
    world.settle();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_or_doubled_whatever_is_cut(
        recorded in any::<bool>(),
        steps in prop::collection::vec(any_step(), 0..250),
    ) {
        let mut world = World::new(recorded);
        run(&mut world, steps);
        world.check();
    }

    /// Anyone who takes the keyboard goes on where the machine stands; output and recording do not
    /// mind. What the other had typed and was reported lost may have arrived all the same.
    #[test]
    fn the_keyboard_may_go_to_and_fro(
        steps in prop::collection::vec(prop_oneof![
            8 => any_step(),
            1 => (0usize..2).prop_map(Step::Take),
        ], 0..250),
    ) {
        let mut world = World::new(true);
        run(&mut world, steps);
        world.typed.clone_from(&world.read);
        world.check();
    }
}

#[test]
fn who_only_watches_and_is_slow_holds_nobody_up_and_ends_with_the_same_screen() {
    let mut world = World::new(false);
    world.settle();
    for _ in 0..200 {
        world.print(40);
        for _ in 0..40 {
            world.deliver_to_agent();
            world.deliver_from_agent();
            world.deliver_up(0);
            world.deliver_down(0);
        }
    }
    assert_eq!(world.desks[0].got.len(), 8000, "the one that types has everything");
    assert!(world.desks[1].got.len() < 200, "the other has not looked yet");
    world.settle();
    world.check();
}

#[test]
fn two_who_take_the_keyboard_from_each_other_at_once_break_nothing() {
    use Step::*;
    let mut world = World::new(true);
    let steps = vec![
        LinkConsole(1),
        LinkAgent,
        Type(1),
        Up(1),
        ToAgent,
        Type(1),
        LinkConsole(0),
        Up(0),
        ToAgent,
        Take(0),
        Take(1),
        Take(0),
        Type(14),
        FromAgent,
        FromAgent,
    ];
    run(&mut world, steps);
    world.typed.clone_from(&world.read);
    world.check();
}

#[test]
fn what_nobody_ever_showed_is_recorded_once_it_is_let_go_of() {
    let mut world = World::new(true);
    // A channel that was opened just now: its agent is there, and no console came.
    world.agent_linked = true;
    world.hub.born_with(Some(world.to_agent.clone()));
    world.print(300);
    assert!(world.from_agent.is_empty(), "nobody asked for it");
    world.hub.record_unseen();
    world.hub.record_unseen();
    for _ in 0..200 {
        world.deliver_to_agent();
        world.deliver_from_agent();
        world.flush_recording();
    }
    assert_eq!(world.file, world.wrote);
}

#[test]
fn a_console_that_is_faster_than_the_start_of_its_program_hears_of_it() {
    let mut world = World::new(false);
    world.link_console(0);
    world.deliver_up(0);
    world.agent_linked = true;
    world.hub.born_with(Some(world.to_agent.clone()));
    world.print(300);
    world.settle();
    world.check();
    assert_eq!(world.desks[0].got.len(), 300);
}

/// Everything goes its way but to and from the consoles.
fn without_consoles(world: &mut World) {
    for _ in 0..20_000 {
        world.print(60);
        world.deliver_to_agent();
        world.deliver_from_agent();
        world.flush_recording();
    }
}

#[test]
fn a_recorded_shell_waits_for_a_console_that_is_expected_back_and_runs_on_without_it() {
    let mut world = World::new(true);
    world.settle();
    world.cut_console(0);
    without_consoles(&mut world);
    let ahead = world.file.len() - world.desks[0].got.len();
    assert!(ahead as u64 <= WINDOW, "{ahead} bytes ran ahead of it");
    world.settle();
    world.check();

    world.cut_console(0);
    world.cut_console(1);
    world.hub.let_go();
    without_consoles(&mut world);
    assert!(world.file.len() > 50_000, "only {} bytes", world.file.len());
    world.restart();
    world.link_agent();
    let before = world.file.len();
    without_consoles(&mut world);
    let ahead = (world.file.len() - before) as u64;
    assert!(ahead <= limits::SHELL_WINDOW, "after a restart it waits, too");
}
