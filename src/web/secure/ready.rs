//! A web configuration ready for use.
//!
//! Invariant: it is whole; what it holds fits together and belongs to the files that it remembers.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use axum::http::{HeaderName, HeaderValue};
use rustls::ServerConfig;

use super::file::{self, WebFile};
use super::files::Files;
use super::limit::Bucket;
use super::login::Users;
use super::reader::Reader;
use super::{tls, whole};
use crate::config::ConfigErrors;

/// What a server serves with.
pub(super) struct Ready {
    pub(super) tls: Option<Arc<ServerConfig>>,
    pub(super) users: Users,
    pub(super) headers: Arc<[(HeaderName, HeaderValue)]>,
    pub(super) bucket: Option<Arc<Bucket>>,
    pub(super) files: Files,
}

impl Ready {
    /// Reads `file` and everything that it names.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub(super) fn read(file: &Arc<Path>) -> Result<Self, ConfigErrors> {
        let mut files = Files::new();
        let text = files.configuration(file).map_err(|message| whole(file, "", message))?;
        let WebFile { tls, http2, headers, users, rate } = file::parse(file, &text).map_err(ConfigErrors)?;
        let mut reader = Reader::new(file, Vec::new());
        let alpn: &[&str] = if http2 { &["h2", "http/1.1"] } else { &["http/1.1"] };
        let tls = tls.and_then(|tls| tls::server(&mut reader, &mut files, tls, alpn));
        reader.finish(()).map_err(ConfigErrors)?;
        Ok(Ready {
            tls: tls.map(Arc::new),
            users: users.into_iter().collect(),
            headers: headers.into(),
            bucket: rate.map(|rate| Arc::new(Bucket::new(rate, Instant::now()))),
            files,
        })
    }

    /// This one with what `before`, which was read from the same bytes, has gathered: sessions and counts.
    pub(super) fn with_state_of(self, before: &Ready) -> Self {
        Ready { tls: before.tls.clone(), bucket: before.bucket.clone(), headers: Arc::clone(&before.headers), ..self }
    }
}
