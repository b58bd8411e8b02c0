//! `autoswe-judge`: the real program with scripts as judges, with the real Codex CLI and Claude Code against stand-ins for
//! their models, and with a stand-in for an OpenAI-compatible server.

mod anthropic;
mod claude;
mod codex;
mod endpoint;
mod gemini;
mod layouts;
mod processes;
pub(crate) mod responses;
mod review;
mod scripts;
pub(crate) mod world;
