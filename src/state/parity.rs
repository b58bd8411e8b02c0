//! How the count of green parity cells moved.
//!
//! Invariant: a fall stays known until green is back to where it was; how long it is reported is the check's matter.

use crate::observation::{Parity, Time, seconds_since};

/// Falls that follow each other this closely without green being back are one fall from the first height, seconds.
const ONE_FALL: f64 = 3600.0;

/// The latest fall of the green count.
#[derive(Debug, Clone, Default)]
pub struct ParityTrend {
    last: Option<Parity>,
    fall: Option<Fall>,
}

/// Green cells went down. Cells that were taken out of the matrix count like cells that turned red.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fall {
    /// When the lower count was read.
    pub at: Time,
    /// Green cells before.
    pub from: u64,
    /// Green cells after.
    pub to: u64,
    /// All cells before.
    pub cells_from: u64,
    /// All cells after.
    pub cells_to: u64,
}

impl ParityTrend {
    /// Takes in a reading.
    pub fn push(&mut self, at: Time, parity: &Parity) {
        let before = self.last.replace(*parity);
        let green = parity.green;
        self.fall = self.fall.filter(|fall| green < fall.from);
        let Some(before) = before.filter(|before| green < before.green) else { return };
        let earlier = self.fall.filter(|fall| seconds_since(at, fall.at) <= ONE_FALL);
        let (from, cells_from) =
            earlier.map_or((before.green, before.cells()), |earlier| (earlier.from, earlier.cells_from));
        self.fall = Some(Fall { at, from, to: green, cells_from, cells_to: parity.cells() });
    }

    /// The latest fall; `None` when there was none or green is back.
    pub fn fall(&self) -> Option<Fall> {
        self.fall
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes (second, green, red) and returns the fall's (second, from, to, cells from, cells to).
    fn fall(readings: &[(i64, u64, u64)]) -> Option<(i64, u64, u64, u64, u64)> {
        let mut trend = ParityTrend::default();
        for &(second, green, red) in readings {
            let at = Time::from_second(second).unwrap();
            trend.push(at, &Parity { green, red, ..Parity::default() });
        }
        trend.fall().map(|fall| (fall.at.as_second(), fall.from, fall.to, fall.cells_from, fall.cells_to))
    }

    #[test]
    fn the_first_reading_and_a_rise_are_no_fall() {
        assert_eq!(fall(&[(0, 5, 5)]), None);
        assert_eq!(fall(&[(0, 5, 5), (30, 5, 5), (60, 6, 4)]), None);
    }

    #[test]
    fn a_fall_is_resolved_when_green_is_back() {
        assert_eq!(fall(&[(0, 10, 0), (30, 8, 2)]), Some((30, 10, 8, 10, 10)));
        assert_eq!(fall(&[(0, 10, 0), (30, 8, 2), (60, 9, 1)]), Some((30, 10, 8, 10, 10)));
        assert_eq!(fall(&[(0, 10, 0), (30, 8, 2), (60, 10, 0)]), None);
    }

    #[test]
    fn falls_in_a_row_are_one_from_the_first_height() {
        assert_eq!(fall(&[(0, 10, 0), (30, 8, 2), (60, 9, 1), (90, 7, 3)]), Some((90, 10, 7, 10, 10)));
        // Hours later the lower height has been accepted.
        assert_eq!(fall(&[(0, 10, 0), (30, 8, 2), (9000, 9, 1), (9030, 7, 3)]), Some((9030, 9, 7, 10, 10)));
    }

    #[test]
    fn a_shrunken_matrix_is_a_fall() {
        assert_eq!(fall(&[(0, 10, 5), (30, 6, 0)]), Some((30, 10, 6, 15, 6)));
        assert_eq!(fall(&[(0, 10, 5), (30, 10, 0)]), None);
        assert_eq!(fall(&[(0, 10, 5), (30, 0, 0)]), Some((30, 10, 0, 15, 0)));
    }
}
