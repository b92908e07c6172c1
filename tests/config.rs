//! Every good configuration loads; every bad file fails with its exact message.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use outrigger::cli::check::{self, Options};
use outrigger::config::Config;
use outrigger::config::keys::{KEYS, Range, Section};
use outrigger_policy::limits::CONFIG_BYTES_MAX;
use outrigger_policy::topology::{Role, Target};
use outrigger_tap::{Encoding, Framing, LinesConfig, Pace, TapConfig, TcpConfig, UdpConfig};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/config")
}

fn fixture(name: &str) -> String {
    std::fs::read_to_string(fixtures().join(name)).unwrap()
}

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text, Path::new("outrigger.toml")).map_err(|errors| errors.to_string())
}

/// `small.toml` with a line put behind the one that starts with `after`.
fn small_with(after: &str, line: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for known in fixture("small.toml").lines() {
        lines.push(known.to_owned());
        if known.starts_with(after) {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n")
}

#[test]
fn every_bad_file_fails_with_its_exact_message() {
    let mut count = 0;
    for entry in std::fs::read_dir(fixtures().join("bad")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let expected: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# expect: "))
            .collect();
        assert!(!expected.is_empty(), "{} expects nothing", path.display());
        let name = Path::new(path.file_name().unwrap());
        let errors = Config::parse(&text, name)
            .map(|_| ())
            .unwrap_err()
            .to_string();
        assert_eq!(
            errors.lines().collect::<Vec<_>>(),
            expected,
            "{}",
            path.display()
        );
        count += 1;
    }
    assert!(count > 60, "only {count} files found");
}

#[test]
fn least_configuration_is_filled_with_defaults() {
    let config = Config::load(&fixtures().join("small.toml")).unwrap();
    assert_eq!(config.name, "outrigger");
    assert_eq!(
        config.data_dir,
        fixtures().canonicalize().unwrap().join("data")
    );
    assert_eq!(config.journal.bytes_max.get(), 1 << 30);
    assert_eq!(config.topics.len(), 3);
    let class = &config.topology.classes()[0];
    assert_eq!(
        class.target,
        Target::Topic(config.topology.find_topic("tracks").unwrap())
    );
    assert_eq!(
        config.journal.signing_key,
        config.plugins_dir.join("journal.key")
    );
    assert!(config.warnings.is_empty());
    assert!(
        config
            .settings()
            .iter()
            .any(|setting| { setting.key == "plugins.ais.message_fuel" && setting.is_default })
    );
}

#[test]
fn full_configuration_is_read_as_written() {
    let config = Config::load(&fixtures().join("full.toml")).unwrap();
    let topology = &config.topology;
    let source = |name: &str| &config.tap(topology.find_tap(name).unwrap()).source;
    assert!(matches!(
        source("harbour"),
        TapConfig::Udp(UdpConfig {
            port: 60_004,
            group: Some(_),
            datagram_bytes_max: 1_500,
            ..
        })
    ));
    assert!(matches!(
        source("roof"),
        TapConfig::Tcp(TcpConfig {
            framing: Framing::Beast,
            ..
        })
    ));
    let TapConfig::Tcp(link) = source("link") else {
        panic!("link is a TCP tap");
    };
    assert_eq!(
        (link.host.as_str(), link.port, link.frame_bytes_max),
        ("[::1]", 7_000, 4_096)
    );
    assert!(matches!(
        link.framing,
        Framing::LengthPrefixed {
            prefix_bytes: 4,
            includes_itself: true,
            ..
        }
    ));
    let TapConfig::Pcap(radar) = source("radar") else {
        panic!("radar is a capture");
    };
    assert_eq!(
        (radar.pace, radar.port),
        (Pace::Recorded(10.0), Some(8_600))
    );
    assert!(matches!(
        source("diary"),
        TapConfig::Lines(LinesConfig {
            encoding: Encoding::Hex,
            time_column: true,
            pace: Pace::FlatOut,
            ..
        })
    ));
    let ais = topology.find_plugin("ais").unwrap();
    assert_eq!(config.plugin(ais).limits.message_fuel.get(), 50_000);
    assert_eq!(config.plugin(ais).limits.state_bounds().keys_max, 100_000);
    let asterix = topology.plugin(topology.find_plugin("asterix").unwrap());
    let Role::Decoder { markings, .. } = &asterix.role else {
        panic!("asterix is a decoder");
    };
    assert_eq!(markings[0].0, "secret");
}

#[test]
fn parameters_become_a_messagepack_map() {
    let config = Config::load(&fixtures().join("full.toml")).unwrap();
    let plugin = config.plugin(config.topology.find_plugin("plausibility").unwrap());
    let mut expected = b"\x83\xa5drift\x82\xa7enabled\xc3\xa5score\xcb".to_vec();
    expected.extend(0.5f64.to_be_bytes());
    expected.extend(b"\xa5sides\x92\xa4port\xa9starboard\xadspeed_mps_max\xcd\x01\x90");
    assert_eq!(plugin.parameters, expected);
    let silent = config.plugin(config.topology.find_plugin("ais").unwrap());
    assert_eq!(silent.parameters, [0x80]);
}

#[test]
fn parameters_are_bounded_in_bytes() {
    let line = format!("parameters = {{ text = \"{}\" }}", "x".repeat(70_000));
    assert_eq!(
        parse(&small_with("writes", &line)).unwrap_err(),
        "outrigger.toml:11: plugins.ais.parameters: must be at most 65536 bytes as MessagePack, \
         is 70011"
    );
}

#[test]
fn every_number_is_held_to_its_range() {
    // Where a key of each section can be put in the small configuration.
    let place = |key: &outrigger::config::keys::Key, value: u64| {
        let line = format!("{} = {value}", key.name);
        match key.section {
            Section::Journal | Section::Pipeline | Section::Budget => {
                let text = fixture("small.toml");
                Some(format!("[{}]\n{line}\n{text}", key.section.name()))
            }
            Section::Tap if key.only.contains(&"udp") && key.name != "port" => {
                Some(small_with("port", &line))
            }
            Section::Plugin => Some(small_with("writes", &line)),
            Section::Topic => Some(small_with("[topics.tracks]", &line)),
            Section::Reserved => Some(format!(
                "{}\n[topics._audit]\n{line}\n",
                fixture("small.toml")
            )),
            Section::Kafka => Some(format!(
                "{}\n[kafka.main]\nbootstrap = \"host:9092\"\n{line}\n",
                fixture("small.toml")
            )),
            Section::Runtime
            | Section::Labels
            | Section::Tap
            | Section::Reference
            | Section::Class => None,
        }
    };
    let mut count = 0;
    for key in KEYS {
        let Range::Setting(setting) = key.range else {
            continue;
        };
        let mut refused = vec![setting.max + 1];
        refused.extend(setting.min.checked_sub(1));
        for value in refused {
            let Some(text) = place(key, value) else {
                continue;
            };
            let errors = parse(&text).unwrap_err();
            let expected = format!("must be {} ({}), is {value}", key.rule(), key.unit);
            assert!(errors.contains(&expected), "{}: {errors}", key.path());
            count += 1;
        }
    }
    assert!(count > 40, "only {count} values tried");
}

#[test]
fn every_listed_key_is_read_and_listed_once() {
    let mut read = BTreeSet::new();
    for name in ["full.toml", "small.toml", "group.toml", "decoded.toml"] {
        for setting in Config::load(&fixtures().join(name)).unwrap().settings() {
            read.insert(setting.definition.path());
        }
    }
    let listed: BTreeSet<String> = KEYS.iter().map(|key| key.path()).collect();
    assert_eq!(listed.len(), KEYS.len());
    assert_eq!(read, listed);
    for key in KEYS {
        assert!(
            !key.rule().is_empty() && !key.default().is_empty(),
            "{}",
            key.path()
        );
    }
}

#[test]
fn number_of_tables_is_bounded() {
    let refused = |section: &str, line: &str, count: usize| {
        let small = fixture("small.toml");
        let tables = (0..count).map(|at| format!("[{section}.x{at}]\n{line}\n"));
        let errors = parse(&format!("{small}\n{}", tables.collect::<String>())).unwrap_err();
        errors
            .lines()
            .find(|line| line.contains(": must be at most"))
            .map(str::to_owned)
    };
    let tap = "kind = \"udp\"\nport = 1";
    assert_eq!(
        refused("taps", tap, 32).unwrap(),
        "outrigger.toml:2: taps: must be at most 32 tables, are 33"
    );
    assert_eq!(refused("taps", tap, 31), None);
    assert_eq!(
        refused("topics", "", 62).unwrap(),
        "outrigger.toml:15: topics: must be at most 62 besides the reserved ones, are 63"
    );
}

#[test]
fn digest_names_what_holds_not_how_it_is_written() {
    let small = parse(&fixture("small.toml")).unwrap();
    let same = parse(&small_with(
        "writes",
        "message_fuel = 100_000 # the default",
    ))
    .unwrap();
    assert_eq!(small.digest(), same.digest());
    let fuel = parse(&small_with("writes", "message_fuel = 100_001")).unwrap();
    assert_ne!(small.digest(), fuel.digest());
    assert_ne!(small.output_digest(), fuel.output_digest());
    let room = parse(&small_with("[topics.tracks]", "age_hours_max = 73")).unwrap();
    assert_ne!(small.digest(), room.digest());
    assert_eq!(small.output_digest(), room.output_digest());
    let full = fixture("full.toml");
    let other = full.replace(
        "path = \"empty\", sha256 = \"e3",
        "path = \"empty\", sha256 = \"e4",
    );
    let (full, other) = (parse(&full).unwrap(), parse(&other).unwrap());
    assert_ne!(full.output_digest(), other.output_digest());
}

#[test]
fn printed_settings_read_back_as_the_same_configuration() {
    for name in ["full.toml", "small.toml", "group.toml", "decoded.toml"] {
        let config = Config::load(&fixtures().join(name)).unwrap();
        let printed = check::render(&config);
        let again = Config::parse(&printed, &fixtures().join(name)).unwrap();
        assert_eq!(again.digest(), config.digest(), "{printed}");
        assert_eq!(again.topology, config.topology);
        assert_eq!(again.plugins, config.plugins);
    }
}

#[test]
fn check_prints_what_holds_in_80_columns() {
    let report = check::check(&fixtures().join("small.toml"), Options::default());
    assert!(report.good);
    let root = fixtures().canonicalize().unwrap();
    let text = report
        .text
        .replace(&fixtures().display().to_string(), "DIR");
    let text = text.replace(&root.display().to_string(), "DIR");
    // The plan is of this build and this host; `tests/memory.rs` looks at it.
    let (before, plan) = text.split_once("# Memory plan").unwrap();
    let (_, after) = plan.split_once("\n\n").unwrap();
    let text = format!("{before}{after}");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(fixtures().join("small.check.txt"), &text).unwrap();
    }
    assert_eq!(text, fixture("small.check.txt"));

    let report = check::check(&fixtures().join("full.toml"), Options::default());
    assert!(report.good);
    for line in report.text.lines() {
        let fits = line.chars().count() <= 80;
        assert!(
            fits || line.contains("tests/fixtures") || line.contains("sha256"),
            "{line}"
        );
    }
}

#[test]
fn check_prints_json_for_programs() {
    let options = Options {
        json: true,
        strict: false,
    };
    let report = check::check(&fixtures().join("full.toml"), options);
    assert!(report.good);
    let json: serde_json::Value = serde_json::from_str(&report.text).unwrap();
    assert_eq!(json["name"], "full");
    assert_eq!(
        json["topology"]["labels"],
        serde_json::json!(["open", "restricted", "secret"])
    );
    let class = &json["topology"]["classes"][1];
    assert_eq!(class["name"], "track.air");
    assert_eq!(class["router"], "by-area");
    assert_eq!(class["topic"], serde_json::Value::Null);
    assert_eq!(class["expired_topic"], "tracks");
    assert_eq!(json["digest"].as_str().unwrap().len(), 64);

    let report = check::check(&fixtures().join("bad/tap-kind.toml"), options);
    assert!(!report.good);
    let json: serde_json::Value = serde_json::from_str(&report.text).unwrap();
    assert_eq!(json["errors"][0]["key"], "taps.harbour.kind");
    assert_eq!(json["errors"][0]["line"], 4);
    assert_eq!(json["more"], 0);
}

#[test]
fn check_states_what_clients_of_kafka_can_come_to_in_memory() {
    let text = fixture("full.toml");
    let more = text.replace("[kafka.main]", "[kafka.main]\nqueue_bytes_max = 16_777_216");
    assert_ne!(text, more);
    let plan = |text: &str| -> (u64, Vec<serde_json::Value>) {
        let config = Config::parse(text, &fixtures().join("full.toml")).unwrap();
        let report: serde_json::Value = serde_json::from_str(&check::render_json(&config)).unwrap();
        let plans = report["kafka_memory"].as_array().unwrap().clone();
        for plan in &plans {
            let parts = plan["parts"].as_array().unwrap().iter();
            let sum: u64 = parts.map(|part| part["bytes"].as_u64().unwrap()).sum();
            assert_eq!(plan["bytes"].as_u64(), Some(sum), "{plan}");
        }
        let all = plans.iter().map(|plan| plan["bytes"].as_u64().unwrap());
        (all.sum(), plans)
    };
    let ((bytes, plans), (more, _)) = (plan(&text), plan(&more));
    let what: Vec<&str> = plans
        .iter()
        .map(|plan| plan["what"].as_str().unwrap())
        .collect();
    assert_eq!(what, ["exactly-once", "readers"]);
    // The default queue is 4 MiB of values; keys and headers may be as much again.
    assert_eq!(more - bytes, 2 * ((16 << 20) - (4 << 20)));
    let report = check::check(&fixtures().join("full.toml"), Options::default());
    assert!(report.text.contains("# kafka.main exactly-once"));
}

#[test]
fn strict_check_demands_pins() {
    let strict = Options {
        json: false,
        strict: true,
    };
    let path = fixtures().join("full.toml");
    let report = check::check(&path, strict);
    assert!(!report.good);
    let path = path.display();
    let expected: String = [
        ("modes", 102),
        ("asterix", 108),
        ("plausibility", 115),
        ("by-area", 124),
    ]
    .map(|(plugin, line)| {
        format!(
            "{path}:{line}: plugins.{plugin}.sha256: required by --strict: the component's \
                 digest, 64 hexadecimal digits\n"
        )
    })
    .concat();
    assert_eq!(report.text, expected);
    let pinned = small_with("component", &format!("sha256 = \"{}\"", "0".repeat(64)));
    assert_eq!(parse(&pinned).unwrap().check_strict(), Ok(()));
}

#[test]
fn references_are_read_only_with_the_right_digest() {
    let config = Config::load(&fixtures().join("full.toml")).unwrap();
    let plugin = config.topology.find_plugin("plausibility").unwrap();
    let files = config.read_references(plugin).unwrap();
    assert_eq!((files[0].name.as_str(), files[0].bytes.len()), ("coast", 0));

    let text = fixture("full.toml");
    let missing = text.replace("path = \"empty\"", "path = \"gone\"");
    let config = Config::parse(&missing, &fixtures().join("full.toml")).unwrap();
    let error = config.read_references(plugin).unwrap_err().to_string();
    assert!(
        error.contains("plugins.plausibility.references[0].path: "),
        "{error}"
    );
    assert!(
        error.contains("gone: cannot be read: No such file"),
        "{error}"
    );

    let changed = text.replace("path = \"empty\"", "path = \"small.toml\"");
    let config = Config::parse(&changed, &fixtures().join("full.toml")).unwrap();
    let error = config.read_references(plugin).unwrap_err().to_string();
    assert!(
        error.contains("references[0].sha256: must be the digest of "),
        "{error}"
    );
}

#[test]
fn files_that_are_no_configuration_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("outrigger.toml");
    let fails = |path: &Path| Config::load(path).map(|_| ()).unwrap_err().to_string();
    let named = path.display();
    assert_eq!(
        fails(&path),
        format!("{named}: cannot be read: No such file or directory (os error 2)")
    );
    std::fs::write(&path, b"name = \"\xff\"").unwrap();
    assert_eq!(
        fails(&path),
        format!("{named}: must be UTF-8, is not at byte 8")
    );
    std::fs::write(&path, "#".repeat(CONFIG_BYTES_MAX as usize + 1)).unwrap();
    assert_eq!(
        fails(&path),
        format!("{named}: must be at most 1048576 bytes, is larger")
    );
    std::fs::write(&path, "").unwrap();
    assert_eq!(
        fails(&path),
        format!("{named}:1: taps: required: at least one tap")
    );
}

#[test]
fn damaged_files_are_refused_or_read_but_never_crash() {
    let text = fixture("full.toml");
    let lines: Vec<&str> = text.lines().collect();
    for at in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(at);
        let _ = parse(&without.join("\n"));
        let mut swapped = lines.clone();
        swapped.swap(at, (at * 7 + 3) % lines.len());
        let _ = parse(&swapped.join("\n"));
        if let Some((key, _)) = lines[at].split_once(" = ") {
            for value in [
                "[]",
                "{}",
                "\"\"",
                "-1",
                "1e400",
                "1979-05-27",
                "[[1]]",
                "{ a = {} }",
            ] {
                let line = format!("{key} = {value}");
                let mut changed = lines.clone();
                changed[at] = &line;
                let _ = parse(&changed.join("\n"));
            }
        }
    }
    for end in (0..text.len()).step_by(7) {
        let _ = parse(&text[..end]);
    }
}

#[test]
fn every_example_loads() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for entry in std::fs::read_dir(root).unwrap() {
        let file = entry.unwrap().path().join("outrigger.toml");
        if file.exists()
            && let Err(errors) = Config::load(&file)
        {
            panic!("{errors}");
        }
    }
}
