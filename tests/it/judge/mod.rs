//! `autoswe-judge`: the real program with scripts as judges, and with the real Codex CLI against a stand-in for its model.

mod codex;
mod layouts;
mod processes;
mod responses;
mod review;
mod scripts;
mod world;
