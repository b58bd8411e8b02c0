//! A real systemd user manager for tests, with a message bus, in a home and a control group of its own.
//!
//! It works where process 1 is not systemd (`/lib/systemd/systemd --user` only wants `/run/systemd/system` to exist,
//! which root can make) and beside the managers of a machine that has some. Invariants: every manager lives in a
//! control group that no other has, so that two of them may run a unit of the same name; whatever it started is dead
//! and its directories are gone when it is dropped; every call of a program has a bound. A manager that cannot start
//! fails the test and says what is missing.

mod group;

use std::ffi::OsString;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use group::Group;

/// Longest wait for the manager to answer; a bound, not an expectation.
const PATIENCE: Duration = Duration::from_secs(40);
/// Between two looks at whether something has come true.
const LOOK: Duration = Duration::from_millis(20);
/// What one call of `systemctl` may take, seconds.
const CALL: &str = "20";

const DBUS_SOCKET: &str = "[Socket]\nListenStream=%t/bus\n";
const DBUS_SERVICE: &str = "[Unit]\nRequires=dbus.socket\n[Service]\nType=notify\nNotifyAccess=main\n\
    ExecStart=dbus-daemon --session --address=systemd: --nofork --nopidfile --systemd-activation --syslog-only\n";
/// All that this manager starts by itself; what the machine's own default target wants is nobody's business here.
const TARGET: &str = "[Unit]\nRequires=dbus.socket\nAfter=dbus.socket\n";

/// A running user manager; it ends, with all that it started, when this is dropped.
///
/// It ends too when the thread that started it ends, so it is to be started by the thread of the test.
pub(crate) struct UserManager {
    child: Child,
    directory: tempfile::TempDir,
    group: Group,
}

impl UserManager {
    /// Starts one and waits until it answers and its bus can be connected to.
    pub(crate) fn start() -> UserManager {
        need_programs();
        let directory = tempfile::tempdir().unwrap();
        for name in ["run", "home", "config", "config/systemd", "config/systemd/user"] {
            std::fs::DirBuilder::new().mode(0o700).create(directory.path().join(name)).unwrap();
        }
        let place = |name: &str, text: &str| std::fs::write(units(directory.path()).join(name), text).unwrap();
        place("dbus.socket", DBUS_SOCKET);
        place("dbus.service", DBUS_SERVICE);
        place("autoswe-test.target", TARGET);
        let mut env = home_of(directory.path());
        env.push(("SYSTEMD_LOG_TARGET", "console".into()));
        let (mut command, group) =
            group::inside(&env, &["/lib/systemd/systemd", "--user", "--unit=autoswe-test.target"]);
        let log = std::fs::File::create(directory.path().join("manager.log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().expect("setpriv (package util-linux) starts the user manager");
        let mut manager = UserManager { child, directory, group };
        manager.wait_until_it_answers();
        manager
    }

    fn wait_until_it_answers(&mut self) {
        let start = Instant::now();
        while !self.answers() {
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && start.elapsed() < PATIENCE,
                "/lib/systemd/systemd --user did not start ({ended:?}); it wants /run/systemd/system (as root: mkdir \
                 -p /run/systemd/system) and a control group that it may write to:\n{}",
                self.log()
            );
            std::thread::sleep(LOOK);
        }
        self.group.learn(self.pid());
    }

    /// Whether its private socket and the socket of its bus are there, and it has done all that it starts with.
    fn answers(&self) -> bool {
        self.runtime_dir().join("systemd/private").exists()
            && self.runtime_dir().join("bus").exists()
            && self.systemctl(&["is-active", "autoswe-test.target"]).status.success()
    }

    /// Writes a unit file and has the manager read it.
    pub(crate) fn write_unit(&self, name: &str, text: &str) {
        std::fs::write(self.unit_dir().join(name), text).unwrap();
        self.done(&["daemon-reload"]);
    }

    /// Where unit files go.
    pub(crate) fn unit_dir(&self) -> PathBuf {
        units(self.path())
    }

    /// `systemctl --user` with these arguments; over the private socket, so it needs no bus. The test fails when it
    /// takes longer than 20 s, as it does while the manager is stopped.
    pub(crate) fn systemctl(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("timeout");
        command.args(["--signal=KILL", CALL, "systemctl", "--user", "--no-pager", "--no-ask-password"]);
        let output = command.args(arguments).env_clear().envs(self.env()).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.code().is_some_and(|code| code < 124), "systemctl {arguments:?}: {output:?}");
        output
    }

    /// The same where it must succeed; what it said.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let output = self.systemctl(arguments);
        assert!(output.status.success(), "systemctl {arguments:?}: {output:?}\n{}", self.log());
        String::from_utf8(output.stdout).unwrap()
    }

    /// A property of a unit.
    pub(crate) fn show(&self, unit: &str, property: &str) -> String {
        self.done(&["show", unit, "--value", "-p", property]).trim_end().to_owned()
    }

    /// Waits until a property of a unit has this value.
    pub(crate) fn until(&self, unit: &str, property: &str, value: &str) {
        let start = Instant::now();
        loop {
            let now = self.show(unit, property);
            if now == value {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{unit}: {property} is {now:?}, never {value:?}\n{}", self.log());
            std::thread::sleep(LOOK);
        }
    }

    /// The environment of a program that is to find this manager, and nothing of the machine's own.
    pub(crate) fn env(&self) -> Vec<(&'static str, OsString)> {
        let mut env = home_of(self.path());
        env.push(("DBUS_SESSION_BUS_ADDRESS", self.bus_address().into()));
        env
    }

    /// The address of its message bus.
    pub(crate) fn bus_address(&self) -> String {
        format!("unix:path={}", self.runtime_dir().join("bus").display())
    }

    /// `XDG_RUNTIME_DIR` of all that it starts.
    pub(crate) fn runtime_dir(&self) -> PathBuf {
        self.path().join("run")
    }

    /// The directory that holds all of it; a test may keep files of its own there.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The manager's own process.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Sends the manager itself a signal: SIGSTOP makes it deaf until SIGCONT.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// The process of a unit.
    pub(crate) fn main_pid(&self, unit: &str) -> Pid {
        let pid = self.show(unit, "MainPID").parse().unwrap();
        Pid::from_raw(pid).unwrap_or_else(|| panic!("{unit} has no process\n{}", self.log()))
    }

    /// Kills the bus that runs now. Its socket stays, so the next client gets a new one.
    pub(crate) fn kill_bus(&self) {
        kill_process(self.main_pid("dbus.service"), Signal::KILL).unwrap();
    }

    /// Takes the bus away for good: the socket is there and refuses.
    pub(crate) fn remove_bus(&self) {
        self.done(&["stop", "dbus.socket", "dbus.service"]);
    }

    /// What the manager said, for the message of a test that fails.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("manager.log")).unwrap_or_default()
    }
}

impl Drop for UserManager {
    fn drop(&mut self) {
        // Not asked to stop its units first: what is in its group is all there is, and it is killed next.
        drop(self.child.kill());
        drop(self.child.wait());
        self.group.end();
    }
}

/// A unit name that no other test uses.
pub(crate) fn unique_unit() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("autoswe-{}-{}.service", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Whether a process runs; one that ended and that nobody has waited for does not.
pub(crate) fn alive(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn units(directory: &Path) -> PathBuf {
    directory.join("config/systemd/user")
}

fn home_of(directory: &Path) -> Vec<(&'static str, OsString)> {
    let of = |name| directory.join(name).into_os_string();
    let path = std::env::var_os("PATH").unwrap_or_default();
    vec![("PATH", path), ("XDG_RUNTIME_DIR", of("run")), ("XDG_CONFIG_HOME", of("config")), ("HOME", of("home"))]
}

/// Fails the test when a program is missing, with the package that brings it.
fn need_programs() {
    let found = |program: &&str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|directory| directory.join(program).exists())
    };
    let missing: Vec<&str> = ["systemctl", "dbus-daemon", "setpriv"].into_iter().filter(|p| !found(p)).collect();
    assert!(
        missing.is_empty() && Path::new("/lib/systemd/systemd").exists(),
        "no systemd user manager for this test: {missing:?} or /lib/systemd/systemd is missing (as root: apt-get \
         install --no-install-recommends systemd dbus util-linux)"
    );
    // systemd refuses to run as a user manager where no systemd seems to have booted. Only root can mend that.
    drop(std::fs::create_dir_all("/run/systemd/system"));
}
