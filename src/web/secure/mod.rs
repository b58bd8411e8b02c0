//! TLS, logins and headers for an HTTP server, from a file in the format of the Prometheus exporter toolkit.
//!
//! A thread of its own looks at the file, the certificates and the keys once a second; what changed is taken up for
//! the connections and requests that come next. Invariant: a server that began with a good file always has one in
//! force: a broken one is told of and changes nothing. No connection waits for a file system.

mod admitted;
mod client;
mod file;
mod files;
mod limit;
mod login;
mod names;
mod reader;
mod ready;
mod san;
#[cfg(test)]
mod tests;
mod tls;

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;

use crate::config::{ConfigError, ConfigErrors};
pub use admitted::Admitted;
use autoswe_transport::{App, Tls};
use login::{Logins, Refusal};
use ready::Ready;

/// The files are looked at this often.
const LOOK: Duration = Duration::from_secs(1);

/// TLS, logins and headers, always as the file has them now. Cheap to clone; the default has none of them.
#[derive(Clone, Default)]
pub struct Secure(Option<Arc<Shared>>);

impl fmt::Debug for Secure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nothing of what it holds is for anybody's eyes.
        f.debug_tuple("Secure").field(&self.0.as_ref().map(|shared| &shared.file)).finish()
    }
}

struct Shared {
    file: Arc<Path>,
    /// Paths that are answered without a login: those of probes, which cannot send one.
    open_paths: &'static [&'static str],
    logins: Logins,
    state: Mutex<State>,
}

struct State {
    ready: Arc<Ready>,
    /// What is wrong with the files now, as it was told.
    complaint: Option<String>,
}

impl Secure {
    /// Reads `file` and everything that it names, and keeps watching it. Requests for `open_paths` need no
    /// login.
    ///
    /// # Errors
    /// Everything that is wrong in it, or that the system gives no thread.
    pub fn open(file: &Path, open_paths: &'static [&'static str]) -> Result<Self, ConfigErrors> {
        let file: Arc<Path> = file.into();
        let ready = Arc::new(Ready::read(&file)?);
        let state = Mutex::new(State { ready, complaint: None });
        let logins = Logins::new().map_err(|message| whole(&file, "", message))?;
        let shared = Arc::new(Shared { file, open_paths, logins, state });
        let watched = Arc::downgrade(&shared);
        let thread = std::thread::Builder::new().name("web-config".into()).spawn(move || watch(&watched));
        thread.map_err(|error| {
            let message = format!("cannot be watched for changes ({error}); let this program have one more thread");
            whole(&shared.file, "", message)
        })?;
        Ok(Secure(Some(shared)))
    }

    /// Reads `file` and everything that it names, and keeps nothing.
    ///
    /// # Errors
    /// Everything that is wrong in it.
    pub fn check(file: &Path) -> Result<(), ConfigErrors> {
        Ready::read(&file.into()).map(drop)
    }

    /// `https` or `http`.
    pub fn scheme(&self) -> &'static str {
        let has_tls = self.0.as_ref().is_some_and(|shared| shared.ready().tls.is_some());
        if has_tls { "https" } else { "http" }
    }

    /// What [`crate::web::Server::secured`] takes; `None` for HTTP without TLS, which it stays until the next start.
    pub fn tls(&self) -> Option<Tls> {
        let shared = Arc::clone(self.0.as_ref().filter(|shared| shared.ready().tls.is_some())?);
        Some(Arc::new(move || shared.ready().tls.clone()))
    }

    /// Whether everybody is let in and no headers are added.
    fn is_open(&self) -> bool {
        self.0.is_none()
    }

    /// `app` for those who may be let in, with the headers of the file on every answer.
    pub fn guard<A: App>(&self, app: A) -> Admitted<A> {
        Admitted::new(app, self.clone())
    }

    /// Whether a request for `path` may be answered; else the answer in its place. `peer` is who asks, `None` behind a
    /// Unix socket.
    ///
    /// # Errors
    /// The answer: 401 without a right login, 429 where too much is asked.
    async fn admit(&self, path: &str, headers: &HeaderMap, peer: Option<IpAddr>) -> Result<(), Response<Bytes>> {
        let Some(shared) = &self.0 else { return Ok(()) };
        let ready = shared.ready();
        if shared.open_paths.contains(&path) {
            return Ok(());
        }
        if ready.bucket.as_ref().is_some_and(|bucket| !bucket.take(Instant::now())) {
            return Err(later("More requests than rate_limit allows; try again later.\n"));
        }
        if ready.users.is_empty() {
            return Ok(());
        }
        let authorization = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        // In a box, because few servers need its room.
        let login = Box::pin(shared.logins.check(&ready.users, authorization, peer));
        login.await.map_err(|refusal| match refusal {
            Refusal::Unknown => log_in(),
            Refusal::Busy => later("Too many logins are being checked; try again later.\n"),
        })
    }

    /// Adds the configured headers; they take the place of others of the same name.
    fn decorate(&self, headers: &mut HeaderMap) {
        let Some(shared) = &self.0 else { return };
        for (name, value) in shared.ready().headers.iter() {
            headers.insert(name.clone(), value.clone());
        }
    }
}

/// An error about `file` as a whole, or about its section `path`.
fn whole(file: &Path, path: &str, message: String) -> ConfigErrors {
    ConfigErrors(vec![ConfigError { place: file.display().to_string(), path: path.into(), message }])
}

/// Looks at the files until nobody needs them any more.
fn watch(shared: &Weak<Shared>) {
    loop {
        std::thread::sleep(LOOK);
        let Some(shared) = shared.upgrade() else { return };
        let ready = shared.ready();
        if !ready.files.are_unchanged() {
            shared.take_up(&ready);
        }
    }
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ready(&self) -> Arc<Ready> {
        Arc::clone(&self.state().ready)
    }

    /// Reads everything anew; `before` is what is in force.
    fn take_up(&self, before: &Ready) {
        match Ready::read(&self.file).and_then(|fresh| self.keeps_its_scheme(before, fresh)) {
            Ok(fresh) => self.put_in_force(before, fresh),
            Err(errors) => {
                let complaint = errors.to_string();
                let told = self.state().complaint.replace(complaint.clone());
                if told.as_ref() != Some(&complaint) {
                    tracing::error!("the new web configuration is refused, the old one stays in force:\n{complaint}");
                }
            }
        }
    }

    /// Clients and Prometheus know a server by its scheme; and nobody means to take TLS away by a slip of the hand.
    fn keeps_its_scheme(&self, before: &Ready, fresh: Ready) -> Result<Ready, ConfigErrors> {
        if fresh.tls.is_some() == before.tls.is_some() {
            return Ok(fresh);
        }
        let done = if before.tls.is_some() { "was taken away" } else { "is new" };
        let message = format!("{done}; TLS is turned on and off at a start only: restart the program");
        Err(whole(&self.file, "tls_server_config", message))
    }

    fn put_in_force(&self, before: &Ready, fresh: Ready) {
        let is_new = fresh.files.digest().as_ref() != before.files.digest().as_ref();
        let mut state = self.state();
        if state.complaint.take().is_some() || is_new {
            tracing::info!(file = %self.file.display(), "the web configuration and its certificates were taken up");
        }
        state.ready = Arc::new(if is_new { fresh } else { fresh.with_state_of(before) });
    }
}

fn log_in() -> Response<Bytes> {
    let mut answer = refusal(StatusCode::UNAUTHORIZED, "Log in with a user and a password of this server.\n");
    let challenge = HeaderValue::from_static("Basic realm=\"autoswe\", charset=\"UTF-8\"");
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    answer
}

fn later(text: &'static str) -> Response<Bytes> {
    let mut answer = refusal(StatusCode::TOO_MANY_REQUESTS, text);
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}

fn refusal(status: StatusCode, text: &'static str) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from_static(text.as_bytes()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}
