//! Clusters that this machine reaches, from its kubeconfig.
//!
//! Invariant: a kubeconfig that is no YAML is an error: what it holds is not known.

use std::path::{Path, PathBuf};

use serde_yaml::Value;

use super::{CLUSTER, Places, SECRET, Unreadable, Values, inside, text};

/// Adds contexts, clusters, servers, users, namespaces and credentials of every kubeconfig.
pub(super) fn read(places: &Places, values: &mut Values) -> Result<(), Unreadable> {
    const WHAT: &str = "kubeconfig";
    let named = places.environment.iter().find(|(name, _)| name == "KUBECONFIG").map(|(_, value)| value);
    let named = named.into_iter().flat_map(|list| list.split(':')).filter(|path| !path.is_empty()).map(PathBuf::from);
    let usual = places.home.iter().map(|home| home.join(".kube/config"));
    let engines = ["/etc/rancher/k3s/k3s.yaml", "/etc/kubernetes/admin.conf"];
    let engines = engines
        .into_iter()
        .map(|path| inside(&places.root, path.as_ref()))
        .filter(|path| std::fs::File::open(path).is_ok());
    for path in named.chain(usual).chain(engines) {
        let Some(text) = text(WHAT, &path)? else { continue };
        let why = |_| Unreadable { what: WHAT, path: path.clone(), why: "is no YAML; mend it or move it away".into() };
        add(&serde_yaml::from_str(&text).map_err(why)?, values);
    }
    // What a pod is told of its own.
    let account = inside(&places.root, Path::new("/var/run/secrets/kubernetes.io/serviceaccount"));
    for (name, rule) in [("namespace", &CLUSTER), ("token", &SECRET)] {
        values.name(rule, &text("service account", &account.join(name))?.unwrap_or_default());
    }
    Ok(())
}

fn add(config: &Value, values: &mut Values) {
    let entries = |list: &str| config.get(list).and_then(Value::as_sequence).into_iter().flatten().collect::<Vec<_>>();
    let field = |entry: &Value, path: &[&str]| {
        path.iter().try_fold(entry, |value, key| value.get(key)).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    for entry in entries("contexts") {
        [&["name"][..], &["context", "namespace"]].iter().for_each(|path| name(&field(entry, path), values));
    }
    for entry in entries("clusters") {
        name(&field(entry, &["name"]), values);
        let server = field(entry, &["cluster", "server"]);
        values.add(&CLUSTER, &server);
        let host =
            server.split_once("://").map_or(&server[..], |(_, rest)| rest).split(['/', ':']).next().unwrap_or_default();
        name(host, values);
        values.add(&CLUSTER, &field(entry, &["cluster", "certificate-authority-data"]));
    }
    for entry in entries("users") {
        name(&field(entry, &["name"]), values);
        for credential in ["token", "password", "client-key-data", "client-certificate-data"] {
            values.add(&SECRET, &field(entry, &["user", credential]));
        }
        name(&field(entry, &["user", "username"]), values);
    }
}

/// A name, unless every cluster of its making has it.
fn name(name: &str, values: &mut Values) {
    const COMMON: [&str; 13] = [
        "default",
        "kubernetes",
        "minikube",
        "kind-kind",
        "docker-desktop",
        "kubernetes-admin",
        "kubernetes-admin@kubernetes",
        "kube-system",
        "colima",
        "orbstack",
        "rancher-desktop",
        "cluster",
        "127.0.0.1",
    ];
    if !COMMON.contains(&name) {
        values.name(&CLUSTER, name);
    }
}
