//! Good and bad files: the program's verdict beside that of promtool.

use std::process::Command;

use super::{Place, TLS};

/// What is thought of a file.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Verdict {
    Good,
    Bad,
    /// Refused here though the toolkit takes it: it would not do what it says.
    Stricter,
    /// Taken here though this promtool, which is older than the setting, refuses it.
    Newer,
}

use Verdict::{Bad, Good, Newer, Stricter};

const HASH: &str = "$2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze";

/// Files that begin with certificate and key.
const WITH_TLS: &[(&str, Verdict)] = &[
    ("", Good),
    ("  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n", Good),
    ("  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.pem\n", Good),
    ("  client_auth_type: RequireAnyClientCert\n", Good),
    ("  client_auth_type: RequireClientCert\n", Good),
    ("  client_auth_type: RequestClientCert\n", Good),
    ("  client_auth_type: NoClientCert\n", Good),
    ("  client_auth_type: Whatever\n", Bad),
    ("  client_ca_file: ca.pem\n", Bad),
    ("  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: nowhere.pem\n", Bad),
    ("  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: server.key\n", Stricter),
    ("  client_auth_type: RequireAndVerifyClientCert\n", Stricter),
    ("  min_version: TLS12\n  max_version: TLS13\n", Good),
    ("  min_version: TLS10\n", Stricter),
    ("  max_version: TLS11\n", Stricter),
    ("  min_version: TLS13\n  max_version: TLS12\n", Stricter),
    ("  min_version: TLS14\n", Bad),
    ("  min_version: 1.2\n", Bad),
    ("  cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n", Good),
    ("  cipher_suites: [TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256]\n", Good),
    ("  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA]\n", Stricter),
    ("  cipher_suites: [TLS_RSA_WITH_AES_256_GCM_SHA384]\n", Stricter),
    ("  cipher_suites: [TLS_INVENTED]\n", Bad),
    ("  cipher_suites: TLS_AES_128_GCM_SHA256\n", Bad),
    ("  curve_preferences: [CurveP256, CurveP384, X25519]\n", Good),
    ("  curve_preferences: [CurveP521]\n", Stricter),
    ("  curve_preferences: [Curve25519]\n", Bad),
    ("  prefer_server_cipher_suites: false\n", Good),
    ("  prefer_server_cipher_suites: sometimes\n", Bad),
    ("  unknown: 1\n", Bad),
    ("  cert_file: ca.pem\n", Bad),
    ("http_server_config: {http2: false}\n", Good),
    ("http_server_config: {http3: true}\n", Bad),
    ("http_server_config: {headers: {X-Frame-Options: sameorigin, Content-Security-Policy: x}}\n", Good),
    ("http_server_config: {headers: {X-Frame-Options: maybe}}\n", Bad),
    ("http_server_config: {headers: {Server: x}}\n", Bad),
];

/// Whole files.
const WHOLE: &[(&str, Verdict)] = &[
    ("", Good),
    ("basic_auth_users: {alice: HASH}\n", Good),
    ("basic_auth_users: {alice: secret}\n", Bad),
    ("basic_auth_users: {'a:b': HASH}\n", Stricter),
    ("basic_auth_users: [alice]\n", Bad),
    ("basic_auth: {alice: HASH}\n", Bad),
    ("rate_limit: {interval: 1s, burst: 20}\n", Newer),
    ("tls_server_config: {cert_file: server.pem}\n", Bad),
    ("tls_server_config: {key_file: server.key}\n", Bad),
    ("tls_server_config: {min_version: TLS13}\n", Stricter),
    ("tls_server_config: {cert_file: server.pem, key_file: ca.key}\n", Bad),
    ("tls_server_config: {cert_file: server.key, key_file: server.pem}\n", Bad),
    ("tls_server_config: {cert_file: nowhere.pem, key_file: server.key}\n", Bad),
    ("tls_server_config: {cert_file: server.pem, key_file: empty}\n", Bad),
    ("not yaml: [\n", Bad),
];

/// Whether `command` takes the file, and what it says.
fn ask(command: &mut Command) -> (bool, String) {
    let output = command.output().expect("promtool is installed; tests/run installs it");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() || output.status.code() < Some(3), "{text}");
    (output.status.success(), text)
}

#[test]
fn the_verdict_is_promtools_but_where_that_is_said() {
    let place = Place::new();
    place.write("empty", "");
    let with_tls = WITH_TLS.iter().map(|(more, verdict)| (format!("{TLS}{more}"), *verdict));
    let whole = WHOLE.iter().map(|(text, verdict)| (text.replace("HASH", HASH), *verdict));
    for (text, verdict) in with_tls.chain(whole) {
        place.write("web.yml", &text);
        let promtool = ask(Command::new("promtool").args(["check", "web-config"]).arg(place.file("web.yml")));
        let mut ours = place.home.command();
        let ours = ask(ours.args(["check-config", "--web.config.file", "web.yml"]));
        let expected = match verdict {
            Good => (true, true),
            Bad => (false, false),
            Stricter => (false, true),
            Newer => (true, false),
        };
        assert_eq!((ours.0, promtool.0), expected, "{text}\nours: {}\npromtool: {}", ours.1, promtool.1);
        if !ours.0 {
            assert!(ours.1.contains("web.yml") && ours.1.contains("mistake"), "{text}: {}", ours.1);
        }
    }
}

#[test]
fn a_broken_file_is_no_start_and_says_the_mend() {
    let place = Place::new();
    for (web, says) in [
        (
            "tls_server_config: {cert_file: server.pem, key_file: ca.key}\n",
            "web.yml:1:54: tls_server_config.key_file: is not",
        ),
        ("tls_server_config: {cert_file: none.pem, key_file: ca.key}\n", "there is no file"),
        ("basic_auth_user: {}\n", "did you mean `basic_auth_users`?"),
    ] {
        place.write("web.yml", web);
        let started = place.home.command().args(["--web.config.file", "web.yml"]).output().unwrap();
        let text = String::from_utf8_lossy(&started.stderr).into_owned();
        assert_eq!(started.status.code(), Some(2), "{text}");
        assert!(text.contains(says), "{text}");
    }
    let missing = place.home.command().args(["--web.config.file", "none.yml"]).output().unwrap();
    let text = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(missing.status.code() == Some(2) && text.contains("name another with --web.config.file"), "{text}");
    let printed = place.home.command().args(["print-config", "--web.config.file", "web.yml"]).output().unwrap();
    let text = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(text.contains("config_file: ") && text.contains("flag --web.config.file"), "{text}");
}

#[test]
fn a_key_under_a_passphrase_is_refused_with_the_command_that_takes_it_off() {
    let place = Place::new();
    let locked = Command::new("openssl")
        .args(["pkey", "-aes256", "-passout", "pass:x", "-in", "server.key", "-out", "locked.key"])
        .current_dir(place.home.path())
        .status()
        .unwrap();
    assert!(locked.success());
    place.write("web.yml", TLS.replace("server.key", "locked.key"));
    let (good, text) = ask(place.home.command().args(["check-config", "--web.config.file", "web.yml"]));
    assert!(!good && text.contains("openssl pkey -in OLD -out NEW"), "{text}");
}
