//! `autoswe-judge`: the real program with scripts as judges, and with the real Codex CLI against a stand-in for its model.

mod codex;
pub(crate) mod endpoint;
mod layouts;
mod processes;
mod scripts;
pub(crate) mod world;
