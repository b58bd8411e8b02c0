//! The real program over a run that was made up: what it shows, what it never shows, and how it ends when all goes wrong.

mod broken;
mod built;
mod cleaned;
mod encoded;
mod explained;
mod killed;
mod large;
pub(crate) mod place;
mod planted;
mod refused;
mod same;
mod seen;
mod sidecars;
