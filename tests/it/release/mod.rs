//! Releases on a real disk: made again and again, killed, tampered with, refused, withdrawn.

mod faults;
mod gate;
mod kills;
mod publish;
mod stage;
mod tampered;
