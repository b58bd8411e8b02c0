//! What the loop needs is gone: a restart would not bring it back.
//!
//! A look at something that is not well takes 20 s, so that a stall can be told from a pause; these tests wait for it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::json;

use super::world::World;
use crate::gpu::double::Double;

/// A stand-in for vLLM on one port, that answers or refuses.
struct Vllm {
    address: SocketAddr,
    up: Arc<AtomicBool>,
}

impl Vllm {
    /// Refuses until [`Vllm::answer`].
    fn down() -> Vllm {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Vllm { address, up: Arc::default() }
    }

    fn answer(&self) {
        let listener = TcpListener::bind(self.address).unwrap();
        self.up.store(true, Ordering::SeqCst);
        let up = self.up.clone();
        std::thread::spawn(move || {
            let page = include_str!("../../fixtures/vllm-0.32.0/idle.prom");
            for stream in listener.incoming().take_while(|_| up.load(Ordering::SeqCst)) {
                let mut stream = stream.unwrap();
                let mut head = [0; 4096];
                drop(stream.read(&mut head));
                let length = page.len();
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=1.0.0\r\nconnection: close";
                drop(write!(stream, "{head}\r\ncontent-length: {length}\r\n\r\n{page}"));
            }
        });
    }
}

#[test]
fn a_model_server_that_is_down_holds_the_restart_and_its_return_begins_the_time_anew() {
    let vllm = Vllm::down();
    let mut world = World::new();
    world.set(json!({"vllm": {"enabled": true, "url": format!("http://{}", vllm.address)}}));
    world.start_loop("", &["beats=1", "beat"]);
    let _watchdog = world.watch();
    world.wait_reason("dependency");
    assert_eq!(world.state()["severity"], "CRIT");
    let text = world.state()["text"].as_str().unwrap().to_owned();
    assert!(text.contains("vllm") || text.contains("vLLM"), "{text}");
    assert_eq!((world.trail().len(), world.starts().len()), (0, 1));
    vllm.answer();
    let back = Instant::now();
    world.wait("the restart was verified", || world.events() == ["intent", "took"]);
    assert!(back.elapsed().as_secs_f64() > 2.0, "{:?}\n{}", back.elapsed(), world.story());
    assert_eq!(world.starts().len(), 2);
}

#[test]
fn a_model_server_that_answers_holds_nothing() {
    let vllm = Vllm::down();
    vllm.answer();
    let mut world = World::new();
    world.set(json!({"vllm": {"enabled": true, "url": format!("http://{}", vllm.address)}}));
    world.start_loop("", &["beats=1", "beat"]);
    let _watchdog = world.watch();
    world.wait("the restart was verified", || world.events() == ["intent", "took"]);
    assert_eq!(world.count("dependency"), 0);
}

#[test]
fn a_lost_gpu_holds_the_restart_until_it_is_back() {
    let double = Double::new("*@0 = gpu_is_lost");
    let mut world = World::new();
    world.set(json!({"gpu": {"enabled": true, "library": double.library()}}));
    world.start_loop("", &["beats=1", "beat"]);
    let _watchdog = world.watch();
    world.wait_reason("dependency");
    assert_eq!((world.state()["severity"].as_str(), world.trail().len()), (Some("CRIT"), 0));
    double.script("");
    world.wait("the restart was verified", || world.events() == ["intent", "took"]);
    assert_eq!(world.starts().len(), 2);
}

#[test]
fn a_driver_that_hangs_holds_the_restart_and_the_watchdog_goes_on() {
    let double = Double::new("nvmlInit_v2 = hang");
    let mut world = World::new();
    world.set(json!({"gpu": {"enabled": true, "library": double.library(), "deadline": "1s"}}));
    world.start_loop("", &["beats=1", "beat"]);
    let _watchdog = world.watch();
    world.wait_reason("dependency");
    assert_eq!((world.trail().len(), world.starts().len()), (0, 1));
}
