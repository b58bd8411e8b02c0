//! Servers that are slow, endless or busy, and signals while they are asked.

use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::{DONE, Turn, answers, ask, asked, begun, ends, judge, named, piece, run, says, server};
use crate::judge::world::eventually;
use crate::support::{Server, silence};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_answer_in_time_costs_the_limit_and_no_more() {
    let pause = Duration::from_millis(50);
    let head = begun(&[&says("well")]);
    let ping = b"8\r\n: ping\n\n\r\n".to_vec();
    let word = says("more ");
    let word = format!("{:x}\r\n{word}\r\n", word.len()).into_bytes();
    let mut ended = begun(&[&says("well"), &ends("stop")]);
    ended.extend(b"5\r\n: hm\n\r\n");
    for (turn, stage) in [
        (Turn::Stalls(Vec::new()), "had not begun to answer"),
        (Turn::Stalls(b"HTTP/1.1 200 OK\r\ncontent-type: text/ev".to_vec()), "had not begun to answer"),
        (Turn::Stalls(head.clone()), "had not ended its answer"),
        (Turn::Drips(head.clone(), ping, pause), "had not ended its answer"),
        (Turn::Drips(head, word, pause), "had not ended its answer"),
        (Turn::Stalls(ended), "had not ended its answer"),
    ] {
        let server = server(&[], vec![turn.clone()]).await;
        let told = ask(&named(&server).set("timeout", "2s"), "hello").await;
        let who = format!("the judge `mine` at {}/v1", server.url);
        assert_eq!(
            told.failure(3),
            format!("no answer within 2 s; {who} {stage}; the connection was closed"),
            "{turn:?}"
        );
    }
    let mute = Server::start(|_, stream| silence(stream)).await;
    let told = ask(&judge(&mute, &json!({})).set("timeout", "2s"), "hello").await;
    assert!(told.failure(3).ends_with(" had not listed its models; the connection was closed"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_its_last_word_a_server_is_not_waited_for() {
    let server = server(&[], vec![Turn::Stalls(begun(&[&says("well"), &ends("stop"), DONE]))]).await;
    assert_eq!(ask(&named(&server), "hello").await.answer(), "well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gigabyte_is_read_as_far_as_it_is_wanted_in_little_memory() {
    let megabyte = "x".repeat(1 << 20);
    let head = |kind: &str| {
        format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: 1000000000\r\n\r\n").into_bytes()
    };
    let thought = piece(&json!({"reasoning_content": &megabyte[..1 << 16]}), None);
    let said = says(&megabyte[..1 << 16]);
    let long = "no verdict: of the judge `mine`: its answer is longer than judge.max_output";
    for turn in [
        Turn::Drips(head("application/json"), megabyte.clone().into(), Duration::ZERO),
        Turn::Drips(head("text/event-stream"), megabyte.clone().into(), Duration::ZERO),
        Turn::Drips(head("text/event-stream"), said.into(), Duration::ZERO),
    ] {
        let server = server(&[], vec![turn]).await;
        assert_eq!(run(limited(&named(&server).set("max_output", "4MB"))).await.failure(4), long);
    }
    // What it thinks is not kept, so that it may be longer than its answer.
    let thoughts = thought.repeat(500);
    let server = server(&[], vec![super::events(&[&thoughts, &says("well"), &ends("stop"), DONE])]).await;
    assert_eq!(run(limited(&named(&server).set("max_output", "1MB"))).await.answer(), "well");
}

/// Asks with so little memory that a third of a gigabyte would be too much.
fn limited(world: &super::World) -> Command {
    let asking = world.command("hello");
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -v 330000; exec \"$@\"", "sh"]).arg(asking.get_program()).args(asking.get_args());
    limited
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_server_is_asked_again_when_it_says_so_and_in_time() {
    let busy = |status: &str, pause: &str| {
        let head =
            format!("HTTP/1.1 {status}\r\nretry-after: {pause}\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbusy");
        Turn::Writes(head.into_bytes())
    };
    let patient =
        server(&[], vec![busy("429 Too Many Requests", "0"), busy("503 Service Unavailable", "0"), answers("well")])
            .await;
    assert_eq!(ask(&named(&patient), "hello").await.answer(), "well");
    let endless = server(&[], vec![busy("429 Too Many Requests", "0")]).await;
    let told = ask(&named(&endless), "hello").await;
    assert!(told.failure(1).ends_with("it is asked too much; it asks to come again in 0 s: busy"), "{told:?}");
    assert_eq!(asked(&endless).len(), 1 + 3);
    let late = server(&[], vec![busy("503 Service Unavailable", "3600"), answers("well")]).await;
    let told = ask(&named(&late), "hello").await;
    assert!(told.failure(1).ends_with("it asks to come again in 3600 s: busy"), "{told:?}");
    for status in ["500 Internal Server Error", "400 Bad Request", "401 Unauthorized"] {
        let server = server(&[], vec![busy(status, "0"), answers("well")]).await;
        ask(&named(&server), "hello").await.failure(1);
        assert_eq!(asked(&server).len(), 1, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_the_asking_at_once() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        let server = server(&[], vec![Turn::Stalls(begun(&[&says("well")]))]).await;
        let world = named(&server);
        let child = world.command("hello").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        tokio::task::block_in_place(|| eventually(|| (!asked(&server).is_empty()).then_some(())));
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = tokio::task::spawn_blocking(|| child.wait_with_output()).await.unwrap().unwrap();
        let who = format!("the judge `mine` at {}/v1", server.url);
        let expected =
            format!("autoswe-judge: ended by signal {}; the connection to {who} was closed first\n", code - 128);
        assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(code), expected));
        assert!(output.stdout.is_empty());
    }
}
