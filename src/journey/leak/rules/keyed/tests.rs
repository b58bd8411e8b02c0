//! Values beside names, in the ways in which programs, settings and people write them.
//!
//! Values are drawn by a seeded generator or joined from parts, so that no scanner finds any in this file.

use super::super::bytes::{ALNUM, BASE64_URL, DIGIT, LOWER};
use super::super::tests::{Dice, hits};

fn drawn(seed: u64, mask: u16, length: usize) -> String {
    String::from_utf8(Dice::new(seed).draw(mask, length)).expect("ASCII")
}

fn told(text: &str) -> Vec<&str> {
    hits(text.as_bytes()).iter().map(|hit| &text[hit.span.clone()]).collect()
}

/// A value that nobody takes for a word: letters of both cases, digits and a sign.
fn odd(seed: u64) -> String {
    format!("{}!{}", drawn(seed, ALNUM, 6), drawn(seed + 1, DIGIT, 2))
}

#[test]
fn a_call_that_gives_or_compares_a_password_holds_it() {
    let value = odd(60);
    for (before, after) in [
        ("user.setPassword(\"", "\");"),
        ("builder.password(\"", "\")"),
        ("std::string password(\"", "\");"),
        ("password.equals(\"", "\")"),
        ("strcmp(password, \"", "\")"),
        ("let password = String::from(\"", "\");"),
        ("char password[] = \"", "\";"),
        ("password[\"me\"] = \"", "\""),
        ("os.getenv(PASSWORD) or \"", "\""),
        ("smtp.login(\"me\", \"", "\")"),
        ("new PasswordAuthentication(\"me\", \"", "\".toCharArray())"),
        ("ConvertTo-SecureString \"", "\" -AsPlainText -Force"),
        ("mysqli_connect(\"host\", \"me\", \"", "\")"),
        ("new PDO('mysql:host=h;dbname=d', 'me', '", "')"),
    ] {
        let text = format!("{before}{value}{after}");
        assert_eq!(told(&text), [&value], "in {text}");
    }
    assert_eq!(told(&format!("if (\"{value}\".equals(password))")), [&value]);
    for quiet in
        ["setPassword(newPassword)", "getPassword(\"database\")", "password.equals(other)", "login(user, pass)"]
    {
        assert!(told(quiet).is_empty(), "{quiet}: {:?}", told(quiet));
    }
}

#[test]
fn elements_with_attributes_and_pairs_of_elements_hold_values() {
    let value = format!("{}{}", drawn(62, LOWER, 7), 83);
    for (before, after) in [
        ("<Pass encoding=\"base64\">", "</Pass>"),
        ("<key>Password</key>\n<string>", "</string>"),
        ("<entry key=\"db.password\">", "</entry>"),
        ("<property name=\"password\" value=\"", "\"/>"),
    ] {
        let text = format!("{before}{value}{after}");
        assert_eq!(told(&text), [&value], "in {text}");
    }
    assert!(told("http://<user>:<pass>@host").is_empty());
}

#[test]
fn settings_without_a_sign_of_assignment_are_lines_of_their_own() {
    let (value, word) = (odd(64), drawn(66, LOWER, 9));
    for text in [
        format!("port 6379\nrequirepass {word}\n"),
        format!("password {value}\n"),
        format!("ENV DB_PASSWORD {word}\n"),
        format!("password 7 {value}\n"),
        format!("password: |\n  {value}\n"),
        format!("variable \"password\" {{\n  default = \"{value}\"\n}}"),
        format!("${{db.password:{value}}}"),
        format!("(password:{value})"),
        format!("host=h password={word} dbname=d"),
        format!("backup --password={word} db"),
        format!("the password is {value}\n"),
        format!("CREATE USER me WITH PASSWORD '{value}'"),
        format!("ALTER ROLE me IDENTIFIED BY \"{value}\""),
    ] {
        let found = told(&text);
        assert!(found == [&value] || found == [&word], "{text}: {found:?}");
    }
    for quiet in ["password manager\n", "the password is required\n", "pass the salt\n", "f(password=password2)"] {
        assert!(told(quiet).is_empty(), "{quiet}: {:?}", told(quiet));
    }
}

#[test]
fn a_name_that_is_misspelled_or_short_is_one_all_the_same() {
    let value = odd(68);
    for name in ["passwrd", "pasword", "PSWORD", "pswd", "pword", "passw0rd", "pw", "senha", "userPwd"] {
        let text = format!(" {name}=\"{value}\"");
        assert_eq!(told(&text), [&value], "{text}");
    }
}

#[test]
fn a_key_that_holds_signs_is_judged_by_its_name() {
    let (value, long) = (odd(70), [odd(72), odd(74), odd(76), odd(78)].join("$ {"));
    for name in ["auth_token", "api_key", "credentials"] {
        let text = format!("{name} = \"{value}x{value}\"");
        assert_eq!(told(&text), [format!("{value}x{value}")], "{text}");
    }
    assert_eq!(told(&format!("define('LOGGED_IN_KEY', '{long}');")), [&long]);
    assert!(told(&format!("title = '{long}'")).is_empty());
}

#[test]
fn what_signs_a_token_that_everybody_sees_is_secret_and_the_token_is_not() {
    let value = drawn(80, ALNUM, 32);
    assert_eq!(told(&format!("csrf_secret = \"{value}\"")), [&value]);
    assert!(told(&format!("csrf_token = \"{value}\"")).is_empty());
    assert_eq!(told(&format!("secret_key_base: {value}{value}")), [format!("{value}{value}")]);
}

#[test]
fn the_secret_part_of_a_json_web_key_is_told() {
    let (part, open) = (drawn(82, BASE64_URL, 43), drawn(83, BASE64_URL, 43));
    let curve = format!("{{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"{open}\",\"d\":\"{part}\"}}");
    assert!(told(&curve).contains(&&part[..]));
    assert!(told(&format!("{{\"k\": \"{part}\", \"kty\": \"oct\"}}")).contains(&&part[..]));
    let shown = format!("{{\"kty\":\"OKP\",\"x\":\"{open}\"}}");
    assert!(hits(shown.as_bytes()).iter().all(|hit| hit.rule.name != "json-web-key"), "a public key");
}
