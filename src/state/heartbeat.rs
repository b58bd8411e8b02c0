//! What the heartbeat's own time does not tell: when it last changed, and when its silence was last excused.
//!
//! Invariant: an excuse is taken from what was observed, never from what could not be: a model server or GPU that
//! was never there excuses nothing.

use super::{Dated, State, View};
use crate::observation::*;

/// How the heartbeat went on from reading to reading.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct HeartbeatTrack {
    /// When a heartbeat was first observed that differs from the one before. It stands in for the heartbeat's own
    /// time where that cannot be trusted.
    pub changed_at: Option<Time>,
    /// When something last excused a silent loop: a pause (or not knowing of one), a model server or GPU that had
    /// been there and was not, readings that went on after a suspend or a step of the clock.
    pub excused_at: Option<Time>,
}

impl State {
    /// Age of the last heartbeat known, seconds; `None` when there never was one. One that lies more than `future`
    /// seconds ahead is as old as its last change.
    pub fn heartbeat_age(&self, now: Time, future: f64) -> Option<f64> {
        let heartbeat = &self.last_heartbeat.as_ref()?.value;
        let trusted = heartbeat.at.filter(|at| seconds_since(now, *at) >= -future);
        let since = trusted.or(self.heartbeat_track.changed_at)?;
        Some(seconds_since(now, since).max(0.0))
    }

    /// Takes in a heartbeat that could be read.
    pub(super) fn note_heartbeat(&mut self, at: Time, heartbeat: &Heartbeat) {
        if self.last_heartbeat.as_ref().is_none_or(|last| last.value != *heartbeat) {
            self.heartbeat_track.changed_at = Some(at);
        }
        self.last_heartbeat = Some(Dated { at, value: heartbeat.clone() });
    }

    /// Takes in whether `reading` excuses a silent loop; called before the reading is taken in itself.
    pub(super) fn note_excuse(&mut self, source: SourceId, at: Time, reading: &Reading<Data>) {
        let excused = match reading {
            Reading::Observed(Data::Loop(reading)) => self.is_paused_or_resumed(at, reading),
            Reading::Observed(Data::Gpu(reading)) => !reading.lost.is_empty(),
            Reading::Observed(Data::Vllm(_)) => self.vllm_window.stall().is_some(),
            Reading::Failed(failure) => self.is_outage(source, failure.kind),
            _ => false,
        };
        if excused {
            self.heartbeat_track.excused_at = Some(at);
        }
    }

    fn is_paused_or_resumed(&self, at: Time, reading: &LoopReading) -> bool {
        let paused = reading.pause.observed().is_none_or(|pause| pause.since().is_some());
        // Nothing was read for several intervals, or the clock went back: this machine slept, or its clock stepped.
        let jumped = match self.loop_.view(at) {
            View::Stale(_) => true,
            view => view.last().is_some_and(|last| last.at > at),
        };
        paused || jumped
    }

    fn is_outage(&self, source: SourceId, kind: FailureKind) -> bool {
        match source {
            SourceId::Vllm => {
                let out = matches!(kind, FailureKind::Unreachable | FailureKind::TimedOut | FailureKind::ServerError);
                out && self.vllm.last().is_some()
            }
            SourceId::Gpu => self.gpu.last().is_some(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Config;

    const START: i64 = 1_795_348_800;

    fn time(second: i64) -> Time {
        Time::from_second(START + second).unwrap()
    }

    fn apply(state: &mut State, second: i64, source: SourceId, reading: Reading<Data>) {
        state.apply(Observation { source, at: time(second), took: Duration::ZERO, reading });
    }

    fn state() -> State {
        State::new(&Config::default(), time(0))
    }

    fn beat(at: i64) -> Heartbeat {
        Heartbeat { at: Some(time(at)), ..Heartbeat::default() }
    }

    fn loop_(heartbeat: Reading<Heartbeat>, pause: Reading<Pause>) -> Reading<Data> {
        let state = Reading::Missing("no state".into());
        Reading::Observed(Data::Loop(LoopReading { heartbeat, state, pause }))
    }

    fn working(heartbeat: Heartbeat) -> Reading<Data> {
        loop_(Reading::Observed(heartbeat), Reading::Observed(Pause::default()))
    }

    fn failed(kind: FailureKind) -> Failure {
        Failure::new(kind, "for the test")
    }

    #[test]
    fn a_heartbeat_is_as_old_as_it_says() {
        let mut state = state();
        assert_eq!(state.heartbeat_age(time(0), 60.0), None);
        apply(&mut state, 0, SourceId::Loop, working(beat(-30)));
        assert_eq!(state.heartbeat_age(time(5), 60.0), Some(35.0));
        // Some seconds ahead are two clocks that differ.
        apply(&mut state, 10, SourceId::Loop, working(beat(40)));
        assert_eq!(state.heartbeat_age(time(10), 60.0), Some(0.0));
    }

    #[test]
    fn a_heartbeat_far_ahead_is_as_old_as_its_last_change() {
        let mut state = state();
        for second in [0, 5, 10] {
            apply(&mut state, second, SourceId::Loop, working(beat(7200)));
        }
        assert_eq!(state.heartbeat_age(time(100), 60.0), Some(100.0));
        apply(&mut state, 105, SourceId::Loop, working(beat(7205)));
        assert_eq!(state.heartbeat_age(time(110), 60.0), Some(5.0));
    }

    #[test]
    fn a_heartbeat_without_a_time_is_as_old_as_its_last_change() {
        let mut state = state();
        apply(&mut state, 0, SourceId::Loop, working(Heartbeat::default()));
        apply(&mut state, 5, SourceId::Loop, working(Heartbeat::default()));
        assert_eq!(state.heartbeat_age(time(20), 60.0), Some(20.0));
    }

    #[test]
    fn absence_and_failure_leave_the_last_heartbeat() {
        let mut state = state();
        apply(&mut state, 0, SourceId::Loop, working(beat(0)));
        let pause = || Reading::Observed(Pause::default());
        apply(&mut state, 5, SourceId::Loop, loop_(Reading::Missing("gone".into()), pause()));
        let malformed = Reading::Failed(failed(FailureKind::Malformed));
        apply(&mut state, 10, SourceId::Loop, loop_(malformed, pause()));
        apply(&mut state, 15, SourceId::Loop, Reading::Failed(failed(FailureKind::TimedOut)));
        assert_eq!(state.heartbeat_age(time(1000), 60.0), Some(1000.0));
    }

    #[test]
    fn a_pause_and_not_knowing_of_one_excuse() {
        let mut state = state();
        apply(&mut state, 0, SourceId::Loop, working(beat(0)));
        assert_eq!(state.heartbeat_track.excused_at, None);
        let paused = Pause { soft: Some(time(-100)), hard: None };
        apply(&mut state, 5, SourceId::Loop, loop_(Reading::Observed(beat(0)), Reading::Observed(paused)));
        assert_eq!(state.heartbeat_track.excused_at, Some(time(5)));
        let unknown = Reading::Failed(failed(FailureKind::Unreadable));
        apply(&mut state, 10, SourceId::Loop, loop_(Reading::Observed(beat(0)), unknown));
        apply(&mut state, 15, SourceId::Loop, working(beat(0)));
        assert_eq!(state.heartbeat_track.excused_at, Some(time(10)));
    }

    #[test]
    fn a_sleep_and_a_step_of_the_clock_excuse() {
        let mut state = state();
        apply(&mut state, 0, SourceId::Loop, working(beat(0)));
        apply(&mut state, 20, SourceId::Loop, working(beat(0)));
        assert_eq!(state.heartbeat_track.excused_at, None);
        apply(&mut state, 8000, SourceId::Loop, working(beat(0)));
        assert_eq!(state.heartbeat_track.excused_at, Some(time(8000)));
        apply(&mut state, 7000, SourceId::Loop, working(beat(0)));
        assert_eq!(state.heartbeat_track.excused_at, Some(time(7000)));
    }

    #[test]
    fn an_outage_excuses_only_of_what_was_there() {
        let mut state = state();
        apply(&mut state, 0, SourceId::Vllm, Reading::Failed(failed(FailureKind::Unreachable)));
        apply(&mut state, 0, SourceId::Gpu, Reading::Failed(failed(FailureKind::NoGpu)));
        assert_eq!(state.heartbeat_track.excused_at, None);
        apply(&mut state, 1, SourceId::Vllm, Reading::Observed(Data::Vllm(VllmSample::default())));
        apply(&mut state, 2, SourceId::Vllm, Reading::Failed(failed(FailureKind::NoVllmSeries)));
        assert_eq!(state.heartbeat_track.excused_at, None);
        apply(&mut state, 3, SourceId::Vllm, Reading::Failed(failed(FailureKind::Unreachable)));
        assert_eq!(state.heartbeat_track.excused_at, Some(time(3)));
        let reading = GpuReading { lost: vec![(0, "fell off the bus".into())], ..GpuReading::default() };
        apply(&mut state, 4, SourceId::Gpu, Reading::Observed(Data::Gpu(reading)));
        assert_eq!(state.heartbeat_track.excused_at, Some(time(4)));
        apply(&mut state, 5, SourceId::Gpu, Reading::Failed(failed(FailureKind::DriverError)));
        assert_eq!(state.heartbeat_track.excused_at, Some(time(5)));
    }
}
