//! An output directory, a state directory, and sites to be released there.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use autoswe_exporter::journey::draft::Draft;
use autoswe_exporter::journey::release::{
    Built, Error, Gate, MANIFEST, Manifest, Piece, Private, Refusal, Release, Store, Terms, UNWATCHED, Watch,
};
use ring::digest::{SHA256, digest};

/// Files by path: what is to be released.
pub(crate) type Site = BTreeMap<String, String>;

/// Two directories.
pub(crate) struct Stage {
    root: PathBuf,
    /// Removes them.
    _temporary: Option<tempfile::TempDir>,
    /// Releases that are kept.
    pub(crate) keep: usize,
    /// Whether there are sidecars.
    pub(crate) sidecars: bool,
}

impl Stage {
    /// Empty ones.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Stage { root: directory.path().to_owned(), _temporary: Some(directory), keep: 2, sidecars: true }
    }

    /// Those below `root`.
    pub(crate) fn at(root: &Path) -> Self {
        Stage { root: root.to_owned(), _temporary: None, keep: 2, sidecars: true }
    }

    pub(crate) fn output(&self) -> PathBuf {
        self.root.join("web")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.root.join("state")
    }

    pub(crate) fn store(&self) -> Result<Store, Error> {
        Store::open(&self.output(), Private::open(&self.state())?)
    }

    /// One run, as the pipeline does it.
    pub(crate) fn run(&self, site: &Site, gate: &dyn Gate, watch: Watch<'_>) -> Result<Built, Error> {
        let store = self.store()?;
        store.rescan(gate)?;
        let terms = Terms { as_of: None, keep: self.keep, sidecars: self.sidecars, watch };
        let built = store.build(pieces(site), gate, terms)?;
        if let Built::Clean(release) = &built {
            store.flip(&release.hash, watch)?;
            store.make_compatible()?;
            store.prune(self.keep, &release.hash, watch)?;
        }
        Ok(built)
    }

    /// A run that publishes.
    pub(crate) fn publish(&self, site: &Site, gate: &dyn Gate) -> Release {
        match self.run(site, gate, UNWATCHED).unwrap() {
            Built::Clean(release) => release,
            Built::Refused(refusal) => panic!("{refusal:?}"),
        }
    }

    /// A run that is refused.
    pub(crate) fn refused(&self, site: &Site, gate: &dyn Gate) -> Refusal {
        match self.run(site, gate, UNWATCHED).unwrap() {
            Built::Clean(release) => panic!("{release:?}"),
            Built::Refused(refusal) => refusal,
        }
    }

    /// What `current` leads to, which must be whole; nothing where it is not there.
    pub(crate) fn shown(&self) -> Option<Site> {
        let current = self.output().join("current");
        let target = std::fs::read_link(&current).ok()?;
        let name = target.strip_prefix("releases").unwrap().to_str().unwrap().to_owned();
        let (hash, site) = whole(&current);
        assert_eq!(hash, name);
        Some(site)
    }

    /// The names in `releases`, staging directories too.
    pub(crate) fn releases(&self) -> Vec<String> {
        names(&self.output().join("releases"))
    }
}

pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The pieces of `site`.
pub(crate) fn pieces(site: &Site) -> Vec<Piece<'_>> {
    let draft = |(path, text): (&String, &String)| {
        let mut source = [0; 32];
        source.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        let text = text.clone();
        Draft { path: path.clone(), source, render: Box::new(move || Ok(text.clone().into_bytes())) }.into()
    };
    site.iter().map(draft).collect()
}

/// A site with `iterations` pages, in its `version`-th state: an index, and one page that changes. The data and the style
/// are large enough for sidecars.
pub(crate) fn site(iterations: usize, version: usize) -> Site {
    let page = |number: usize| {
        let text = format!("iteration {number}, {}\n", "words ".repeat(20 + number % 50));
        [(format!("iterations/epoch-1-iter-{number:04}.md"), text.clone()), (format!("pages/a/{number}.html"), text)]
    };
    let pages = (0..iterations + version).flat_map(page);
    let index = [("index.html", version), ("site-data.json", version), ("style.css", 0)];
    let text = |path: &str, version| match path {
        "index.html" => format!("{path} {version}\n"),
        _ => format!("{path} {version}\n{}", "a line of it\n".repeat(2000)),
    };
    pages.chain(index.map(|(path, version)| (path.to_owned(), text(path, version)))).collect()
}

/// What `bytes` hold, when `path` is the name of a sidecar, and the name of its file.
fn unpacked<'a>(path: &'a str, bytes: &[u8]) -> Option<(&'a str, Vec<u8>)> {
    let (original, ending) = path.rsplit_once('.')?;
    let mut unpacked = Vec::new();
    match ending {
        "br" => brotli::BrotliDecompress(&mut &bytes[..], &mut unpacked).unwrap(),
        "gz" => flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut unpacked).map(|_| ()).unwrap(),
        "zst" => unpacked = zstd::decode_all(bytes).unwrap(),
        _ => return None,
    }
    Some((original, unpacked))
}

/// Checks that the release at `root` is whole: every file as its manifest says, and no other; all of it readable by
/// everybody; every sidecar holds its file. Gives its hash and its files but for the sidecars.
pub(crate) fn whole(root: &Path) -> (String, Site) {
    let manifest = Manifest::parse(&std::fs::read(root.join(MANIFEST)).unwrap()).unwrap();
    let mut lines = String::new();
    let (mut site, mut listed) = (Site::new(), Vec::new());
    for file in &manifest.files {
        let path = root.join(&file.path);
        let metadata = std::fs::symlink_metadata(&path).unwrap_or_else(|error| panic!("{}: {error}", file.path));
        let bytes = std::fs::read(&path).unwrap();
        assert!(metadata.is_file() && metadata.mode() & 0o7777 == 0o644, "{}", file.path);
        let sha256: String = digest(&SHA256, &bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((sha256, bytes.len() as u64), (file.sha256.clone(), file.size), "{}", file.path);
        lines.push_str(&format!("{}  {}\n", file.sha256, file.path));
        listed.push(file.path.clone());
        match unpacked(&file.path, &bytes) {
            Some((path, held)) => assert!(held == std::fs::read(root.join(path)).unwrap(), "{}", file.path),
            None => drop(site.insert(file.path.clone(), String::from_utf8(bytes).unwrap())),
        }
    }
    assert_eq!(std::fs::metadata(root).unwrap().mode() & 0o7777, 0o755);
    let mut there = files(root);
    there.retain(|path| path != MANIFEST);
    assert_eq!(there, listed);
    let hash: String = digest(&SHA256, lines.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hash, manifest.content_hash);
    (hash, site)
}

/// Everything below `root` that is no directory, sorted.
pub(crate) fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![root.canonicalize().unwrap()];
    let top = left[0].clone();
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match std::fs::symlink_metadata(&path).unwrap().is_dir() {
                true => left.push(path),
                false => found.push(path.strip_prefix(&top).unwrap().to_str().unwrap().to_owned()),
            }
        }
    }
    found.sort();
    found
}

/// Every inode below `root` with its modification time.
pub(crate) fn stamps(root: &Path) -> BTreeMap<String, (u64, i64, i64)> {
    let stamp = |path: String| {
        let metadata = std::fs::symlink_metadata(root.join(&path)).unwrap();
        (path, (metadata.ino(), metadata.mtime(), metadata.mtime_nsec()))
    };
    files(root).into_iter().map(stamp).collect()
}
