//! Clients of HTTP/2: well-behaved ones by a library, others by bare frames.

use axum::http::StatusCode;
use h2::client::SendRequest;

use super::*;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// Types of frames and their flags, RFC 9113 section 6.
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The head of `GET path`: three entries of HPACK's static table but for a path that is not `/`.
fn head(path: &str) -> Vec<u8> {
    let length = u8::try_from(path.len()).unwrap();
    // The path as a literal that is not indexed, with the name of entry 4.
    [&[0x82, 0x86, 0x04, length], path.as_bytes(), &[0x41, 1, b'x']].concat()
}

fn get(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &head(path))
}

fn hello() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

/// The next frame's type, flags and stream; `None` at the connection's end.
async fn next_frame(stream: &mut TcpStream) -> Option<(u8, u8, u32)> {
    let mut head = [0; 9];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut head)).await.expect("a frame or an end").ok()?;
    let [long, middle, short, kind, flags, id @ ..] = head;
    let mut payload = vec![0; u32::from_be_bytes([0, long, middle, short]) as usize];
    stream.read_exact(&mut payload).await.ok()?;
    Some((kind, flags, u32::from_be_bytes(id)))
}

/// Reads until an answer's last frame.
async fn read_answer(stream: &mut TcpStream) {
    loop {
        let (kind, flags, _) = next_frame(stream).await.expect("an answer");
        if kind <= HEADERS && flags & END_STREAM != 0 {
            return;
        }
    }
}

/// Sends `drip` again and again until the server ends the connection; the types of the frames that came.
async fn drip_until_cut(mut stream: TcpStream, drip: &[u8]) -> Vec<u8> {
    let mut kinds = Vec::new();
    let (mut read, mut write) = stream.split();
    let dripping = async {
        while write.write_all(drip).await.is_ok() {
            tokio::time::sleep(SOON / 10).await;
        }
    };
    let reading = async {
        let mut all = Vec::new();
        read.read_to_end(&mut all).await.ok();
        let mut rest = &all[..];
        while let [long, middle, short, kind, _, _, _, _, _, after @ ..] = rest {
            kinds.push(*kind);
            let length = u32::from_be_bytes([0, *long, *middle, *short]) as usize;
            rest = after.get(length..).unwrap_or_default();
        }
    };
    tokio::time::timeout(PATIENCE, async { tokio::join!(dripping, reading) }).await.expect("cut off");
    kinds
}

async fn client(server: &Running) -> SendRequest<Bytes> {
    let (client, connection) = h2::client::handshake(server.connect().await).await.unwrap();
    tokio::spawn(connection);
    client.ready().await.unwrap()
}

/// The status and all of the body.
async fn fetch(client: &SendRequest<Bytes>, request: Request<()>, body: Option<Bytes>) -> (StatusCode, Bytes) {
    let mut client = client.clone().ready().await.unwrap();
    let (answer, mut sending) = client.send_request(request, body.is_none()).unwrap();
    if let Some(body) = body {
        sending.send_data(body, true).unwrap();
    }
    let answer = tokio::time::timeout(PATIENCE, answer).await.expect("an answer").unwrap();
    let status = answer.status();
    let (mut body, mut all) = (answer.into_body(), Vec::new());
    while let Some(data) = body.data().await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        all.extend_from_slice(&data);
    }
    (status, all.into())
}

/// Asks again and again until the connection takes no more requests, or has ended.
async fn refused(client: &SendRequest<Bytes>, path: &str) {
    let mut client = client.clone();
    while let Ok((answer, _)) = client.send_request(request(path), true) {
        match answer.await.map(Response::into_body) {
            Ok(mut body) => while body.data().await.is_some_and(|data| data.is_ok()) {},
            Err(_) => return,
        }
        tokio::time::sleep(SOON / 10).await;
    }
}

fn request(path: &str) -> Request<()> {
    Request::get(format!("http://x{path}")).body(()).unwrap()
}

#[tokio::test]
async fn many_requests_are_answered_on_one_connection() {
    let server = Running::start(Example::default(), Limits::default());
    let client = client(&server).await;
    let (large, small, again) = tokio::join!(
        fetch(&client, request("/large"), None),
        fetch(&client, request("/a"), None),
        fetch(&client, request("/b"), None),
    );
    assert_eq!((large.0.as_u16(), large.1.len()), (200, LARGE));
    assert_eq!(small.1, "127.0.0.1 false\n");
    assert_eq!(again, small);
}

#[tokio::test]
async fn bodies_are_taken_and_refused_as_over_http1() {
    let server = Running::start(Example::default(), Limits::default());
    let client = client(&server).await;
    let post = |path: &str| Request::post(format!("http://x{path}")).body(()).unwrap();
    let echoed = fetch(&client, post("/echo"), Some("hello".into())).await;
    assert_eq!((echoed.0.as_u16(), &echoed.1[..]), (200, &b"hello"[..]));
    assert_eq!(fetch(&client, post("/echo"), Some(vec![0; 1001].into())).await.0, 413);
    assert_eq!(fetch(&client, post("/other"), Some("hello".into())).await.0, 413);
    assert_eq!(fetch(&client, request("/a"), None).await.0, 200);
}

#[tokio::test]
async fn a_panic_costs_its_own_request_only() {
    let server = Running::start(Example::default(), Limits::default());
    let client = client(&server).await;
    assert_eq!(fetch(&client, request("/panic"), None).await.0, 500);
    assert_eq!(fetch(&client, request("/late-panic"), None).await.0, 500);
    assert_eq!(fetch(&client, request("/a"), None).await.0, 200);
}

#[tokio::test]
async fn a_client_that_drips_its_preface_is_cut_off() {
    let server = Running::start(Example::default(), Limits { head: SOON, idle: NEVER, ..Limits::default() });
    let mut stream = server.connect().await;
    let dripping = async {
        for byte in PREFACE {
            if stream.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(SOON / 10).await;
        }
        read_all(&mut stream).await
    };
    assert_eq!(tokio::time::timeout(PATIENCE, dripping).await.expect("cut off"), "");
}

#[tokio::test]
async fn a_client_that_never_asks_is_cut_off_though_it_pings() {
    let server = Running::start(Example::default(), Limits { head: SOON, idle: NEVER, ..Limits::default() });
    let mut stream = server.connect().await;
    stream.write_all(&hello()).await.unwrap();
    let kinds = drip_until_cut(stream, &frame(PING, 0, 0, &[0; 8])).await;
    assert!(kinds.contains(&PING) && !kinds.contains(&HEADERS), "{kinds:?}");
}

#[tokio::test]
async fn a_head_in_pieces_that_never_ends_is_cut_off() {
    let server = Running::start(Example::default(), Limits { head: SOON, idle: NEVER, ..Limits::default() });
    let mut stream = server.connect().await;
    stream.write_all(&[hello(), get(1, "/")].concat()).await.unwrap();
    read_answer(&mut stream).await;
    stream.write_all(&frame(HEADERS, END_STREAM, 3, &head("/"))).await.unwrap();
    let more = frame(CONTINUATION, 0, 3, &[0x00, 1, b'a', 1, b'b']);
    let kinds = drip_until_cut(stream, &more).await;
    assert!(!kinds.contains(&HEADERS), "{kinds:?}");
}

#[tokio::test]
async fn an_idle_connection_is_told_to_go_away_though_it_pings() {
    let server = Running::start(Example::default(), Limits { head: SOON, idle: SOON, ..Limits::default() });
    let mut stream = server.connect().await;
    stream.write_all(&[hello(), get(1, "/")].concat()).await.unwrap();
    read_answer(&mut stream).await;
    let kinds = drip_until_cut(stream, &frame(PING, 0, 0, &[0; 8])).await;
    assert!(kinds.contains(&GOAWAY), "{kinds:?}");
}

#[tokio::test]
async fn a_client_with_no_window_is_cut_off_though_it_pings() {
    let server = Running::start(Example::default(), Limits { head: NEVER, idle: SOON, ..Limits::default() });
    let mut stream = server.connect().await;
    // SETTINGS_INITIAL_WINDOW_SIZE is 0.
    let no_window = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let requests = (0..50).flat_map(|n| get(2 * n + 1, "/hello"));
    stream.write_all(&[PREFACE, &no_window, &requests.collect::<Vec<_>>()].concat()).await.unwrap();
    let kinds = drip_until_cut(stream, &frame(PING, 0, 0, &[0; 8])).await;
    assert!(kinds.contains(&HEADERS) && kinds.contains(&PING), "{kinds:?}");
}

#[tokio::test]
async fn one_stream_that_is_not_read_is_not_kept_by_others_that_are() {
    let server = Running::start(Example::default(), Limits { idle: SOON, pace: 1 << 40, ..Limits::default() });
    // What is not read of one answer leaves room for others.
    let (client, connection) = h2::client::Builder::new()
        .initial_connection_window_size(1 << 20)
        .handshake(server.connect().await)
        .await
        .unwrap();
    tokio::spawn(connection);
    let client: SendRequest<Bytes> = client.ready().await.unwrap();
    let (stuck, _) = client.clone().send_request(request("/large"), true).unwrap();
    let mut stuck = stuck.await.unwrap().into_body();
    tokio::time::timeout(PATIENCE, refused(&client, "/a")).await.expect("cut off");
    let mut taken = stuck.data().await;
    while let Some(Ok(_)) = taken {
        taken = stuck.data().await;
    }
    assert!(matches!(taken, Some(Err(_))), "the answer came to its end though nobody made room for it");
}

#[tokio::test]
async fn draining_finishes_open_streams_and_takes_no_new_ones() {
    let app = Example::default();
    let (release, begun) = (Arc::clone(&app.release), Arc::clone(&app.begun));
    let mut server = Running::start(app, Limits { idle: NEVER, drain: NEVER, ..Limits::default() });
    let client = client(&server).await;
    let waits = tokio::spawn({
        let client = client.clone();
        async move { fetch(&client, request("/wait"), None).await }
    });
    begun.notified().await;
    let mut idle = server.connect().await;
    idle.write_all(&[hello(), get(1, "/")].concat()).await.unwrap();
    read_answer(&mut idle).await;
    server.tell();
    // The library's client answers the ping that goes before the last word.
    tokio::time::timeout(PATIENCE, refused(&client, "/a")).await.expect("no new stream is taken");
    let kinds = async { while next_frame(&mut idle).await.expect("a last word").0 != GOAWAY {} };
    tokio::time::timeout(PATIENCE, kinds).await.expect("a last word");
    drop(idle);
    release.notify_one();
    let (status, body) = waits.await.unwrap();
    assert_eq!((status.as_u16(), &body[..]), (200, &b"waited\n"[..]));
    assert_eq!(server.ended().await, 0);
}

#[tokio::test]
async fn a_flood_of_resets_ends_its_connection_only() {
    let server = Running::start(Example::default(), Limits::default());
    let mut stream = server.connect().await;
    let flood = (0..5000).flat_map(|n| [get(2 * n + 1, "/wait"), frame(RESET, 0, 2 * n + 1, &[0, 0, 0, 8])].concat());
    // The server may end the connection before all is sent.
    stream.write_all(&[hello(), flood.collect()].concat()).await.ok();
    let ended = async {
        while let Some((kind, ..)) = next_frame(&mut stream).await {
            if kind == GOAWAY {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.expect("an end");
    assert_eq!(fetch(&client(&server).await, request("/a"), None).await.0, 200);
}

#[tokio::test]
async fn a_huge_head_is_refused() {
    let server = Running::start(Example::default(), Limits::default());
    let client = client(&server).await;
    let mut large = request("/a");
    large.headers_mut().insert("x-large", "x".repeat(20_000).parse().unwrap());
    let mut ready = client.clone().ready().await.unwrap();
    let (answer, _) = ready.send_request(large, true).unwrap();
    assert!(answer.await.map_or(true, |answer| answer.status() == 431));
    assert_eq!(fetch(&client, request("/a"), None).await.0, 200);
}
