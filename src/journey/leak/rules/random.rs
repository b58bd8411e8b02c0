//! Whether a token was drawn at random or written by a person: how much better a uniform choice explains it than the
//! way in which words and names are put together.
//!
//! Invariant: linear in the token's length, and the same answer wherever the token stands.

use super::bytes::{ALNUM, DIGIT, HEX, LOWER, Mask, UPPER, class};

/// Twice the negative base-2 logarithm of how often a letter (column) follows another (row) in the words of program
/// text and its documentation, `a` for 0, `b` for 1 and so on; counted over 2.2 million words.
const FOLLOWS: [&[u8; 26]; 26] = [
    b"qkijqojrlrogigrjnhiflnnpno",
    b"gnlnhoqohkqfophorkkngqrrir",
    b"gqmpgorhlsijoreqshngkprsns",
    b"fmnkdmppgqplmpimrljoknpnnr",
    b"kohinlmporqklhpkmffgpnmjms",
    b"gpopjinrerrjmqfprjljhqrrms",
    b"mpnpdnklfrqlnjinrihlkorrrq",
    b"gpnpdqrrhrronqgnqlmggqrspr",
    b"lnjjklksqsqhkehlrkigrlsosn",
    b"honoeoqplpnooqgnoodplonqpp",
    b"gonndmgphqqnnloorohnlpprqr",
    b"iqpkemqrfrpiqngnspjiiorsjs",
    b"flqmeqprhrqljoigrplmlqrror",
    b"hqihhkgrjrmnoljmrphflmqsos",
    b"nlkjonlrmomjheljsfkjhmlqrs",
    b"foomfqqojskioqgjrgjijqrrms",
    b"opppqqppoppjppqppoopbpoqoq",
    b"iqkmenlrgsnmljhoshiijnrsls",
    b"kpipeppkhsnnpoikqnhejpnsns",
    b"hpkofnqggrrlnqiksgjjjqpois",
    b"kikmhlmskssgkgqksfhhqrrqsr",
    b"drpndrqrhrrrqqmprqorkqrrir",
    b"fpnmiooifqqloigoqhhnpomqqr",
    b"hlilhkqojpqokpnfqnmeppqloq",
    b"kmlnkooplqqklkkdqmhhpnmqoi",
    b"ipnocpopippmnpkpponpgpooom",
];

/// What a byte costs in half bits after another one in words, names and numbers; both are ASCII.
static WRITTEN: [[u8; 128]; 128] = {
    let mut table = [[8; 128]; 128];
    let mut before = 0;
    while before < 128 {
        let mut byte = 0;
        while byte < 128 {
            table[before][byte] = written(before as u8, byte as u8);
            byte += 1;
        }
        before += 1;
    }
    table
};

/// What a byte costs after another one, in half bits.
#[inline(always)]
pub(super) fn written_cost(before: u8, byte: u8) -> u32 {
    u32::from(WRITTEN[usize::from(before & 127)][usize::from(byte & 127)])
}

/// How much better a uniform choice from the token's own alphabet explains it than words do, in half bits: above 0 it
/// looks drawn at random, below 0 it looks written.
pub(super) fn surprise(token: &[u8]) -> i32 {
    let (mut before, mut cost, mut all) = (b'-', 0, 0);
    for &byte in token {
        cost += written_cost(before, byte);
        all |= class(byte);
        before = byte;
    }
    surprise_of(cost, all, token.len())
}

/// The same from what the bytes of a token cost together and the classes that they are of.
pub(super) fn surprise_of(cost: u32, all: Mask, length: usize) -> i32 {
    cost as i32 - uniform_cost(all) * length as i32
}

/// What a byte costs in half bits where each of the alphabet is as likely.
fn uniform_cost(all: Mask) -> i32 {
    let letters = all & ALNUM;
    // A capital after a capital costs more, because most words are not in capitals; where all is, it says nothing.
    let capitals = if letters & LOWER == 0 { 2 } else { 0 };
    let single = letters & UPPER == 0 || letters & LOWER == 0;
    capitals
        + match (single, letters & !HEX == 0, letters & DIGIT == 0) {
            (true, true, _) => 8,
            (true, false, true) => 9,
            (true, false, false) => 10,
            (false, ..) => 12,
        }
}

const fn written(before: u8, byte: u8) -> u8 {
    let letters = before.is_ascii_alphabetic() && byte.is_ascii_alphabetic();
    match (before, byte) {
        (b'a'..=b'z', b'A'..=b'Z') => 16,
        (b'A'..=b'Z', _) if letters => follows(before, byte) + 2,
        _ if letters => follows(before, byte),
        (b'0'..=b'9', b'0'..=b'9') => 8,
        (b'0'..=b'9', b'a'..=b'z' | b'A'..=b'Z') => 15,
        (b'a'..=b'z' | b'A'..=b'Z', b'0'..=b'9') => 16,
        (_, b'a'..=b'z' | b'A'..=b'Z') => 9,
        (_, b'0'..=b'9') => 11,
        _ => 8,
    }
}

const fn follows(before: u8, letter: u8) -> u8 {
    FOLLOWS[((before | 32) - b'a') as usize][((letter | 32) - b'a') as usize] - b'a'
}
