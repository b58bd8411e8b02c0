//! What a logged request costs: at 60,000 requests a second, with a reader that takes every line.
//!
//! Run: `cargo bench --bench access_log`. Each form is told for ten seconds; a turn is a millisecond with its 60 requests.
//! Printed are the nanoseconds that the thread of the requests spends on each: with the log off, and in either form; and
//! the CPU time of the whole process beside it, which has the log's own thread in it.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

#[path = "stage/mod.rs"]
mod stage;

use std::fs::OpenOptions;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use autoswe_exporter::journey::serve::{AccessLog, Counters, Form, Told};
use autoswe_exporter::web::{App, Peer, Reply};
use axum::http::{Request, Response};
use bytes::Bytes;
use stage::own_cpu_seconds;

const TURN: Duration = Duration::from_millis(1);
const IN_A_TURN: u32 = 60;
const TURNS: u32 = 10_000;

/// Answers as if it had the answer at hand.
struct Ready;

impl App for Ready {
    fn answer(&self, _: Request<Bytes>, _: Peer) -> Reply {
        Reply::Ready(Response::new(Bytes::from_static(&[b'x'; 1000]).into()))
    }
}

fn request() -> Request<Bytes> {
    Request::builder()
        .uri("/epochs/3/iterations/117/index.html?from=feed")
        .header("host", "journey.example.org")
        .header("referer", "https://example.org/blog/loops")
        .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0")
        .body(Bytes::new())
        .expect("a request")
}

fn measure(name: &str, log: Option<AccessLog>) {
    let log = log.map(Arc::new);
    let told = Told::new(Ready, Arc::new(Counters::default()), log.clone());
    let peer = Peer { address: Some("192.0.2.7:4711".parse().expect("an address")), secure: true };
    let (mut busy, mut next, before) = (Duration::ZERO, Instant::now(), own_cpu_seconds());
    for _ in 0..TURNS {
        let requests: Vec<_> = (0..IN_A_TURN).map(|_| request()).collect();
        let began = Instant::now();
        for request in requests {
            drop(black_box(told.answer(request, peer)));
        }
        busy += began.elapsed();
        next += TURN;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    let requests = f64::from(TURNS * IN_A_TURN);
    let dropped = log.as_ref().map_or(0, |log| log.dropped());
    let closed = log.is_none_or(|log| log.close(Duration::from_secs(10)));
    let (own, all) = (busy.as_secs_f64() * 1e9 / requests, (own_cpu_seconds() - before) * 1e9 / requests);
    println!("{name:>7}: {own:>5.0} ns a request, {all:>5.0} ns of CPU in all; dropped {dropped}, closed {closed}");
}

fn main() {
    let file = || OpenOptions::new().append(true).open("/dev/null").expect("/dev/null");
    measure("off", None);
    measure("common", Some(AccessLog::to(Form::Common, file()).expect("a thread")));
    measure("json", Some(AccessLog::to(Form::Json, file()).expect("a thread")));
}
