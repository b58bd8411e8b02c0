//! What the name of a setting, of a variable or of a field says about its value.
//!
//! Invariant: decided from the name alone, word by word: `dbPassword`, `DB_PASSWORD` and `db-password` say the same.

use std::sync::LazyLock;

use super::bytes::{ALNUM, DIGIT, LOWER, UPPER, is};
use super::issuers::ISSUERS;

/// What may be expected of the value beside a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// Something public: an id, a path, a hash, a word.
    Public,
    /// Nothing is known.
    Unknown,
    /// A key of some kind, or an issuer's name: secret if it looks drawn at random.
    Key,
    /// A token, a key for an API, a secret: drawn at random as a rule.
    Secret,
    /// A password: a person may have chosen it.
    Password,
}

const PASSWORD: &str = "\
    password passwd pwd pass passphrase passcode passwort pswd psw pw passw userpass dbpass dbpasswd pgpassword \
    mdp senha contrasena passwords userpw sshpass rootpw bindpw kennwort storepass keypass mypass smtppass mypwd \
    rootpass pword passwrd passw0rd pgpass motdepasse pswrd passwds userpwd dbpwd adminpwd adminpass userpassword \
    psword pssword psswd psswrd paswd pasword paswrd psswort dbpassword ftppass mailpass requirepass masterauth parole wachtwoord";

const SECRET: &str = "\
    secret secrets token tokens credential credentials cred creds apikey apikeys bearer authorization authtoken \
    accesstoken secretkey accesskey privatekey authkey clientsecret apitoken apisecret jwt cookie otp totp secrete \
    secretaccesskey accountkey sharedaccesskey encryptionkey masterkey sessiontoken refreshtoken licensekey \
    webhooksecret signingkey authtokensecret appsecret appkey consumersecret consumerkey pat dsn basic mnemonic \
    skey hmac salt subscriptionkey instrumentationkey seed presharedkey psk";

/// Words before `key` with which it opens something.
const OPENING: &str = "\
    api access secret private auth account encryption encrypt master signing shared client license licence app \
    application admin root service storage consumer subscription session webhook deploy write read integration \
    instrumentation developer personal user project rest server live test prod security cipher aes hmac crypto \
    primary secondary function host stream ingest search";

/// Words with which a name that speaks of secrets speaks of something around them.
const PUBLIC: &str = "\
    id ids name names type types url urls uri path paths file files filename dir length len size count field label \
    hint policy reset expiry expires expiration ttl ref arn prompt placeholder regex pattern min max algorithm alg \
    version endpoint manager provider class help text title error errors message msg required enabled format index \
    limit usage description prefix suffix store vault rotation strength validator validation input form page link \
    button change update forgot recovery env var param date time at age location issuer audience scope scopes kind \
    checksum hash digest sha sha1 sha256 sha512 md5 commit revision rev uuid guid integrity etag fingerprint \
    thumbprint thumb nonce oid tree parent srcrev image icon color colour src href public resolved chksum cid sum \
    crc head branch tag object blob signature subject serial content session_id requestid messageid tooluseid \
    host hostname domain email encoding mode status state code event action method template example sample md docs \
    created modified updated checked visible strategy generator handler filter plugin keyword keyboard fieldname \
    attribute property clientid userid username pubkey charset publickey buildid instanceid appid accountid \
    tenantid projectid groupid objectid sessionid traceid spanid parentuuid leafuuid promptid module package \
    dependency timeout interval attempts attempt retries retry days hours minutes seconds lifetime validity cache";

/// Words with which a value is said to be no secret, wherever they stand in its name.
const DISARMING: &str = "\
    mock fake dummy example sample placeholder public publishable checksum chars pubkey publickey encrypted sealed \
    hashed masked redacted";

/// Words of values that are sent to everybody who asks; the secret or the key that they are made with is none.
const SHOWN: &str = "csrf xsrf nonce";

/// What the value beside a name may be expected to be.
pub(super) fn classify(name: &[u8]) -> Class {
    let (mut class, mut before, mut last) = (Class::Unknown, 0, 0);
    let (mut id, mut shown) = (false, false);
    for word in Words::of(name) {
        let meaning = word.meaning();
        if meaning & DISARMS != 0 {
            return Class::Public;
        }
        shown |= holds(SHOWN, word.bytes());
        class = class.max(class_of(&word, meaning, before));
        id = word.bytes() == b"id";
        (before, last) = (meaning, meaning);
    }
    if id {
        let secret = name.len() >= 9 && name[name.len() - 9..].eq_ignore_ascii_case(b"secret_id");
        return if secret { Class::Key } else { Class::Public };
    }
    let token = || Words::of(name).last().is_some_and(|word| !holds("secret key salt password", word.bytes()));
    if last & IS_PUBLIC != 0 || shown && token() { Class::Public } else { class }
}

fn holds(list: &str, word: &[u8]) -> bool {
    list.split_ascii_whitespace().any(|known| known.as_bytes() == word)
}

fn class_of(word: &Word, meaning: u8, before: u8) -> Class {
    if meaning & IS_PASSWORD != 0 {
        Class::Password
    } else if meaning & IS_SECRET != 0 || meaning & IS_KEY != 0 && before & OPENS != 0 {
        Class::Secret
    } else if meaning & (IS_KEY | NEARS_KEY) != 0 {
        Class::Key
    } else {
        class_of_end(word.bytes())
    }
}

/// What the end of a word says that holds several, as in `dbpassword`.
fn class_of_end(word: &[u8]) -> Class {
    let ends: [(&[u8], Class); 9] = [
        (b"password", Class::Password),
        (b"passwd", Class::Password),
        (b"passphrase", Class::Password),
        (b"secret", Class::Secret),
        (b"token", Class::Secret),
        (b"apikey", Class::Secret),
        (b"accesskey", Class::Secret),
        (b"secretkey", Class::Secret),
        (b"key", Class::Key),
    ];
    if word.starts_with(b"passw") {
        return Class::Password;
    }
    // Only words that end in one of `dent y` can end in one of these.
    match word.last() {
        Some(b'd' | b'e' | b't' | b'n' | b'y') if word.len() > 4 => {
            ends.iter().find(|(end, _)| word.ends_with(end)).map_or(Class::Unknown, |&(_, class)| class)
        }
        _ => Class::Unknown,
    }
}

const IS_PASSWORD: u8 = 1;
const IS_SECRET: u8 = 2;
const IS_KEY: u8 = 4;
const NEARS_KEY: u8 = 8;
const OPENS: u8 = 16;
const IS_PUBLIC: u8 = 32;
const DISARMS: u8 = 64;
const ISSUES: u8 = 128;

/// Every word with a meaning, in a table of open addresses.
struct Lexicon {
    slots: Vec<Option<(&'static [u8], u8)>>,
}

const SLOTS: usize = 1 << 12;

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut lexicon = Lexicon { slots: vec![None; SLOTS] };
    let key = "key keys";
    let near = "access auth api sig sas license session signature";
    let lists = [
        (PASSWORD, IS_PASSWORD),
        (SECRET, IS_SECRET),
        (key, IS_KEY),
        (near, NEARS_KEY),
        (OPENING, OPENS),
        (PUBLIC, IS_PUBLIC),
        (DISARMING, DISARMS),
        (ISSUERS, ISSUES),
    ];
    for (words, meaning) in lists {
        for word in words.split_ascii_whitespace() {
            lexicon.add(word.as_bytes(), meaning);
        }
    }
    lexicon
});

impl Lexicon {
    fn add(&mut self, word: &'static [u8], meaning: u8) {
        let at = self.place(word);
        let known = self.slots[at].map_or(0, |(_, meaning)| meaning);
        self.slots[at] = Some((word, known | meaning));
    }

    /// Where a word stands, or where it would: tables of this kind are at most a third full.
    fn place(&self, word: &[u8]) -> usize {
        let hash = word.iter().fold(0x811c_9dc5_u32, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        let mut at = (hash ^ hash >> 15) as usize % SLOTS;
        while self.slots[at].is_some_and(|(known, _)| known != word) {
            at = (at + 1) % SLOTS;
        }
        at
    }

    fn meaning(&self, word: &[u8]) -> u8 {
        self.slots[self.place(word)].map_or(0, |(_, meaning)| meaning)
    }
}

/// Whether a word in lower case is the name of somebody who gives out keys.
pub(super) fn is_issuer(word: &[u8]) -> bool {
    LEXICON.meaning(word) & ISSUES != 0
}

/// A word in lower case; what is past 24 bytes of it does not count.
#[derive(Clone, Copy, Default)]
pub(super) struct Word {
    letters: [u8; 24],
    length: usize,
}

impl Word {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.letters[..self.length]
    }

    fn meaning(&self) -> u8 {
        LEXICON.meaning(self.bytes())
    }

    fn push(&mut self, byte: u8) {
        if self.length < self.letters.len() {
            self.letters[self.length] = byte.to_ascii_lowercase();
            self.length += 1;
        }
    }
}

/// The words of a name, cut at what is no letter and where capitals begin; digits at the end of a word are dropped.
pub(super) struct Words<'a> {
    name: &'a [u8],
    at: usize,
}

impl<'a> Words<'a> {
    pub(super) fn of(name: &'a [u8]) -> Self {
        Words { name, at: 0 }
    }

    fn breaks(&self, at: usize) -> bool {
        let (before, this) = (self.name[at - 1], self.name[at]);
        let next_is_lower = self.name.get(at + 1).is_some_and(|&next| is(next, LOWER));
        is(this, UPPER) && (is(before, LOWER | DIGIT) || (is(before, UPPER) && next_is_lower))
    }
}

impl Iterator for Words<'_> {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        while self.at < self.name.len() && !is(self.name[self.at], ALNUM) {
            self.at += 1;
        }
        let start = self.at;
        let mut word = Word::default();
        while self.at < self.name.len() && is(self.name[self.at], ALNUM) && (self.at == start || !self.breaks(self.at))
        {
            word.push(self.name[self.at]);
            self.at += 1;
        }
        let digits = word.bytes().iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        if digits < word.length && !matches!(word.bytes(), b"sha1" | b"sha256" | b"sha512" | b"md5") {
            word.length -= digits;
        }
        (self.at > start).then_some(word)
    }
}
