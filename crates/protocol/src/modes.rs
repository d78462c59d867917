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
enum ModePlace {
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

const PLACES: &[(u8, ModePlace)] = &[
    (1, ModePlace::Code(SpecialCodeIndex::VINTR)),
    (2, ModePlace::Code(SpecialCodeIndex::VQUIT)),
    (3, ModePlace::Code(SpecialCodeIndex::VERASE)),
    (4, ModePlace::Code(SpecialCodeIndex::VKILL)),
    (5, ModePlace::Code(SpecialCodeIndex::VEOF)),
    (6, ModePlace::Code(SpecialCodeIndex::VEOL)),
    (7, ModePlace::Code(SpecialCodeIndex::VEOL2)),
    (8, ModePlace::Code(SpecialCodeIndex::VSTART)),
    (9, ModePlace::Code(SpecialCodeIndex::VSTOP)),
    (10, ModePlace::Code(SpecialCodeIndex::VSUSP)),
    (12, ModePlace::Code(SpecialCodeIndex::VREPRINT)),
    (13, ModePlace::Code(SpecialCodeIndex::VWERASE)),
    (14, ModePlace::Code(SpecialCodeIndex::VLNEXT)),
    (18, ModePlace::Code(SpecialCodeIndex::VDISCARD)),
    (30, ModePlace::Input(InputModes::IGNPAR)),
    (31, ModePlace::Input(InputModes::PARMRK)),
    (32, ModePlace::Input(InputModes::INPCK)),
    (33, ModePlace::Input(InputModes::ISTRIP)),
    (34, ModePlace::Input(InputModes::INLCR)),
    (35, ModePlace::Input(InputModes::IGNCR)),
    (36, ModePlace::Input(InputModes::ICRNL)),
    (38, ModePlace::Input(InputModes::IXON)),
    (39, ModePlace::Input(InputModes::IXANY)),
    (40, ModePlace::Input(InputModes::IXOFF)),
    (41, ModePlace::Input(InputModes::IMAXBEL)),
    (UTF8, ModePlace::Input(InputModes::IUTF8)),
    (50, ModePlace::Local(LocalModes::ISIG)),
    (51, ModePlace::Local(LocalModes::ICANON)),
    (53, ModePlace::Local(LocalModes::ECHO)),
    (54, ModePlace::Local(LocalModes::ECHOE)),
    (55, ModePlace::Local(LocalModes::ECHOK)),
    (56, ModePlace::Local(LocalModes::ECHONL)),
    (57, ModePlace::Local(LocalModes::NOFLSH)),
    (58, ModePlace::Local(LocalModes::TOSTOP)),
    (59, ModePlace::Local(LocalModes::IEXTEN)),
    (60, ModePlace::Local(LocalModes::ECHOCTL)),
    (61, ModePlace::Local(LocalModes::ECHOKE)),
    (62, ModePlace::Local(LocalModes::PENDIN)),
    (70, ModePlace::Output(OutputModes::OPOST)),
    (72, ModePlace::Output(OutputModes::ONLCR)),
    (73, ModePlace::Output(OutputModes::OCRNL)),
    (74, ModePlace::Output(OutputModes::ONOCR)),
    (75, ModePlace::Output(OutputModes::ONLRET)),
    // In this order: the first bit lies within the second.
    (90, ModePlace::Control(ControlModes::CS7)),
    (91, ModePlace::Control(ControlModes::CS8)),
    (92, ModePlace::Control(ControlModes::PARENB)),
    (93, ModePlace::Control(ControlModes::PARODD)),
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
        let value = |place: &ModePlace| -> u32 {
            match place {
                ModePlace::Code(at) if now.special_codes[*at] == NONE.0 => NONE.1,
                ModePlace::Code(at) => now.special_codes[*at].into(),
                ModePlace::Input(flag) => now.input_modes.contains(*flag).into(),
                ModePlace::Local(flag) => now.local_modes.contains(*flag).into(),
                ModePlace::Output(flag) => now.output_modes.contains(*flag).into(),
                ModePlace::Control(flag) => now.control_modes.contains(*flag).into(),
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
                Some(ModePlace::Code(at)) if *value == NONE.1 => now.special_codes[*at] = NONE.0,
                Some(ModePlace::Code(at)) => {
                    now.special_codes[*at] = u8::try_from(*value).unwrap_or(NONE.0);
                }
                Some(ModePlace::Input(flag)) => now.input_modes.set(*flag, on),
                Some(ModePlace::Local(flag)) => now.local_modes.set(*flag, on),
                Some(ModePlace::Output(flag)) => now.output_modes.set(*flag, on),
                Some(ModePlace::Control(flag)) => now.control_modes.set(*flag, on),
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
