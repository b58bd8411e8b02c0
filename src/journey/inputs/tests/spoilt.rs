//! Every input cut at each byte and garbled: what is read stays sane, and nothing else suffers.

use std::fs;

use proptest::prelude::*;

use super::super::Gathered;
use super::stage::{INPUTS, Stage};
use crate::journey::correlate::correlate;
use crate::journey::transcript::Ledger;

/// How many things the input tells.
fn told(gathered: &Gathered, input: &str) -> usize {
    match input {
        "state.json" => gathered.history.len(),
        "state-heartbeat.json" => usize::from(gathered.heartbeat.iter.is_some()),
        "verdicts.jsonl" => gathered.verdicts.len(),
        "meta-judge.jsonl" => gathered.reviews.len(),
        "system-state.jsonl" => gathered.parity.len(),
        input => {
            let place = gathered.files.iter().position(|file| file.ends_with(input));
            let its = |file: u32| Some(file as usize) == place;
            gathered.events.iter().filter(|line| its(line.event.from.file)).count()
        }
    }
}

#[test]
fn a_cut_at_any_byte_costs_what_was_cut_alone() {
    for input in INPUTS {
        let stage = Stage::whole();
        let whole = stage.read();
        let text = Stage::text(input);
        let mut most = 0;
        for cut in 0..text.len() {
            fs::write(stage.at(input), &text.as_bytes()[..cut]).unwrap();
            let gathered = stage.read();
            let count = told(&gathered, input);
            assert!(count >= most && count <= told(&whole, input), "{input} cut at {cut}: {count}");
            most = count;
            for other in INPUTS.iter().filter(|other| **other != input) {
                assert_eq!(told(&gathered, other), told(&whole, other), "{input} cut at {cut} costs {other}");
            }
            let is_whole = input.ends_with(".json") || cut == 0 || text.as_bytes()[cut - 1] == b'\n';
            assert_eq!(gathered.left_out.iter().any(|one| one.kind == "torn"), !is_whole, "{input} cut at {cut}");
            correlate(gathered, Ledger::default());
        }
        assert!(most > 0 || input.ends_with("heartbeat.json") || text.lines().count() == 1, "{input}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn garbled_bytes_panic_nowhere(
        input in proptest::sample::select(INPUTS.to_vec()),
        spots in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let stage = Stage::whole();
        let mut bytes = Stage::text(input).into_bytes();
        for (at, byte) in spots {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        fs::write(stage.at(input), &bytes).unwrap();
        let run = correlate(stage.read(), Ledger::default());
        prop_assert!(serde_json::to_string(&run).is_ok());
        let again = correlate(stage.read(), Ledger::default());
        prop_assert_eq!(run, again, "and reads the same again");
    }

    #[test]
    fn any_bytes_in_any_input_panic_nowhere(
        input in proptest::sample::select(INPUTS.to_vec()),
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let stage = Stage::whole();
        fs::write(stage.at(input), &bytes).unwrap();
        correlate(stage.read(), Ledger::default());
    }
}
