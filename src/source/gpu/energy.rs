//! A GPU's energy, which is asked for less often than the rest.
//!
//! Invariant: what was told stands until the GPU's next turn, and no longer. A call that failed told nothing, so it is
//! made again at the next reading.

use std::time::{Duration, Instant};

use crate::observation::Field;

/// From one turn of a GPU to its next. On an H200 (driver 580) this call takes 3.1 ms of CPU and all others of a
/// reading together 0.04 ms. Eight GPUs at each reading, every 5 s, would be 0.5 % of a core; in turns they are 0.08 %.
pub(super) const PACE: Duration = Duration::from_secs(30);

/// Whose turn it is. The turns of several GPUs begin one after the other, spread over the pace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turns {
    pace: Duration,
    gpus: u32,
    begun: Instant,
}

impl Turns {
    /// Turns of so many GPUs that begin now, so that each is asked at once. A pace of zero makes each reading a turn.
    pub(super) fn begin(pace: Duration, gpus: u32) -> Self {
        Turns { pace, gpus, begun: Instant::now() }
    }

    /// Which turn of the GPU at `index` it is.
    pub(super) fn of(&self, index: u32) -> u128 {
        turn(self.begun.elapsed(), self.pace, (index, self.gpus))
    }
}

/// The first turn, 0, is shorter for each further GPU; after it each lasts for the pace.
fn turn(elapsed: Duration, pace: Duration, (index, count): (u32, u32)) -> u128 {
    let ahead = pace * index / count;
    (elapsed + ahead).as_nanos() / pace.as_nanos().max(1)
}

/// What one GPU told in its turn.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Energy {
    turn: u128,
    told: Option<Field<f64>>,
}

impl Energy {
    /// Forgets what another turn than `turn` told.
    pub(super) fn enter(&mut self, turn: u128) {
        if self.turn != turn {
            *self = Energy { turn, told: None };
        }
    }

    /// What this turn told, joules; `None` while it told nothing.
    pub(super) fn told(&self) -> Option<Field<f64>> {
        self.told
    }

    /// Lets `told` stand for the rest of the turn: a value, or that the GPU does not know it.
    pub(super) fn keep(&mut self, told: Field<f64>) {
        self.told = Some(told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seconds at which each of `count` GPUs is asked in two minutes of readings every 5 s.
    fn asked(count: u32) -> Vec<Vec<u64>> {
        let mut energies = vec![Energy::default(); count as usize];
        let mut asked = vec![Vec::new(); count as usize];
        for second in (0..120).step_by(5) {
            for (index, (energy, asked)) in (0..).zip(energies.iter_mut().zip(&mut asked)) {
                energy.enter(turn(Duration::from_secs(second), PACE, (index, count)));
                if energy.told().is_none() {
                    energy.keep(Field::Value(1.0));
                    asked.push(second);
                }
            }
        }
        asked
    }

    #[test]
    fn a_gpu_is_asked_at_once_and_then_every_half_minute() {
        assert_eq!(asked(1), [[0, 30, 60, 90]]);
    }

    #[test]
    fn several_gpus_are_asked_at_once_and_then_one_after_the_other() {
        assert_eq!(asked(3), [vec![0, 30, 60, 90], vec![0, 20, 50, 80, 110], vec![0, 10, 40, 70, 100]]);
        let eight = asked(8);
        let busiest = (5..120).step_by(5).map(|second| eight.iter().filter(|at| at.contains(&second)).count()).max();
        assert_eq!(busiest, Some(2), "eight GPUs share six readings: {eight:?}");
    }

    #[test]
    fn without_a_pace_each_reading_is_a_turn() {
        let of = |nanos| turn(Duration::from_nanos(nanos), Duration::ZERO, (0, 1));
        assert_ne!(of(1), of(2));
    }
}
