//! Time in a group: a key that goes silent is said once, though nothing more comes; keys in several
//! partitions are noticed; operators are answered.

use super::*;

/// Frames of one ship, a tenth of a second apart.
fn one_ship() -> Vec<Single> {
    let all = singles();
    let sea = all
        .iter()
        .find(|one| field_class(&one.sentence) <= 3)
        .unwrap();
    let (mmsi, start_ms) = (sea.mmsi, sea.time_ms);
    let ours = all.into_iter().filter(|one| one.mmsi == mmsi);
    let mut ours: Vec<Single> = ours.filter(|one| field_class(&one.sentence) <= 3).collect();
    for (at, one) in ours.iter_mut().enumerate() {
        one.time_ms = start_ms + 100 * at as i64;
    }
    assert!(ours.len() > 10, "{} frames", ours.len());
    ours
}

/// Type of an AIS message.
fn field_class(sentence: &str) -> u32 {
    field(sentence.split(',').nth(5).unwrap(), 0, 6)
}

#[test]
fn a_key_gone_silent_is_said_once_though_nothing_more_comes() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let group = Group::new("group-silent");
    let mut client = cluster.client();
    client
        .create_topic(&group.source(), 1, 1, &[("retention.ms", "-1")])
        .unwrap();
    let site = Site::new(installation());
    let ours = one_ship();
    produce(cluster, &group.source(), &ours, Duration::ZERO);
    let keys = "component = \"track_plausibility.wasm\"\nstate_age_s_max = 4\nparameters = { silence_s = 1 }";
    let text = group.text(&cluster.bootstrap(), 1, true);
    let text = text.replace("component = \"track_plausibility.wasm\"", keys);
    site.configure("data", "", &text);
    let mut running = site.start("data", &[]);
    let kept = running.wait_status("state that is kept", |status| {
        let group = status.group.as_ref();
        group.is_some_and(|group| group.frames == ours.len() as u64)
    });
    let owned = &kept.group.as_ref().unwrap().partitions[0];
    assert_eq!(owned.position, Some(ours.len() as i64));
    // Answers to operators, while nothing comes.
    for (arguments, said) in [
        (&["snapshot"][..], "no snapshots in a group"),
        (&["pause", "harbour"], "is not paused"),
        (&["lift", "judge"], "not quarantined"),
        (&["lift", "nobody"], "there is no plugin"),
    ] {
        let mut command = site.command();
        command
            .args(["ctl", "--config", "data.toml"])
            .args(arguments);
        let output = command.output().unwrap();
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(
            !output.status.success() && text.contains(said),
            "{arguments:?}: {text}"
        );
    }
    let silent = |status: &outrigger::status::StatusSnapshot| {
        let judge = status.plugins.iter().find(|one| one.name == "judge");
        judge.is_some_and(|judge| judge.anomalies.get("silent") == Some(&1))
    };
    let status = running.wait_status("an anomaly", silent);
    assert_eq!(status.health.state, "HEALTHY", "{:?}", status.health);
    let commits = status.group.unwrap().commits;
    running.wait_status("its commit", |status| {
        status
            .group
            .as_ref()
            .is_some_and(|group| group.commits > commits)
            || read(cluster, &group.tracks()).len() > ours.len()
    });
    let mut command = site.command();
    command.args(["status", "--config", "data.toml"]);
    let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
    eprintln!("{text}");
    for said in ["PARTITION", "transactions", "judge", &group.name] {
        assert!(text.contains(said), "{said:?} is not in\n{text}");
    }
    drained(running);
    // The next owner has nothing left to say.
    site.run_well("data", &[]);
    let found = read(cluster, &group.tracks());
    assert_eq!(found.len(), ours.len() + 1);
    let last = found.last().unwrap();
    assert!(
        header(last, "outrigger-anomalies")
            .unwrap()
            .contains("silent")
    );
    assert!(id_of(last).contains("/expired/"), "{}", id_of(last));
    let spoken_ns: u64 = header(last, "outrigger-captured-ns")
        .unwrap()
        .parse()
        .unwrap();
    let last_ns = ours.last().unwrap().time_ms as u64 * 1_000_000;
    assert!(
        spoken_ns >= last_ns + 4_000_000_000,
        "{spoken_ns} {last_ns}"
    );
}

#[test]
fn a_key_in_two_partitions_is_noticed_and_said() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let group = Group::new("group-split");
    let mut client = cluster.client();
    client
        .create_topic(&group.source(), 2, 1, &[("retention.ms", "-1")])
        .unwrap();
    let site = Site::new(installation());
    let mut ours = one_ship();
    // Keyed by something else than the plugins' key, as a bus would be by its stations.
    for (at, one) in ours.iter_mut().enumerate() {
        one.mmsi = at as u32;
    }
    produce(cluster, &group.source(), &ours, Duration::ZERO);
    site.configure("data", "", &group.text(&cluster.bootstrap(), 2, true));
    let mut running = site.start("data", &[]);
    let status = running.wait_status("what is not confined", |status| {
        status
            .group
            .as_ref()
            .is_some_and(|group| group.split_keys > 0)
    });
    assert_eq!(status.health.state, "DEGRADED");
    let reasons = status.health.reasons.join("\n");
    assert!(reasons.contains("several partitions"), "{reasons}");
    running.wait_status("all frames", |status| {
        let frames = status.group.as_ref().map(|group| group.frames);
        frames == Some(ours.len() as u64)
    });
    drained(running);
    let audit = site.data("data").audit();
    assert!(
        audit.iter().any(|one| one.event == "split-key"),
        "{audit:?}"
    );
}
