//! The dead man's switch: a real request after each evaluation, which delays none.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use super::world::{Watchdog, World, finish, said};
use crate::support::{Server, ok, response, silence};

const SECRET: &str = "0123-secret";

/// `command` with the switch at `url`.
fn with_switch<'a>(command: &'a mut Command, url: &str) -> &'a mut Command {
    command.env("WATCHDOG_PING_URL", format!("{url}/{SECRET}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_evaluation_is_told_to_the_switch() {
    let server = Server::always(ok("text/plain", b"OK")).await;
    let world = World::with_loop(&["beat"]);
    let output = finish(with_switch(&mut world.command(&["--once"]), &server.url));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(server.seen().len(), 1);
    assert_eq!(server.seen()[0].line, format!("GET /{SECRET}"));
    let _watchdog = Watchdog::spawn(&world, with_switch(&mut world.command(&[]), &server.url));
    world.wait("the daemon tells it too", || server.seen().len() >= 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_that_is_silent_delays_no_evaluation_and_one_that_refuses_is_told_without_its_address() {
    let server = Server::start(|_, stream| silence(stream)).await;
    let mut world = World::with_loop(&["beat"]);
    world.set(json!({"restart": {"ping_timeout": "2s"}}));
    let watchdog = Watchdog::spawn(&world, with_switch(&mut world.command(&[]), &server.url));
    world.wait_evaluated_by(&watchdog);
    // Some evaluations pass while one request is still open.
    let start = Instant::now();
    world.wait("a request", || !server.seen().is_empty());
    let before = server.seen().len();
    world.evaluations(3);
    assert!(server.seen().len() <= before + 1 || start.elapsed() > Duration::from_secs(2), "one request at a time");
    drop(watchdog);
    let output = finish(with_switch(&mut world.command(&["--once"]), &server.url));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("no answer within 2 s") && !said(&output).contains(SECRET), "{}", said(&output));
    let server = Server::always(response("404 Not Found", "text/plain", b"no")).await;
    let output = finish(with_switch(&mut world.command(&["--once"]), &server.url));
    let text = said(&output);
    assert!(text.contains("HTTP 404") && !text.contains(SECRET), "{text}");
}

#[test]
fn what_is_no_url_is_said_without_being_shown() {
    let world = World::with_loop(&["beat"]);
    let output = finish(world.command(&["--once"]).env("WATCHDOG_PING_URL", SECRET));
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains("WATCHDOG_PING_URL") && text.contains("expected an http") && !text.contains(SECRET),
        "{text}"
    );
}
