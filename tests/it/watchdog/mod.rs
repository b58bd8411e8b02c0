//! The watchdog against a real systemd user manager and a small real loop.

mod bus;
mod commands;
mod crashes;
mod dependency;
mod diagnosing;
mod facts;
mod files;
mod freezer;
mod holds;
mod hung;
mod loops;
mod managers;
mod ping;
mod world;
