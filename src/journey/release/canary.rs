//! Planted secrets: a gate that lets one pass is broken, and then nothing is published.
//!
//! Invariant: made anew from chance at each run, so that no list of known values catches them; none of them is a
//! credential of anything.

use ring::rand::{SecureRandom, SystemRandom};

use super::error::Error;
use super::intake::{Intake, Piece};
use super::place::Cursor;
use super::steps::Step;
use super::tree::{hex, sha256};

/// Plants a secret in several guises below where `intake` writes, has each scanned as any other file, and takes them
/// away.
///
/// # Errors
/// When one of them passes, or they cannot be planted.
pub(super) fn plant(intake: &Intake<'_>) -> Result<(), Error> {
    let nonce = nonce()?;
    let (mut cursor, mut buffer) = (Cursor::making(intake.staging), Vec::new());
    for (guise, ending, text) in guises(&token(&nonce)) {
        let path = format!("canary-{}.{ending}", &hex(&sha256(&nonce))[..16]);
        let fill = Box::new(move |file: &mut dyn std::io::Write| Ok(file.write_all(text.as_bytes())?));
        let piece = Piece { path, source: [0; 32], fill };
        let taken = intake.take(&mut cursor, &piece, 0, &mut buffer)?;
        (intake.watch)(Step::CanaryPlanted)
            .map_err(super::error::disk_io("plant the canary in", intake.staging.path()))?;
        intake.staging.unlink(piece.path.as_str()).map_err(super::error::disk("remove", intake.staging.path()))?;
        if taken.verdict.findings.is_empty() {
            return Err(Error::Canary(guise.into()));
        }
    }
    Ok(())
}

fn nonce() -> Result<[u8; 32], Error> {
    let mut nonce = [0; 32];
    let filled = SystemRandom::new().fill(&mut nonce);
    filled.map(|()| nonce).map_err(|_| Error::Unfit("the operating system gives no random bytes".into()))
}

/// A token in the format that GitHub publishes: `ghp_`, 30 characters, and their CRC-32 in six digits to the base 62
/// (github.blog, "Behind GitHub's new authentication token formats", 2021).
fn token(nonce: &[u8; 32]) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let digit = |value: u32| char::from(DIGITS[value as usize % DIGITS.len()]);
    let body: String = nonce.iter().take(30).map(|byte| digit(u32::from(*byte))).collect();
    let mut crc = flate2::Crc::new();
    crc.update(body.as_bytes());
    let sum: String = (0..6).rev().map(|place| digit(crc.sum() / 62_u32.pow(place))).collect();
    format!("ghp_{body}{sum}")
}

/// `token` plain, in base64, and as a page would escape it; each with what it is called and its file's ending.
fn guises(token: &str) -> [(&'static str, &'static str, String); 3] {
    let escaped: String = token.bytes().map(|byte| format!("&#{byte};")).collect();
    [
        ("plain", "md", format!("The journey used {token} on its way.\n")),
        ("in base64", "json", format!("{{\"blob\": \"{}\"}}\n", base64(format!("token = {token}\n").as_bytes()))),
        ("in HTML entities", "html", format!("<!doctype html>\n<p title=\"{escaped}\">x</p>\n")),
    ]
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |chunk: &[u8]| {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let value = byte(0) << 16 | byte(1) << 8 | byte(2);
        (0..4).map(move |place| (value >> (18 - 6 * place)) & 63).collect::<Vec<_>>()
    };
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let digits = group(chunk).into_iter().map(|digit| char::from(DIGITS[digit as usize]));
        text.extend(digits.take(chunk.len() + 1).chain("=".repeat(3 - chunk.len()).chars()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        // The test vectors of RFC 4648, section 10.
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn each_token_is_another_one_of_the_published_form() {
        let tokens: Vec<String> = (0..50).map(|_| token(&nonce().unwrap())).collect();
        for one in &tokens {
            assert!(one.len() == 40 && one[4..].bytes().all(|byte| byte.is_ascii_alphanumeric()), "{one}");
            assert_eq!(tokens.iter().filter(|other| *other == one).count(), 1);
        }
    }
}
