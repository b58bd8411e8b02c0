//! Releases that change under load, a server that is killed, one that is told to stop.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ring::digest::{SHA256, digest};
use rustix::process::Signal;

use super::served::{Served, command};
use crate::exporter::PATIENCE;
use crate::release::gate::Words;
use crate::release::stage::{Site, Stage};

/// The `version`-th state of a site whose page names the version, and loads a style that names it too. Both are large
/// enough to lie in files of memory.
fn site(version: usize) -> Site {
    let style = format!("/* version {version} */{}\n", " body{color:red}".repeat(2000));
    let hash: String = digest(&SHA256, style.as_bytes()).as_ref().iter().take(5).map(|b| format!("{b:02x}")).collect();
    let asset = format!("assets/style-{hash}.css");
    let page = format!("version {version} {asset}\n{}", "text of the page ".repeat(1200));
    Site::from([("index.html".into(), page.clone()), ("page.html".into(), page), (asset, style)])
}

/// The version and the style that a page names.
fn named(page: &str) -> (String, String) {
    let mut words = page.split_whitespace().skip(1);
    (words.next().unwrap().into(), words.next().unwrap().into())
}

#[tokio::test]
async fn a_flip_under_load_fails_no_request_and_mixes_no_page() {
    let stage = Stage::new();
    let gate = Words::new(1, &["secret"]);
    stage.publish(&site(0), &gate);
    let served = Served::start(&stage, &[]).await;
    let url = format!("http://{}/page.html", served.address);
    let load = Command::new("wrk").args(["-t", "1", "-c", "8", "-d", "8s", &url]).stdout(Stdio::piped()).spawn();
    let load = load.unwrap_or_else(|error| panic!("wrk: {error}; apt-get install wrk"));
    let over = Arc::new(AtomicBool::new(false));
    let flips = {
        let (over, output) = (Arc::clone(&over), stage.output());
        std::thread::spawn(move || {
            let stage = Stage::at(output.parent().unwrap());
            let mut version = 0;
            while !over.load(Ordering::Relaxed) {
                version += 1;
                stage.publish(&site(version), &Words::new(1, &["secret"]));
                std::thread::sleep(Duration::from_millis(700));
            }
            version
        })
    };
    // Beside the load: each page belongs to one release, and the style that it names is there, and of that version.
    let (start, mut seen) = (Instant::now(), std::collections::BTreeSet::new());
    while start.elapsed() < Duration::from_secs(7) {
        let (front, page) = (served.get("/").text(), served.get("/page.html"));
        for page in [front, page.text()] {
            let (version, asset) = named(&page);
            let style = served.get(&format!("/{asset}"));
            assert!(style.text().starts_with(&format!("/* version {version} */")), "{asset}: {style:?}");
            assert_eq!(style.header("cache-control"), "public, max-age=31536000, immutable");
            seen.insert(version);
        }
        assert_eq!(page.header("cache-control"), "no-cache");
    }
    over.store(true, Ordering::Relaxed);
    let said = load.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("Requests/sec") && !said.contains("Non-2xx") && !said.contains("Socket errors"), "{said}");
    let flips = flips.join().unwrap();
    assert!(flips > 3 && seen.len() > 2, "{flips} flips, seen {seen:?}");
    served.shows("/", site(flips)["index.html"].as_str()).await;
}

#[tokio::test]
async fn killed_and_started_again_it_shows_the_same() {
    let stage = Stage::new();
    stage.publish(&site(7), &Words::new(1, &["secret"]));
    let mut served = Served::start(&stage, &[]).await;
    let before = served.get("/");
    let port = served.address.port().to_string();
    for _ in 0..3 {
        // A connection that is open when it dies must not keep the port.
        let open = std::net::TcpStream::connect(served.address).unwrap();
        served.signal(Signal::KILL);
        assert_eq!(served.exit_code().await, None);
        served = Served::spawn(&mut command(&stage, &["--port", &port])).await;
        drop(open);
        let after = served.get("/");
        assert_eq!((after.status, &after.body, after.header("etag")), (200, &before.body, before.header("etag")));
    }
}

#[tokio::test]
async fn told_to_stop_it_finishes_what_it_does_and_ends_with_success() {
    let stage = Stage::new();
    let mut big = site(1);
    big.insert("big.txt".into(), "0123456789abcdef".repeat(1 << 20));
    stage.publish(&big, &Words::new(1, &["secret"]));
    let mut served = Served::start(&stage, &[]).await;
    use std::io::{Read, Write};
    let mut slow = std::net::TcpStream::connect(served.address).unwrap();
    slow.write_all(b"GET /big.txt HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut first = [0; 1000];
    slow.read_exact(&mut first).unwrap();
    served.signal(Signal::TERM);
    let start = Instant::now();
    while std::net::TcpStream::connect(served.address).is_ok() {
        assert!(start.elapsed() < PATIENCE, "it takes no more connections");
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).unwrap();
    assert!(rest.len() + first.len() > 16 << 20, "{}", rest.len());
    assert_eq!(served.exit_code().await, Some(0));
    assert!(served.log.all().contains("stopped"), "{}", served.log.all());
}

#[tokio::test]
async fn before_the_first_release_there_is_nothing_and_then_it_is_there() {
    let stage = Stage::new();
    std::fs::create_dir_all(stage.state()).unwrap();
    let served = Served::start(&stage, &[]).await;
    let answer = served.get("/");
    assert_eq!(answer.status, 404);
    assert!(
        answer.text().contains("nothing has been published here yet")
            || answer.text().contains("Nothing has been published"),
        "{answer:?}"
    );
    stage.publish(&site(3), &Words::new(1, &["secret"]));
    served.shows("/", site(3)["index.html"].as_str()).await;
}

#[tokio::test]
async fn a_start_that_cannot_be_says_why_and_how_to_mend_it() {
    let stage = Stage::new();
    std::fs::create_dir_all(stage.state()).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (arguments, code, words) in [
        (vec!["--port", &port], 1, "is in use; stop the program that has it"),
        (vec!["--port", "0", "--bind", "192.0.2.1"], 1, "this machine has no address 192.0.2.1"),
        (vec!["--port", "70000"], 2, "70000"),
        (vec!["--port", "0", "--access-log", "loud"], 2, "expected one of off, common, json"),
        (vec!["--port", "0", "--web.config.file", "/no/such.yml"], 2, "/no/such.yml"),
    ] {
        let output = command(&stage, &arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}
