//! `--codex-cleanup` with a real command: what it says well is shown; what it says badly, or too much of, is not.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::place::{Place, files, until};
use super::planted::{KINDS, Planter};

/// Cleans a text, and misbehaves where the text asks for it. What it is given is kept in `$HOME/asked`.
const SCRIPT: &str = r#"
text=$(cat)
printf '%s\n' "$text" >>"$HOME/asked"
case $text in
*hangs*) echo $$ >"$HOME/hanging"; exec sleep 600 ;;
*fails*) echo "no words for $text" >&2; exit 3 ;;
*floods*) yes 'too many words' | head -c 100000000 ;;
*leaks*) printf 'Tidied: %s\n' "$text"; cat "$HOME/secrets" ;;
*) printf 'Tidied: %s\n' "$text" ;;
esac
"#;

/// A place whose lessons ask for each misbehaviour, and hold secrets.
fn misbehaving(planter: &mut Planter) -> Place {
    let mut place = Place::new(4);
    fs::write(place.path("clean.sh"), SCRIPT).unwrap();
    place.set("cleanup_command", json!(["sh", place.path("clean.sh")]));
    place.set("cleanup_timeout", json!("5s"));
    let history = place.state()["history"].clone();
    for (number, word) in ["hangs", "fails", "floods", "leaks"].into_iter().enumerate() {
        let of = &history[number];
        let lesson = format!("this one {word} and says {} of {}", planter.alone(0), planter.mark());
        place.add(
            "wedge-lessons.jsonl",
            &json!({"ts": of["ended_at"], "epoch": of["epoch"], "iter": of["iter"], "lesson": lesson}),
        );
    }
    let secrets: Vec<String> = (0..KINDS).map(|kind| planter.alone(kind)).collect();
    fs::write(place.path("home/secrets"), secrets.join("\n")).unwrap();
    planter.tell(&mut place);
    place
}

#[test]
fn prose_is_shown_as_the_command_cleans_it_and_never_what_must_not_be_seen() {
    let mut planter = Planter::default();
    let place = misbehaving(&mut planter);
    let ended = place.run(&["synthesize", "--rebuild-site", "--codex-cleanup"]);
    assert_eq!(ended.code, Some(0), "{ended:?} {}", place.refusal());
    for why in ["gave no answer within", "ended with exit status: 3", "gave more than"] {
        assert!(ended.err.contains(why), "{why}: {}", ended.err);
    }
    let (_, site) = place.shown().unwrap();
    let data = &site["site-data.json"];
    for word in ["hangs", "fails", "floods"] {
        assert!(
            data.contains(&format!("\"text\":\"this one {word} and says hidden-")),
            "{word} stays as it is: {data}"
        );
    }
    assert!(
        data.contains("\"text\":\"Tidied: this one leaks and says hidden-") && data.contains("\"reason\":\"Tidied: ")
    );
    assert!(!data.contains("too many words") && planter.missing(&site).is_empty());
    let eyes = planter.eyes();
    [&ended.out, &ended.err].into_iter().for_each(|text| eyes.see_nothing(text));
    eyes.see_nothing_in(&place.path("site"));
    // The command itself was given no secret, and nothing of it is left running.
    let asked = place.read("home/asked");
    eyes.see_nothing(&asked);
    let hanging = format!("/proc/{}/stat", place.read("home/hanging").trim());
    until("the command that hung ends", || fs::read_to_string(&hanging).map_or(true, |stat| stat.contains(") Z ")));
    // What it answered is known; only what it did not answer is asked again.
    let failed = ended.err.lines().filter(|line| line.contains("journey.cleanup_command: ")).count();
    place.set("title", "Another title".into());
    fs::remove_file(place.path("home/asked")).unwrap();
    let again = place.run(&["synthesize", "--codex-cleanup"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(place.read("home/asked").lines().count(), failed, "{}", place.read("home/asked"));
    assert!(place.shown().unwrap().1["site-data.json"].contains("Tidied: this one leaks and says hidden-"));
    eyes.see_nothing_in(&place.path("site"));
    for path in files(&place.path("runtime/journey")) {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
    }
}

#[test]
fn a_command_that_is_not_there_leaves_the_text_as_it_is() {
    let place = Place::new(3);
    let (_, plain) = place.synthesize(&["--rebuild-site"]);
    place.set("cleanup_command", json!([place.path("nowhere")]));
    let ended = place.run(&["synthesize", "--codex-cleanup"]);
    assert!(ended.code == Some(0) && ended.err.contains("journey.cleanup_command"), "{ended:?}");
    assert_eq!(place.shown().unwrap().1["site-data.json"], plain["site-data.json"]);
}
