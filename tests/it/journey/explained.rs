//! `explain` names the bytes that tell a number.

use std::fs;

use serde_json::Value;

use super::place::Place;

/// The JSON that begins at `origin`.
fn told(read: &Value, origin: &Value) -> Value {
    let file = read[origin["file"].as_u64().unwrap() as usize].as_str().unwrap();
    let bytes = fs::read(file).unwrap();
    let from = &bytes[origin["offset"].as_u64().unwrap() as usize..];
    serde_json::Deserializer::from_slice(from).into_iter().next().unwrap().unwrap()
}

#[test]
fn each_number_of_an_iteration_stands_at_the_byte_that_is_named() {
    let place = Place::new(12);
    place.synthesize(&[]);
    let history = place.state()["history"].clone();
    for one in history.as_array().unwrap() {
        let key = format!("{}/{}", one["epoch"], one["iter"]);
        let ended = place.run(&["explain", &key, "--json"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let explained: Value = serde_json::from_str(&ended.out).unwrap();
        let read = &explained["files"]["read"];
        for (name, field) in [("judge_calls", "codex_calls"), ("judge_tokens", "codex_tokens"), ("slug", "slug")] {
            let object = told(read, &explained[name]["from"][0]);
            assert_eq!((&object[field], &object["iter"]), (&explained[name]["value"], &one["iter"]), "{key} {name}");
            assert_eq!(explained[name]["value"], one[field], "{key} {name}");
        }
        let revisions = &explained["revisions"];
        // Of none the only verdict tells.
        for origin in revisions["from"].as_array().into_iter().flatten().filter(|_| revisions["value"] != 0) {
            let line = told(read, origin);
            assert_eq!((&line["iter"], line["verdict"].as_str()), (&one["iter"], Some("REVERT")), "{key}");
        }
        for (model, tokens) in explained["tokens"].as_object().unwrap() {
            let line = told(read, &tokens["from"][0]);
            assert_eq!(line["message"]["model"].as_str(), Some(&model[..]), "{key}: {line}");
            assert!(line["message"]["usage"]["output_tokens"].as_u64().unwrap() > 0);
        }
        let text = place.run(&["explain", &key]).out;
        assert!(text.contains(&format!("state.json:{}", explained["slug"]["from"][0]["offset"])), "{text}");
    }
    assert_eq!(place.run(&["explain", "9/9999"]).code, Some(1));
}
