//! A real Prometheus scrapes both pages over real HTTP, and its own API is asked for the values.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use autoswe_exporter::sink::{openmetrics, prometheus};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::{example, lines};
use crate::prometheus::{Prometheus, Target};

/// Serves `pages` (path, content type, body) until the test's runtime ends.
async fn serve(pages: Vec<(&'static str, &'static str, Vec<u8>)>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let pages: &[_] = Vec::leak(pages);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(move |request: Request<Incoming>| async move {
                let page = pages.iter().find(|(path, ..)| *path == request.uri().path());
                let (_, kind, body) = page.expect("a known path");
                Response::builder().header("content-type", *kind).body(Full::new(Bytes::from_static(body)))
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

fn told(mut labels: BTreeMap<String, String>) -> BTreeMap<String, String> {
    labels.retain(|_, value| !value.is_empty());
    labels
}

#[tokio::test]
async fn prometheus_has_every_value_of_both_pages() {
    let samples = example::rich();
    let mut expected = lines(&samples);
    // To Prometheus a label without a value is no label.
    expected = expected.into_iter().map(|((name, labels), value)| ((name, told(labels)), value)).collect();
    let address = serve(vec![
        ("/text", prometheus::CONTENT_TYPE, prometheus::render(&samples)),
        ("/openmetrics", openmetrics::CONTENT_TYPE, openmetrics::render(&samples)),
    ])
    .await;
    let jobs = [("text", "/text"), ("openmetrics", "/openmetrics")];
    let prometheus = Prometheus::start(&jobs.map(|(job, path)| Target { job, address, path })).await;
    for (job, _) in jobs {
        let all = format!("{{job=\"{job}\", __name__=~\"(autoswe|process)_.*\"}}");
        let found = prometheus.query_until(&all, expected.len()).await;
        assert_eq!(found.len(), expected.len(), "{job}");
        for (mut labels, value) in found {
            let name = labels.remove("__name__").unwrap();
            let _ = (labels.remove("job"), labels.remove("instance"));
            let line = (name, labels);
            assert_eq!(expected.get(&line), Some(&value), "{job}: {line:?}");
        }
        let up = prometheus.query(&format!("max_over_time(up{{job=\"{job}\"}}[1m])")).await;
        assert_eq!(up.into_iter().map(|(_, value)| value).collect::<Vec<_>>(), [1.0], "{job}");
    }
    // What an alert rule would ask.
    let over = prometheus.query("autoswe_subagents_over_budget{phase=\"writer\", job=\"text\"} > 0").await;
    assert_eq!(over.first().map(|(_, value)| *value), Some(1.0));
}
