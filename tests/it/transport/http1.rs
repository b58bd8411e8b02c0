//! Clients of HTTP/1.1: bodies, panics, slow readers, and connections that sleep.

use super::*;

const HELLO: &[u8] = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";

fn post(path: &str, body: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[tokio::test]
async fn the_application_knows_who_asks() {
    let server = Running::start(Example::default(), Limits::default());
    let mut stream = server.connect().await;
    stream.write_all(HELLO).await.unwrap();
    assert!(read_one(&mut stream).await.ends_with("127.0.0.1 false\n"));
}

#[tokio::test]
async fn a_body_is_taken_where_the_application_takes_one_and_is_not_too_long() {
    let server = Running::start(Example::default(), Limits::default());
    let mut stream = server.connect().await;
    for body in ["hello", &"x".repeat(1000)] {
        stream.write_all(&post("/echo", body)).await.unwrap();
        assert!(read_one(&mut stream).await.ends_with(body));
    }
    let chunked =
        b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    stream.write_all(chunked).await.unwrap();
    assert!(read_one(&mut stream).await.ends_with("\r\n\r\nabcde"));
    let endless = format!(
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        "64\r\n".to_owned() + &("x".repeat(100) + "\r\n64\r\n").repeat(11)
    );
    for (request, said) in [
        (post("/echo", &"x".repeat(1001)), "too long"),
        (endless.into_bytes(), "too long"),
        (post("/other", "hello"), "takes no request bodies"),
    ] {
        let answer = server.raw(&request).await;
        assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains(said), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
}

#[tokio::test]
async fn a_body_that_drips_is_408() {
    let server = Running::start(Example::default(), Limits { head: SOON, idle: NEVER, ..Limits::default() });
    let mut stream = server.connect().await;
    stream.write_all(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n").await.unwrap();
    let (mut read, mut write) = stream.split();
    let mut answer = Vec::new();
    let drip = async {
        while write.write_all(b"x").await.is_ok() {
            tokio::time::sleep(SOON / 10).await;
        }
    };
    let answered = async {
        read.read_to_end(&mut answer).await.ok();
    };
    tokio::time::timeout(PATIENCE, async { tokio::join!(drip, answered) }).await.expect("an end");
    assert!(answer.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn a_panic_costs_its_own_connection_only() {
    let server = Running::start(Example::default(), Limits::default());
    for (request, body) in [("GET /panic", ""), ("GET /late-panic", ""), ("POST /echo", "panic")] {
        let length = body.len();
        let request = format!("{request} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}");
        let answer = server.raw(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 500 ") && answer.contains("connection: close"), "{answer}");
    }
    let mut stream = server.connect().await;
    stream.write_all(HELLO).await.unwrap();
    assert!(read_one(&mut stream).await.starts_with("HTTP/1.1 200 "));
}

/// Reads the large answer a little at a time; the bytes that came until it ended or was cut off.
async fn read_slowly(server: &Running, at_once: usize) -> usize {
    let mut stream = server.connect().await;
    stream.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let (mut buffer, mut all) = (vec![0; at_once], 0);
    let reading = async {
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            all += count;
            tokio::time::sleep(SOON / 20).await;
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("an end");
    all
}

#[tokio::test]
async fn a_slow_reader_that_keeps_the_pace_gets_all() {
    let server = Running::start(Example::default(), Limits { idle: SOON, pace: 1 << 20, ..Limits::default() });
    assert!(read_slowly(&server, 1 << 20).await > LARGE);
}

#[tokio::test]
async fn a_reader_slower_than_the_pace_is_cut_off() {
    let server = Running::start(Example::default(), Limits { idle: SOON, pace: 1 << 40, ..Limits::default() });
    assert!(read_slowly(&server, 64 << 10).await < LARGE);
}

#[tokio::test]
async fn a_connection_that_has_slept_goes_on() {
    let server = Running::start(Example::default(), Limits { head: SOON, ..Limits::default() });
    let mut stream = server.connect().await;
    for _ in 0..2 {
        stream.write_all(HELLO).await.unwrap();
        assert!(read_one(&mut stream).await.starts_with("HTTP/1.1 200 "));
        // Longer than a connection keeps its buffers.
        tokio::time::sleep(Duration::from_millis(1300)).await;
    }
    // Two at once, and a third, of which the rest is late.
    stream.write_all(&[HELLO, HELLO, b"GET / HT"].concat()).await.unwrap();
    for _ in 0..2 {
        assert!(read_one(&mut stream).await.starts_with("HTTP/1.1 200 "));
    }
    assert_eq!(read_all(&mut stream).await, "");
}

#[tokio::test]
async fn a_sleeping_connection_is_closed_when_it_was_idle_for_too_long() {
    let idle = Duration::from_millis(1500);
    let server = Running::start(Example::default(), Limits { head: NEVER, idle, ..Limits::default() });
    let mut stream = server.connect().await;
    stream.write_all(HELLO).await.unwrap();
    read_one(&mut stream).await;
    assert_eq!(read_all(&mut stream).await, "");
}

#[tokio::test]
async fn draining_closes_silent_and_sleeping_connections_at_once() {
    let limits = Limits { head: NEVER, drain: NEVER, ..Limits::default() };
    let mut server = Running::start(Example::default(), limits);
    let mut silent = server.connect().await;
    let mut asleep = server.connect().await;
    asleep.write_all(HELLO).await.unwrap();
    read_one(&mut asleep).await;
    tokio::time::sleep(Duration::from_millis(1300)).await;
    server.tell();
    assert_eq!(server.ended().await, 0);
    assert_eq!((read_all(&mut silent).await, read_all(&mut asleep).await), (String::new(), String::new()));
}

#[tokio::test]
async fn draining_waits_for_a_head_that_has_begun() {
    let limits = Limits { drain: NEVER, ..Limits::default() };
    let mut server = Running::start(Example::default(), limits);
    let mut stream = server.connect().await;
    stream.write_all(&HELLO[..10]).await.unwrap();
    // Until it is read.
    tokio::time::sleep(SOON).await;
    server.tell();
    tokio::time::sleep(SOON).await;
    stream.write_all(&HELLO[10..]).await.unwrap();
    assert!(read_all(&mut stream).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(server.ended().await, 0);
}
