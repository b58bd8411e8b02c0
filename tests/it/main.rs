//! Integration tests: the program and its library against real files, servers and clients.
//!
//! One binary for all of them, because each binary costs a link of the whole tree. A module per subject.
mod page;
mod web;
