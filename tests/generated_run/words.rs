//! The words of the made-up run: a small database, rebuilt module by module.

/// A module, and what is to be done in it.
pub(crate) struct Module {
    pub(crate) name: &'static str,
    pub(crate) features: &'static [&'static str],
}

/// The modules in the order in which the loop takes them up.
pub(crate) const MODULES: &[Module] = &[
    Module {
        name: "core/lexer",
        features: &["quoted-identifiers", "numeric-literals", "nested-comments", "unicode-escapes", "dollar-quoting"],
    },
    Module {
        name: "core/parser",
        features: &[
            "operator-precedence",
            "common-table-expressions",
            "window-clauses",
            "error-recovery",
            "set-operations",
        ],
    },
    Module {
        name: "core/types",
        features: &["decimal-arithmetic", "interval-overflow", "implicit-casts", "collations", "null-ordering"],
    },
    Module {
        name: "core/planner",
        features: &[
            "join-reordering",
            "predicate-pushdown",
            "constant-folding",
            "index-selection",
            "subquery-unnesting",
        ],
    },
    Module {
        name: "storage/pager",
        features: &["page-checksums", "free-list", "overflow-pages", "page-cache-eviction", "partial-writes"],
    },
    Module {
        name: "storage/wal",
        features: &["recovery-after-torn-write", "group-commit", "checkpointing", "segment-rotation", "replay-order"],
    },
    Module {
        name: "storage/btree",
        features: &["page-splits", "range-scans", "prefix-compression", "concurrent-readers", "bulk-loading"],
    },
    Module {
        name: "exec/joins",
        features: &["hash-join-spilling", "merge-join", "anti-join-nulls", "nested-loop-cache", "outer-join-order"],
    },
    Module {
        name: "exec/aggregates",
        features: &["grouping-sets", "distinct-counts", "moving-windows", "percentiles", "empty-groups"],
    },
    Module {
        name: "exec/sort",
        features: &["external-merge", "stable-ties", "top-n-heap", "memory-limit", "locale-keys"],
    },
    Module {
        name: "txn/locks",
        features: &["deadlock-detection", "lock-upgrades", "intent-locks", "lock-timeouts", "fair-queueing"],
    },
    Module {
        name: "txn/snapshots",
        features: &["visibility-rules", "write-skew", "vacuum-horizon", "savepoints", "read-only-snapshots"],
    },
    Module {
        name: "net/protocol",
        features: &["extended-query", "copy-streams", "cancel-requests", "startup-options", "error-fields"],
    },
    Module {
        name: "net/sessions",
        features: &["idle-timeouts", "prepared-statements", "session-settings", "notify-queues", "connection-limits"],
    },
    Module {
        name: "catalog/schema",
        features: &["rename-column", "generated-columns", "check-constraints", "cascading-drops", "search-path"],
    },
    Module {
        name: "catalog/statistics",
        features: &["histograms", "distinct-estimates", "correlation", "auto-analyze", "stale-entries"],
    },
    Module {
        name: "tools/dump",
        features: &["dependency-order", "large-objects", "parallel-dump", "role-grants", "restore-into-newer"],
    },
    Module {
        name: "tools/shell",
        features: &["history", "multi-line-editing", "expanded-output", "tab-completion", "timing"],
    },
];

/// Why a change was taken.
pub(crate) const ACCEPTED: &[&str] = &[
    "all cells of the slice are green and nothing else went red",
    "the two remaining red cells turned green; the diff is small and has tests of its own",
    "behaviour matches the reference in all recorded cases, the error texts included",
    "good work: the fix is at the cause and not at the symptom",
    "green after one revision; the new test fails without the change, as it should",
    "the property test found nothing in 50,000 cases; accepted",
];

/// Why a change was sent back.
pub(crate) const REVERTED: &[&str] = &[
    "one cell that was green went red, and the change does not mention it",
    "the test was weakened in place of the code being mended",
    "works for ASCII only; the reference sorts by code point",
    "the lock is held over the write, so readers wait for the disk",
    "an unrelated module was touched: 14 files, of which 3 belong to the slice",
    "the limit is hard-coded; the matrix asks for the setting to be honoured",
    "the result is right but takes 40 times as long on the large fixture",
];

/// Why there was no verdict.
pub(crate) const WEDGED: &[&str] = &[
    "the loop was restarted before the judge had its say",
    "the writer waited for input that nobody would give",
    "the test suite did not end within its budget",
];

/// Kinds of hangs, and what is learnt of each.
pub(crate) const WEDGES: &[(&str, &str)] = &[
    ("no_output", "an agent that waits for input it will never get must be given none"),
    ("stalled_model", "a request that got no token for six seconds is asked again, once"),
    ("endless_test", "every test runs under a deadline of its own, property tests too"),
    ("full_context", "a session is handed over with a summary before its context is full"),
    ("blocked_tool", "a tool that asks a question is started with its answer"),
];

/// Changes of the loop's rules, and why.
pub(crate) const REFINEMENTS: &[(&str, &str)] = &[
    ("tests first", "three reverts in a row were for missing tests"),
    ("one module a change", "changes over several modules were reverted twice as often"),
    ("read the reference before writing", "the behaviour was guessed in two of five reverts"),
    ("name the cell in the commit", "the judge could not tell which cell a commit was for"),
    ("no sleeps in tests", "a test that waited for 200 ms failed once in forty runs"),
    ("measure before speeding up", "a cache was added to what took a thousandth of the time"),
];

/// What the agent tried, to get around the orchestrator.
pub(crate) const BYPASSES: &[(&str, &str)] = &[
    ("git commit --no-verify", "tried to commit without the hooks"),
    ("sed -i 's/red/green/' acceptance/parity-matrix.yaml", "tried to edit the matrix"),
    ("pkill -f orchestrator", "tried to end the orchestrator"),
    ("git push --force", "tried to rewrite what was judged"),
];

/// What reviews find, the mildest first: severity, what it is, what to do about it.
pub(crate) const FINDINGS: &[(&str, &str, &str)] = &[
    ("info", "iterations take half an hour in the median", "none"),
    ("warn", "the same cell was taken up again after a revert", "let the planner read the last verdict's reason"),
    ("crit", "a test was deleted to get green", "restore it and tell the writer why"),
];

/// What reviews say of the loop, by how well it is.
pub(crate) const REVIEWS: &[(&str, &[&str])] = &[
    (
        "healthy",
        &[
            "steady progress, few reverts, no rule broken",
            "the accept rate rose for the third day; the planner picks smaller slices",
            "lessons of the last hangs are heeded: none of them came back",
        ],
    ),
    (
        "degraded",
        &[
            "the same cell was taken up four times; the planner should leave it for a person",
            "half of the tokens went into reading files that were read before",
            "two restarts in a night, both while the model server stalled",
        ],
    ),
    (
        "stuck",
        &[
            "five iterations without a verdict; somebody should look at the judge",
            "reverts in a row on one module: the slice is too large",
        ],
    ),
];

/// Prose of agents.
pub(crate) const PROSE: &[&str] = &[
    "Let me look at how the reference treats this case before I change anything.",
    "The failing test names the cell, so I will start there.",
    "I see: the cursor is advanced before the bounds are checked.",
    "That explains why it only fails with more than one segment.",
    "I will write a test that fails first, and then make the smallest change that mends it.",
    "Now the unit tests pass; next the recorded cases of the matrix.",
    "One case is still red, because an empty group must give a row of nulls.",
    "This belongs to another module, so I leave it alone and note it.",
    "The diff is small. I will run the whole suite once more before I hand it over.",
    "There are two ways to do this; the simpler one is enough for what is asked.",
    "The error text must be the same as the reference's, down to the position.",
    "The lock is not needed here, since the snapshot is immutable.",
];

/// Parts of which lines of code are made.
pub(crate) const CODE: &[&str] = &[
    "fn next_page(&mut self, after: PageId) -> Result<Option<Page>, PagerError> {",
    "    let page = self.cache.get(after).unwrap_or_else(|| self.read(after));",
    "    if page.checksum != checksum(&page.bytes) { return Err(PagerError::Torn(after)); }",
    "    match self.peek() { Some(b'\"') => self.quoted(), Some(_) => self.bare(), None => Ok(None) }",
    "for (key, row) in left.iter().filter(|(key, _)| !key.is_null()) {",
    "    table.entry(hash(key)).or_default().push(row);",
    "#[test]\nfn an_empty_group_gives_a_row_of_nulls() {",
    "    assert_eq!(query(\"select count(*) from t where false\"), [[\"0\"]]);",
    "    // The reference compares the raw bytes here, not the collation key.",
    "    let horizon = snapshots.iter().map(|snapshot| snapshot.oldest).min();",
    "impl Iterator for RangeScan<'_> {\n    type Item = (Key, Row);",
    "    tracing::debug!(segment, offset, \"replayed\");",
    "test result: ok. 412 passed; 0 failed; 0 ignored; finished in 3.81s",
    "warning: unused variable: `offset`\n  --> src/storage/wal.rs:217:9",
    "| txn/locks | deadlock-detection | green | 31 of 31 |",
    "\tif (page->lsn > checkpoint) return PAGE_NEWER;\r",
    "    \"path\": \"C:\\\\data\\\\wal\", \"pattern\": \"^[a-z]+\\\\s\\\"\",",
    "    let wide = 'ß'.len_utf8() + \"日本\".len();",
];
