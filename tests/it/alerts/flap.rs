//! No flap: hundreds of hours of three machines of which one scrape in a hundred is missed, through Prometheus's own
//! engine (`promtool test rules`).
//!
//! Invariant: the same seed gives the same scrapes; what must fire when follows from a model of a dozen lines.

use std::fmt::Write;

use super::{complaint, promtool, root};

/// Hours that are lived through, unless `AUTOSWE_FLAP_HOURS` says otherwise; the long form is 1000.
const HOURS: usize = 30;
/// One scrape and one evaluation a minute.
const AN_HOUR: usize = 60;
/// One scrape in so many is missed.
const MISSED_OF: u64 = 100;
/// The exporter is started anew this often, minutes, and takes one scrape to judge again.
const RESTARTS: usize = 7 * AN_HOUR;
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
            _ if minute > 0 && minute % RESTARTS == 0 => Scrape::Pending,
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

    /// In how many minutes an alert on what is at least `found` fires, and how often it begins to.
    fn fires(&self, found: Found, after: usize) -> (usize, usize) {
        let (mut begun, mut seen, mut minutes, mut times) = (None, None, 0, 0);
        for (minute, known) in self.known().into_iter().enumerate() {
            if known >= found {
                begun = begun.or(Some(minute));
                seen = Some(minute);
            } else if seen.is_none_or(|seen| minute >= seen + 1 + KEEP_FIRING_FOR)
                || begun.is_some_and(|b| minute < b + after)
            {
                (begun, seen) = (None, None);
            }
            if let Some(begun) = begun.filter(|begun| minute >= begun + after) {
                minutes += 1;
                times += usize::from(minute == begun + after);
            }
        }
        (minutes, times)
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

/// A test of `expression` at the end, with the samples that it must give.
fn expect(out: &mut String, minutes: usize, expression: &str, samples: &[(String, usize)]) {
    let (range, end) = (format!("[{minutes}m]"), minutes - 1);
    writeln!(out, "      - expr: {}", expression.replace("[all]", &range)).unwrap();
    writeln!(out, "        eval_time: {end}m\n        exp_samples:").unwrap();
    if samples.is_empty() {
        writeln!(out, "          []").unwrap();
    }
    for (labels, value) in samples {
        writeln!(out, "          - {{labels: '{{{labels}}}', value: {value}}}").unwrap();
    }
}

fn test(machines: &[Machine], minutes: usize) -> String {
    let rules = root().join("alerts/autoswe.rules.yml");
    let mut text = format!(
        "rule_files: ['{}']\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n",
        rules.display()
    );
    machines.iter().for_each(|machine| machine.series(&mut text));
    writeln!(text, "    promql_expr_test:").unwrap();
    let kinds = [("warning", Found::Warn, WARN_FOR), ("critical", Found::Crit, CRIT_FOR)];
    let fired = |machine: &Machine| {
        kinds.map(|(severity, found, after)| {
            let labels = format!(
                "alertname=\"AutosweLoopHeartbeatOld\",instance=\"{}\",severity=\"{severity}\"",
                machine.instance
            );
            (labels, machine.fires(found, after))
        })
    };
    let fired: Vec<_> = machines.iter().flat_map(fired).filter(|(_, (minutes, _))| *minutes > 0).collect();
    let firing =
        "sum by (alertname, instance, severity) (count_over_time(ALERTS{alertstate='firing',severity!='none'}[all]))";
    let samples: Vec<_> = fired.iter().map(|(labels, (minutes, _))| (labels.clone(), *minutes)).collect();
    expect(&mut text, minutes, firing, &samples);
    text
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
    let times = |machine: &Machine| [machine.fires(Found::Warn, WARN_FOR).1, machine.fires(Found::Crit, CRIT_FOR).1];
    assert_eq!(machines.each_ref().map(times), [[0, 0], [1, 1], [1, 1]]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("flap.yml");
    std::fs::write(&file, test(&machines, minutes)).unwrap();
    assert_eq!(complaint(&promtool(&["test", "rules"], &[file])), "");
}
