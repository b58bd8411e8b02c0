use std::path::Path;
use std::sync::Arc;

use super::file::{self, PemSource, WebFile};
use super::names::ClientAuth;

fn parse(text: &str) -> Result<WebFile, Vec<String>> {
    let file: Arc<Path> = Path::new("/etc/web/web.yml").into();
    file::parse(&file, text).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

/// The only fault of `text`.
fn fault(text: &str) -> String {
    let Err(mut faults) = parse(text) else { panic!("{text} is right") };
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.remove(0)
}

fn tls(more: &str) -> String {
    format!("tls_server_config:\n  cert_file: c.pem\n  key_file: k.pem\n{more}")
}

#[test]
fn an_empty_file_turns_nothing_on() {
    for text in ["", "# nothing\n", "tls_server_config:\nhttp_server_config: {}\nbasic_auth_users:\n"] {
        let web = parse(text).ok().unwrap();
        assert!(web.tls.is_none() && web.users.is_empty() && web.headers.is_empty() && web.rate.is_none(), "{text}");
        assert!(web.http2);
    }
}

#[test]
fn relative_files_lie_beside_the_configuration() {
    let tls =
        parse(&tls("  client_ca_file: /ca.pem\n  client_auth_type: RequireAndVerifyClientCert\n")).ok().unwrap().tls;
    let tls = tls.unwrap();
    let file = |pem: &super::file::Pem| match &pem.source {
        PemSource::File(file) => file.display().to_string(),
        PemSource::Inline(_) => String::new(),
    };
    assert_eq!(file(&tls.certificate), "/etc/web/c.pem");
    assert_eq!(file(tls.clients.ca.as_ref().unwrap()), "/ca.pem");
    assert_eq!(tls.clients.policy, ClientAuth::RequireAndVerify);
}

#[test]
fn a_wrong_key_is_named_with_its_line_and_the_right_one() {
    let told = fault(&tls("  min_versoin: TLS12\n"));
    assert_eq!(told, "/etc/web/web.yml:4:3: tls_server_config.min_versoin: unknown key; did you mean `min_version`?");
    assert!(fault("tls_sever_config: {}\n").contains("did you mean `tls_server_config`?"));
    assert!(fault("http_server_config: {headers: {Server: x}}\n").contains("known here: Content-Security-Policy"));
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let Err(faults) = parse("http_server_config: {http2: maybe}\nbasic_auth_users: {a: b}\nrate_limit: 5\n") else {
        panic!("it is wrong");
    };
    assert_eq!(faults.len(), 3, "{faults:?}");
}

#[test]
fn what_rustls_cannot_do_is_refused_in_words() {
    for (more, says) in [
        ("  min_version: TLS10\n", "TLS 1.0 and 1.1 are not offered"),
        ("  max_version: TLS11\n", "write TLS12"),
        ("  min_version: TLS14\n", "did you mean `TLS12`"),
        ("  min_version: TLS13\n  max_version: TLS12\n", "newer than max_version"),
        ("  cipher_suites: [TLS_RSA_WITH_AES_128_GCM_SHA256]\n", "forward secrecy"),
        ("  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA]\n", "CBC"),
        (
            "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA265]\n",
            "did you mean `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`",
        ),
        ("  curve_preferences: [CurveP521]\n", "no P-521"),
        ("  curve_preferences: [CurvP256]\n", "did you mean `CurveP256`"),
        ("  max_version: TLS12\n  cipher_suites: [TLS_AES_128_GCM_SHA256]\n", "no suite of TLS 1.2"),
        ("  client_auth_type: RequireAndVerify\n", "known"),
        ("  client_auth_type: RequireAndVerifyClientCert\n", "needs client_ca_file"),
        ("  client_ca_file: ca.pem\n", "RequireAndVerifyClientCert"),
        ("  client_auth_type: RequireAnyClientCert\n  client_allowed_sans: [a]\n", "limits nothing"),
        ("  cert: x\n", "stands beside cert_file"),
        ("  prefer_server_cipher_suites: 1\n", "true or false"),
    ] {
        let told = fault(&tls(more));
        assert!(told.contains(says), "{more}: {told}");
    }
    assert!(fault("tls_server_config: {min_version: TLS13, key: x}\n").contains("cert_file or cert is missing"));
}

#[test]
fn suites_of_tls_1_3_are_always_there_and_the_others_as_they_are_asked_for() {
    let names = |text: &str| {
        let tls = parse(&tls(text)).ok().unwrap().tls.unwrap();
        let suites = tls.suites.iter().map(|suite| format!("{:?}", suite.suite())).collect::<Vec<_>>();
        (suites, tls.versions.len())
    };
    let (suites, versions) = names(
        "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256, \
         TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n",
    );
    assert_eq!((suites.len(), versions), (5, 2));
    assert_eq!(suites[3..], ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]);
    assert_eq!(names("  cipher_suites: [TLS_AES_128_GCM_SHA256]\n").1, 1, "TLS 1.2 has no suite left");
    assert_eq!(names("").0.len(), 9);
}

#[test]
fn headers_are_a_closed_list() {
    let web = parse("http_server_config: {http2: false, headers: {X-Frame-Options: deny, X-XSS-Protection: ''}}\n");
    let web = web.ok().unwrap();
    assert!(!web.http2);
    assert_eq!(web.headers, [("x-frame-options".parse().unwrap(), "deny".parse().unwrap())]);
    assert!(fault("http_server_config: {headers: {X-Frame-Options: DENY}}\n").contains("expected deny or sameorigin"));
    assert!(fault("http_server_config: {headers: {X-XSS-Protection: \"a\\nb\"}}\n").contains("one line"));
}

#[test]
fn no_fault_shows_a_password_or_a_key() {
    let hash = "$2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze";
    assert_eq!(parse(&format!("basic_auth_users: {{alice: {hash}}}\n")).ok().unwrap().users.len(), 1);
    for wrong in ["hunter2", "$2y$99$hunter2", "12345", "[hunter2]", "{hunter2: hunter2}", "$1$hunter2", &hash[..40]] {
        let told = fault(&format!("basic_auth_users:\n  alice: {wrong}\n"));
        assert!(told.contains(":2:10: basic_auth_users.alice: expected the bcrypt hash"), "{told}");
        assert!(!told.contains("hunter2") && !told.contains("12345") && !told.contains("mDwo"), "{told}");
    }
    assert!(fault(&format!("basic_auth_users: {{'a:b': {hash}}}\n")).contains("a colon"));
    assert!(fault(&format!("basic_auth_users: {{a: {}}}\n", hash.replace("10", "31"))).contains("cost 31"));
    let told = fault("tls_server_config: {cert_file: c, key_file: k, key: [hunter2]}\n");
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn a_rate_has_a_unit_and_a_burst() {
    let rate = parse("rate_limit: {interval: 500ms, burst: 20}\n").ok().unwrap().rate.unwrap();
    assert_eq!((rate.interval.as_millis(), rate.burst), (500, 20));
    assert!(parse("rate_limit: {interval: 0}\n").ok().unwrap().rate.is_none());
    assert!(fault("rate_limit: {interval: 5, burst: 1}\n").contains("with its unit"));
    assert!(fault("rate_limit: {interval: 5s}\n").contains("rate_limit.burst"));
}
