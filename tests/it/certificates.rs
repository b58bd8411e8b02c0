//! Certificates made by the real openssl, for the tests of TLS.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Nothing of the machine's own openssl.cnf.
const CONFIG: &str = "[req]\ndistinguished_name = name\n[name]\n";

/// A certificate authority, whose files and whose children's lie in one directory.
pub(crate) struct Authority {
    directory: PathBuf,
    name: String,
}

impl Authority {
    /// A new one: `NAME.pem` and `NAME.key` in `directory`.
    pub(crate) fn new(directory: &Path, name: &str) -> Self {
        let authority = Authority { directory: directory.to_owned(), name: name.to_owned() };
        authority.make(name, &["-addext", "basicConstraints=critical,CA:true", "-addext", "keyUsage=keyCertSign"]);
        authority
    }

    /// Its certificate.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.join(format!("{}.pem", self.name))
    }

    /// Makes `NAME.pem` and `NAME.key`, signed by this authority, with the subject alternative names `names`, such as
    /// `DNS:localhost,IP:127.0.0.1`.
    pub(crate) fn issue(&self, name: &str, names: &str) {
        let (certificate, key) = (self.file(), self.file().with_extension("key"));
        let names = format!("subjectAltName={names}");
        let by = ["-CA", certificate.to_str().unwrap(), "-CAkey", key.to_str().unwrap()];
        self.make(name, &[&by[..], &["-addext", &names, "-addext", "basicConstraints=CA:false"]].concat());
    }

    fn make(&self, name: &str, more: &[&str]) {
        let config = self.directory.join("openssl.cnf");
        std::fs::write(&config, CONFIG).unwrap();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
            .args(["-subj", &format!("/CN={name}"), "-config"])
            .arg(config)
            .arg("-keyout")
            .arg(self.directory.join(format!("{name}.key")))
            .arg("-out")
            .arg(self.directory.join(format!("{name}.pem")))
            .args(more)
            .output()
            .expect("openssl is installed; tests/run installs it");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
}
