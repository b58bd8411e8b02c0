//! Large files, which lie in files of memory: the same bytes by every way to them, for as long as somebody reads them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Instant;

use super::served::{LOOK, Served};
use crate::exporter::PATIENCE;
use crate::release::gate::Words;
use crate::release::stage::{Site, Stage};

/// A site with a file of some 5 MB, of which no two lines are alike, nor alike in two versions.
fn site(version: usize) -> Site {
    let lines: String = (0..200_000).map(|line| format!("line {line} of version {version}\n")).collect();
    Site::from([("index.html".into(), format!("version {version}")), ("large.txt".into(), lines)])
}

fn publish(stage: &Stage, version: usize) -> String {
    let site = site(version);
    stage.publish(&site, &Words::new(1, &["secret"]));
    site["large.txt"].clone()
}

/// The files of memory that the server holds.
fn held(served: &Served) -> usize {
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", served.child.id())).unwrap();
    maps.lines().filter(|line| line.contains("memfd:autoswe-held")).count()
}

/// The bytes at `/large.txt`, as curl gets them.
fn curled(served: &Served, arguments: &[&str]) -> Vec<u8> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--max-time", "60"]).args(arguments);
    let output = curl.arg(format!("http://{}/large.txt", served.address)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[tokio::test]
async fn a_large_file_is_the_same_by_every_way_to_it() {
    let stage = Stage::new();
    let text = publish(&stage, 1);
    let bytes = text.as_bytes();
    let served = Served::start(&stage, &[]).await;
    assert!(held(&served) > 0, "it lies in a file of memory");
    assert_eq!(served.get("/large.txt").body, bytes);
    assert_eq!(curled(&served, &["--http1.1"]), bytes);
    // Read through the mapping, in frames of 16 KiB.
    assert_eq!(curled(&served, &["--http2-prior-knowledge"]), bytes);
    for (range, part) in [("0-99999", &bytes[..100_000]), ("77777-3333333", &bytes[77_777..3_333_334])] {
        assert_eq!(curled(&served, &["--range", range]), part, "{range}");
        assert_eq!(curled(&served, &["--range", range, "--http2-prior-knowledge"]), part, "{range}");
    }
    let parts = served.ask("GET", "/large.txt", &["Range: bytes=10-50009,1000000-1999999"]);
    let contains = |part: &[u8]| parts.body.windows(part.len()).any(|window| window == part);
    assert_eq!(parts.status, 206);
    assert!(contains(&bytes[10..50_010]) && contains(&bytes[1_000_000..2_000_000]));
}

#[tokio::test]
async fn a_slow_client_gets_the_file_that_it_asked_for_though_it_is_replaced() {
    let stage = Stage::new();
    let first = publish(&stage, 1);
    let served = Served::start(&stage, &[]).await;
    let each = held(&served);
    let mut slow = TcpStream::connect(served.address).unwrap();
    slow.set_read_timeout(Some(PATIENCE)).unwrap();
    slow.write_all(b"GET /large.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = vec![0; 10_000];
    slow.read_exact(&mut answer).unwrap();
    for version in 2..5 {
        let now = publish(&stage, version);
        served.shows("/", &format!("version {version}")).await;
        assert_eq!(served.get("/large.txt").text(), now);
        assert!(held(&served) > each, "the file that is being read is held beside the new one");
    }
    slow.read_to_end(&mut answer).unwrap();
    assert!(answer.ends_with(first.as_bytes()), "{} of {} bytes", answer.len(), first.len());
    // Whoever replaced it waits for nobody else: nothing of it is left.
    let start = Instant::now();
    while held(&served) > each {
        assert!(start.elapsed() < PATIENCE, "{} files of memory where there were {each}", held(&served));
        tokio::time::sleep(LOOK).await;
    }
}
