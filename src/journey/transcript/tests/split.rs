//! Reading in many runs gives what reading at once gives.

use proptest::prelude::*;

use super::*;

/// One line of a transcript, ordinary or not.
fn any_line() -> impl Strategy<Value = Vec<u8>> {
    let answers = (0_u32..6, 0_u32..4, 0_u64..50, 0_u32..6, any::<bool>());
    prop_oneof![
        8 => answers.prop_map(|(id, at, output, tool, plain)| {
            let id = format!("{id}");
            let tokens = [1, output, output * 2, 3];
            let line = if plain { answer(&id, at, tokens) } else { call(&id, at, tokens, &format!("toolu_{tool}")) };
            line.to_string().into_bytes()
        }),
        2 => (0_u32..9).prop_map(|at| result(at).to_string().into_bytes()),
        1 => Just(b"{\"usage\": broken".to_vec()),
        1 => Just(b"\0\0\0\0".to_vec()),
        1 => Just(b" \r".to_vec()),
        1 => Just(answer("x", 3, [1, 1, 1, u64::MAX]).to_string().into_bytes()),
    ]
}

/// A file, and where it is cut into appends.
fn file() -> impl Strategy<Value = (Vec<u8>, Vec<usize>)> {
    (prop::collection::vec(any_line(), 0..14), any::<bool>()).prop_flat_map(|(lines, torn)| {
        let mut bytes = lines.join(&b'\n');
        if !torn && !bytes.is_empty() {
            bytes.push(b'\n');
        }
        let length = bytes.len();
        (Just(bytes), prop::collection::vec(0..=length, 0..6))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_appends_gives_what_reading_at_once_gives(
        files in prop::collection::vec(file(), 1..4),
        max_line in 1_u64..2000,
    ) {
        let home = Home { max_line, ..Home::new() };
        let rounds = files.iter().map(|(_, cuts)| cuts.len()).max().unwrap_or(0);
        let mut ledger = None;
        for round in 0..=rounds {
            for (number, (bytes, cuts)) in files.iter().enumerate() {
                let mut cuts = cuts.clone();
                cuts.sort_unstable();
                cuts.push(bytes.len());
                let end = cuts.get(round).copied().unwrap_or(bytes.len());
                home.append(&format!("{number}"), []);
                let length = fs::metadata(home.transcript(&format!("{number}"))).unwrap().len() as usize;
                home.append(&format!("{number}"), &bytes[length..end]);
            }
            ledger = Some(home.read());
        }
        let whole = Home { max_line: 8 << 20, ..home };
        prop_assert_eq!(ledger.unwrap(), whole.read_anew());
    }
}
