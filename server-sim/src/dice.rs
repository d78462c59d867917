//! Even numbers from a seed (SplitMix64), the same each time.

use std::ops::Range;

/// A die for one purpose of one machine.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// A die of its own for each seed, machine and purpose.
    pub(crate) fn new(seed: u64, number: u64, purpose: &str) -> Self {
        let purpose = purpose.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut dice =
            Self(seed.rotate_left(32) ^ purpose ^ number.wrapping_mul(0xa076_1d64_78bd_642f));
        dice.next();
        dice
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`; 0 if that is 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next().checked_rem(limit).unwrap_or(0)
    }

    /// A number of a range; its start if it is empty.
    pub(crate) fn within(&mut self, range: &Range<u64>) -> u64 {
        range.start + self.below(range.end.saturating_sub(range.start))
    }

    /// A share between 0 and 1.
    #[allow(clippy::cast_precision_loss, reason = "a share of 53 bits")]
    pub(crate) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True in this share of all throws.
    pub(crate) fn chance(&mut self, share: f64) -> bool {
        self.share() < share
    }

    /// The time until something happens that happens so often an hour, in seconds.
    pub(crate) fn wait(&mut self, an_hour: f64) -> f64 {
        -(1.0 - self.share()).ln() * 3600.0 / an_hour.max(1e-9)
    }

    /// One of several, each as likely as its weight.
    pub(crate) fn pick<'t, T>(
        &mut self,
        from: &'t [T],
        weight: impl Fn(&T) -> f64,
    ) -> Option<&'t T> {
        let whole: f64 = from.iter().map(&weight).sum();
        let mut rest = self.share() * whole;
        from.iter()
            .find(|one| {
                rest -= weight(one);
                rest < 0.0
            })
            .or(from.last())
    }

    pub(crate) fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn a_heavier_choice_comes_up_more_often() {
        let mut dice = Dice::new(1, 1, "weights");
        let choices = [("rare", 1.0), ("often", 9.0)];
        let often = (0..1000).filter(|_| dice.pick(&choices, |c| c.1).unwrap().0 == "often");
        assert!((850..950).contains(&often.count()));
    }

    #[test]
    fn another_purpose_throws_another_die() {
        assert_ne!(Dice::new(1, 1, "a").next(), Dice::new(1, 1, "b").next());
        assert_ne!(Dice::new(1, 1, "a").next(), Dice::new(1, 2, "a").next());
        assert_eq!(Dice::new(1, 1, "a").next(), Dice::new(1, 1, "a").next());
    }
}
