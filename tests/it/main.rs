//! Integration tests: the program and its library against real files, servers and clients.
//!
//! One binary for all of them, because each binary costs a link of the whole tree. A module per subject.

mod alertmanager;
mod alerts;
mod backtest;
mod certificates;
mod chain;
mod cli;
mod dashboards;
mod demo;
mod doctor;
mod documents;
mod exporter;
mod files;
mod gate;
mod generated;
#[path = "../generated_run/mod.rs"]
mod generated_run;
mod gpu;
mod journey;
mod jsonl;
mod judge;
mod manager;
mod metrics;
mod page;
mod processes;
mod prometheus;
mod receiver;
mod receivers;
mod release;
mod serve;
mod site;
mod story;
mod support;
mod synthesis;
mod teller;
mod transport;
mod units;
mod vllm;
mod watchdog;
mod web;
