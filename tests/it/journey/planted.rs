//! What must not be shown is planted in every field of every input: it is masked, and nothing of it is published.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::place::{Place, files};
use super::seen::Eyes;

/// Makes secrets, each another one.
#[derive(Default)]
pub(super) struct Planter {
    seed: u64,
    /// Variables of the environment whose values are among them.
    environment: Vec<(String, String)>,
    /// Private words among them.
    words: Vec<String>,
    /// What nobody may see.
    pub(super) values: Vec<String>,
    /// Words that show that a text is there, each beside a secret.
    marks: Vec<String>,
}

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";
const ALL: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// How many kinds of secrets there are.
pub(super) const KINDS: usize = 8;

impl Planter {
    fn number(&mut self) -> u64 {
        // splitmix64
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.seed ^ (self.seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn letters(&mut self, of: &str, count: usize) -> String {
        (0..count).map(|_| char::from(of.as_bytes()[(self.number() % of.len() as u64) as usize])).collect()
    }

    /// The text of a secret of a kind; what of it nobody may see is remembered.
    pub(super) fn alone(&mut self, kind: usize) -> String {
        let (text, values) = match kind {
            0 => one(format!("gh{}{}", "p_", self.letters(ALL, 36))),
            1 => self.private_key(),
            2 => {
                let password = self.letters(ALL, 18);
                (format!("https://deploy:{password}@git.company.com/app.git"), vec![password])
            }
            3 => {
                let value = self.letters(ALL, 22);
                self.environment.push((format!("ACME_{}", self.environment.len()), value.clone()));
                one(value)
            }
            4 => {
                let word = self.letters(LETTERS, 11);
                self.words.push(word.clone());
                one(word)
            }
            5 => {
                let name = self.letters(LETTERS, 9);
                (format!("/home/{name}/work/notes.txt"), vec![name])
            }
            6 => {
                let [a, b, c] = [0, 1, 2].map(|_| 100 + self.number() % 150);
                one(format!("10.{a}.{b}.{c}"))
            }
            _ => {
                let name = self.letters(LETTERS, 10);
                (format!("{name}@company.com"), vec![name])
            }
        };
        self.values.extend(values);
        text
    }

    fn private_key(&mut self) -> (String, Vec<String>) {
        let lines: Vec<String> = (0..3).map(|_| self.letters(ALL, 64)).collect();
        let (dashes, what) = ("-".repeat(5), ["PRIVATE", "KEY"].join(" "));
        (format!("{dashes}BEGIN {what}{dashes}\n{}\n{dashes}END {what}{dashes}", lines.join("\n")), lines)
    }

    /// A sentence around a secret, beside a word by which it is known.
    fn sentence(&mut self, kind: usize) -> String {
        let text = self.alone(kind);
        format!("{} it says {text} there", self.mark())
    }

    /// A word that shows that the text it stands in is there.
    pub(super) fn mark(&mut self) -> String {
        let letter = |at: usize| char::from(LETTERS.as_bytes()[at % LETTERS.len()]);
        let count = self.marks.len();
        self.marks.push(format!("seen{}{}{}", letter(count / 676), letter(count / 26), letter(count)));
        self.marks.last().unwrap().clone()
    }

    /// Tells the program what of it is of this machine.
    pub(super) fn tell(&self, place: &mut Place) {
        place.environment.clone_from(&self.environment);
        fs::write(place.path("words"), self.words.join("\n")).unwrap();
        place.set("private_words", place.path("words").to_str().into());
    }

    pub(super) fn eyes(&self) -> Eyes {
        Eyes::new(&self.values)
    }

    /// The words that `site` does not have.
    pub(super) fn missing(&self, site: &BTreeMap<String, String>) -> Vec<&String> {
        self.marks.iter().filter(|mark| !site.values().any(|text| text.contains(*mark))).collect()
    }
}

fn one(value: String) -> (String, Vec<String>) {
    (value.clone(), vec![value])
}

/// Plants a secret of each kind in each field of the state.
fn in_the_state(place: &Place, planter: &mut Planter) {
    let mut state = place.state();
    let last = state["history"].as_array().unwrap().last().unwrap().clone();
    let ended: Timestamp = last["ended_at"].as_str().unwrap().parse().unwrap();
    for kind in 0..KINDS {
        let one = &mut state["history"][kind];
        for field in ["slug", "module", "outcome", "invocation_id"] {
            one[field] = planter.alone(kind).into();
        }
        one["files"] = json!([planter.alone(kind), format!("src/{}", planter.alone(kind)), "src/lib.rs"]);
        let commits = one["commits"].as_array_mut().unwrap();
        commits.push(planter.alone(kind).into());
        one["sessions"] = json!([planter.alone(kind)]);
        one[planter.alone(kind)] = planter.alone(kind).into();
        // Iterations whose tokens only the state tells.
        let at = |minutes| ended + SignedDuration::from_mins(minutes + 2 * kind as i64);
        let added = json!({
            "epoch": last["epoch"], "iter": last["iter"].as_u64().unwrap() + 1 + kind as u64, "module": "core/types",
            "slug": planter.sentence(kind), "outcome": "ACCEPT", "started_at": at(0), "ended_at": at(1),
            "tokens": {planter.alone(kind): 1234}, "files": [planter.alone(kind)],
        });
        state["history"].as_array_mut().unwrap().push(added);
    }
    state["iter"] = (last["iter"].as_u64().unwrap() + 1 + KINDS as u64).into();
    for (kind, field) in ["phase", "vertex", "module", "status", "slug", "task"].into_iter().enumerate() {
        state[field] = planter.alone(kind).into();
    }
    place.write_state(&state);
    let mut heartbeat: Value = serde_json::from_str(&place.read("runtime/state-heartbeat.json")).unwrap();
    for (kind, field) in ["phase", "vertex", "invocation_id", "task"].into_iter().enumerate() {
        heartbeat[field] = planter.alone(kind + 4).into();
    }
    fs::write(place.path("runtime/state-heartbeat.json"), heartbeat.to_string()).unwrap();
}

/// Plants in each file of lines a line for each kind, with a secret in each field of a text.
fn in_the_lines(place: &Place, planter: &mut Planter) {
    let history = place.state()["history"].clone();
    let files: [(&str, &[&str], &str); 7] = [
        ("verdicts.jsonl", &["verdict", "module"], "reason"),
        ("wedge-events.jsonl", &["kind", "vertex", "session_id"], "detail"),
        ("wedge-lessons.jsonl", &["kind", "type"], "lesson"),
        ("liveness-restarts.jsonl", &["unit", "outcome", "id", "boot_id", "invocation_id"], "reason"),
        ("rule-refinements.jsonl", &["kind", "action"], "rule"),
        ("orchestrator-bypass-attempts.jsonl", &["kind", "command"], "detail"),
        ("meta-judge.jsonl", &["verdict", "error"], "summary"),
    ];
    for (name, words, text) in files {
        for kind in 0..KINDS {
            let of = &history[kind];
            // After the verdict that is there: the last one counts.
            let at = of["ended_at"].as_str().unwrap().parse::<Timestamp>().unwrap() + SignedDuration::from_secs(1);
            let mut line = json!({"epoch": of["epoch"], "iter": of["iter"], "ts": at, "health_score": 50});
            words.iter().for_each(|word| line[*word] = planter.alone(kind).into());
            line[text] = planter.sentence(kind).into();
            if name == "meta-judge.jsonl" {
                line["findings"] = json!([{
                    "severity": planter.alone(kind), "what": planter.sentence(kind), "evidence": planter.sentence(kind),
                    "suggestion": planter.sentence(kind),
                }, planter.sentence(kind)]);
            }
            place.add(name, &line);
        }
    }
    let records = place.lines("system-state.jsonl");
    for kind in 0..KINDS {
        let mut record = records[kind].clone();
        record["module"] = planter.alone(kind).into();
        record[planter.alone(kind)] = 7.into();
        place.add("system-state.jsonl", &record);
    }
}

/// Plants in transcripts: names of models, what was said, names of sessions, of branches and of files.
fn in_the_transcripts(place: &Place, planter: &mut Planter) {
    let transcripts = files(&place.path("projects"));
    let ours = transcripts.iter().filter(|path| !path.to_str().unwrap().contains("-srv-somewhere-else"));
    for (path, kind) in ours.zip((0..KINDS).cycle().take(2 * KINDS)) {
        let text = fs::read_to_string(path).unwrap();
        let answer =
            text.lines().rev().find(|line| line.contains("\"model\":\"qwen") || line.contains("\"model\":\"gpt"));
        let mut answer: Value = serde_json::from_str(answer.unwrap()).unwrap();
        let message = &mut answer["message"];
        message["model"] = planter.alone(kind).into();
        message["id"] = planter.alone(kind).into();
        message["content"] = json!([{"type": "text", "text": planter.alone(kind)}]);
        for field in ["requestId", "gitBranch", "uuid", "version"] {
            answer[field] = planter.alone(kind).into();
        }
        fs::write(path, format!("{text}{answer}\n")).unwrap();
        let name = planter.alone(kind);
        if !name.contains(['/', '\n']) {
            fs::rename(path, path.with_file_name(format!("{name}.jsonl"))).unwrap();
        }
    }
}

/// Plants in commits: subjects, bodies, and the names and addresses of who made them.
fn in_the_commits(place: &Place, planter: &mut Planter) {
    let mut state = place.state();
    for kind in 0..KINDS {
        let of = &mut state["history"][kind];
        let at = of["ended_at"].as_str().unwrap().to_owned();
        let message = [planter.sentence(kind), planter.alone(kind)].join("\n\n");
        let [author, committer] = [planter.alone(7), planter.alone(7)];
        let name = planter.alone(4);
        let about = [
            ("GIT_AUTHOR_NAME", &name),
            ("GIT_AUTHOR_EMAIL", &author),
            ("GIT_AUTHOR_DATE", &at),
            ("GIT_COMMITTER_NAME", &name),
            ("GIT_COMMITTER_EMAIL", &committer),
            ("GIT_COMMITTER_DATE", &at),
        ];
        git(place, &["commit", "--quiet", "--allow-empty", "-m", &message], &about);
        let hash = git(place, &["rev-parse", "HEAD"], &[]);
        of["commits"].as_array_mut().unwrap().push(hash.trim().into());
    }
    place.write_state(&state);
}

fn git(place: &Place, arguments: &[&str], environment: &[(&str, &String)]) -> String {
    let mut git = Command::new("git");
    place.at_home(&mut git);
    git.arg("-C").arg(place.path("repo")).args(arguments).envs(environment.iter().copied());
    let output = git.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_is_planted_in_every_input_is_masked_and_seen_nowhere() {
    let mut place = Place::new(16);
    let mut planter = Planter::default();
    in_the_lines(&place, &mut planter);
    in_the_transcripts(&place, &mut planter);
    in_the_commits(&place, &mut planter);
    in_the_state(&place, &mut planter);
    planter.tell(&mut place);
    let eyes = planter.eyes();
    for flags in [&["synthesize", "--rebuild-site", "--json"][..], &["synthesize", "--snapshot", "one"]] {
        let ended = place.run(flags);
        eyes.see_nothing(&ended.out);
        eyes.see_nothing(&ended.err);
        assert_eq!(ended.code, Some(0), "{ended:?} {}", place.refusal());
    }
    eyes.see_nothing_in(&place.path("site"));
    eyes.see_nothing(&place.read("runtime/journey/last-run.json"));
    let (hash, site) = place.shown().unwrap();
    assert_eq!(planter.missing(&site), Vec::<&String>::new(), "what stood beside them is shown");
    for mask in ["hidden-1", "value-1", "word-1", "path-1", "address-1", "mail-1"] {
        assert!(site["site-data.json"].contains(mask), "{mask}");
    }
    let scanned = place.run(&["scan", "--public", place.path("site").to_str().unwrap()]);
    assert_eq!(scanned.code, Some(0), "{scanned:?}");
    // Without free text none of the sentences is there.
    place.set("free_text", false.into());
    let (other, site) = place.synthesize(&[]);
    assert!(other != hash && planter.missing(&site).len() == planter.marks.len());
    eyes.see_nothing_in(&place.path("site"));
}
