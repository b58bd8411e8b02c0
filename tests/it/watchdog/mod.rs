//! The watchdog against a real systemd user manager and a small real loop.

mod managers;
