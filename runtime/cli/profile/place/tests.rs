#![allow(clippy::unwrap_used)]

use super::*;

/// A configuration with one tap, which needs no plugin to be read.
pub(in crate::cli::profile) const SMALL: &str = r#"
[runtime]
name = "small"
data_dir = "data"
[taps.shore]
kind = "udp"
port = 60001
[plugins.ais]
component = "ais_decoder.wasm"
role = "decoder"
taps = ["shore"]
writes = ["track.sea"]
parameters = { text = "a \"quoted\" \u007f name", deep = [1.5, { on = true }] }
[budget]
baseline = "old.json"
[classes."track.sea"]
topic = "sea"
[topics.sea]
kafka = "main"
partitions = 3
[kafka.main]
bootstrap = "localhost:9092"
"#;

fn loaded(folder: &Path, text: &str) -> Config {
    let file = folder.join("outrigger.toml");
    std::fs::write(&file, text).unwrap();
    Config::load(&file).unwrap()
}

fn named(config: &Config, taps: &[&str]) -> Result<BTreeMap<String, PathBuf>, String> {
    let taps: Vec<String> = taps.iter().map(|&tap| tap.to_owned()).collect();
    recordings(config, &taps)
}

#[test]
fn the_derived_configuration_plays_and_mirrors_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = loaded(folder.path(), SMALL);
    let recording = folder.path().join("recording.txt");
    std::fs::write(&recording, "1700000000.25,!AIVDM,1\n").unwrap();
    let taps = named(&config, &[recording.to_str().unwrap()]).unwrap();
    let pace = Some(Pace::Recorded(2.0));
    let place = Place::make(&config, taps, pace, Some(folder.path())).unwrap();
    let derived = Config::load(&place.configuration()).unwrap();
    assert_eq!(derived.name, "small");
    assert_eq!(derived.data_dir, place.data());
    assert_eq!(derived.plugins_dir, config.plugins_dir);
    assert_eq!(derived.plugins, config.plugins);
    assert!(derived.kafka.is_empty() && derived.budget.baseline.is_none());
    let TapSource::Lines(lines) = &derived.taps[0].source else {
        panic!("{:?}", derived.taps);
    };
    assert!(lines.time_column);
    assert_eq!(lines.path, recording);
    assert_eq!(place.played()[0].pace, "recorded × 2");
    let path = place.path.clone();
    drop(place);
    assert!(!path.exists());
}

#[test]
fn live_taps_stay_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let config = loaded(folder.path(), SMALL);
    let place = Place::make(&config, BTreeMap::new(), None, Some(folder.path())).unwrap();
    let derived = Config::load(&place.configuration()).unwrap();
    assert_eq!(derived.taps, config.taps);
    assert_eq!(derived.output_digest(), config.output_digest());
    assert!(!place.plays());
}

#[test]
fn of_several_taps_the_unnamed_hear_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let more = SMALL.replace(
        "[plugins.ais]",
        "[taps.hill]\nkind = \"tcp\"\nconnect = \"localhost:1\"\nframing = \"line\"\n[plugins.ais]",
    );
    let more = more.replace("[\"shore\"]", "[\"shore\", \"hill\"]");
    let config = loaded(folder.path(), &more);
    let recording = folder.path().join("a=b.hex");
    std::fs::write(&recording, "00ff\n").unwrap();
    let recording = recording.to_str().unwrap();
    let refused = |taps: &[&str]| named(&config, taps).unwrap_err();
    assert!(refused(&["x.hex"]).contains("say which tap plays it"));
    assert!(refused(&["shor=x.hex"]).contains("no tap \"shor\""));
    assert!(refused(&["shore=x", "shore=y"]).contains("named twice"));
    let taps = named(&config, &[&format!("hill={recording}")]).unwrap();
    let place = Place::make(&config, taps, None, Some(folder.path())).unwrap();
    let derived = Config::load(&place.configuration()).unwrap();
    let played: Vec<(String, String)> = place
        .played()
        .into_iter()
        .map(|played| (played.tap, played.pace))
        .collect();
    let pair = |tap: &str, pace: &str| (tap.to_owned(), pace.to_owned());
    assert_eq!(played.len(), 2);
    assert!(
        played.contains(&pair("hill", "flat-out")) && played.contains(&pair("shore", "silent"))
    );
    assert_eq!(derived.taps.len(), 2);
}

#[test]
fn what_cannot_be_played_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let config = loaded(folder.path(), SMALL);
    let path = folder.path().join("recording");
    let refused = |bytes: &[u8], pace: Option<Pace>| {
        std::fs::write(&path, bytes).unwrap();
        let taps = named(&config, &[path.to_str().unwrap()]).unwrap();
        let made = Place::make(&config, taps, pace, Some(folder.path()));
        made.map(|_| ()).unwrap_err()
    };
    assert!(refused(b"", None).contains("is empty"));
    assert!(refused(&[0x1f, 0x8b, 8, 0], None).contains("gzip stream is cut"));
    assert!(refused(&[0, 1, 2, 0xff], None).contains("neither a capture"));
    assert!(refused(b"!AIVDM,1\n", Some(Pace::Recorded(1.0))).contains("no times"));
    std::fs::remove_file(&path).unwrap();
    let taps = named(&config, &[path.to_str().unwrap()]).unwrap();
    let made = Place::make(&config, taps, None, Some(folder.path()));
    assert!(
        made.map(|_| ())
            .unwrap_err()
            .contains("cannot find the file")
    );
}

#[test]
fn a_packed_recording_is_known_by_what_is_in_it() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let config = loaded(folder.path(), SMALL);
    let path = folder.path().join("recording.gz");
    let file = std::fs::File::create(&path).unwrap();
    let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    packed.write_all(b"1.5,!AIVDM,1\n").unwrap();
    packed.finish().unwrap();
    let taps = named(&config, &[path.to_str().unwrap()]).unwrap();
    let place = Place::make(&config, taps, None, Some(folder.path())).unwrap();
    let played = place.played();
    assert_eq!(played[0].pace, "recorded", "it has times");
}

#[test]
fn a_pace_is_a_word_or_a_factor() {
    assert_eq!(pace("recorded"), Ok(Pace::Recorded(1.0)));
    assert_eq!(pace("flat-out"), Ok(Pace::FlatOut));
    assert_eq!(pace("2.5"), Ok(Pace::Recorded(2.5)));
    assert!(pace("0").is_err() && pace("fast").is_err() && pace("nan").is_err());
}
