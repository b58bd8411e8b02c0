//! Transcripts of a coding agent and Markdown, made up from this repository's own texts: what the leak gate sees.
//!
//! Invariant: the same repository and size give the same bytes, and there is no secret in them.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// One event in so many brings a picture.
const PICTURES: u64 = 60;

/// Writes `size` bytes, give or take an event.
pub(crate) fn write(out: &mut impl Write, size: u64) -> io::Result<()> {
    let texts = texts();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut written = 0;
    while written < size {
        let event = event(&texts, &mut dice);
        out.write_all(event.as_bytes())?;
        written += event.len() as u64;
    }
    out.flush()
}

/// Sources and documents of the repository, but for those that hold examples of secrets.
fn texts() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for directory in ["src", "docs"] {
        collect(&root.join(directory), &mut files);
    }
    files.sort();
    files.iter().filter_map(|file| std::fs::read_to_string(file).ok()).filter(|text| text.len() > 500).collect()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("leak") && !path.ends_with("redact") {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "md") {
            files.push(path);
        }
    }
}

/// A generator of numbers (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    fn uuid(&mut self) -> String {
        let (one, two) = (self.roll(), self.roll());
        format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            one >> 32,
            one >> 16 & 0xffff,
            one & 0xfff,
            two >> 52,
            two & 0xffff_ffff_ffff
        )
    }

    fn hash(&mut self) -> String {
        format!("{:016x}{:016x}{:08x}", self.roll(), self.roll(), self.roll() >> 32)
    }

    /// Some lines of a text.
    fn excerpt<'a>(&mut self, texts: &'a [String], longest: u64) -> &'a str {
        let text = &texts[self.below(texts.len() as u64) as usize];
        let start = self.below(text.len() as u64 / 2) as usize;
        let end = (start + 200 + self.below(longest) as usize).min(text.len());
        let start = text[..text.floor_char_boundary(start)].rfind('\n').map_or(0, |at| at + 1);
        let end = text[..text.floor_char_boundary(end)].rfind('\n').unwrap_or(start).max(start);
        &text[start..end]
    }

    /// A picture: the head of a PNG and bytes that look compressed.
    fn picture(&mut self) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let length = 20_000 + self.below(120_000) as usize;
        let mut picture = String::from("iVBORw0KGgoAAAANSUhEUgAAAyAAAAJYCAYAAACadoJwAAAA");
        while picture.len() < length {
            let bits = self.roll();
            (0..10).for_each(|at| picture.push(char::from(DIGITS[(bits >> (6 * at) & 63) as usize])));
        }
        picture
    }
}

/// One line of a transcript, or now and then a piece of Markdown.
fn event(texts: &[String], dice: &mut Dice) -> String {
    let envelope = format!(
        "\"uuid\":\"{}\",\"parentUuid\":\"{}\",\"sessionId\":\"{}\",\"timestamp\":\"2026-11-22T10:{:02}:{:02}.{:03}Z\"",
        dice.uuid(),
        dice.uuid(),
        dice.uuid(),
        dice.below(60),
        dice.below(60),
        dice.below(1000)
    );
    let call = format!("toolu_01{}", &dice.hash()[..22]);
    match dice.below(PICTURES) {
        0 => format!(
            "{{{envelope},\"type\":\"user\",\"message\":{{\"role\":\"user\",\"content\":[{{\"type\":\"image\",\"source\":{{\"type\":\
             \"base64\",\"media_type\":\"image/png\",\"data\":\"{}\"}}}}]}}}}\n",
            dice.picture()
        ),
        1..=5 => format!("{}\n\n", dice.excerpt(texts, 6_000)),
        6..=30 => {
            let text = json(dice.excerpt(texts, 6_000));
            format!(
                "{{{envelope},\"type\":\"user\",\"message\":{{\"role\":\"user\",\"content\":[{{\"tool_use_id\":\"{call}\",\"type\":\
                 \"tool_result\",\"content\":{text}}}]}},\"toolUseResult\":{{\"stdout\":{text},\"stderr\":\"\",\"gitHead\":\"{}\"}}}}\n",
                dice.hash()
            )
        }
        31..=45 => format!(
            "{{{envelope},\"type\":\"assistant\",\"message\":{{\"id\":\"msg_01{}\",\"model\":\"local\",\"content\":[{{\"type\":\
             \"text\",\"text\":{}}}],\"usage\":{{\"input_tokens\":{},\"output_tokens\":{},\"cache_read_input_tokens\":{}}}}}}}\n",
            &dice.hash()[..22],
            json(dice.excerpt(texts, 1_500)),
            dice.below(9),
            dice.below(3_000),
            dice.below(150_000)
        ),
        _ => format!(
            "{{{envelope},\"type\":\"assistant\",\"message\":{{\"content\":[{{\"type\":\"tool_use\",\"id\":\"{call}\",\"name\":\"Edit\",\
             \"input\":{{\"file_path\":\"/srv/project/src/module_{}.rs\",\"old_string\":{},\"new_string\":{}}}}}]}}}}\n",
            dice.below(200),
            json(dice.excerpt(texts, 900)),
            json(dice.excerpt(texts, 900))
        ),
    }
}

fn json(text: &str) -> String {
    serde_json::to_string(text).expect("a text")
}
