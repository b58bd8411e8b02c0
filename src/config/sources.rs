//! Settings of the sources: where each looks, how often, and how long it may take.

use super::checked::{HeartbeatFormat, Pattern, Pointer, UnitManager};
use super::section::section;
use super::value::{Path, Seconds};

section! {
    /// The loop's heartbeat, state and pause sentinels.
    pub struct LoopConfig {
        /// Whether the loop is watched.
        enabled: bool = true,
        /// How often it is read.
        interval: Seconds = Seconds(5.0),
        /// How long one reading may take.
        deadline: Seconds = Seconds(5.0),
        /// The loop's systemd unit.
        unit: String = "autoswe.service".into(),
        /// The systemd manager it belongs to: `user` or `system`.
        unit_manager: UnitManager = UnitManager::User,
        /// The heartbeat: a file or a glob such as `~/.claude/projects/*/*.jsonl`, of which the newest file counts.
        heartbeat: Path = "state-heartbeat.json".into(),
        /// What tells the time of the heartbeat: `json` (the file is a JSON object with a time in it) or `mtime`
        /// (the file's modification time, whatever it holds).
        heartbeat_format: HeartbeatFormat = HeartbeatFormat::Json,
        /// The orchestrator's durable state, a JSON object. Empty (`""`) when the loop writes none.
        state: Option<String> = Some("state.json".into()),
        /// The sentinel that pauses the loop at the next vertex boundary.
        pause: Path = "PAUSE".into(),
        /// The sentinel that pauses the loop at once.
        pause_hard: Path = "PAUSE_HARD".into(),
        /// Where in the JSON each field stands, as JSON pointers (RFC 6901).
        fields: FieldsConfig = FieldsConfig::default(),
    }
}

section! {
    /// JSON pointers (RFC 6901) of the fields in the heartbeat and the state. Empty (`""`): there is no such field.
    pub struct FieldsConfig {
        /// Time of the heartbeat: RFC 3339 or Unix seconds.
        ts: Pointer = "/ts".into(),
        /// Process id.
        pid: Pointer = "/pid".into(),
        /// The loop's run number.
        epoch: Pointer = "/epoch".into(),
        /// The round within the run.
        iteration: Pointer = "/iter".into(),
        /// The step within the round.
        vertex: Pointer = "/vertex".into(),
        /// The phase.
        phase: Pointer = "/phase".into(),
        /// When the phase began.
        phase_started_at: Pointer = "/phase_started_at".into(),
        /// systemd's id of the unit's current run.
        invocation_id: Pointer = "/invocation_id".into(),
        /// The module being worked on (state only).
        module: Pointer = "/module".into(),
        /// The loop's own word on itself (state only).
        status: Pointer = "/status".into(),
        /// When the run began (state only).
        started_at: Pointer = "/started_at".into(),
        /// When the state was last written (state only).
        updated_at: Pointer = "/updated_at".into(),
        /// The list of finished iterations (state only).
        history: Pointer = "/history".into(),
        /// The outcome within one element of `history`.
        outcome: Pointer = "/outcome".into(),
    }
}

section! {
    /// The loop's sub-agents: descendants of the loop unit's cgroup, or processes whose command line matches.
    pub struct SubagentsConfig {
        /// Whether sub-agents are watched.
        enabled: bool = true,
        /// How often /proc is read.
        interval: Seconds = Seconds(15.0),
        /// How long one reading may take.
        deadline: Seconds = Seconds(10.0),
        /// Regular expression over the whole command line: processes that match count as sub-agents although they
        /// are outside the unit's cgroup. Empty: only the cgroup's processes.
        outside: Pattern = Pattern::default(),
        /// The phases, each with a pattern over the command line and the time one sub-agent may take. The first
        /// phase whose pattern matches counts.
        phases: super::Phases = super::Phases::default(),
    }
}

section! {
    /// The model server.
    pub struct VllmConfig {
        /// Whether vLLM is watched.
        enabled: bool = true,
        /// Base URL.
        url: String = "http://127.0.0.1:8010".into(),
        /// How often `/metrics` is read.
        interval: Seconds = Seconds(2.0),
        /// An answer that takes longer is a slow answer. The request stays open until `timeout`.
        deadline: Seconds = Seconds(5.0),
        /// The request is given up after this. A healthy but busy vLLM was seen to take 40 s (vLLM PR 38157).
        timeout: Seconds = Seconds(45.0),
        /// Largest page that is read, bytes.
        max_page: super::value::Bytes = super::value::Bytes(16 << 20),
        /// Whether a one-token request is sent when vLLM looks stalled, to tell a hang from a stale gauge.
        canary: bool = true,
        /// How long vLLM must look stalled before the one-token request is sent.
        canary_after: Seconds = Seconds(15.0),
        /// How long the one-token request may take.
        canary_timeout: Seconds = Seconds(30.0),
        /// Environment variable that holds the API key for the one-token request and for `report --probe-tps`.
        api_key_env: String = "VLLM_API_KEY".into(),
    }
}

section! {
    /// The GPUs.
    pub struct GpuConfig {
        /// Whether GPUs are watched.
        enabled: bool = true,
        /// How often they are read.
        interval: Seconds = Seconds(5.0),
        /// How long one reading may take; NVML's initialisation too.
        deadline: Seconds = Seconds(5.0),
        /// The NVML library: a path, or a name that the dynamic loader looks up.
        library: String = "libnvidia-ml.so.1".into(),
        /// A recorded reading (JSON) to use in place of NVML, for demonstrations and where NVML cannot be reached.
        recording: Option<String> = None,
        /// Regular expression over the command line of vLLM's processes; other compute processes are contending.
        vllm_pattern: Pattern = "(?i)vllm".into(),
    }
}

section! {
    /// The parity matrix.
    pub struct ParityConfig {
        /// Whether the matrix is watched.
        enabled: bool = true,
        /// How often the file's identity is looked at; it is parsed only when that changed.
        interval: Seconds = Seconds(30.0),
        /// How long one reading may take.
        deadline: Seconds = Seconds(20.0),
        /// The matrix, relative to `repo_root`.
        file: Path = "acceptance/parity-matrix.yaml".into(),
        /// Largest file that is read.
        max_size: super::value::Bytes = super::value::Bytes(32 << 20),
    }
}

section! {
    /// The judge's verdicts.
    pub struct VerdictsConfig {
        /// Whether verdicts are watched.
        enabled: bool = true,
        /// How often the end of the file is read.
        interval: Seconds = Seconds(15.0),
        /// How long one reading may take.
        deadline: Seconds = Seconds(5.0),
        /// The file, one verdict a line.
        file: Path = "verdicts.jsonl".into(),
    }
}

section! {
    /// The published site.
    pub struct SiteConfig {
        /// Whether the site is watched.
        enabled: bool = true,
        /// How often it is looked at.
        interval: Seconds = Seconds(30.0),
        /// How long one reading may take.
        deadline: Seconds = Seconds(5.0),
        /// The site's first page, relative to `repo_root`.
        index: Path = "journey-web/dist/index.html".into(),
        /// The data it was built from, relative to `repo_root`.
        data: Path = "journey-web/site-data.json".into(),
    }
}

section! {
    /// The reviews of the loop's behaviour.
    pub struct ReviewConfig {
        /// Whether reviews are watched.
        enabled: bool = true,
        /// How often the end of the file is read.
        interval: Seconds = Seconds(30.0),
        /// How long one reading may take.
        deadline: Seconds = Seconds(5.0),
        /// The file, one review a line.
        file: Path = "meta-judge.jsonl".into(),
    }
}

section! {
    /// The watchdog's state and audit trail.
    pub struct WatchdogConfig {
        /// Whether the watchdog is watched.
        enabled: bool = true,
        /// How often it is looked at.
        interval: Seconds = Seconds(15.0),
        /// How long one reading may take.
        deadline: Seconds = Seconds(5.0),
        /// The watchdog's small state file.
        state: Path = "watchdog-state.json".into(),
        /// The audit trail, one restart's event a line.
        restarts: Path = "liveness-restarts.jsonl".into(),
    }
}

section! {
    /// This machine.
    pub struct HostConfig {
        /// Whether the machine is watched.
        enabled: bool = true,
        /// How often it is read.
        interval: Seconds = Seconds(10.0),
        /// How long one reading may take.
        deadline: Seconds = Seconds(5.0),
    }
}
