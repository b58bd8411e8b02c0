//! Values without a form of their own: what makes them secret, and what does not.
//!
//! Values are drawn by a seeded generator or joined from parts, so that no scanner finds any in this file.

use super::bytes::{ALNUM, BASE36, DIGIT, LOWER, LOWER_HEX};
use super::tests::{Dice, hits};

fn drawn(seed: u64, mask: u16, length: usize) -> String {
    String::from_utf8(Dice::new(seed).draw(mask, length)).expect("ASCII")
}

fn told(text: &str) -> Vec<&str> {
    hits(text.as_bytes()).iter().map(|hit| &text[hit.span.clone()]).collect()
}

#[test]
fn a_name_makes_its_value_secret_in_every_language() {
    let value = drawn(1, ALNUM, 28);
    for (before, after) in [
        ("api_key = \"", "\""),
        ("\"apiKey\": \"", "\""),
        ("\\\"api_key\\\": \\\"", "\\\""),
        ("API_KEY=", "\n"),
        ("api-key: ", "\n"),
        ("<apiKey>", "</apiKey>"),
        ("<apiKey>\n    ", "\n</apiKey>"),
        ("var apiKey string = \"", "\""),
        ("apiKey := `", "`"),
        ("'api_key' => '", "'"),
        ("setProperty(\"API_KEY\", \"", "\")"),
        ("line\\nAPI_KEY=", "\\nnext"),
        ("-e API_KEY=", " image"),
    ] {
        let text = format!("{before}{value}{after}");
        assert_eq!(told(&text), [&value], "in {text}");
    }
}

#[test]
fn a_password_may_be_short() {
    let value = format!("{}{}", drawn(2, LOWER, 6), 42);
    for (before, after) in [
        ("password = \"", "\""),
        ("db_password: ", "\n"),
        ("DB_PASSWORD=", "\n"),
        ("{\"passwd\":\"", "\"}"),
        ("<password>", "</password>"),
        ("Server=a;User Id=b;Password=", ";Database=c"),
        ("machine example.org login me password ", "\n"),
        ("run --password ", " --verbose"),
        ("the password is '", "'"),
        ("curl -u me:", " https://example.org/"),
        ("postgres://me:", "@db.example.org/name"),
        ("name: DB_PASSWORD\n  value: ", "\n"),
    ] {
        let text = format!("{before}{value}{after}");
        assert_eq!(told(&text), [&value], "in {text}");
    }
}

#[test]
fn what_stands_for_a_password_is_none() {
    for value in [
        "${DB_PASSWORD}",
        "$PASSWORD",
        "{{ password }}",
        "<password>",
        "********",
        "xxxxxxxx",
        "changeme",
        "your_password",
        "%s",
    ] {
        let text = format!("password = \"{value}\"");
        assert!(hits(text.as_bytes()).is_empty(), "{text}");
    }
    for text in [
        "password = os.environ[\"DB_PASSWORD\"]",
        "password: str",
        "const password = getPassword();",
        "password=args.password,",
        "\"password\": null,",
        "def login(user, password):",
        "passwordField.value = newPassword",
    ] {
        assert!(hits(text.as_bytes()).is_empty(), "{text}: {:?}", told(text));
    }
}

#[test]
fn hashes_and_ids_are_no_secrets_without_a_word_for_it() {
    let (hash, id) = (drawn(3, LOWER_HEX, 40), drawn(4, ALNUM, 24));
    let uuid = format!("{}-{}-{}-{}-{}", &hash[..8], &hash[8..12], &hash[12..16], &hash[16..20], &hash[20..32]);
    for text in [
        format!("commit {hash}\nAuthor: somebody"),
        format!("uses: actions/checkout@{hash}"),
        format!("https://github.com/owner/name/commit/{hash}"),
        format!("\"uuid\":\"{uuid}\",\"sessionId\":\"{uuid}\""),
        format!("\"id\":\"toolu_01{id}\",\"requestId\":\"req_011{id}\""),
        format!("image@sha256:{hash}{}", &hash[..24]),
        format!("\"integrity\": \"sha512-{id}{id}{id}==\""),
        format!("checksum = \"{hash}{}\"", &hash[..24]),
    ] {
        assert!(hits(text.as_bytes()).is_empty(), "{text}: {:?}", told(&text));
    }
}

#[test]
fn a_random_value_near_an_issuer_is_its_key() {
    let value = drawn(5, LOWER_HEX, 32);
    assert_eq!(told(&format!("datadog: {value}")), [&value]);
    assert_eq!(told(&format!("// mixpanel\nconst k = '{value}'")), [&value]);
    assert!(told(&format!("const k = '{value}'")).is_empty());
}

#[test]
fn keys_in_pem_are_told_in_every_wrapping() {
    let line = drawn(6, ALNUM, 64);
    let (begin, end) = (["-----BEGIN ", "RSA PRIVATE KEY-----"].concat(), "-----END RSA PRIVATE KEY-----");
    for feed in ["\n", "\\n", "\r\n", "\n    "] {
        let key = format!("{begin}{feed}{line}{feed}{line}{feed}{end}");
        let text = format!("key: \"{key}\"");
        assert_eq!(told(&text), [&key], "with {feed:?}");
    }
    for text in [format!("{begin}\nnot a key at all\n{end}"), ["-----BEGIN ", "PUBLIC KEY-----\n", &line].concat()] {
        assert!(hits(text.as_bytes()).is_empty(), "{text}");
    }
}

#[test]
fn a_signed_token_is_told_by_its_header() {
    let header = ["eyJ", "hbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"].concat();
    let token = format!("{header}.{}.{}", drawn(7, ALNUM, 40), drawn(8, ALNUM, 43));
    assert_eq!(told(&format!("x {token} y")), [&token]);
    let other = format!("{}.{}.{}", drawn(9, LOWER, 12), drawn(7, LOWER, 12), drawn(8, LOWER, 12));
    assert!(told(&other).is_empty());
}

#[test]
fn values_of_a_kubernetes_secret_are_told_whatever_their_names() {
    let value = drawn(10, BASE36, 9);
    let text = format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\ndata:\n  colour: {value}\ntype: Opaque\n");
    assert_eq!(told(&text), [&value]);
    assert!(told(&text.replace("kind: Secret", "kind: ConfigMap")).is_empty());
}

#[test]
fn hashes_of_passwords_are_told_by_scheme_and_length() {
    let hash = format!("${}${}${}", 6, drawn(11, ALNUM, 8), drawn(12, ALNUM, 86));
    assert_eq!(told(&format!("root:{hash}:19000:0")), [&hash]);
    assert!(told(&format!("root:{}:19000:0", &hash[..hash.len() - 1])).is_empty());
}

#[test]
fn prose_and_program_text_are_quiet() {
    let files = [
        include_str!("../../../../README.md"),
        include_str!("../../../../docs/ARCHITECTURE.md"),
        include_str!("../../../../CONTRIBUTING.md"),
        include_str!("../../run.rs"),
        include_str!("../../../process/mod.rs"),
        include_str!("../../../../Cargo.lock"),
    ];
    for text in files {
        assert!(told(text).is_empty(), "{:?}", told(text));
    }
}

#[test]
fn a_token_that_goes_on_or_ends_early_is_none_though_a_name_calls_it_one() {
    // The head is the issuer's own, so what follows is known: a wrong length is a test of somebody's or a typing error.
    let head = ["gh", "p_"].concat();
    assert!(told(&format!("token = \"{head}{}\"", drawn(20, ALNUM, 20))).is_empty());
    let token = format!("{head}{}", drawn(21, ALNUM, 36));
    assert_eq!(told(&format!("token = \"{token}\"")), [&token]);
    let exact = format!("{}{}", ["gs", "k_"].concat(), drawn(22, ALNUM, 52));
    assert_eq!(told(&format!("a {exact} b")), [&exact]);
    assert!(told(&format!("a {exact}-{} b", drawn(23, ALNUM, 3))).is_empty());
}

#[test]
fn what_is_cut_short_or_mangled_near_an_issuer_is_none_of_its_keys() {
    let value = drawn(24, BASE36, 32);
    assert_eq!(told(&format!("mixpanel = '{value}'")), [&value]);
    assert!(told(&format!("mixpanel = '{}'", &value[1..])).is_empty(), "a byte short");
    let capital = value.replacen(|byte: char| byte.is_ascii_lowercase(), "Q", 1);
    assert!(told(&format!("mixpanel = '{capital}'")).is_empty(), "one capital among small letters");
    assert!(!told(&format!("mixpanel = '{value}?{value}'")).contains(&&value[..]), "a sign of no alphabet");
}

#[test]
fn a_password_may_hold_braces_but_a_template_is_none() {
    let odd = format!("{}{{{}>{}}}", drawn(25, ALNUM, 4), drawn(26, ALNUM, 3), drawn(27, ALNUM, 4));
    assert_eq!(told(&format!("password = \"{odd}\"")), [&odd]);
    for template in ["{password}", "prefix-{{ vault.db }}", "a${DB_PASS}b", "#{config['x']}"] {
        assert!(told(&format!("password = \"{template}\"")).is_empty(), "{template}");
    }
}

#[test]
fn a_password_may_stand_before_the_name_it_is_compared_with() {
    let value = format!("{}{}", drawn(28, LOWER, 7), 83);
    for signs in ["==", "!=", "===", "!=="] {
        assert_eq!(told(&format!("if (\"{value}\" {signs} password) {{")), [&value], "{signs}");
    }
    assert!(told(&format!("x = \"{value}\" + password")).is_empty());
}

#[test]
fn a_passphrase_is_a_few_words_that_are_said_to_nobody() {
    let phrase = [drawn(29, LOWER, 5), drawn(30, LOWER, 6)].join(" ");
    assert_eq!(told(&format!("password = '{phrase}'")), [&phrase]);
    for said in
        ["Enter your password", "must be set", "Get this from elsewhere", "wrong password.", "one, two", "--yes --no"]
    {
        assert!(told(&format!("password = '{said}'")).is_empty(), "{said}");
    }
}

#[test]
fn a_pair_beside_a_name_in_a_list_is_a_name_and_its_value() {
    let value = format!("{}{}", drawn(31, LOWER, 7), 83);
    assert_eq!(told(&format!("{{\"key\": \"db_password\", \"value\": \"{value}\"}}")), [&value]);
}

#[test]
fn the_last_argument_of_a_call_that_signs_in_is_a_password() {
    let value = drawn(32, LOWER, 12);
    assert_eq!(told(&format!("new NetworkCredential(\"me@example.org\", \"{value}\");")), [&value]);
    assert!(told("new NetworkCredential(user, password);").is_empty());
    assert!(told("new NetworkCredential(\"me\", \"password\");").is_empty());
}

#[test]
fn a_login_of_a_server_of_gems_is_two_times_eight_digits() {
    let login = format!("{}:{}", drawn(33, LOWER_HEX, 8), drawn(34, LOWER_HEX, 8));
    let name = ["BUNDLE_GEMS__", "CONTRIBSYS__COM"].concat();
    assert_eq!(told(&format!("export {name}={login}")), [&login]);
    assert_eq!(told(&format!("{name}: \"{login}\"")), [&login]);
    assert!(told(&format!("export {name}={login}0")).is_empty());
}

#[test]
fn a_password_in_quotes_of_its_own_is_told_after_its_user() {
    let value = format!("{}{}", drawn(35, LOWER, 7), 83);
    assert_eq!(told(&format!("curl --user me:'{value}' https://example.org/")), [&value]);
    assert!(told("curl -u <user:password> https://example.org/").is_empty());
}

#[test]
fn ciphertext_says_what_belongs_to_it() {
    let (first, last) = (drawn(36, ALNUM, 44), drawn(37, ALNUM, 24));
    let sealed = format!("secret: ENC[AES256_GCM,data:{first},iv:{first},tag:{last},type:str]");
    assert!(told(&sealed).is_empty(), "{:?}", told(&sealed));
    assert!(!told(&format!("{sealed}\nsecret: {first}")).is_empty());
}

#[test]
fn a_private_key_that_is_said_to_be_made_up_is_none_nor_is_a_line_of_it() {
    let lines = [drawn(38, ALNUM, 64), drawn(39, ALNUM, 64)].join("\n");
    let key = [["-----BEGIN ", "PRIVATE KEY-----\n"].concat(), lines, "\n-----END PRIVATE KEY-----".into()].concat();
    assert_eq!(told(&format!("let server = \"{key}\"")), [&key]);
    assert!(told(&format!("let fake_server = \"{key}\"")).is_empty());
}

#[test]
fn a_private_key_of_a_chain_is_told_by_its_name() {
    let key = format!("0x{}", drawn(40, LOWER_HEX, 64));
    assert_eq!(told(&format!("wallet_private_key = \"{key}\"")), [&key]);
    assert!(told(&format!("transaction = \"{key}\"")).is_empty());
}

#[test]
fn entries_of_a_list_are_no_values_of_each_other() {
    let value = format!("{}{}", drawn(41, LOWER, 7), 83);
    assert!(told(&format!("names = [\"password\", \"{value}\"]")).is_empty());
    assert!(told(&format!("names = [\"user\", \"password\", \"{value}\"]")).is_empty());
    assert_eq!(told(&format!("set(\"password\", \"{value}\")")), [&value]);
}

#[test]
fn a_text_in_base64_and_an_alphabet_are_not_drawn() {
    // `the quick brown fox jumps` in base64, which no name stands beside.
    assert!(told("x = \"dGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcw\"").is_empty());
    assert!(told("x = \"abcdefghijkmnpqrstuvwxyz23456789\"").is_empty());
    let value = drawn(42, ALNUM, 40);
    assert_eq!(told(&format!("x = \"{value}\"")), [&value]);
}

#[test]
fn a_uuid_of_few_digits_was_made_up() {
    assert!(told("twilio session: 99999999-ffff-4fff-8fff-999999999999").is_empty());
    let hex = drawn(43, LOWER_HEX, 32);
    let uuid = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
    assert_eq!(told(&format!("twilio session: {uuid}")), [&uuid]);
}

#[test]
fn an_address_of_one_s_own_machine_with_words_for_its_parts_is_an_explanation() {
    assert!(told("mongodb://username:password@localhost:27017/").is_empty());
    let value = format!("{}{}", drawn(44, LOWER, 7), 83);
    assert_eq!(told(&format!("mongodb://username:{value}@localhost:27017/")), [&value]);
}

#[test]
fn a_secret_that_is_very_long_is_told_by_its_name_alone() {
    let value = drawn(45, ALNUM, 400);
    assert_eq!(told(&format!("access_token = \"{value}\"")), [&value]);
    assert!(told(&format!("data = \"{value}\"")).is_empty());
}

#[test]
fn a_list_in_a_document_about_secrets_says_where_they_are_kept() {
    let head =
        "kind: ExternalSecret\nmetadata:\n  name: a\nspec:\n  target:\n    template:\n      kind: Secret\n  data:\n";
    assert!(told(&format!("{head}    - remoteRef:\n        strategy: Default\n        policy: None\n")).is_empty());
}

#[test]
fn what_is_added_to_a_name_is_its_value() {
    let value = drawn(46, DIGIT, 18);
    assert_eq!(told(&format!("$asanaToken .= \"{value}\"")), [&value]);
    assert!(told(&format!("$asana .= \"{value}\"")).is_empty());
}

#[test]
fn a_key_with_an_issuer_s_mark_holds_enough_on_both_sides_of_it() {
    let (head, mark) = (["sk-", "proj-"].concat(), "T3BlbkFJ");
    let (short, whole) = (drawn(47, ALNUM, 12), drawn(48, ALNUM, 24));
    let rules = |text: String| hits(text.as_bytes()).iter().map(|hit| hit.rule.name).collect::<Vec<_>>();
    assert_eq!(rules(format!("{head}{whole}{mark}{whole}")), ["openai-key"]);
    assert!(!rules(format!("{head}{whole}{whole}{mark}{short}")).contains(&"openai-key"));
}

#[test]
fn the_lines_of_a_key_may_stand_in_a_program() {
    let (begin, end) = (["-----BEGIN ", "RSA PRIVATE KEY-----"].concat(), "-----END RSA PRIVATE KEY-----");
    let line = |seed| drawn(seed, ALNUM, 64);
    let key = format!("a = '{begin}'\na += '{}'\na += '{}'\na += '{end}'", line(50), line(51));
    let rules = |text: &str| hits(text.as_bytes()).iter().map(|hit| hit.rule.name).collect::<Vec<_>>();
    assert!(rules(&key).contains(&"private-key"));
    let call = format!("if text.startswith(\"{begin}\"):\n    return loadPrivateKeyFromString(text)");
    assert!(rules(&call).is_empty(), "{:?}", rules(&call));
    let short = format!("{begin}\n{}\n{end}", &line(52)[..36]);
    assert!(!rules(&short).contains(&"private-key"), "too short for any key");
}

#[test]
fn commands_of_other_programs_take_passwords_too() {
    let value = format!("{}{}", drawn(53, LOWER, 7), 83);
    for (before, after) in [
        ("sshpass -p ", " ssh me@host"),
        ("docker login -u me -p ", " host"),
        ("redis-cli -h host -a ", " ping"),
        ("curl -X POST \\\n  -u me:", " \\\n  https://example.org/"),
        ("db.example.org:5432:app:me:", "\n"),
        ("jdbc:oracle:thin:me/", "@host:1521/x"),
    ] {
        let text = format!("{before}{value}{after}");
        assert_eq!(told(&text), [&value], "in {text}");
    }
    assert!(told("docker login -u me -p $TOKEN").is_empty());
    assert!(told("host:5432:app").is_empty());
}

#[test]
fn a_token_is_told_by_a_payload_that_is_an_object_whatever_its_header_names() {
    // `{"b64":true}` and `{"iss":"joe"}`.
    let (header, payload) = (["eyJ", "iNjQiOnRydWV9"].concat(), ["eyJ", "pc3MiOiJqb2UifQ"].concat());
    let token = format!("{header}.{payload}.{}", drawn(54, ALNUM, 43));
    assert_eq!(told(&format!("x {token} y")), [&token]);
}

#[test]
fn a_key_of_azure_is_told_by_the_mark_of_its_service() {
    let key = format!("{}AzCa{}=", drawn(55, LOWER, 33), drawn(56, LOWER, 6));
    assert_eq!(told(&format!("x = {key}")), [&key]);
    assert!(told(&format!("x = {}", key.replace("AzCa", "azca"))).is_empty());
}

#[test]
fn what_is_under_a_head_that_names_no_private_key_is_made_to_be_seen() {
    let lines: Vec<_> = (57..63).map(|seed| drawn(seed, ALNUM, 64)).chain([drawn(63, ALNUM, 42) + "=="]).collect();
    let shown = |label: &str| format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"));
    for label in ["CERTIFICATE", "PUBLIC KEY", "X509 CRL"] {
        assert!(told(&shown(label)).is_empty(), "{label}: {:?}", told(&shown(label)));
    }
    let open = shown("CERTIFICATE").replace("-----END", "token: ");
    assert!(!told(&open).is_empty(), "what does not end as it began hides nothing");
}
