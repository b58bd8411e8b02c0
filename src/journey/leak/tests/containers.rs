//! Values within compressed streams and archives, and what cannot be opened.

use std::io::Write;

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).expect("memory");
    packed.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("memory")
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).expect("memory");
    packed.finish().expect("memory")
}

/// A tar archive of `files`.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, content) in files {
        let mut header = [0_u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..108].copy_from_slice(b"0000644\0");
        header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend_from_slice(&header);
        archive.extend_from_slice(content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.extend_from_slice(&[0; 1024]);
    archive
}

/// A zip archive of `files`, packed by `method`, with `flags`.
fn zip(files: &[(&str, &[u8])], method: u16, flags: u16) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, content) in files {
        let packed = if method == 8 { deflate(content) } else { content.to_vec() };
        let lengths = if flags & 8 == 0 { [packed.len(), content.len()] } else { [0, 0] };
        archive.extend_from_slice(b"PK\x03\x04\x14\0");
        archive.extend_from_slice(&flags.to_le_bytes());
        archive.extend_from_slice(&method.to_le_bytes());
        archive.extend_from_slice(&[0; 8]);
        lengths.iter().for_each(|&length| archive.extend_from_slice(&(length as u32).to_le_bytes()));
        archive.extend_from_slice(&(name.len() as u16).to_le_bytes());
        archive.extend_from_slice(&[0; 2]);
        archive.extend_from_slice(name.as_bytes());
        archive.extend_from_slice(&packed);
        if flags & 8 != 0 {
            archive.extend_from_slice(b"PK\x07\x08\0\0\0\0\0\0\0\0\0\0\0\0");
        }
    }
    archive.extend_from_slice(b"PK\x05\x06");
    archive.extend_from_slice(&[0; 18]);
    archive
}

fn document() -> Vec<u8> {
    format!("one\n  {VALUE}\n").into_bytes()
}

#[test]
fn compressed_streams_are_opened() {
    for (layer, packed) in [("gzip", gzip(&document())), ("zstd", zstd(&document()))] {
        let findings = scanner().scan_bytes("index.html.x", &packed).expect("it opens");
        assert_eq!(words(&findings), [("token", 2, 3, vec![layer])]);
    }
}

#[test]
fn the_name_that_gzip_keeps_is_looked_at() {
    let mut packed = b"\x1f\x8b\x08\x18\0\0\0\0\0\x03".to_vec();
    packed.extend_from_slice(format!("{VALUE}.txt\0comment {HOST_NAME}\0").as_bytes());
    packed.extend_from_slice(&gzip(b"clean")[10..]);
    let findings = scanner().scan_bytes("a.gz", &packed).expect("it opens");
    assert_eq!(findings.len(), 2, "{findings:?}");
}

#[test]
fn brotli_is_opened_by_its_name() {
    // What a brotli stream without compression looks like: a header, the length, the bytes, an empty last block.
    let document = document();
    let mut packed = Vec::new();
    let mut writer = BitWriter::default();
    writer.put(0, 1);
    writer.put(0, 1);
    writer.put(0, 2);
    writer.put(document.len() as u32 - 1, 16);
    writer.put(1, 1);
    packed.extend(writer.bytes());
    packed.extend_from_slice(&document);
    packed.push(3);
    let findings = scanner().scan_bytes("index.html.br", &packed).expect("it opens");
    assert_eq!(words(&findings), [("token", 2, 3, vec!["brotli"])]);
}

#[test]
fn what_unpackers_skip_cannot_be_scanned() {
    let named = |builder: flate2::GzBuilder| {
        let mut packed = builder.write(Vec::new(), flate2::Compression::default());
        packed.write_all(b"clean").expect("memory");
        packed.finish().expect("memory")
    };
    let zlib = |bytes: &[u8]| {
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        packed.write_all(bytes).expect("memory");
        packed.finish().expect("memory")
    };
    let skipped = [&b"\x5f\x2a\x4d\x18"[..], &(VALUE.len() as u32).to_le_bytes(), VALUE.as_bytes()].concat();
    // A brotli stream of 4096 bytes, as many as are read at a time: 4092 as they are, and an empty last block.
    let brotli = [&((4092_u32 - 1) << 4 | 1 << 20).to_le_bytes()[..3], &[b'x'; 4092], &[3]].concat();
    let files = [
        ("a.gz", named(flate2::GzBuilder::new().extra(VALUE))),
        ("a.gz", [gzip(b"clean"), named(flate2::GzBuilder::new().comment(VALUE))].concat()),
        ("a.gz", named(flate2::GzBuilder::new().filename(format!("{}{VALUE}", "a".repeat(600))))),
        ("a.zst", [zstd(b"clean"), skipped.clone()].concat()),
        ("a.zst", [skipped, zstd(b"clean")].concat()),
        ("ab/cdef", [zlib(b"blob 5\0clean"), VALUE.into()].concat()),
        ("a.br", [&brotli[..], VALUE.as_bytes()].concat()),
    ];
    for (name, bytes) in files {
        assert!(scanner().scan_bytes(name, &bytes).is_err(), "{name} {:x?}", &bytes[..8]);
    }
    assert!(scanner().scan_bytes("a.br", &brotli).expect("it opens").is_empty());
    let two = [zstd(b"clean"), zstd(&document())].concat();
    assert_eq!(scanner().scan_bytes("a.zst", &two).expect("it opens").len(), 1, "one frame after the other");
}

/// Bits, the lowest of each byte first.
#[derive(Default)]
struct BitWriter {
    bits: Vec<bool>,
}

impl BitWriter {
    fn put(&mut self, value: u32, count: u32) {
        self.bits.extend((0..count).map(|bit| value >> bit & 1 == 1));
    }

    fn bytes(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| bits.iter().enumerate().fold(0, |byte, (at, &bit)| byte | u8::from(bit) << at);
        self.bits.chunks(8).map(byte).collect()
    }
}

#[test]
fn a_git_object_is_opened() {
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(format!("blob 9999\0{VALUE}").as_bytes()).expect("memory");
    let findings = scanner().scan_bytes("ab/cdef", &packed.finish().expect("memory")).expect("it opens");
    assert_eq!(words(&findings), [("token", 1, 11, vec!["zlib"])]);
}

#[test]
fn files_within_archives_are_named() {
    let (document, secret) = (document(), format!("x/{VALUE}"));
    let files: &[(&str, &[u8])] = &[("a.txt", b"clean"), ("b/c.txt", &document), (&secret, b"clean")];
    let archives =
        [("tar", tar(files)), ("zip", zip(files, 0, 0)), ("zip", zip(files, 8, 0)), ("zip", zip(files, 8, 8))];
    for (layer, archive) in archives {
        let findings = scanner().scan_bytes("site.x", &archive).expect("it opens");
        assert_eq!(words(&findings)[..2], [("token", 2, 3, vec![layer]), ("token", 1, 3, vec![layer, "name"])]);
        assert_eq!(findings[0].file, "site.x!/b/c.txt");
        assert_eq!(findings[1].file, "site.x!/x/[token]");
    }
}

#[test]
fn containers_are_opened_three_deep() {
    let mut packed = document();
    for depth in 1..=3 {
        packed = gzip(&packed);
        assert_eq!(scanner().scan_bytes("a", &packed).expect("it opens").len(), 1, "{depth}");
    }
    let error = scanner().scan_bytes("a", &gzip(&packed)).expect_err("too deep");
    assert!(error.to_string().contains("three deep"), "{error}");
    let nested = tar(&[("a.gz", &gzip(&document()))]);
    assert_eq!(scanner().scan_bytes("a", &gzip(&nested)).expect("it opens")[0].file, "a!/a.gz");
}

#[test]
fn what_is_damaged_closed_or_encrypted_is_an_error() {
    let whole = gzip(&document().repeat(100));
    let files: &[(&str, &[u8])] = &[("a", b"clean text")];
    for (what, bytes) in [
        ("gzip cut off", whole[..whole.len() / 2].to_vec()),
        ("zstd cut off", zstd(&document().repeat(100))[..20].to_vec()),
        ("tar cut off", tar(files)[..515].to_vec()),
        ("tar damaged", [tar(&[("a", &[1; 512])])[..1024].to_vec(), vec![1; 512]].concat()),
        ("zip cut off", zip(files, 0, 0)[..35].to_vec()),
        ("zip encrypted", zip(files, 0, 1)),
        ("zip packed by bzip2", zip(files, 12, 0)),
        ("zip with lengths after", zip(files, 0, 8)),
        ("7z", b"7z\xbc\xaf\x27\x1c\0\x04".to_vec()),
        ("xz", b"\xfd7zXZ\0\0\x04".to_vec()),
        ("PDF", b"%PDF-1.7\n".to_vec()),
        ("age", b"age-encryption.org/v1\n".to_vec()),
    ] {
        assert!(scanner().scan_bytes("a", &bytes).is_err(), "{what}");
    }
}

#[test]
fn one_bad_file_of_an_archive_does_not_hide_the_others() {
    let archive = tar(&[("bad.xz", b"\xfd7zXZ\0\0\x04"), ("good.txt", &document())]);
    let examined = scanner().examine("a.tar", "a.tar", &mut archive.as_slice());
    assert_eq!(examined.findings.len(), 1);
    assert!(examined.failed.is_some());
}

#[test]
fn a_bomb_is_an_error() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let zeros = vec![0; 1 << 20];
    for _ in 0..8 {
        bomb.write_all(&zeros).expect("memory");
    }
    let error = scanner().scan_bytes("a.gz", &bomb.finish().expect("memory")).expect_err("a bomb");
    assert!(error.to_string().contains("unpack"), "{error}");
}
