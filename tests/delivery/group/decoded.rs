//! Topics of messages: what Outrigger wrote is judged in a second group as it would have been in one
//! run, in either format; what is no message says why.

use super::*;

/// A group that reads what another wrote.
fn second(group: &Group, bootstrap: &str, (topic, keys): (&str, &str), rest: &str) -> String {
    let name = &group.name;
    format!(
        r#"
[taps.mirror]
kind = "kafka"
kafka = "main"
topic = "{topic}"
consumer_group = "{name}"
content = "decoded"
{keys}

[kafka.main]
bootstrap = "{bootstrap}"
transaction_timeout_ms = 10_000
retention_hours = 80_000
{rest}"#
    )
}

fn judged(group: &Group) -> String {
    format!(
        r#"
[plugins.judge]
role = "validator"
component = "track_plausibility.wasm"
[classes."track.sea"]
validators = ["judge"]
topic = "judged"
[classes."track.air"]
topic = "judged"
[topics.judged]
kafka = "main"
kafka_topic = "{}"
partitions = 2
"#,
        group.tracks()
    )
}

#[test]
fn a_decoded_topic_is_judged_as_one_run_judges() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let (one, two) = (Group::new("group-decode"), Group::new("group-judge"));
    let bootstrap = cluster.bootstrap();
    let mut client = cluster.client();
    client
        .create_topic(&one.source(), 3, 1, &[("retention.ms", "-1")])
        .unwrap();
    let site = Site::new(installation());
    let singles = singles();
    produce(cluster, &one.source(), &singles, Duration::ZERO);
    let text = one
        .text(&bootstrap, 3, true)
        .replace("validators = [\"judge\"]\n", "")
        .replace("[topics.other]", "[topics.other]\nvalue = \"json\"");
    site.configure("one", "", &text);
    site.run_well("one", &[]);
    // Tracks, in MessagePack.
    let keys = "classes = [\"track.sea\", \"track.air\"]\nconfined = true";
    let text = second(&two, &bootstrap, (&one.tracks(), keys), &judged(&two));
    site.configure("two", "", &text);
    let status = site.run_well("two", &[]);
    let [tracks, other] = plain(&site, &singles);
    let found = read(cluster, &two.tracks());
    assert_eq!(found.len(), tracks.len());
    let want = by_key(tracks.iter().map(of_record));
    assert_eq!(by_key(found.iter().map(of_read)), want);
    let anomalous = tracks
        .iter()
        .filter(|one| !one.anomalies.is_empty())
        .count();
    assert!(anomalous > 0);
    assert_eq!(status.group.unwrap().frames, tracks.len() as u64);
    assert_eq!(status.ledger.difference, 0);
    let judge = status
        .plugins
        .iter()
        .find(|one| one.name == "judge")
        .unwrap();
    assert!(judge.calls > 0 && judge.rows > 0, "{judge:?}");
    // Where each came from, and the schema that its decoder gave it.
    let first: BTreeMap<String, Option<String>> = read(cluster, &one.tracks())
        .iter()
        .map(|one| (id_of(one), header(one, "outrigger-schema")))
        .collect();
    for one in &found {
        let source = header(one, "outrigger-source-id").unwrap();
        assert_eq!(first[&source], header(one, "outrigger-schema"));
        let plugins = header(one, "outrigger-plugins").unwrap();
        assert!(!plugins.contains("ais="), "{plugins}");
    }
    // All else, in JSON, through no plugin at all.
    let three = Group::new("group-json");
    let classes = ["static.sea", "station.base"];
    let tables = classes.map(|class| format!("[classes.\"{class}\"]\ntopic = \"copy\"\n"));
    let copy = format!(
        "{}[topics.copy]\nkafka = \"main\"\nkafka_topic = \"{}\"\n",
        tables.concat(),
        three.other()
    );
    let keys = "classes = [\"static.sea\", \"station.base\"]\nvalue = \"json\"";
    let text = second(&three, &bootstrap, (&one.other(), keys), &copy);
    site.configure("three", "", &text);
    let figures = site.run_well("three", &[]).group.unwrap();
    let (want, elsewhere): (Vec<_>, Vec<_>) = other
        .iter()
        .map(of_record)
        .partition(|record| classes.contains(&record.0.as_str()));
    let found = read(cluster, &three.other());
    assert_eq!(by_key(found.iter().map(of_read)), by_key(want.into_iter()));
    assert_eq!(figures.other_classes, elsewhere.len() as u64);
    eprintln!(
        "{} tracks, {anomalous} with anomalies; {} others, {} of classes not carried",
        tracks.len(),
        found.len(),
        figures.other_classes
    );
}

#[test]
fn records_that_are_no_messages_are_dead_letters_and_those_of_others_are_taken() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let group = Group::new("group-foreign");
    let mut client = cluster.client();
    client.create_topic(&group.source(), 1, 1, &[]).unwrap();
    let good: &[u8] = br#"{"lat_deg": 55.5, "lon_deg": 13.0}"#;
    let records: [(&[u8], &[u8]); 4] = [
        (b"k1", good),
        (b"", good),
        (b"k2", b"[1]"),
        (b"k3", b"{\"a\": \"\xff\"}"),
    ];
    client.produce(&group.source(), &records).unwrap();
    let site = Site::new(installation());
    let copy = format!(
        "[classes.\"point\"]\ntopic = \"copy\"\n[topics.copy]\nkafka = \"main\"\nkafka_topic = \"{}\"\n",
        group.tracks()
    );
    let keys = "classes = [\"point\"]\nvalue = \"json\"";
    let text = second(&group, &cluster.bootstrap(), (&group.source(), keys), &copy);
    site.configure("data", "", &text);
    let status = site.run_well("data", &[]);
    let found = read(cluster, &group.tracks());
    assert_eq!(found.len(), 1);
    let (class, key, body, event_ns, captured_ns, _) = of_read(&found[0]);
    assert_eq!((&class[..], &key[..]), ("point", "k1"));
    assert_eq!(body, json!({"lat_deg": 55.5, "lon_deg": 13.0}));
    assert_eq!(event_ns, captured_ns);
    assert_eq!(header(&found[0], "outrigger-source-id"), None);
    let dead: BTreeMap<(String, String), u64> = status
        .dead_letters
        .iter()
        .map(|one| ((one.stage.clone(), one.cause.clone()), one.count))
        .collect();
    let carry = |cause: &str| ("carry:mirror".to_owned(), cause.to_owned());
    let expected = BTreeMap::from([(carry("key"), 1), (carry("value"), 2)]);
    assert_eq!(dead, expected);
    assert_eq!(
        read(cluster, &format!("{}-dead-letters", group.name)).len(),
        3
    );
}
