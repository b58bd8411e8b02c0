//! A builder of the operator's own leaves a secret in each kind of file: it is refused, and what was shown stays.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use super::place::Place;
use super::planted::Planter;
use super::seen::{base64, hex};

/// A place whose builder leaves one page and what lies in `path("project/planted")`, which is published without anything
/// planted.
fn with_builder() -> Place {
    let place = Place::new(6);
    place
        .build_with("mkdir -p dist; echo '<p>nothing</p>' >dist/index.html; cp -R planted/. dist/ 2>/dev/null || true");
    fs::create_dir_all(place.path("project/planted")).unwrap();
    place.synthesize(&["--rebuild-site"]);
    place
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// A brotli stream (RFC 7932) with `bytes` as they are: a window of 16 bits, one meta-block that is not compressed, and
/// an empty last one.
fn brotli(bytes: &[u8]) -> Vec<u8> {
    let head = (bytes.len() as u32 - 1) << 4 | 1 << 20;
    [&head.to_le_bytes()[..3], bytes, &[3]].concat()
}

/// A stream, which unpacks to a page, with `secret` where no unpacker looks: behind its end, and what its format lets one
/// pass over.
fn hidden(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let page = "<p>nothing</p>\n".repeat(200);
    let (page, tail) = (page.as_bytes(), secret.as_bytes());
    let zstd = zstd::encode_all(page, 3).unwrap();
    let frame = [&b"\x53\x2a\x4d\x18"[..], &(tail.len() as u32).to_le_bytes(), tail].concat();
    let named = |builder: flate2::GzBuilder| {
        let mut out = builder.write(Vec::new(), flate2::Compression::default());
        out.write_all(page).unwrap();
        out.finish().unwrap()
    };
    let mut brotlied = Vec::new();
    brotli::BrotliCompress(&mut &page[..], &mut brotlied, &brotli::enc::BrotliEncoderParams::default()).unwrap();
    vec![
        ("p.html.gz", [&gzip(page), tail].concat()),
        ("q.html.gz", [gzip(page), gzip(tail)].concat()),
        ("r.html.gz", named(flate2::GzBuilder::new().filename(secret))),
        ("s.html.gz", named(flate2::GzBuilder::new().comment(secret))),
        ("t.html.gz", named(flate2::GzBuilder::new().extra(secret))),
        ("u.html.gz", [gzip(page), named(flate2::GzBuilder::new().filename(secret))].concat()),
        ("v.html.gz", named(flate2::GzBuilder::new().filename(format!("{} {secret}", "a".repeat(600))))),
        ("p.html.zst", [&zstd, tail].concat()),
        ("q.html.zst", [zstd.clone(), frame.clone()].concat()),
        ("r.html.zst", [frame, zstd].concat()),
        ("p.html.br", [&brotlied, tail].concat()),
        ("q.html.br", [&brotlied[..], &[0; 9000], tail].concat()),
    ]
}

/// Bytes of a picture of one point, with `tail` behind its end.
fn png(tail: &str) -> Vec<u8> {
    let picture = "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc0000003\
                   010100c9fe92ef0000000049454e44ae426082";
    let byte = |at| u8::from_str_radix(&picture[at..at + 2], 16).unwrap();
    (0..picture.len()).step_by(2).map(byte).chain(tail.bytes()).collect()
}

fn entities(text: &str) -> String {
    text.bytes().map(|byte| format!("&#{byte};")).collect()
}

/// What is left, by the file's name, of a page with `secret`.
fn plants(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: String| text.into_bytes();
    let sentence = format!("it is {secret} here\n");
    vec![
        ("a.html", text(format!("<p>it is {secret}</p>"))),
        ("b.html", text(format!("<img src=x.png alt='{secret}'>"))),
        ("c.html", text(format!("<p>{}</p>", entities(secret)))),
        ("d.html", text(format!("<!-- {secret} --><p></p>"))),
        ("e.html", text(format!("<p>{}<b></b>{}</p>", &secret[..9], &secret[9..]))),
        ("a.svg", text(format!("<svg xmlns='http://www.w3.org/2000/svg'><title>{secret}</title></svg>"))),
        ("a.json", text(format!("{{\"a\": \"{}\"}}", secret.replace('_', "\\u005f").replace('/', "\\/")))),
        ("feed.xml", text(format!("<feed><entry><summary><![CDATA[{secret}]]></summary></entry></feed>"))),
        ("a.css", text(format!(".x::after {{ content: '{secret}'; }}"))),
        ("a.js", text(format!("const x = `{secret}`;"))),
        ("b.js", text(format!("x = atob('{}');", String::from_utf8(base64(sentence.as_bytes())).unwrap()))),
        ("c.js", text(format!("x = '{}';", String::from_utf8(hex(sentence.as_bytes(), true)).unwrap()))),
        ("a.png", png(secret)),
        ("a.html.gz", gzip(sentence.as_bytes())),
        ("a.html.br", brotli(sentence.as_bytes())),
        ("a.html.zst", zstd::encode_all(sentence.as_bytes(), 3).unwrap()),
        ("b.html.gz", gzip(&gzip(sentence.as_bytes()))),
        ("a.bin", [&[0, 159, 146, 150][..], secret.as_bytes(), &[0, 255]].concat()),
    ]
}

/// Refused: nothing is published, the report tells no value and is nobody else's, and what was shown is shown still.
fn is_refused(place: &Place, planter: &Planter, what: &str) {
    let before = place.shown();
    let ended = place.run(&["synthesize"]);
    assert_eq!((ended.code, place.shown()), (Some(1), before), "{what}: {ended:?}");
    assert!(ended.err.contains("refused to publish: the leak gate found "), "{what}: {ended:?}");
    let report = place.refusal();
    assert!(report.contains("\"findings\"") && report.contains("\"rule\""), "{what}: {report}");
    for name in ["leak-report.json", "last-run.json"] {
        let mode = fs::metadata(place.path("runtime/journey").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "{what}: {name}");
    }
    let eyes = planter.eyes();
    for text in [&ended.out, &ended.err, &report, &place.read("runtime/journey/last-run.json")] {
        eyes.see_nothing(text);
    }
    eyes.see_nothing_in(&place.path("site"));
}

#[test]
fn a_secret_in_each_kind_of_file_is_refused() {
    let (place, mut planter) = (with_builder(), Planter::default());
    let token = planter.alone(0);
    for (name, bytes) in plants(&token) {
        let path = place.path("project/planted").join(name);
        fs::write(&path, bytes).unwrap();
        is_refused(&place, &planter, name);
        fs::remove_file(path).unwrap();
    }
    place.synthesize(&[]);
    assert_eq!(place.refusal(), "", "a report would tell of what is no more");
}

#[test]
fn a_secret_where_no_unpacker_looks_is_not_published() {
    let (place, mut planter) = (with_builder(), Planter::default());
    let token = planter.alone(0);
    fs::write(place.path("project/planted/p.html"), "<p>nothing</p>\n".repeat(200)).unwrap();
    place.synthesize(&[]);
    let before = place.shown();
    for (name, bytes) in hidden(&token) {
        let path = place.path("project/planted").join(name);
        fs::write(&path, bytes).unwrap();
        let ended = place.run(&["synthesize"]);
        assert_eq!((ended.code, place.shown()), (Some(1), before.clone()), "{name}: {ended:?}");
        planter.eyes().see_nothing_in(&place.path("site"));
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn each_kind_of_secret_in_a_page_and_in_a_files_name_is_refused() {
    let (mut place, mut planter) = (with_builder(), Planter::default());
    let secrets: Vec<String> = (0..super::planted::KINDS).map(|kind| planter.alone(kind)).collect();
    planter.tell(&mut place);
    for secret in secrets {
        fs::write(place.path("project/planted/a.html"), format!("<p>it is\n{secret}\n</p>")).unwrap();
        is_refused(&place, &planter, &secret);
        fs::remove_file(place.path("project/planted/a.html")).unwrap();
        if !secret.contains(['/', ' ']) {
            let path = place.path("project/planted").join(format!("{secret}.html"));
            fs::write(&path, "<p></p>").unwrap();
            let ended = place.run(&["synthesize"]);
            assert_eq!(ended.code, Some(1), "{ended:?}");
            let eyes = planter.eyes();
            [&ended.out, &ended.err, &place.refusal()].into_iter().for_each(|text| eyes.see_nothing(text));
            eyes.see_nothing_in(&place.path("site"));
            fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn links_out_of_the_site_and_what_cannot_be_opened_are_not_published() {
    let (place, mut planter) = (with_builder(), Planter::default());
    let token = planter.alone(0);
    fs::write(place.path("outside"), &token).unwrap();
    let before = place.shown();
    let locked = [
        b"7z\xbc\xaf\x27\x1c\0\x04".to_vec(),
        b"PK\x03\x04\x14\0\x01\0\x08\0".to_vec(),
        gzip(&[7; 4000])[..30].to_vec(),
    ];
    for (at, bytes) in locked.into_iter().enumerate() {
        fs::write(place.path("project/planted/a.bin"), bytes).unwrap();
        let ended = place.run(&["synthesize"]);
        assert_eq!((ended.code, place.shown()), (Some(1), before.clone()), "{at}: {ended:?}");
        assert!(ended.err.contains("could-not-scan 1"), "{at}: {ended:?}");
        fs::remove_file(place.path("project/planted/a.bin")).unwrap();
    }
    std::os::unix::fs::symlink(place.path("outside"), place.path("project/planted/a.html")).unwrap();
    let ended = place.run(&["synthesize"]);
    assert_eq!((ended.code, place.shown()), (Some(1), before), "{ended:?}");
    assert!(ended.err.contains("a.html, which is neither file nor directory"), "{ended:?}");
    planter.eyes().see_nothing_in(&place.path("site"));
}
