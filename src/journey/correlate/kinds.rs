//! The closed lists of what inputs disagree about, and of what is passed over.
//!
//! Invariant: docs/journey.md has a row for each, and a test compares the two.

/// A kind of contradiction.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its word.
    pub word: &'static str,
    /// What disagrees and what counts, a sentence without a full stop.
    pub what: &'static str,
    /// What to do about it.
    pub mend: &'static str,
}

/// A kind of what is passed over.
#[derive(Debug, PartialEq, Eq)]
pub struct Passed {
    /// Its word.
    pub word: &'static str,
    /// What it is, in the plural.
    pub what: &'static str,
    /// What to do about it.
    pub mend: &'static str,
}

macro_rules! kinds {
    ($type:ident, $all:ident, $all_doc:literal: $($name:ident = $word:literal, $what:literal, $mend:literal;)+) => {
        $(
            #[doc = $what]
            pub const $name: $type = $type { word: $word, what: $what, mend: $mend };
        )+
        #[doc = $all_doc]
        pub const $all: &[$type] = &[$($name),+];
    };
}

kinds! { Kind, CONTRADICTIONS, "Every kind of contradiction.":
    OUTCOME = "outcome",
        "history and last verdict differ about how an iteration ended; the history counts",
        "look at the verdict's line and at what the loop did after it";
    MODULE = "module",
        "a verdict names another module than the history; the history counts",
        "look whether the verdict belongs to another iteration";
    TOKENS = "tokens",
        "history and transcripts differ by more than 1 % about a model's tokens; the transcripts count",
        "see whether transcripts were deleted, or sessions ran beside the loop";
    TIMES = "times",
        "a time lies on the wrong side of another: an end before its start, a verdict or a wedge outside its iteration; \
         both stay as told",
        "look for a clock that was set";
    OVERLAP = "overlap",
        "two iterations ran at the same time by their times; what happened then is assigned to neither by time",
        "see whether two loops write to one state";
    FUTURE = "future",
        "a time lies after the newest time that the inputs can tell; it stays as told and moves no `as_of`",
        "look for a clock that was set, or for a line that was forged";
    GAP = "gap",
        "numbers of iterations are missing within an epoch",
        "see whether the state was restored from an older copy";
    DUPLICATE = "duplicate",
        "the history has an iteration twice; the later one counts",
        "see whether two loops write to one state, or the epoch was not raised at a new start";
    UNKNOWN_ITERATION = "unknown_iteration",
        "a verdict or an event speaks of an iteration that the history lacks; it is listed with what that tells",
        "see whether the loop was killed before it wrote its state";
    RUNNING = "running",
        "state and heartbeat name different iterations as running; the newer one counts",
        "none when it is gone in the next run; else see whether the loop still writes its state";
    RUN_START = "run_start",
        "an iteration of the history began before the state's `started_at`; the earlier time counts",
        "none where the loop writes `started_at` anew at each start";
    COMMIT_MISSING = "commit_missing",
        "the history names a commit that the repository has not, or has two of by that abbreviation",
        "look into `git reflog`; it may have been taken back and collected";
    COMMIT_SHARED = "commit_shared",
        "two iterations name one commit as their own; both keep it",
        "look which of them made it";
    SESSION_SHARED = "session_shared",
        "two iterations name one session or invocation as their own; its answers go by time",
        "none where a session spans iterations by design";
}

kinds! { Passed, LEFT_OUT, "Every kind of what is passed over.":
    MALFORMED = "malformed",
        "lines or objects that are none of their file's kind",
        "look at the first and mend what writes them";
    TORN = "torn",
        "a last line without its line ending",
        "none: it waits for the next run";
    OVERSIZED = "oversized",
        "lines longer than `journey.max_line`, or a state larger than 64 MiB",
        "raise the limit where they are wanted";
    UNREADABLE = "unreadable",
        "files that cannot be read, or not to their end",
        "the text says why and what helps";
    CHANGED = "changed",
        "files that were cut or rewritten in place while they were read",
        "let what writes them rename a whole file into place";
    MISSING = "missing",
        "no state where it is looked for",
        "set `runtime_dir` or `loop.state`";
    UNPLACED = "unplaced",
        "events that tell neither a time nor an iteration",
        "let what writes them add `ts`";
    NO_REVIEW = "no_review",
        "reviews that failed: without a score of 0 to 100",
        "see why the reviewer got no answer";
    NO_COMMITS = "no_commits",
        "a repository whose commits cannot be read, or not all",
        "the text says why and what helps";
    EARLIER_RUN = "earlier_run",
        "lines, answers or sessions of a time before the run began",
        "none: they belong to an earlier run";
    UNNUMBERED = "unnumbered",
        "objects of the history without a number or an epoch",
        "let the loop write `epoch` and `iter`";
    UNASSIGNED = "unassigned",
        "lines or answers that belong to no one iteration: none, or more than one, held their time",
        "let what writes them name `epoch` and `iter`";
    UNASSIGNED_COMMITS = "unassigned_commits",
        "commits that no iteration names and that were made while none, or more than one, ran",
        "let the loop name its commits in the history";
    ABBREVIATED = "abbreviated",
        "abbreviated hashes of commits, which cannot be told apart without the repository",
        "let the loop write whole hashes, or mend what keeps the repository from being read";
    REPEATED = "repeated",
        "lines that say the same at the same time as another",
        "see what writes them twice";
    LATER = "later",
        "answers of models after the newest time that the inputs can tell",
        "none when they are assigned in the next run; else look for a clock that was set";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table's rows of docs/journey.md after `heading`.
    fn rows(heading: &str) -> Vec<String> {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/journey.md")).unwrap();
        let section = page.split(heading).nth(1).unwrap_or_default();
        let table = section.lines().skip_while(|line| !line.starts_with("| `"));
        table.take_while(|line| line.starts_with('|')).map(str::to_owned).collect()
    }

    #[test]
    fn the_page_has_a_row_for_each_kind() {
        let all = CONTRADICTIONS.iter().map(|kind| format!("| `{}` | {} | {} |", kind.word, kind.what, kind.mend));
        assert_eq!(rows("### Contradictions"), all.collect::<Vec<_>>());
        let all = LEFT_OUT.iter().map(|kind| format!("| `{}` | {} | {} |", kind.word, kind.what, kind.mend));
        assert_eq!(rows("### What is left out"), all.collect::<Vec<_>>());
    }

    #[test]
    fn no_word_stands_for_two_kinds() {
        let mut words: Vec<_> = CONTRADICTIONS.iter().map(|kind| kind.word).collect();
        words.extend(LEFT_OUT.iter().map(|kind| kind.word));
        let all = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), all);
    }
}
