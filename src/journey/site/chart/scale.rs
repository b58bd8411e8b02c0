//! Axes: round steps for numbers, shares and times.
//!
//! Invariant: an axis has few ticks, at round values, and ends at or above the greatest value.

use crate::observation::{Time, seconds_since};
use crate::words;

/// An axis from 0.
pub(super) struct Axis {
    /// Its end.
    pub(super) top: f64,
    /// The values that are marked, 0 among them.
    pub(super) ticks: Vec<f64>,
}

/// An axis that reaches `greatest` in four steps at most.
pub(super) fn from_zero(greatest: f64) -> Axis {
    let greatest = if greatest.is_finite() && greatest > 0.0 { greatest } else { 1.0 };
    let rough = greatest / 4.0;
    let power = libm::pow(10.0, libm::log10(rough).floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step >= rough * 0.999);
    let step = step.unwrap_or(power * 10.0);
    let count = (greatest / step * 0.999).ceil().max(1.0);
    let ticks = (0..=4).map(|index| f64::from(index) * step).filter(|tick| *tick <= count * step * 1.001).collect();
    Axis { top: count * step, ticks }
}

/// An axis of lengths of time in seconds: steps of round minutes, hours or days.
pub(super) fn lengths(greatest: f64) -> Axis {
    let unit = match greatest {
        seconds if seconds < 2.0 * 60.0 => 1.0,
        seconds if seconds < 2.0 * 3600.0 => 60.0,
        seconds if seconds < 2.0 * 86_400.0 => 3600.0,
        _ => 86_400.0,
    };
    let Axis { top, ticks } = from_zero(greatest / unit);
    Axis { top: top * unit, ticks: ticks.into_iter().map(|tick| tick * unit).collect() }
}

/// A round length of time, as short as it goes: `90 s`, `15 min`, `2 h`, `1.5 d`.
pub(super) fn round_length(seconds: f64) -> String {
    let (size, unit) = match seconds {
        seconds if seconds < 60.0 || seconds % 60.0 != 0.0 => (1.0, "s"),
        seconds if seconds < 3600.0 || seconds % 1800.0 != 0.0 => (60.0, "min"),
        seconds if seconds < 172_800.0 => (3600.0, "h"),
        _ => (86_400.0, "d"),
    };
    format!("{} {unit}", words::number(seconds / size))
}

/// A span of time as an axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    from: Time,
    seconds: f64,
}

/// Steps between ticks, in seconds: minutes, hours, days, and from a week on whatever keeps ticks few.
const STEPS: [i64; 16] = [
    60, 300, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 432_000, 864_000, 2_592_000, 7_776_000,
    31_536_000,
];
/// Ticks at most.
const TICKS: f64 = 6.0;

impl Span {
    /// From `from` to `to`; a minute at least.
    pub(super) fn new(from: Time, to: Time) -> Self {
        Span { from, seconds: seconds_since(to, from).max(60.0) }
    }

    /// Where `time` lies, from 0 to 1.
    pub(super) fn share(&self, time: Time) -> f64 {
        (seconds_since(time, self.from) / self.seconds).clamp(0.0, 1.0)
    }

    /// Ticks at round times in UTC: where, and the time in words.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let rough = self.seconds / TICKS;
        let longest = STEPS[STEPS.len() - 1];
        #[expect(clippy::cast_possible_truncation, reason = "a few steps of the longest span of time there is")]
        let step = STEPS
            .into_iter()
            .find(|step| *step as f64 >= rough)
            .unwrap_or_else(|| longest * (rough / longest as f64).ceil() as i64);
        let first = self.from.as_second().div_euclid(step) * step + step;
        let times = (0..=8).filter_map(|index| Time::from_second(first + index * step).ok());
        let within = times.filter(|time| seconds_since(*time, self.from) <= self.seconds);
        within.map(|time| (self.share(time), word(time, step))).collect()
    }
}

fn word(time: Time, step: i64) -> String {
    let midnight = time.as_second().rem_euclid(86_400) == 0;
    let format = match step {
        step if step >= 2_592_000 => "%b %Y",
        step if step >= 86_400 || midnight => "%-d %b",
        _ => "%H:%M",
    };
    time.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_few_round_ticks_and_hold_the_greatest() {
        for (greatest, top, ticks) in
            [(23.0, 30.0, 4), (250.0, 300.0, 4), (1.0, 1.0, 5), (0.0, 1.0, 5), (97.0, 100.0, 5)]
        {
            let axis = from_zero(greatest);
            assert_eq!((axis.top, axis.ticks.len()), (top, ticks), "{greatest}: {:?}", axis.ticks);
        }
        for greatest in [f64::NAN, f64::INFINITY, -3.0, 1e-9, 1e18, 1.8e19] {
            let axis = from_zero(greatest);
            assert!(axis.ticks.len() <= 5 && axis.top > 0.0, "{greatest}");
        }
        assert_eq!(lengths(3.0 * 3600.0).ticks, [0.0, 3600.0, 7200.0, 10_800.0]);
    }

    #[test]
    fn round_lengths_are_short() {
        let all = [30.0, 90.0, 900.0, 5400.0, 7200.0, 129_600.0, 216_000.0].map(round_length);
        assert_eq!(all, ["30 s", "90 s", "15 min", "1.5 h", "2 h", "36 h", "2.5 d"]);
    }

    #[test]
    fn times_are_marked_at_round_instants() {
        let at = |text: &str| text.parse::<Time>().unwrap();
        let words =
            |from, to| Span::new(at(from), at(to)).ticks().into_iter().map(|(_, word)| word).collect::<Vec<_>>();
        assert_eq!(words("2025-11-20T07:10:00Z", "2025-11-24T10:00:00Z"), ["21 Nov", "22 Nov", "23 Nov", "24 Nov"]);
        assert_eq!(words("2025-11-20T22:10:00Z", "2025-11-21T01:30:00Z"), ["23:00", "21 Nov", "01:00"]);
        assert!(Span::new(at("-009999-01-02T01:59:59Z"), at("9999-12-30T22:00:00Z")).ticks().len() <= 9);
        assert!(Span::new(at("2025-11-20T22:10:00Z"), at("2025-11-20T22:10:00Z")).ticks().len() <= 2);
    }
}
