//! `autoswe-judge`: the real program with scripts as judges, and with the real Codex CLI and Claude Code against stand-ins
//! for their models.

mod anthropic;
mod claude;
mod codex;
mod endpoint;
mod gemini;
mod layouts;
mod processes;
mod review;
mod scripts;
mod world;
