//! A builder of the operator's own, such as npm: it makes the pages in place of this program.
//!
//! Invariant: it works in a copy of its project, with a deadline and without this program's environment; what it leaves
//! is untrusted, and takes the same way through the gate as everything else.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::process::Command;

use crate::journey::digest::sha256_of;
use crate::journey::draft::Draft;
use crate::journey::release::Piece;
use crate::observation::Time;
use crate::process;

/// Variables that it gets of this program's environment, where they are set.
const ENVIRONMENT: [&str; 6] = ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ"];
/// Bytes of each of its outputs that are kept for its last words.
const SAID: usize = 1 << 20;
/// Lines of its last words.
const LAST_WORDS: usize = 5;
/// Files, and bytes of files, that it may leave.
const MOST_FILES: usize = 200_000;
const MOST_BYTES: u64 = 4 << 30;

/// A builder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Builder {
    /// The command and its arguments, at least the command.
    pub command: Vec<String>,
    /// Its project.
    pub directory: PathBuf,
    /// Where the data and the Markdown files are put, relative to the project.
    pub input: PathBuf,
    /// Where it leaves the site, relative to the project.
    pub output: PathBuf,
    /// How long it may take.
    pub timeout: Duration,
    /// Where the site will be seen, for its `JOURNEY_BASE`.
    pub base_url: Option<String>,
}

/// What a builder left. It is gone when this is dropped.
#[derive(Debug)]
pub(super) struct Output {
    root: PathBuf,
    _copy: tempfile::TempDir,
}

impl Builder {
    /// What tells whether it would build the same of the same: its settings, and names, sizes and times of its
    /// project's files. What it installs for itself (`node_modules`), what it leaves and what is hidden do not count.
    pub(super) fn identity(&self) -> String {
        let mut said = format!("{self:?}\n");
        let left_out = [self.directory.join("node_modules"), self.directory.join(&self.output)];
        note_all(&self.directory, &left_out, &mut said);
        said
    }

    /// Has the site built of `drafts`, in a copy of the project below `private`.
    pub(super) fn build(&self, private: &Path, drafts: &[Draft<'_>], as_of: Option<Time>) -> anyhow::Result<Output> {
        let (input, output) = (inside(&self.input)?, inside(&self.output)?);
        let copy = tempfile::Builder::new().prefix(".new-build-").tempdir_in(private)?;
        let project = copy.path().join("project");
        let copied = copy_all(&self.directory, &project).and_then(|()| fs::create_dir_all(project.join(input)));
        copied.with_context(|| format!("the builder's project {} cannot be copied", self.directory.display()))?;
        let input = really_inside(&project, input)?;
        for draft in drafts {
            let path = input.join(&draft.path);
            put(&path, &(draft.render)()?).with_context(|| format!("{} cannot be written", path.display()))?;
        }
        // What an earlier build left in the project is not what this one makes.
        match fs::remove_dir_all(project.join(output)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("{} cannot be removed", self.output.display()));
            }
            _ => {}
        }
        self.run(&project, as_of)?;
        let root = really_inside(&project, output)?;
        Ok(Output { root, _copy: copy })
    }

    fn run(&self, project: &Path, as_of: Option<Time>) -> anyhow::Result<()> {
        let [program, arguments @ ..] = self.command.as_slice() else { bail!("journey.build.command is empty") };
        let mut command = Command::new(program);
        command.args(arguments).current_dir(project).env_clear();
        command.envs(ENVIRONMENT.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.envs(self.base_url.as_ref().map(|url| ("JOURNEY_BASE", url)));
        // The reproducible-builds.org convention: a builder that stamps its pages stamps the same at the next run.
        command.envs(as_of.map(|as_of| ("SOURCE_DATE_EPOCH", as_of.as_second().to_string())));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let output = runtime.block_on(process::run(&mut command, self.timeout, SAID));
        let output = output.context("the site was not built; look at journey.build")?;
        if !output.status.success() {
            let said = last_words(if output.stderr.is_empty() { &output.stdout } else { &output.stderr });
            bail!("the site was not built: `{program}` ended with {}: {said}", output.status);
        }
        Ok(())
    }
}

impl Output {
    /// Every file of it, streamed when it is taken in.
    ///
    /// # Errors
    /// When there is something other than files and directories, or too much.
    pub(super) fn pieces(&self) -> anyhow::Result<Vec<Piece<'_>>> {
        let (mut pieces, mut bytes, mut left) = (Vec::new(), 0_u64, vec![self.root.clone()]);
        while let Some(directory) = left.pop() {
            let entries = fs::read_dir(&directory);
            for entry in entries.with_context(|| format!("the builder left no directory in {}", name(&directory)))? {
                let entry = entry?;
                let (kind, path) = (entry.file_type()?, entry.path());
                if kind.is_dir() {
                    left.push(path);
                    continue;
                }
                if !kind.is_file() {
                    bail!("the builder left {}, which is neither file nor directory; it is not published", name(&path));
                }
                bytes += entry.metadata()?.len();
                pieces.push(self.piece(path)?);
                if pieces.len() > MOST_FILES || bytes > MOST_BYTES {
                    bail!("the builder left more than {MOST_FILES} files or {MOST_BYTES} bytes; it is not published");
                }
            }
        }
        Ok(pieces)
    }

    fn piece(&self, place: PathBuf) -> anyhow::Result<Piece<'_>> {
        let path = place.strip_prefix(&self.root)?.to_str().with_context(|| format!("{}: no UTF-8", name(&place)))?;
        let (path, source) = (path.to_owned(), sha256_of(&mut open(&place)?)?);
        let fill = Box::new(move |file: &mut dyn Write| Ok(io::copy(&mut open(&place)?, file).map(|_| ())?));
        Ok(Piece { path, source, fill })
    }
}

/// Opens a file of the builder's, never through a link.
fn open(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    fs::OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

/// `path`, which must not lead out of what it is relative to.
fn inside(path: &Path) -> anyhow::Result<&Path> {
    let is_plain = |part| matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir);
    if path.components().all(is_plain) {
        return Ok(path);
    }
    bail!("journey.build: {} leads out of the builder's directory; give a path in it", path.display())
}

/// The directory `path` in `project`, with no link on the way that leads out of it.
fn really_inside(project: &Path, path: &Path) -> anyhow::Result<PathBuf> {
    let place = project.join(path).canonicalize();
    let place = place.with_context(|| format!("the builder left nothing in {}", path.display()))?;
    if place.starts_with(project.canonicalize()?) {
        return Ok(place);
    }
    bail!("journey.build: a link leads from {} out of the builder's directory", path.display())
}

fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(path, bytes)
}

/// Notes names, sizes and times of the files below `directory`, in order; what cannot be read says so when it is copied.
fn note_all(directory: &Path, left_out: &[PathBuf], said: &mut String) {
    let entries = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    let mut entries: Vec<_> = entries.map(|entry| (entry.path(), entry.metadata())).collect();
    entries.sort_by(|one, other| one.0.cmp(&other.0));
    for (path, metadata) in entries {
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if is_hidden || left_out.contains(&path) {
            continue;
        }
        match metadata {
            Ok(metadata) if metadata.is_dir() => note_all(&path, left_out, said),
            Ok(metadata) => said.push_str(&format!("{path:?} {} {:?}\n", metadata.len(), metadata.modified().ok())),
            Err(error) => said.push_str(&format!("{path:?} {error}\n")),
        }
    }
}

/// Copies a project: files, directories, and links as links (npm's `.bin` is full of them); what is none of these stays.
fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy_all(&entry.path(), &target)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn name(path: &Path) -> String {
    crate::words::clean(&path.file_name().unwrap_or_default().to_string_lossy())
}

/// The last lines that say something.
fn last_words(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(LAST_WORDS)..];
    if last.is_empty() { "it said nothing".into() } else { crate::words::clean(&last.join(" | ")) }
}
