//! The pipeline from inputs to the release that is shown, over stand-ins for what reads and renders.

mod builder;
mod runs;
mod stage;
