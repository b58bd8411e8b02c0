//! Logins by HTTP basic authentication (RFC 7617) against bcrypt hashes.
//!
//! Invariant: at most one core computes hashes, whatever clients send; who waits for it is counted and bounded, in all
//! and for each address, so that a flood of guesses costs neither memory nor anybody else's answer. No password is
//! kept: what was found is remembered under a keyed hash, whose key lives as long as the process. How long an answer
//! takes does not tell whether a user exists.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use tokio::sync::Semaphore;

/// Logins that are remembered, good ones and bad ones for themselves: bad ones never push good ones out.
const REMEMBERED: usize = 256;
/// Requests that may wait for a password to be checked: in all, and from one address.
const WAITING: (usize, usize) = (64, 4);
/// How long one may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Users with the hashes of their passwords.
pub(super) type Users = BTreeMap<String, String>;

/// Why somebody was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No user and password, or wrong ones.
    Unknown,
    /// Too many others are being checked.
    Busy,
}

/// What a login was found to be; stands for user, hash and password together.
type Tag = [u8; 32];

/// The doorkeeper. It outlives the configurations: what it remembers belongs to a user's hash, not to a file.
pub(super) struct Logins {
    key: hmac::Key,
    known: Mutex<[Recent; 2]>,
    core: Arc<Semaphore>,
    line: Arc<Line>,
}

/// User and password as a client sent them.
struct Credentials {
    user: String,
    password: Vec<u8>,
}

impl Logins {
    /// One that remembers nothing yet.
    ///
    /// # Errors
    /// When the kernel gives no random numbers, without which nothing here is safe.
    pub(super) fn new() -> Result<Self, String> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &ring::rand::SystemRandom::new());
        let key = key.map_err(|_| "the kernel gives no random numbers; look at getrandom(2) here".to_owned())?;
        let known = Mutex::new([Recent::default(), Recent::default()]);
        Ok(Logins { key, known, core: Arc::new(Semaphore::new(1)), line: Arc::default() })
    }

    /// Whether `authorization`, the header's value, is the login of one of `users`, of whom there is at least one.
    ///
    /// # Errors
    /// Why not.
    pub(super) async fn check(
        &self,
        users: &Users,
        authorization: Option<&[u8]>,
        peer: Option<IpAddr>,
    ) -> Result<(), Refusal> {
        let Credentials { user, password } = authorization.and_then(credentials).ok_or(Refusal::Unknown)?;
        let known = users.get(&user);
        let tag = self.tag([user.as_bytes(), known.map_or(&[], |hash| hash.as_bytes()), &password]);
        // The time that the hash of some user takes, so that a stranger waits as long as one who is known.
        let hash = known.or_else(|| self.decoy(users, &user)).ok_or(Refusal::Unknown)?;
        let good = match self.remembered(&tag) {
            Some(good) => good,
            None => {
                let _turn = self.line.enter(peer).ok_or(Refusal::Busy)?;
                self.compare(tag, password, (hash, known.is_some())).await?
            }
        };
        if good { Ok(()) } else { Err(Refusal::Unknown) }
    }

    /// Whether `password` has this hash and the user is known; remembered as `tag`.
    async fn compare(&self, tag: Tag, password: Vec<u8>, (hash, is_known): (&str, bool)) -> Result<bool, Refusal> {
        let core = tokio::time::timeout(PATIENCE, Arc::clone(&self.core).acquire_owned());
        let Ok(Ok(core)) = core.await else { return Err(Refusal::Busy) };
        // Another request of the same client may have been compared meanwhile.
        if let Some(good) = self.remembered(&tag) {
            return Ok(good);
        }
        let hash = hash.to_owned();
        let matches = tokio::task::spawn_blocking(move || {
            // Held until the hash is computed, even where the client has gone meanwhile.
            let _core = core;
            bcrypt::verify(&password, &hash).unwrap_or(false)
        });
        let good = matches.await.unwrap_or(false) && is_known;
        self.known()[usize::from(good)].push(tag);
        Ok(good)
    }

    /// The hash that the password of the unknown `user` is tried against: always the same for one name.
    fn decoy<'a>(&self, users: &'a Users, user: &str) -> Option<&'a String> {
        let at = usize::from(self.tag([b"decoy", user.as_bytes(), b""])[0]);
        users.values().nth(at % users.len().max(1))
    }

    fn tag(&self, parts: [&[u8]; 3]) -> Tag {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(&part.len().to_le_bytes());
            context.update(part);
        }
        let mut tag = Tag::default();
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }

    fn remembered(&self, tag: &Tag) -> Option<bool> {
        let known = self.known();
        [false, true].into_iter().find(|good| known[usize::from(*good)].0.contains(tag))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, [Recent; 2]> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last tags.
#[derive(Default)]
struct Recent(VecDeque<Tag>);

impl Recent {
    fn push(&mut self, tag: Tag) {
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(tag);
    }
}

/// Who waits, by address.
#[derive(Default)]
struct Line(Mutex<HashMap<Option<IpAddr>, usize>>);

/// A place in the [`Line`], given up when dropped.
struct Turn {
    line: Arc<Line>,
    peer: Option<IpAddr>,
}

impl Line {
    fn enter(self: &Arc<Self>, peer: Option<IpAddr>) -> Option<Turn> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = waiting.values().sum();
        let mine = waiting.get(&peer).copied().unwrap_or(0);
        let room = all < WAITING.0 && mine < WAITING.1;
        room.then(|| {
            waiting.insert(peer, mine + 1);
            Turn { line: Arc::clone(self), peer }
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut waiting = self.line.0.lock().unwrap_or_else(PoisonError::into_inner);
        match waiting.get_mut(&self.peer) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(waiting.remove(&self.peer)),
        }
    }
}

/// `Basic`, a space and base64 of user, colon and password.
fn credentials(header: &[u8]) -> Option<Credentials> {
    let (scheme, rest) = header.split_at_checked(6)?;
    scheme.eq_ignore_ascii_case(b"basic ").then_some(())?;
    let text = STANDARD.decode(rest.trim_ascii()).ok()?;
    let colon = text.iter().position(|byte| *byte == b':')?;
    let user = String::from_utf8(text[..colon].to_vec()).ok()?;
    Some(Credentials { user, password: text[colon + 1..].to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: Option<IpAddr> = None;

    /// The least cost there is, so that the tests do not take long.
    fn users(users: &[(&str, &str)]) -> Users {
        users.iter().map(|(user, password)| ((*user).to_owned(), bcrypt::hash(password, 4).unwrap())).collect()
    }

    fn basic(user: &str, password: &str) -> Vec<u8> {
        format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))).into_bytes()
    }

    async fn login(logins: &Logins, users: &Users, (user, password): (&str, &str)) -> Result<(), Refusal> {
        logins.check(users, Some(&basic(user, password)), NOBODY).await
    }

    #[tokio::test]
    async fn the_right_password_and_no_other_lets_in() {
        let (logins, users) = (Logins::new().unwrap(), users(&[("alice", "wonder:land"), ("bob", "")]));
        for _ in 0..2 {
            assert_eq!(login(&logins, &users, ("alice", "wonder:land")).await, Ok(()));
            assert_eq!(login(&logins, &users, ("bob", "")).await, Ok(()));
            for wrong in [
                ("alice", "wonder"),
                ("alice", ""),
                ("bob", "wonder:land"),
                ("carol", ""),
                ("", ""),
                ("Alice", "wonder:land"),
            ] {
                assert_eq!(login(&logins, &users, wrong).await, Err(Refusal::Unknown), "{wrong:?}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_login_is_refused_without_computing_a_hash() {
        let (logins, users) = (Logins::new().unwrap(), users(&[("alice", "x")]));
        let colonless = format!("Basic {}", STANDARD.encode("alice"));
        for header in ["", "Basic", "Basic ", "Basic !!!", "Bearer abcdef", &colonless, "Basic \u{e9}"] {
            assert_eq!(logins.check(&users, Some(header.as_bytes()), NOBODY).await, Err(Refusal::Unknown), "{header}");
        }
        assert_eq!(logins.check(&users, None, NOBODY).await, Err(Refusal::Unknown));
        assert!(logins.known().iter().all(|recent| recent.0.is_empty()));
        let lower = basic("alice", "x").to_ascii_lowercase()[..6].to_vec();
        assert_eq!(logins.check(&users, Some(&[&lower, &basic("alice", "x")[6..]].concat()), NOBODY).await, Ok(()));
    }

    #[tokio::test]
    async fn a_changed_hash_ends_what_was_remembered() {
        let logins = Logins::new().unwrap();
        let (before, after) = (users(&[("alice", "old")]), users(&[("alice", "new")]));
        assert_eq!(login(&logins, &before, ("alice", "old")).await, Ok(()));
        assert_eq!(login(&logins, &after, ("alice", "old")).await, Err(Refusal::Unknown));
        assert_eq!(login(&logins, &after, ("alice", "new")).await, Ok(()));
        let stranger = users(&[("bob", "new")]);
        assert_eq!(login(&logins, &stranger, ("alice", "new")).await, Err(Refusal::Unknown));
    }

    #[tokio::test]
    async fn guesses_are_forgotten_in_time_and_good_logins_are_not_for_them() {
        let (logins, users) = (Logins::new().unwrap(), users(&[("alice", "right")]));
        assert_eq!(login(&logins, &users, ("alice", "right")).await, Ok(()));
        for guess in 0..REMEMBERED + 5 {
            assert_eq!(login(&logins, &users, ("alice", &guess.to_string())).await, Err(Refusal::Unknown));
        }
        let [bad, good] = logins.known().each_ref().map(|recent| recent.0.len());
        assert_eq!((bad, good), (REMEMBERED, 1));
    }

    #[tokio::test]
    async fn who_waits_is_bounded_for_each_address_and_in_all() {
        let line = Arc::new(Line::default());
        let address = |n: u32| Some(IpAddr::from(n.to_be_bytes()));
        let mut turns: Vec<_> = (0..WAITING.1).filter_map(|_| line.enter(address(1))).collect();
        assert_eq!(turns.len(), WAITING.1);
        assert!(line.enter(address(1)).is_none(), "one address has its share");
        turns.extend((2..1000).filter_map(|n| line.enter(address(n))));
        assert_eq!(turns.len(), WAITING.0);
        assert!(line.enter(None).is_none(), "it is full");
        turns.clear();
        assert!(line.0.lock().unwrap().is_empty());
    }

    #[test]
    fn parts_of_a_login_do_not_run_into_each_other() {
        let logins = Logins::new().unwrap();
        assert_ne!(logins.tag([b"ab", b"", b"c"]), logins.tag([b"a", b"b", b"c"]));
        assert_ne!(
            logins.tag([b"a", b"", b"bc"]),
            Logins::new().unwrap().tag([b"a", b"", b"bc"]),
            "the key is of this process"
        );
    }
}
