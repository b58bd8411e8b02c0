//! `autoswe-judge`: the real program with scripts as judges, with the real Codex CLI (and, where it is asked for, Claude
//! Code) against stand-ins for their models, and with a stand-in for an OpenAI-compatible server.

mod anthropic;
mod claude;
mod codex;
mod endpoint;
mod layouts;
mod place;
mod processes;
mod replayed;
pub(crate) mod responses;
mod review;
mod scripts;
pub(crate) mod world;
