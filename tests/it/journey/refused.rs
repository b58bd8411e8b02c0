//! What redaction does not know and the gate does: the run is refused.

use std::fs;

use serde_json::json;

use super::place::Place;

#[test]
fn what_only_rules_of_ones_own_find_in_free_text_is_refused_until_it_is_gone() {
    let place = Place::new(6);
    let before = place.synthesize(&["--rebuild-site"]);
    fs::write(place.path("rules.toml"), "[[rules]]\nid = 'acme'\nregex = '''acme-[0-9]{6}'''\nkeywords = ['acme-']\n")
        .unwrap();
    place.set("rules", place.path("rules.toml").to_str().into());
    let (name, good) = ("runtime/wedge-lessons.jsonl", place.read("runtime/wedge-lessons.jsonl"));
    let reason = ["acme", "404142"].join("-");
    let of = &place.state()["history"][2];
    let text = format!("as {reason} says");
    let line = json!({"epoch": of["epoch"], "iter": of["iter"], "ts": of["ended_at"], "lesson": text});
    place.add("wedge-lessons.jsonl", &line);
    for _ in 0..2 {
        let ended = place.run(&["synthesize"]);
        assert_eq!((ended.code, place.shown().as_ref()), (Some(1), Some(&before)), "{ended:?}");
        let told = format!("{}{}{}", ended.err, ended.out, place.refusal());
        assert!(told.contains("acme") && told.contains("iterations/epoch-") && !told.contains(&reason), "{told}");
    }
    fs::write(place.path(name), good).unwrap();
    assert_eq!(place.synthesize(&[]), before);
}

#[test]
fn new_rules_withdraw_what_is_shown_and_say_so() {
    let place = Place::new(6);
    let (_, site) = place.synthesize(&["--rebuild-site", "--snapshot", "first"]);
    let word = site["site-data.json"].split("\"slug\":\"").nth(1).unwrap().split('"').next().unwrap();
    fs::write(place.path("words"), word).unwrap();
    place.set("private_words", place.path("words").to_str().into());
    let ended = place.run(&["synthesize"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("WHICH WAS SHOWN TO EVERYBODY") && ended.err.contains("snapshots/first"), "{ended:?}");
    assert!(!ended.err.contains(word), "{ended:?}");
    super::seen::Eyes::new([&word.to_owned()]).see_nothing_in(&place.path("site"));
    assert!(place.shown().unwrap().1["site-data.json"].contains("word-1"));
}
