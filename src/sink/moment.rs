//! All that is known at one instant, shared by the sinks that map it only when somebody asks.
//!
//! Invariant: nothing in it changes; the next instant is another [`Moment`].

use std::sync::Arc;

use crate::alert::active::Active;
use crate::assessment::Assessment;
use crate::history::History;
use crate::observation::Time;
use crate::state::State;

/// All that is known at one instant.
#[derive(Debug, Clone)]
pub struct Moment {
    /// What was read.
    pub state: Arc<State>,
    /// What it means.
    pub assessment: Arc<Assessment>,
    /// How it came about.
    pub history: Arc<History>,
    /// The alerts that are active.
    pub alerts: Arc<Active>,
    /// Where this is.
    pub about: Arc<About>,
}

/// What the pages say of this program's surroundings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The machine's name.
    pub host: String,
    /// Path of the metrics page.
    pub telemetry_path: String,
}

impl Moment {
    /// The instant.
    pub fn now(&self) -> Time {
        self.assessment.at
    }
}
