//! `autoswe-judge`: the real program with scripts as judges, with the real Codex CLI against a stand-in for its model, and
//! with a stand-in for an OpenAI-compatible server.

mod codex;
mod endpoint;
mod layouts;
mod processes;
pub(crate) mod responses;
mod review;
mod scripts;
pub(crate) mod world;
