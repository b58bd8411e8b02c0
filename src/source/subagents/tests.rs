//! The choice of sub-agents, and patterns, without processes.

use super::*;

/// A process of the cgroup with its phase.
fn inside(pid: i32, parent: i32, phase: Option<usize>) -> Candidate {
    Candidate {
        pid,
        parent,
        start_ticks: u64::from(pid.unsigned_abs()),
        command: "claude".into(),
        in_cgroup: true,
        class: Class { phase, outside: false },
    }
}

/// A process outside the cgroup that the pattern names.
fn outside(pid: i32, parent: i32, phase: Option<usize>) -> Candidate {
    Candidate { in_cgroup: false, class: Class { phase, outside: true }, ..inside(pid, parent, phase) }
}

fn chosen(candidates: &[Candidate]) -> Vec<i32> {
    choose(candidates, 999).iter().map(|candidate| candidate.pid).collect()
}

const WRITER: Option<usize> = Some(0);
const JUDGE: Option<usize> = Some(1);

#[test]
fn only_what_matches_a_phase_counts() {
    assert_eq!(chosen(&[inside(10, 1, None), inside(11, 10, WRITER), inside(12, 10, None)]), [11]);
}

#[test]
fn a_descendant_of_the_same_phase_is_a_part() {
    let tree = [
        inside(10, 1, None),
        inside(11, 10, WRITER),
        inside(12, 11, WRITER),
        inside(13, 11, None),
        inside(14, 13, WRITER),
        inside(15, 11, JUDGE),
        inside(16, 15, WRITER),
    ];
    assert_eq!(chosen(&tree), [11, 15], "16 belongs to 11 through 15");
}

#[test]
fn the_main_process_is_the_loop_and_not_a_sub_agent() {
    assert_eq!(chosen(&[inside(10, 1, WRITER), inside(11, 10, WRITER), inside(12, 10, JUDGE)]), [11, 12]);
    // An agent that detached itself is a second root, and younger.
    assert_eq!(chosen(&[inside(10, 1, None), inside(14, 1, WRITER)]), [14]);
}

#[test]
fn the_exporter_and_its_children_never_count() {
    let tree = [inside(10, 1, None), inside(999, 10, WRITER), inside(1000, 999, WRITER), inside(1001, 1000, JUDGE)];
    assert!(chosen(&tree).is_empty());
    // A child outside the cgroup, whose parent is no candidate.
    assert!(chosen(&[outside(1000, 999, WRITER)]).is_empty());
}

#[test]
fn outside_needs_its_own_pattern() {
    let stranger = Candidate { class: Class { phase: WRITER, outside: false }, ..outside(20, 1, WRITER) };
    assert_eq!(chosen(&[stranger.clone(), outside(21, 1, WRITER), outside(22, 1, None)]), [21]);
    // A stranger of the same phase above a sub-agent does not swallow it.
    assert_eq!(chosen(&[stranger, outside(23, 20, WRITER)]), [23]);
}

#[test]
fn a_circle_of_parents_ends() {
    assert_eq!(chosen(&[inside(10, 1, None), inside(11, 12, WRITER), inside(12, 11, JUDGE)]).len(), 2);
    assert_eq!(chosen(&[inside(10, 1, None), inside(11, 11, WRITER)]), [11]);
}

#[test]
fn the_default_patterns_know_the_phases() {
    let config = Config::default();
    let patterns = Patterns::compile(&config.subagents).unwrap();
    let phase = |line: &str| patterns.classify(line.as_bytes()).phase.map(|index| patterns.phases[index].0.clone());
    assert_eq!(phase("claude -p You are the Planner of epoch 3").as_deref(), Some("planner"));
    assert_eq!(phase("/usr/bin/node /usr/lib/codex exec --json").as_deref(), Some("judge"));
    assert_eq!(phase("claude --model qwen").as_deref(), Some("writer"));
    assert_eq!(phase("python3 rewriter.py"), None);
    assert_eq!(
        patterns.classify(b"\xff\xfe claude \xff").phase.map(|index| patterns.phases[index].0.as_str()),
        Some("writer")
    );
}

#[test]
fn a_bad_pattern_is_named() {
    let mut config = Config::default();
    config.subagents.outside = "(".into();
    let Reading::Failed(failure) = SubagentsSource::new(&config).read(Time::UNIX_EPOCH) else { panic!("no failure") };
    assert_eq!(failure.kind, FailureKind::Malformed);
    assert!(failure.message.starts_with("subagents.outside: \"(\" is not a regular expression"), "{failure}");
}

#[test]
fn ticks_become_time() {
    assert_eq!(ticks(150, 100), Duration::from_millis(1500));
    assert_eq!(ticks(u64::MAX, 100).as_secs(), u64::MAX / 100);
}
