use std::os::unix::fs::PermissionsExt;

use super::*;

/// A machine in a directory.
fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Places) {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = inside(root.path(), path.as_ref());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let places =
        Places { root: root.path().into(), user: 1000, home: Some(root.path().join("home/anna")), ..Places::default() };
    (root, places)
}

fn values(places: &Places) -> Vec<(&'static str, String)> {
    let root = places.root.to_string_lossy().into_owned();
    let all = exact_values(places).unwrap();
    let all = all.into_iter().map(|exact| (exact.rule.name, String::from_utf8(exact.value).unwrap()));
    // The test's own directory is a home here.
    all.filter(|(_, value)| !value.contains(&root) && !value.contains(&root.replace(['/', '.', '_'], "-"))).collect()
}

fn found(files: &[(&str, &str)], environment: &[(&str, &str)]) -> Vec<(&'static str, String)> {
    let (_root, mut places) = machine(files);
    places.environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    values(&places)
}

fn owned(expected: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let mut expected: Vec<_> = expected.iter().map(|(rule, value)| (*rule, (*value).to_owned())).collect();
    expected.sort_by(|one, other| (&one.1, one.0).cmp(&(&other.1, other.0)));
    expected
}

#[test]
fn people_are_those_who_log_in_and_those_with_ids_of_people() {
    let passwd = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
        anna:x:1000:1000:Anna Lee,,,:/home/anna:/bin/zsh\nbob:x:1001:1001::/data/homes/bob:/usr/sbin/nologin\n\
        ops-team:x:300:300::/srv/ops:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\nbroken\n";
    let expected = [
        ("machine-user", "anna"),
        ("machine-person", "Anna Lee"),
        ("machine-path", "/home/anna"),
        ("machine-path", "-home-anna"),
        ("machine-path", "/data/homes/bob"),
        ("machine-path", "-data-homes-bob"),
        ("machine-user", "ops-team"),
        ("machine-path", "/srv/ops"),
        ("machine-path", "-srv-ops"),
    ];
    assert_eq!(found(&[("/etc/passwd", passwd)], &[]), owned(&expected));
}

#[test]
fn names_and_addresses_of_the_machine_are_found_and_loopback_is_not() {
    let files = [
        ("/proc/sys/kernel/hostname", "spark-41a7\n"),
        (
            "/etc/hosts",
            "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n127.0.1.1 spark-41a7.acme.net spark-41a7\n0.0.0.0 ads.acme.com\n127.0.0.1 spark-41a7.lab\n10.0.0.9 nas9 # disk\n",
        ),
        ("/etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
        (
            "/proc/net/fib_trie",
            "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 10.0.0.0\n        /24 link UNICAST\n     |-- 10.0.0.5\n        /32 host LOCAL\n",
        ),
        (
            "/proc/net/if_inet6",
            "fd0000000000000000000000000000a1 02 40 00 80 eth0\n00000000000000000000000000000001 01 80 10 80 lo\n",
        ),
        ("/sys/class/net/eth0/address", "3c:97:0e:12:ab:7f\n"),
        ("/sys/class/net/lo/address", "00:00:00:00:00:00\n"),
    ];
    let expected = [
        ("machine-host", "spark-41a7"),
        ("machine-host", "spark-41a7.acme.net"),
        ("machine-host", "spark-41a7.lab"),
        ("machine-host", "nas9"),
        ("machine-id", "0123456789abcdef0123456789abcdef"),
        ("machine-address", "10.0.0.5"),
        ("machine-address", "fd00::a1"),
        ("machine-address", "fd00:0:0:0:0:0:0:a1"),
        ("machine-address", "fd00:0000:0000:0000:0000:0000:0000:00a1"),
        ("machine-address", "3c:97:0e:12:ab:7f"),
        ("machine-address", "3c-97-0e-12-ab-7f"),
        ("machine-address", "3c970e12ab7f"),
    ];
    assert_eq!(found(&files, &[]), owned(&expected));
}

#[test]
fn values_of_the_environment_count_unless_they_are_everybodys() {
    let environment = [
        ("TERM", "xterm-256color"),
        ("LC_TIME", "en_US.UTF-8"),
        ("PATH", "/usr/bin:/opt/acme/bin:/home/anna/bin:"),
        ("MODE", "noninteractive"),
        ("COUNT", "1234567890"),
        ("SHORT", "acme-7x"),
        ("URL", "http://127.0.0.1:8010/v1"),
        ("VLLM_MODEL", "Qwen/Qwen3-Coder"),
        ("CUSTOMER", "Acme Corporation"),
        ("PROXY", "http://proxy.acme.net:3128"),
        ("API_TOKEN", "correcthorse"),
        ("NODE_AUTH_TOKEN", "npm-0123456789"),
        ("DATABASE", "/var/lib/postgresql"),
        ("SHOWN_HERE", "shown on purpose"),
        ("SSH_AUTH_SOCK", "/tmp/ssh-1/agent.1"),
    ];
    let (_root, mut places) = machine(&[
        ("/etc/cluster.env", "# x\nexport REGION=\"acme-west-1\"\nLONG=acme-\\\nfolded\n;y=z\n"),
        ("/etc/secrets.env", "PING='abcdefghij'\nX=short\n"),
    ]);
    places.environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    places.public_environment = vec!["SHOWN_*".into()];
    places.environment_files = vec![
        places.root.join("etc/cluster.env"),
        places.root.join("etc/secrets.env"),
        places.root.join("etc/absent.env"),
    ];
    let expected = [
        ("environment-value", "/opt/acme/bin"),
        ("environment-value", "/home/anna/bin"),
        ("environment-value", "Acme Corporation"),
        ("environment-value", "http://proxy.acme.net:3128"),
        ("machine-secret", "correcthorse"),
        ("machine-secret", "npm-0123456789"),
        ("environment-value", "acme-west-1"),
        ("environment-value", "acme-folded"),
        ("machine-secret", "abcdefghij"),
    ];
    assert_eq!(values(&places), owned(&expected));
}

#[test]
fn git_tells_who_commits_through_every_include() {
    let (_root, mut places) = machine(&[
        (
            "/home/anna/.gitconfig",
            "[user]\n\tname = Anna Lee ; me\n[includeIf \"gitdir:~/code/\"]\n\tpath = work.inc\n[core]\n\teditor = vi\n",
        ),
        ("/home/anna/work.inc", "[user]\nemail = \"anna@acme.com\"\n[include]\npath = work.inc\n"),
        ("/code/main/.git/worktrees/one/commondir", "../..\n"),
        ("/code/main/.git/config", "[author]\n  Name = Build Robot\n[remote \"origin\"]\n url = x\n"),
        ("/code/one/.git", "gitdir: ../main/.git/worktrees/one\n"),
    ]);
    places.repository = Some(places.root.join("code/one"));
    places.environment = vec![("GIT_COMMITTER_EMAIL".into(), "ci@acme.com".into())];
    let expected = [
        ("machine-person", "Anna Lee"),
        ("machine-mail", "anna@acme.com"),
        ("machine-person", "Build Robot"),
        ("machine-mail", "ci@acme.com"),
    ];
    let found: Vec<_> = values(&places).into_iter().filter(|(rule, _)| *rule != "environment-value").collect();
    assert_eq!(found, owned(&expected));
}

#[test]
fn clusters_and_keys_are_found() {
    let kubeconfig = "apiVersion: v1\ncontexts:\n- name: prod-eu\n  context: {cluster: pay, namespace: default}\n- name: minikube\n\
        clusters:\n- name: pay\n  cluster: {server: 'https://k8s.acme.net:6443'}\nusers:\n- name: anna-admin\n  user: {token: abc.def.ghi}\n";
    let files = [
        ("/home/anna/.kube/config", kubeconfig),
        ("/home/anna/.ssh/id_ed25519.pub", "ssh-ed25519 AAAAC3Nza anna@spark-41a7\n"),
        ("/home/anna/.ssh/id_ed25519", "never opened"),
    ];
    let expected = [
        ("machine-cluster", "prod-eu"),
        ("machine-cluster", "https://k8s.acme.net:6443"),
        ("machine-cluster", "k8s.acme.net"),
        ("machine-cluster", "anna-admin"),
        ("machine-secret", "abc.def.ghi"),
        ("machine-key", "AAAAC3Nza"),
        ("machine-key", "anna@spark-41a7"),
        ("machine-user", "anna"),
        ("machine-host", "spark-41a7"),
    ];
    assert_eq!(found(&files, &[]), owned(&expected));
}

#[test]
fn private_words_are_found_and_one_that_cannot_be_looked_for_is_a_mistake() {
    let (_root, mut places) = machine(&[("/words", "# customers\n\n  Acme & Söhne \nZeta Ltd\n")]);
    places.private_words = Some(places.root.join("words"));
    assert_eq!(values(&places), owned(&[("private-word", "Acme & Söhne"), ("private-word", "Zeta Ltd")]));
    std::fs::write(places.root.join("words"), "Acme\nabc\n").unwrap();
    let error = exact_values(&places).unwrap_err().to_string();
    assert!(error.contains("line 2 has fewer than 4 bytes") && !error.contains("abc"), "{error}");
    std::fs::remove_file(places.root.join("words")).unwrap();
    assert!(exact_values(&places).unwrap_err().to_string().contains("is not there; write it"));
}

#[test]
fn a_source_that_cannot_be_read_stops_everything() {
    let (_root, places) = machine(&[("/home/anna/.kube/config", "a: [b\n")]);
    let error = exact_values(&places).unwrap_err().to_string();
    assert!(error.starts_with("kubeconfig /") && error.contains("is no YAML; mend it"), "{error}");
    for path in [
        "/etc/passwd",
        "/etc/hosts",
        "/etc/machine-id",
        "/home/anna/.gitconfig",
        "/home/anna/.kube/config",
        "/home/anna/.ssh/x.pub",
    ] {
        let (_root, places) = machine(&[]);
        let path = inside(&places.root, path.as_ref());
        // A directory can be opened by root, too, and not read.
        std::fs::create_dir_all(&path).unwrap();
        let error = exact_values(&places).unwrap_err().to_string();
        assert!(
            error.contains("is no regular file; move it away") && error.contains(path.to_str().unwrap()),
            "{error}"
        );
    }
}

#[test]
fn nobody_is_asked_for_a_file_that_this_user_may_not_read() {
    let (root, places) = machine(&[("/etc/passwd", "anna:x:1000:1000::/home/anna:/bin/sh\n")]);
    let path = root.path().join("etc/passwd");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o0)).unwrap();
    match exact_values(&places) {
        // Root reads what it likes.
        Ok(_) => assert!(rustix::process::geteuid().is_root()),
        Err(error) => assert!(error.to_string().contains("let this program's user read it"), "{error}"),
    }
}

#[test]
fn this_machine_can_be_read() {
    let places = Places {
        root: "/".into(),
        user: rustix::process::geteuid().as_raw(),
        environment: std::env::vars().collect(),
        ..Places::default()
    };
    let values = exact_values(&places).unwrap();
    assert!(values.iter().all(|exact| exact.value.len() >= SHORTEST && RULES.contains(&exact.rule)));
    assert!(values.is_sorted_by_key(|exact| &exact.value));
}
