//! Releases on a real disk: made again and again, killed, tampered with, refused, withdrawn.

mod faults;
pub(crate) mod gate;
mod kills;
mod publish;
mod sidecars;
pub(crate) mod stage;
mod tampered;
