//! The NVML double, as a test holds it: a copy of the library in a directory of its own, with its script.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;
use std::time::{Duration, Instant};

use autoswe_exporter::config::GpuConfig;
use autoswe_exporter::config::value::Seconds;
use autoswe_exporter::observation::{Data, Failure, GpuReading, Reading, SourceId, Time};
use autoswe_exporter::source::Source;
use autoswe_exporter::source::gpu::GpuSource;
use autoswe_exporter::source::worker::Worker;

/// Longest wait for something that another thread does.
const PATIENCE: Duration = Duration::from_secs(20);

/// A driver that does what its script says.
pub(crate) struct Double {
    directory: tempfile::TempDir,
}

impl Double {
    /// A driver that follows `script`.
    pub(crate) fn new(script: &str) -> Self {
        Self::without(script, &[])
    }

    /// A driver that follows `script` and is too old to know the calls in `missing`.
    pub(crate) fn without(script: &str, missing: &[&str]) -> Self {
        let double = Double { directory: tempfile::tempdir().unwrap() };
        let mut library = std::fs::read(built()).unwrap();
        missing.iter().for_each(|symbol| rename_symbol(&mut library, symbol));
        std::fs::write(double.library(), library).unwrap();
        std::fs::write(double.directory.path().join("calls"), "").unwrap();
        double.script(script);
        double
    }

    /// Gives the driver another script, at once and whole.
    pub(crate) fn script(&self, script: &str) {
        let new = self.directory.path().join("script.new");
        std::fs::write(&new, script).unwrap();
        std::fs::rename(new, self.directory.path().join("script")).unwrap();
    }

    /// How often `call` was made.
    pub(crate) fn calls(&self, call: &str) -> usize {
        let calls = std::fs::read_to_string(self.directory.path().join("calls")).unwrap();
        calls.lines().filter(|line| *line == call).count()
    }

    /// The library's path.
    pub(crate) fn library(&self) -> PathBuf {
        self.directory.path().join("libnvml_double.so")
    }

    /// A configuration that reads this driver, with retries quick enough for a test.
    pub(crate) fn config(&self) -> GpuConfig {
        let library = self.library().to_str().unwrap().to_owned();
        GpuConfig { library, interval: Seconds(0.01), ..GpuConfig::default() }
    }

    /// A source of this driver.
    pub(crate) fn source(&self) -> GpuSource {
        GpuSource::new(&self.config())
    }

    /// A source of this driver on a thread of its own.
    pub(crate) fn worker(&self) -> Worker {
        Worker::spawn(SourceId::Gpu, Box::new(self.source())).unwrap()
    }
}

/// Reads once.
pub(crate) fn read(source: &mut GpuSource) -> Reading<GpuReading> {
    gpus(source.read(Time::now()))
}

/// The reading of GPUs in what a source told.
pub(crate) fn gpus(reading: Reading<Data>) -> Reading<GpuReading> {
    reading.map(|data| match data {
        Data::Gpu(reading) => reading,
        other => panic!("not a reading of GPUs: {other:?}"),
    })
}

/// Reads until `done` finds what it looks for.
pub(crate) fn read_until<T>(source: &mut GpuSource, done: impl Fn(&Reading<GpuReading>) -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        let reading = read(source);
        if let Some(found) = done(&reading) {
            return found;
        }
        assert!(Instant::now() < until, "not in time; the last reading: {reading:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The value in a reading that must be there.
#[track_caller]
pub(crate) fn observed(reading: Reading<GpuReading>) -> GpuReading {
    match reading {
        Reading::Observed(value) => value,
        other => panic!("not observed: {other:?}"),
    }
}

/// The failure of a reading that must have failed.
#[track_caller]
pub(crate) fn failed(reading: Reading<GpuReading>) -> Failure {
    match reading {
        Reading::Failed(failure) => failure,
        other => panic!("not failed: {other:?}"),
    }
}

/// Takes a symbol out of a library by misspelling its name, so that the dynamic loader does not find it.
fn rename_symbol(library: &mut [u8], symbol: &str) {
    let name = [b"\0", symbol.as_bytes(), b"\0"].concat();
    let found: Vec<usize> = (0..library.len() - name.len()).filter(|at| library[*at..].starts_with(&name)).collect();
    assert!(!found.is_empty(), "the double has no symbol {symbol}");
    found.into_iter().for_each(|at| library[at + 1] = b'X');
}

/// The built double. Cargo builds examples along with the tests, but not when only this test binary is asked for.
fn built() -> PathBuf {
    static BUILT: Once = Once::new();
    let profile = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
    let library = profile.join("examples/libnvml_double.so");
    BUILT.call_once(|| {
        let modified = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nvml_double");
        let newest = ["lib.rs", "answer.rs"].iter().filter_map(|file| modified(&sources.join(file))).max();
        if modified(&library) < newest || modified(&library).is_none() {
            build("nvml_double", &profile);
        }
    });
    library
}

/// Builds an example of this package into the directory that this test binary was built into.
pub(crate) fn build(example: &str, profile: &Path) {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--example", example, "--target-dir"]).arg(profile.parent().unwrap());
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().unwrap().success(), "the example {example} does not build");
}
