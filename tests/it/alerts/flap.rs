//! No flap: hundreds of hours of three machines of which one scrape in a hundred is missed, through Prometheus's own
//! engine (`promtool test rules`).
//!
//! Invariant: the same seed gives the same scrapes; what must fire when follows from a model of a dozen lines.

use std::fmt::Write;

use super::{complaint, promtool, root};

/// Hours that are lived through, unless `AUTOSWE_FLAP_HOURS` says otherwise; the long form is 1000.
const HOURS: usize = 20;
/// One scrape and one evaluation a minute.
const AN_HOUR: usize = 60;
/// One scrape in so many is missed.
const MISSED_OF: u64 = 100;
/// The exporter is started anew this often, minutes.
const RESTARTS: usize = 7 * AN_HOUR;
/// It takes so long to judge again, minutes: longer than alerts go on firing by themselves.
const PENDING: usize = 4;
/// The default settings of `alerts`, minutes.
const WARN_FOR: usize = 5;
const CRIT_FOR: usize = 1;
const KEEP_FIRING_FOR: usize = 2;

/// What is found on a machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    Nothing,
    Warn,
    Crit,
}

/// What one scrape of a machine gives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scrape {
    Missed,
    /// The exporter was restarted and has not judged yet.
    Pending,
    Judged(Found),
}

/// Numbers that look random: xorshift, with a fixed seed.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

struct Machine {
    instance: &'static str,
    scrapes: Vec<Scrape>,
}

impl Machine {
    /// A machine on which `found` says what there is in each minute.
    fn new(instance: &'static str, minutes: usize, found: impl Fn(usize) -> Found) -> Self {
        let mut dice = Dice(instance.bytes().fold(0x5eed, |seed, byte| (seed << 8) + u64::from(byte)));
        let scrape = |minute| match dice.next() % MISSED_OF {
            0 => Scrape::Missed,
            _ if minute >= RESTARTS && minute % RESTARTS < PENDING => Scrape::Pending,
            _ => Scrape::Judged(found(minute)),
        };
        Machine { instance, scrapes: (0..minutes).map(scrape).collect() }
    }

    fn missed(&self) -> usize {
        self.scrapes.iter().filter(|scrape| **scrape == Scrape::Missed).count()
    }

    /// What is known in each minute: absence is not recovery.
    fn known(&self) -> Vec<Found> {
        let mut last = Found::Nothing;
        let known = |scrape: &Scrape| {
            if let Scrape::Judged(found) = scrape {
                last = *found;
            }
            last
        };
        self.scrapes.iter().map(known).collect()
    }

    /// In which minutes an alert on what is at least `found` fires, once it was found for `after` minutes.
    fn fires(&self, found: Found, after: usize) -> Vec<bool> {
        let (mut begun, mut seen) = (None, 0);
        let fires = |(minute, known): (usize, Found)| {
            let is_due = |begun: usize| minute >= begun + after;
            if known >= found {
                begun = begun.or(Some(minute));
                seen = minute;
            } else if !begun.is_some_and(is_due) || minute > seen + KEEP_FIRING_FOR {
                begun = None;
            }
            begun.is_some_and(is_due)
        };
        self.known().into_iter().enumerate().map(fires).collect()
    }

    /// Its series, as promtool takes them.
    fn series(&self, out: &mut String) {
        let well = |scrape: &Scrape| *scrape != Scrape::Missed;
        let judged = |scrape: &Scrape| matches!(scrape, Scrape::Judged(_));
        let found = |scrape: &Scrape, found: Found| *scrape == Scrape::Judged(found);
        let here = self.instance;
        self.write(out, &format!("up{{instance='{here}',job='autoswe'}}"), |_, scrape| {
            Some(u8::from(well(scrape)).to_string())
        });
        let mut series = |name: &str, labels: &str, value: &dyn Fn(usize, &Scrape) -> Option<String>| {
            let name = format!("{name}{{instance='{here}',job='autoswe'{labels}}}");
            self.write(out, &name, |minute, scrape| value(minute, scrape).filter(|_| well(scrape)));
        };
        let flag = |holds: bool| Some(u8::from(holds).to_string());
        for check in ["loop", "gpu"] {
            let labels = |presence| format!(",check='{check}',presence='{presence}'");
            series("autoswe_check_presence", &labels("judged"), &|_, scrape| flag(judged(scrape)));
            series("autoswe_check_presence", &labels("pending"), &|_, scrape| flag(!judged(scrape)));
        }
        let finding = |severity| format!(",check='loop',code='heartbeat_old',severity='{severity}'");
        series("autoswe_findings", &finding("WARN"), &|_, scrape| found(scrape, Found::Warn).then(|| "1".into()));
        series("autoswe_findings", &finding("CRIT"), &|_, scrape| found(scrape, Found::Crit).then(|| "1".into()));
        let source = ",source='loop'";
        series("autoswe_source_consecutive_failures", source, &|minute, scrape| {
            judged(scrape).then(|| u8::from(minute % 3 == 0).to_string())
        });
        series("autoswe_assessment_timestamp_seconds", "", &|minute, _| Some((60 * minute).to_string()));
        series("autoswe_system_state_last_record_timestamp_seconds", "", &|minute, _| {
            Some((180 * (minute / 3)).to_string())
        });
        series("autoswe_system_state_interval_seconds", "", &|_, _| Some("180".into()));
        series("autoswe_config_last_reload_successful", "", &|_, _| flag(true));
        series("process_start_time_seconds", "", &|minute, _| Some((minute / RESTARTS * RESTARTS * 60).to_string()));
    }

    fn write(&self, out: &mut String, name: &str, value: impl Fn(usize, &Scrape) -> Option<String>) {
        let values: Vec<String> = self
            .scrapes
            .iter()
            .enumerate()
            .map(|(minute, scrape)| value(minute, scrape).unwrap_or_else(|| "stale".into()))
            .collect();
        writeln!(out, "      - series: \"{name}\"\n        values: '{}'", values.join(" ")).unwrap();
    }
}

/// Minutes that one query looks back over: promtool lets a query load 50,000 samples.
const WINDOW: usize = 30 * AN_HOUR;

/// In how many minutes of each window each alert fires, and which alerts there are at all.
fn expectations(machines: &[Machine], minutes: usize) -> String {
    let kinds = [("warning", Found::Warn, WARN_FOR), ("critical", Found::Crit, CRIT_FOR)];
    let labels = |machine: &Machine, severity| {
        let instance = machine.instance;
        format!(r#"alertname="AutosweLoopHeartbeatOld",instance="{instance}",severity="{severity}""#)
    };
    let alerts: Vec<(String, Vec<bool>)> = machines
        .iter()
        .flat_map(|machine| kinds.map(|(name, found, after)| (labels(machine, name), machine.fires(found, after))))
        .collect();
    let mut out = String::new();
    for start in (0..minutes).step_by(WINDOW) {
        let end = minutes.min(start + WINDOW);
        // Half a minute less: a range holds both its ends.
        let (range, at) = (60 * (end - start) - 30, end - 1);
        let firing = format!("count_over_time(ALERTS{{alertstate='firing',severity!='none'}}[{range}s])");
        writeln!(out, "      - expr: sum by (alertname, instance, severity) ({firing})").unwrap();
        writeln!(out, "        eval_time: {at}m\n        exp_samples:").unwrap();
        for (labels, fires) in &alerts {
            let fired = fires[start..end].iter().filter(|fires| **fires).count();
            if fired > 0 {
                writeln!(out, "          - {{labels: '{{{labels}}}', value: {fired}}}").unwrap();
            }
        }
    }
    out
}

fn test(machines: &[Machine], minutes: usize) -> String {
    let rules = root().join("alerts/autoswe.rules.yml");
    let head = format!("rule_files: ['{}']\nevaluation_interval: 1m\n", rules.display());
    let mut text = head + "tests:\n  - interval: 1m\n    input_series:\n";
    machines.iter().for_each(|machine| machine.series(&mut text));
    text + "    promql_expr_test:\n" + &expectations(machines, minutes)
}

/// The first minute of a trouble that lasts, and of one that passes.
const BEGINS: usize = 100;

fn episode(minute: usize) -> Found {
    match minute {
        BEGINS..200 => Found::Warn,
        200..900 => Found::Crit,
        900..1000 => Found::Warn,
        _ => Found::Nothing,
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "whoever runs the long form wants its figures")]
fn nothing_flaps_though_one_scrape_in_a_hundred_is_missed() {
    let hours = std::env::var("AUTOSWE_FLAP_HOURS").map_or(HOURS, |hours| hours.parse().expect("hours, a number"));
    let minutes = hours * AN_HOUR;
    let machines = [
        Machine::new("well", minutes, |_| Found::Nothing),
        Machine::new("sick", minutes, |minute| if minute < BEGINS { Found::Nothing } else { Found::Crit }),
        Machine::new("episode", minutes, episode),
    ];
    for machine in &machines {
        println!("{}: {} of {minutes} scrapes missed", machine.instance, machine.missed());
    }
    // By the model each alert begins once, and the machine that is well raises nothing: the rules must do the same.
    let begins = |fires: Vec<bool>| fires.windows(2).filter(|pair| !pair[0] && pair[1]).count();
    let times = |machine: &Machine| {
        [(Found::Warn, WARN_FOR), (Found::Crit, CRIT_FOR)].map(|(found, after)| begins(machine.fires(found, after)))
    };
    assert_eq!(machines.each_ref().map(times), [[0, 0], [1, 1], [1, 1]]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("flap.yml");
    std::fs::write(&file, test(&machines, minutes)).unwrap();
    assert_eq!(complaint(&promtool(&["test", "rules"], &[file])), "");
}
