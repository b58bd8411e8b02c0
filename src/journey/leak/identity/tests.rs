//! What is found and what is passed over, by example.

use super::*;

/// Text with the value in guillemets, and the rule that finds it and nothing else.
const FOUND: &[(&str, &str)] = &[
    ("home-path", "see «/home/ann/project/src/lib.rs»:12:3"),
    ("home-path", r#"{"cwd":"«/home/ann»","x":1}"#),
    ("home-path", r#"a line\n«/home/ann/x»\nanother"#),
    ("home-path", "\x1b[0;32m«/home/ann/x»\x1b[0m"),
    ("home-path", "cc -I«/home/ann/include» -o x"),
    ("home-path", "file://«/home/ann/x.html»"),
    ("home-path", "<code>«/Users/ann/Library»</code>"),
    ("home-path", "PATH=«/home/ann/bin»:/usr/bin"),
    ("home-path", "It lies in «/var/home/ann/work»."),
    ("home-path", "«/root/.cache/x»"),
    ("home-path", r"at «C:\Users\ann\x.txt»"),
    ("home-path", r#"{"p":"«C:\\Users\\ann\\x.txt»"}"#),
    ("home-path", "/home/USER/x and «/home/user/x»"),
    ("home-path", "«/home/grün/x»"),
    ("data-path", "«/data/models/qwen»"),
    ("data-path", "«/mnt/nas2», full"),
    ("data-path", "«/run/user/1000/bus»"),
    ("data-path", "«/media/ann/STICK»"),
    ("tilde-user", "cp «~ann/x.txt» ."),
    ("tilde-user", "cd «~ann»"),
    ("tilde-user", "https://www.university.edu/«~ann»/paper.html"),
    ("project-slug", "projects/«-home-ann-project»/x.jsonl"),
    ("project-slug", "the folder «-Users-ann-work-site»."),
    ("project-slug", "/«-data-autoswe»"),
    ("local-host", "on «spark-7.local»:8010"),
    ("local-host", "http://«nas.lan»/x"),
    ("local-host", "«Anns-MacBook-Pro.local»"),
    ("local-host", "«ip-10-0-0-1.ec2.internal»"),
    ("local-host", "«vault.internal.acme.com»"),
    ("local-host", "«printer.home.arpa»."),
    ("local-host", "«box.localdomain»"),
    ("local-host", "«spark.tail1234.ts.net»"),
    ("local-host", "«NAS.LAN»"),
    ("cluster-name", "«pay.prod.svc.cluster.local»"),
    ("cluster-name", "http://«pay.prod.svc»:80/"),
    ("cluster-name", "current-context: «prod-eu»"),
    ("cluster-name", "kubectl --context «prod-eu» get pods"),
    ("cluster-name", "kubectl config use-context «ann@prod»"),
    ("cluster-name", "«arn:aws:eks:eu-west-1:210987654321:cluster/pay»"),
    ("cluster-name", "«gke_acme-pay_europe-west1_main»"),
    ("cluster-name", "https://«ABC123.gr7.eu-west-1.eks.amazonaws.com»"),
    ("url-host", "http://«spark»:8010/metrics"),
    ("url-host", "s3://«acme-backups»/x"),
    ("url-user", "https://«ann»@git.acme.com/x"),
    ("url-user", "ssh://«ann»@server/x"),
    ("user-at-host", "«ann@spark»:~$ ls"),
    ("user-at-host", "[«ann@spark» work]$ ls"),
    ("user-at-host", "ssh -p 22 «ann@gpu7»"),
    ("user-at-host", "scp x «ann@gpu7»:x"),
    ("user-at-host", "git clone «git@gitserver»:team/x.git"),
    ("user-at-host", "«root@4f3a2b1c»:/# make"),
    ("private-address", "10 «10.1.2.3»:80"),
    ("private-address", r#""\n«192.168.1.17»\n""#),
    ("private-address", "«172.31.0.9»."),
    ("private-address", "etc/«10.121.246.144»/x"),
    ("private-address", "«100.64.3.1»/32"),
    ("private-address", "«169.254.10.2»"),
    ("public-address", "from «81.2.69.142» port 22"),
    ("public-address", "ping «3.4.5.6»"),
    ("public-address", "http://«5.6.7.8»/"),
    ("ipv6-address", "[«fe80::1ff:fe23:4567:890a»]:80"),
    ("ipv6-address", "inet6 «2a01:4f8:c17:b0f::2»/64"),
    ("ipv6-address", "«fd12:3456:789a:1::1»"),
    ("ipv6-address", "addr:«fe80::1»%eth0"),
    ("ipv6-address", "«2600:1f18:22ba:8c00:ba86:a05e:a5ba:00FF»"),
    ("mac-address", "link/ether «3c:97:0e:12:ab:7f» brd ff:ff:ff:ff:ff:ff"),
    ("mac-address", "«3C-97-0E-12-AB-7F»"),
    ("mail-address", "see pages/«ann@acme.com.html»"),
    ("mail-address", "write to «ann.lee+x@acme.co.uk»."),
    ("mail-address", r#"a\n«ann@acme.com»\n"#),
    ("mail-address", "«git@git.acme.com»:team/x.git"),
    ("mail-address", "«123+ann@users.noreply.github.com»"),
    ("user-name", "SUDO_USER=«ann»"),
    ("user-name", "User=«ann»"),
    ("user-name", "uid=1000(«ann») gid=27(sudo)"),
    ("user-name", "sudo -u «ann» make"),
    ("user-name", "session opened for user «ann»(uid=0)"),
    ("user-name", "drwxr-xr-x 2 «ann» users 4096 Nov 25 20:52 x"),
    ("key-fingerprint", "SHA256:«uNiVztksCsDhcc0u9e8BrrahU8yZ6Yq0q4Tv4OFl2Ss»"),
    ("key-fingerprint", "MD5:«16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48»"),
    ("key-fingerprint", "«de:9f:2c:7f:d2:5e:1b:3a:fa:d3:e8:5a:0b:d1:7d:9b:10:0d:b4:b3»"),
    ("ssh-public-key", "ssh-ed25519 «AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl»"),
];

/// Text in which there is nothing to find.
const NOTHING: &[&str] = &[
    "",
    "/home and /home/ and /home/... and /home/$USER and /home/<name>/x and /home/{user}/x and /home/…",
    "src/home/page.rs docs/data/points.json ./data/x ../mnt/x testdata/root/x crate/srv/x a/home/b",
    "https://example.org/home/page https://host.example/data/x.json http://home.example/",
    "~/.config/autoswe/cluster.env ~/.local/bin ~ ~5 ~half ~~struck~~ x & ~mask; ~T() a =~ tr/a/b/ ~1.2.3",
    "/usr/lib/x /etc/hosts /var/lib/docker /opt/x /proc/1/stat /tmp/x /dev/null /mnt/c /media/logo.png",
    "/home/linuxbrew/.linuxbrew /Users/Shared/x /home/USER/x",
    "--home-color: red; .x-home-page foo-home-bar -home-dir=x -data-dir /x -root-cert y ",
    "settings.local.json .env.local thread.local() self.local = 1 this.internal x.local() foo.land foo.localize",
    "std::sync::Arc add::bad dead::beef a::b::c face::b00c crate::de::fade ::std::fs Vec::<u8>::new() ::1 ::",
    "12:34:56 2026-11-25T12:34:56.789+00:00 [12:34:56] 1:2 16:9 00:00:00:00 3:4:5",
    "2001:db8::1 and 3fff::1 are documentation, ff02::1 is a group, fe: no",
    "127.0.0.1:8010 0.0.0.0 255.255.255.0 192.0.2.7 198.51.100.1 203.0.113.9 8.8.8.8 169.254.169.254 224.0.0.1",
    "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and 100.64.0.0/10",
    "v1.2.3.4 version 1.2.3.4 1.2.3.4 Chrome/120.0.0.0 Chrome/10.0.0.1 == 10.1.2.3 driver: 10.0.0.1 1.2.3 1.2.3.4.5 300.1.1.1",
    "\"version\": \"81.2.69.142\" OID 1.3.6.1.4.1 section 20.40.50.60 M1.5.5.5 0.5.5 1.10.2-rc.1",
    "react@18.2.0 actions/checkout@v4 @types/node @media (x) HEAD@{1} user@1000.service icon@2x.png a@b",
    "image@sha256:0123 latest@sha256:abcd you@example.com x@y.test git@github.com:a/b noreply@github.com",
    "user@host:~$ ssh user@server root@localhost:/# user-1@host-1:~$ ssh user-1@host-2",
    "http://localhost:8010/ http://prometheus:9090 https://user@example.com/ ssh://git@github.com/x app://settings/x",
    "host.docker.internal kubernetes.default.svc.cluster.local localhost.localdomain host-1.local",
    "--context 3 -C context: of the text, in this context",
    "current-context: minikube arn:aws:iam::123456789012:user/x arn:aws:s3:::bucket",
    "USER=root USER=$1 User=%i user=x USER=getpass() uid=0(root) gid=0(root) LOGNAME=",
    "-rw-r--r-- 1 root root 4096 Nov 25 x drwx rw-",
    "00:00:5e:00:53:01 ff:ff:ff:ff:ff:ff 00:00:00:00:00:00 26-11-25-12-34-56 01:00:5e:00:00:01",
    "4f3a2b1c-aaaa-bbbb-cccc-0123456789ab 0123456789abcdef0123456789abcdef01234567",
    "-----BEGIN CERTIFICATE----- is how it begins; SHA256: and SHA256:short ssh-ed25519 AAAAC3NzaC1short",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ".a:hover{color:#abc;margin:0 auto}.b::before{content:'';inset:0}@media(min-width:40em){a:b{c:d}}",
    "<path d=\"M0 0L10.5.5 3.25 1.5-.5.5.5c.5.5 1 1 1.5.5z\"/><text x=\"1.5\" y=\"2.25\">a:b</text>",
];

fn values(text: &str) -> Vec<(&'static str, String)> {
    let mut hits = Vec::new();
    find(text.as_bytes(), &mut hits);
    hits.into_iter().map(|hit| (hit.rule.name, text[hit.span].to_owned())).collect()
}

#[test]
fn a_value_is_found_by_its_rule_and_its_span_is_the_value() {
    let wrong = FOUND.iter().filter_map(|(rule, marked)| {
        let (head, rest) = marked.split_once('«').unwrap();
        let (value, tail) = rest.split_once('»').unwrap();
        let found = values(&format!("{head}{value}{tail}"));
        (found != [(*rule, value.to_owned())]).then(|| format!("{marked}: {found:?}"))
    });
    assert_eq!(wrong.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn what_is_no_ones_is_passed_over() {
    let wrong = NOTHING.iter().filter(|text| !values(text).is_empty()).map(|text| (text, values(text)));
    assert_eq!(wrong.collect::<Vec<_>>(), []);
}
