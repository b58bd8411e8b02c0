//! Whether the user's manager outlives a logout, as logind tells it.

use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use crate::process;

/// Where logind keeps the names of the users that linger.
const PLACE: &str = "/var/lib/systemd/linger";
/// Bytes that are kept of what a program says.
const MOST: usize = 4096;

/// Whether the user's manager runs without a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Linger {
    /// The loop is the system manager's.
    NotApplicable,
    /// It does.
    On,
    /// It ends with the last logout of this user, and does not start at boot.
    Off(String),
    /// Why it is not known.
    Unknown(String),
}

/// Asks logind, and looks where it keeps the answer when it does not tell.
pub(super) async fn look(timeout: Duration) -> Linger {
    let uid = rustix::process::getuid().as_raw().to_string();
    let told = output("loginctl", &["show-user", "--property=Linger", "--value", "--", &uid], timeout).await;
    let name = output("id", &["-un"], timeout).await.unwrap_or(uid);
    let on_disk = Path::new(PLACE).join(&name).exists();
    judge(told, on_disk, name)
}

fn judge(told: Result<String, String>, on_disk: bool, name: String) -> Linger {
    match told {
        Ok(yes) if yes == "yes" => Linger::On,
        Ok(no) if no == "no" => Linger::Off(name),
        // logind knows no user who neither is logged in nor lingers.
        Err(why) if why.contains("not logged in or lingering") => Linger::Off(name),
        _ if on_disk => Linger::On,
        Ok(odd) => Linger::Unknown(format!("loginctl says {odd:?}")),
        Err(why) => Linger::Unknown(why),
    }
}

/// What a program prints, in one line.
async fn output(program: &str, arguments: &[&str], timeout: Duration) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C");
    let output = process::run(&mut command, timeout, MOST).await.map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match (output.status.success(), text(&output.stdout)) {
        (true, line) if !line.is_empty() => Ok(line),
        _ => Err(format!("{program}: {}", text(&output.stderr).lines().next().unwrap_or("it says nothing"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_logind_says_counts_and_its_file_where_it_says_nothing() {
        let judge = |told: Result<&str, &str>, on_disk| {
            judge(told.map(str::to_owned).map_err(str::to_owned), on_disk, "ann".into())
        };
        assert_eq!(judge(Ok("yes"), false), Linger::On);
        assert_eq!(judge(Ok("no"), true), Linger::Off("ann".into()));
        let unknown_user = "loginctl: Failed to get user: User ID 1000 is not logged in or lingering";
        assert_eq!(judge(Err(unknown_user), false), Linger::Off("ann".into()));
        assert_eq!(judge(Err("no bus"), true), Linger::On);
        assert_eq!(judge(Err("no bus"), false), Linger::Unknown("no bus".into()));
        assert!(matches!(judge(Ok("?"), false), Linger::Unknown(_)));
    }
}
