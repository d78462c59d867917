//! How a terminal treats what is typed and printed, as SSH tells it (RFC 4254, section 8).

use rustix::termios::{
    ControlModes, InputModes, LocalModes, OptionalActions, OutputModes, SpecialCodeIndex,
    tcgetattr, tcsetattr,
};
use serde::{Deserialize, Serialize};
use std::os::fd::AsFd;

/// Numbers and values of RFC 4254, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TerminalModes(pub Vec<(u8, u32)>);

/// Entries that a peer may send.
pub const MOST: usize = 160;

/// Where a mode is kept.
enum Place {
    Code(SpecialCodeIndex),
    Input(InputModes),
    Local(LocalModes),
    Output(OutputModes),
    Control(ControlModes),
}

/// A key that is none: here, and on the wire.
const NONE: (u8, u32) = (if cfg!(target_os = "linux") { 0 } else { 0xff }, 255);
/// The speeds, in bits a second.
const SPEEDS: (u8, u8) = (128, 129);
const UTF8: u8 = 42;

const PLACES: &[(u8, Place)] = &[
    (1, Place::Code(SpecialCodeIndex::VINTR)),
    (2, Place::Code(SpecialCodeIndex::VQUIT)),
    (3, Place::Code(SpecialCodeIndex::VERASE)),
    (4, Place::Code(SpecialCodeIndex::VKILL)),
    (5, Place::Code(SpecialCodeIndex::VEOF)),
    (6, Place::Code(SpecialCodeIndex::VEOL)),
    (7, Place::Code(SpecialCodeIndex::VEOL2)),
    (8, Place::Code(SpecialCodeIndex::VSTART)),
    (9, Place::Code(SpecialCodeIndex::VSTOP)),
    (10, Place::Code(SpecialCodeIndex::VSUSP)),
    (12, Place::Code(SpecialCodeIndex::VREPRINT)),
    (13, Place::Code(SpecialCodeIndex::VWERASE)),
    (14, Place::Code(SpecialCodeIndex::VLNEXT)),
    (18, Place::Code(SpecialCodeIndex::VDISCARD)),
    (30, Place::Input(InputModes::IGNPAR)),
    (31, Place::Input(InputModes::PARMRK)),
    (32, Place::Input(InputModes::INPCK)),
    (33, Place::Input(InputModes::ISTRIP)),
    (34, Place::Input(InputModes::INLCR)),
    (35, Place::Input(InputModes::IGNCR)),
    (36, Place::Input(InputModes::ICRNL)),
    (38, Place::Input(InputModes::IXON)),
    (39, Place::Input(InputModes::IXANY)),
    (40, Place::Input(InputModes::IXOFF)),
    (41, Place::Input(InputModes::IMAXBEL)),
    (UTF8, Place::Input(InputModes::IUTF8)),
    (50, Place::Local(LocalModes::ISIG)),
    (51, Place::Local(LocalModes::ICANON)),
    (53, Place::Local(LocalModes::ECHO)),
    (54, Place::Local(LocalModes::ECHOE)),
    (55, Place::Local(LocalModes::ECHOK)),
    (56, Place::Local(LocalModes::ECHONL)),
    (57, Place::Local(LocalModes::NOFLSH)),
    (58, Place::Local(LocalModes::TOSTOP)),
    (59, Place::Local(LocalModes::IEXTEN)),
    (60, Place::Local(LocalModes::ECHOCTL)),
    (61, Place::Local(LocalModes::ECHOKE)),
    (62, Place::Local(LocalModes::PENDIN)),
    (70, Place::Output(OutputModes::OPOST)),
    (72, Place::Output(OutputModes::ONLCR)),
    (73, Place::Output(OutputModes::OCRNL)),
    (74, Place::Output(OutputModes::ONOCR)),
    (75, Place::Output(OutputModes::ONLRET)),
    // In this order: the first bit lies within the second.
    (90, Place::Control(ControlModes::CS7)),
    (91, Place::Control(ControlModes::CS8)),
    (92, Place::Control(ControlModes::PARENB)),
    (93, Place::Control(ControlModes::PARODD)),
];

impl TerminalModes {
    /// Whether nothing is said: the terminal stays as the system makes it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those of a terminal that is an emulator of ours: what is typed is UTF-8.
    pub fn utf8() -> Self {
        Self(vec![(UTF8, 1)])
    }

    /// Those of a terminal; none if it is none.
    pub fn of(terminal: impl AsFd) -> Self {
        let Ok(now) = tcgetattr(terminal) else {
            return Self::default();
        };
        let value = |place: &Place| -> u32 {
            match place {
                Place::Code(at) if now.special_codes[*at] == NONE.0 => NONE.1,
                Place::Code(at) => now.special_codes[*at].into(),
                Place::Input(flag) => now.input_modes.contains(*flag).into(),
                Place::Local(flag) => now.local_modes.contains(*flag).into(),
                Place::Output(flag) => now.output_modes.contains(*flag).into(),
                Place::Control(flag) => now.control_modes.contains(*flag).into(),
            }
        };
        let speeds = [(SPEEDS.0, now.input_speed()), (SPEEDS.1, now.output_speed())];
        let places = PLACES.iter().map(|(number, place)| (*number, value(place)));
        Self(speeds.into_iter().chain(places).collect())
    }

    /// Gives them to a terminal. What it does not take, it does without.
    pub fn apply(&self, terminal: impl AsFd) {
        let Ok(mut now) = tcgetattr(&terminal) else {
            return;
        };
        for (number, value) in &self.0 {
            let on = *value != 0;
            match PLACES.iter().find(|(known, _)| known == number).map(|(_, place)| place) {
                Some(Place::Code(at)) if *value == NONE.1 => now.special_codes[*at] = NONE.0,
                Some(Place::Code(at)) => {
                    now.special_codes[*at] = u8::try_from(*value).unwrap_or(NONE.0);
                }
                Some(Place::Input(flag)) => now.input_modes.set(*flag, on),
                Some(Place::Local(flag)) => now.local_modes.set(*flag, on),
                Some(Place::Output(flag)) => now.output_modes.set(*flag, on),
                Some(Place::Control(flag)) => now.control_modes.set(*flag, on),
                // A speed of 0 would hang up; one that the system has not stays as it is.
                None if on && *number == SPEEDS.0 => drop(now.set_input_speed(*value)),
                None if on && *number == SPEEDS.1 => drop(now.set_output_speed(*value)),
                None => {}
            }
        }
        let _ = tcsetattr(&terminal, OptionalActions::Now, &now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pty::{OpenptFlags, grantpt, openpt, unlockpt};

    #[test]
    fn a_terminal_gets_the_modes_of_another() {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let wanted = [(3, 8), (1, 25), (38, 0), (42, 1), (2, 255)];
        TerminalModes(wanted.to_vec()).apply(&terminal);
        let now = TerminalModes::of(&terminal);
        for mode in wanted {
            assert!(now.0.contains(&mode), "{mode:?} is missing in {now:?}");
        }
        TerminalModes(vec![(250, 1), (129, 0)]).apply(&terminal);
        assert_eq!(TerminalModes::of(&terminal), now, "what is unknown changes nothing");
    }
}
