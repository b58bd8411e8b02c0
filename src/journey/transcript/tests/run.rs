//! What belongs to the present run of the loop.

use super::*;

fn in_session(id: &str, at: u32, session: &str, cwd: Option<&str>) -> Value {
    let mut line = answer(id, at, [1, at.into(), 0, 0]);
    line["sessionId"] = json!(session);
    match cwd {
        Some(cwd) => line["cwd"] = json!(cwd),
        None => drop(line.as_object_mut().unwrap().remove("cwd")),
    }
    line
}

fn ledger() -> Ledger {
    let home = Home::new();
    home.write(
        "s",
        lines(&[
            in_session("a", 1, "ended", Some("/srv/loop")),
            in_session("b", 2, "ended", Some("/srv/loop")),
            in_session("c", 3, "spans", Some("/srv/loop/crates/x")),
            in_session("d", 4, "elsewhere", Some("/srv/loop-2")),
            in_session("e", 20, "spans", Some("/tmp")),
            in_session("f", 21, "nowhere", None),
            in_session("g", 22, "moved", Some("/home")),
            in_session("h", 23, "moved", Some("/srv/loop")),
        ]),
    );
    home.read()
}

fn ids(ledger: &Ledger) -> Vec<&str> {
    ledger.sessions.iter().map(|session| session.id.as_str()).collect()
}

#[test]
fn earlier_runs_and_other_projects_are_left_out_and_counted() {
    let started_at = "2026-11-22T12:00:10Z".parse().unwrap();
    let whole = ledger();
    let ledger = whole.clone().of_run(Some(started_at), Path::new("/srv/loop"));
    assert_eq!(ids(&ledger), ["nowhere", "spans"]);
    let turns: Vec<(u64, &str)> =
        ledger.turns.iter().map(|turn| (turn.tokens.output, ids(&ledger)[turn.session as usize])).collect();
    assert_eq!(turns, [(3, "spans"), (20, "spans"), (21, "nowhere")]);
    assert_eq!(left_out(&ledger), [("earlier_run", 1), ("other_project", 2)]);
    assert_eq!(ledger.left_out[1].first, Some(whole.turns[3].origin()));
}

#[test]
fn without_a_start_nothing_is_an_earlier_run() {
    let ledger = ledger().of_run(None, Path::new("/srv"));
    assert_eq!(
        (ids(&ledger), left_out(&ledger)),
        (vec!["elsewhere", "ended", "nowhere", "spans"], vec![("other_project", 1)])
    );
}

#[test]
fn a_session_whose_last_answer_is_at_the_start_belongs_to_the_run() {
    let started_at = "2026-11-22T12:00:02.250Z".parse().unwrap();
    assert!(ids(&ledger().of_run(Some(started_at), Path::new("/srv/loop"))).contains(&"ended"));
}
