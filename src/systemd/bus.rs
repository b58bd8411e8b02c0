//! systemd's manager over D-Bus, by one connection that is made for one question.
//!
//! Invariant: every call has a time limit (zbus has none by default), and so has connecting.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt as _;
use zbus::{Connection, MatchRule, MessageStream, OwnedObjectPath, OwnedVariant, connection::Builder, message};

use super::manager::{Asked, Refused};
use super::shown::Shown;
use super::unit::{Active, Properties, Unit};
use crate::config::UnitManager;

const DESTINATION: &str = "org.freedesktop.systemd1";
const MANAGER_PATH: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";

/// One row of `ListUnitsByNames`: name, description, load, active, sub, followed unit, path, job's id, type and path.
type Row = (String, String, String, String, String, String, OwnedObjectPath, u32, String, OwnedObjectPath);

/// A connection to the bus of one manager.
pub(super) struct Bus {
    connection: Connection,
    timeout: Duration,
}

/// The address of the bus that `manager` is on. Units of a user manager always have `XDG_RUNTIME_DIR`;
/// `DBUS_SESSION_BUS_ADDRESS` may be of a session's own bus, where there is no systemd, and comes last.
///
/// # Errors
/// Says what is missing where nothing leads to a bus.
pub fn address(manager: UnitManager) -> Result<String, String> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if manager == UnitManager::System {
        let own = variable("DBUS_SYSTEM_BUS_ADDRESS").map(|address| address.to_string_lossy().into_owned());
        return Ok(own.unwrap_or_else(|| "unix:path=/run/dbus/system_bus_socket".into()));
    }
    match (runtime_dir(), variable("DBUS_SESSION_BUS_ADDRESS")) {
        (Some(directory), _) => Ok(format!("unix:path={}", escaped(&directory.join("bus")))),
        (None, Some(address)) => Ok(address.to_string_lossy().into_owned()),
        (None, None) => Err(format!(
            "XDG_RUNTIME_DIR is not set and /run/user/{} is not there; is the user logged in, or lingering \
             (`loginctl enable-linger`)?",
            rustix::process::getuid().as_raw()
        )),
    }
}

/// The runtime directory of the user's manager: `XDG_RUNTIME_DIR`, else where logind makes it.
pub(super) fn runtime_dir() -> Option<PathBuf> {
    let told = std::env::var_os("XDG_RUNTIME_DIR").filter(|value| !value.is_empty()).map(PathBuf::from);
    told.or_else(|| {
        let usual = PathBuf::from(format!("/run/user/{}", rustix::process::getuid().as_raw()));
        usual.is_dir().then_some(usual)
    })
}

/// Whether the machine's clock follows a time server, as systemd-timedated tells it.
///
/// # Errors
/// When that is not told, as where there is no systemd.
pub async fn clock_is_synchronized(timeout: Duration) -> Result<bool, String> {
    let asked = async {
        let bus = Bus::connect(UnitManager::System, timeout).await?;
        let name = "org.freedesktop.timedate1";
        let body = (name, "NTPSynchronized");
        let properties = Some("org.freedesktop.DBus.Properties");
        let path = "/org/freedesktop/timedate1";
        let reply = bus.connection.call_method(Some(name), path, properties, "Get", &body).await;
        let reply = reply.map_err(|error| words(&error))?;
        reply.body().deserialize::<OwnedVariant>().ok().and_then(|yes| bool::try_from(yes).ok()).ok_or_else(String::new)
    };
    tokio::time::timeout(timeout, asked).await.unwrap_or_else(|_| Err("no answer in time".into()))
}

/// A path as it stands in an address (D-Bus specification, server addresses).
fn escaped(path: &Path) -> String {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;
    path.as_os_str().as_bytes().iter().fold(String::new(), |mut text, byte| {
        match byte {
            b'-' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'/' | b'.' => text.push(char::from(*byte)),
            // Writing to a String cannot fail.
            byte => drop(write!(text, "%{byte:02x}")),
        }
        text
    })
}

impl Bus {
    /// Connects to the bus that `manager` is on.
    pub(super) async fn connect(manager: UnitManager, timeout: Duration) -> Result<Self, String> {
        let address = address(manager)?;
        let connecting = Builder::address(&*address).method_timeout(timeout).build();
        match tokio::time::timeout(timeout, connecting).await {
            Ok(Ok(connection)) => Ok(Bus { connection, timeout }),
            // It names the address where nobody listens there.
            Ok(Err(error)) => match words(&error) {
                told if told.contains(&address) => Err(format!("no way to the bus: {told}")),
                told => Err(format!("the bus {address}: {told}")),
            },
            Err(_) => Err(format!("the bus {address} gave no answer within {:.0} s", timeout.as_secs_f64())),
        }
    }

    /// Looks at `unit`; its details too where `detailed`. `monotonic` is the present second of that clock.
    pub(super) async fn unit(&self, unit: &str, detailed: bool, monotonic: f64) -> Result<Unit, String> {
        let rows: Vec<Row> = self.ask(MANAGER_PATH, MANAGER, "ListUnitsByNames", &(vec![unit],)).await?;
        let row = rows.into_iter().next().ok_or("the service manager listed no unit")?;
        let (name, _, load, active, sub, _, path, job_id, job, _) = row;
        let properties = if detailed { Some(self.properties(&path).await?) } else { None };
        Ok(Unit {
            name,
            load,
            active: Active::of(&active),
            sub,
            job: (job_id > 0).then_some(job),
            since: properties.as_ref().map_or(0.0, |properties| properties.since(monotonic)),
            details: properties.map(|properties| properties.details(monotonic)),
        })
    }

    async fn properties(&self, path: &str) -> Result<Properties, String> {
        let unit = self.all(path, "org.freedesktop.systemd1.Unit").await?;
        // Only services have it; a unit of another type has a start all the same.
        let service = self.all(path, "org.freedesktop.systemd1.Service").await.unwrap_or_default();
        let number = |properties: &HashMap<String, OwnedVariant>, name| {
            properties.get(name).and_then(|value| u64::try_from(value).ok())
        };
        let stamp = |properties, name| number(properties, name).unwrap_or(0);
        let invocation = unit.get("InvocationID").and_then(|id| Vec::<u8>::try_from(id.try_clone().ok()?).ok());
        let text = |name| service.get(name).and_then(|text| <&str>::try_from(text).ok()).unwrap_or_default().to_owned();
        Ok(Properties {
            invocation: invocation.unwrap_or_default().iter().map(|byte| format!("{byte:02x}")).collect(),
            result: text("Result"),
            restart: text("Restart"),
            control_group: text("ControlGroup"),
            stop_timeout: number(&service, "TimeoutStopUSec"),
            starts: [
                stamp(&unit, "InactiveExitTimestampMonotonic"),
                stamp(&unit, "ActiveEnterTimestampMonotonic"),
                stamp(&service, "ExecMainStartTimestampMonotonic"),
            ],
            changed: stamp(&unit, "StateChangeTimestampMonotonic"),
        })
    }

    /// Has the manager answer something.
    pub(super) async fn version(&self) -> Result<(), String> {
        let version: OwnedVariant =
            self.ask(MANAGER_PATH, "org.freedesktop.DBus.Properties", "Get", &(MANAGER, "Version")).await?;
        drop(version);
        Ok(())
    }

    /// All properties of `unit`, which is loaded for that.
    pub(super) async fn shown(&self, unit: &str) -> Result<Shown, String> {
        let path: OwnedObjectPath = self.ask(MANAGER_PATH, MANAGER, "LoadUnit", &(unit,)).await?;
        // Without a name of an interface it is all of them.
        Ok(Shown::from_bus(&self.all(&path, "").await?))
    }

    async fn all(&self, path: &str, interface: &str) -> Result<HashMap<String, OwnedVariant>, String> {
        self.ask(path, "org.freedesktop.DBus.Properties", "GetAll", &(interface,)).await
    }

    async fn ask<B, T>(&self, path: &str, interface: &str, method: &str, body: &B) -> Result<T, String>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
        T: for<'de> serde::Deserialize<'de> + zbus::zvariant::Type,
    {
        let reply = self.connection.call_method(Some(DESTINATION), path, Some(interface), method, body).await;
        let reply = reply.map_err(|error| format!("{method}: {}", words(&error)))?;
        reply.body().deserialize().map_err(|error| format!("{method}: the answer is not understood ({error})"))
    }

    /// Restarts `unit` where it runs, and waits at most `wait` for what comes of the job.
    ///
    /// Only `TryRestartUnit` with the mode `fail`: it does nothing to a unit that does not run, and is refused where a
    /// job is pending, such as an operator's stop. The start-limit counter is emptied first, because systemd stops the
    /// unit and then refuses to start it when the limit is reached.
    pub(super) async fn try_restart(&self, unit: &str, wait: Duration) -> Result<Asked, Refused> {
        let mut removed = self.jobs_removed().await.map_err(Refused::NotAsked)?;
        self.command("ResetFailedUnit", &(unit,)).await.map_err(|error| Refused::NotAsked(words(&error)))?;
        let job = match self.command("TryRestartUnit", &(unit, "fail")).await {
            Ok(reply) => reply.body().deserialize::<OwnedObjectPath>().ok(),
            Err(zbus::Error::MethodError(name, text, _)) => {
                return Err(Refused::NotAsked(text.unwrap_or_else(|| name.to_string())));
            }
            // It may have been heard.
            Err(error) => return Err(Refused::Unknown(words(&error))),
        };
        let removal = async {
            while let Some(message) = removed.next().await {
                let Ok(message) = message else { continue };
                let body = message.body();
                if let Ok((_, path, _, result)) = body.deserialize::<(u32, OwnedObjectPath, String, String)>()
                    && Some(&path) == job.as_ref()
                {
                    return Some(result);
                }
            }
            None
        };
        Ok(Asked { result: tokio::time::timeout(wait, removal).await.ok().flatten() })
    }

    /// The signals that tell of jobs that ended.
    async fn jobs_removed(&self) -> Result<MessageStream, String> {
        let rule = MatchRule::builder()
            .msg_type(message::Type::Signal)
            .interface(MANAGER)
            .member("JobRemoved")
            .build()
            .map_err(|error| words(&error))?;
        let stream = MessageStream::for_match_rule(rule, &self.connection, None);
        let stream = tokio::time::timeout(self.timeout, stream).await.map_err(|_| "the bus is silent".to_owned())?;
        let stream = stream.map_err(|error| words(&error))?;
        // Without a subscriber the manager sends no signals.
        self.command("Subscribe", &()).await.map_err(|error| words(&error))?;
        Ok(stream)
    }

    async fn command<B>(&self, method: &str, body: &B) -> zbus::Result<zbus::Message>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        self.connection.call_method(Some(DESTINATION), MANAGER_PATH, Some(MANAGER), method, body).await
    }
}

/// What an error of the bus means to a person.
fn words(error: &zbus::Error) -> String {
    match error {
        zbus::Error::MethodError(name, text, _) => text.clone().unwrap_or_else(|| name.to_string()),
        zbus::Error::InputOutput(error) if error.kind() == std::io::ErrorKind::TimedOut => "no answer in time".into(),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_escaped_as_an_address_needs_it() {
        assert_eq!(escaped(Path::new("/run/user/1000/bus")), "/run/user/1000/bus");
        assert_eq!(escaped(Path::new("/tmp/a b;c,d=é/bus")), "/tmp/a%20b%3bc%2cd%3d%c3%a9/bus");
    }
}
