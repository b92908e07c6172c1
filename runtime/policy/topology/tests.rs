#![allow(clippy::unwrap_used)]

use super::*;

fn list(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn decoder(taps: &[&str], writes: &[&str]) -> RoleDescription {
    RoleDescription::Decoder {
        taps: list(taps),
        writes: list(writes),
        markings: Vec::new(),
    }
}

fn class(validators: &[&str], topic: &str) -> ClassDescription {
    ClassDescription {
        validators: list(validators),
        target: TargetDescription::Topic(topic.to_owned()),
        expired_topic: None,
    }
}

fn routed(validators: &[&str], router: &str, expired: Option<&str>) -> ClassDescription {
    ClassDescription {
        validators: list(validators),
        target: TargetDescription::Router(router.to_owned()),
        expired_topic: expired.map(str::to_owned),
    }
}

fn named<T: Clone>(entries: &[(&str, T)]) -> Vec<(String, T)> {
    entries
        .iter()
        .map(|(name, entry)| ((*name).to_owned(), entry.clone()))
        .collect()
}

/// One tap, one decoder, one class with two validators, one topic.
fn small() -> Description {
    let labels = Labels::default();
    let label = labels.sole().unwrap();
    Description {
        labels,
        taps: named(&[("harbour", label)]),
        plugins: named(&[
            ("ais", decoder(&["harbour"], &["track.sea"])),
            ("p", RoleDescription::Validator),
            ("q", RoleDescription::Validator),
        ]),
        classes: named(&[("track.sea", class(&["q", "p"], "tracks"))]),
        topics: named(&[("tracks", label)]),
        ..Description::default()
    }
}

/// Two taps under two labels, one decoder each, both writing one class.
fn labelled() -> Description {
    let labels = Labels::new(&[list(&["open", "secret"])]).unwrap();
    let id = |name| labels.find(name).unwrap();
    Description {
        taps: named(&[("harbour", id("open")), ("radar", id("secret"))]),
        plugins: named(&[
            ("ais", decoder(&["harbour"], &["track"])),
            ("asterix", decoder(&["radar"], &["track"])),
            ("p", RoleDescription::Validator),
        ]),
        classes: named(&[("track", class(&["p"], "tracks"))]),
        topics: named(&[("tracks", id("secret"))]),
        labels,
        ..Description::default()
    }
}

fn refused(description: Description) -> Vec<String> {
    Topology::new(description)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn small_graph_is_linked() {
    let topology = Topology::new(small()).unwrap();
    let class = topology.class(topology.find_class("track.sea").unwrap());
    let name = |id: &PluginId| topology.plugin(*id).name.as_str();
    assert_eq!(class.decoders.iter().map(name).collect::<Vec<_>>(), ["ais"]);
    assert_eq!(
        class.validators.iter().map(name).collect::<Vec<_>>(),
        ["q", "p"]
    );
    assert_eq!(
        topology.validators().iter().map(name).collect::<Vec<_>>(),
        ["q", "p"]
    );
    assert_eq!(
        class.target,
        Target::Topic(topology.find_topic("tracks").unwrap())
    );
    assert_eq!(class.expired_topic, topology.find_topic("tracks"));
    assert_eq!(topology.topic(topology.dead_letters()).name, DEAD_LETTERS);
    assert_eq!(topology.topic(topology.audit()).name, AUDIT);
    assert_eq!(
        topology
            .tap(topology.find_tap("harbour").unwrap())
            .decoder
            .map(PluginId::get),
        Some(0)
    );
    assert_eq!(topology.warnings(), []);
}

#[test]
fn validators_of_all_classes_share_one_order() {
    let mut description = small();
    description
        .plugins
        .push(("r".to_owned(), RoleDescription::Validator));
    description.plugins[0].1 = decoder(&["harbour"], &["a", "b", "c"]);
    description.classes = named(&[
        ("a", class(&["r", "q"], "tracks")),
        ("b", class(&["q", "p"], "tracks")),
        ("c", class(&["r", "p"], "tracks")),
    ]);
    let topology = Topology::new(description).unwrap();
    let order: Vec<_> = topology
        .validators()
        .iter()
        .map(|id| topology.plugin(*id).name.as_str())
        .collect();
    assert_eq!(order, ["r", "q", "p"]);
}

#[test]
fn contradicting_orders_are_refused_with_the_cycle() {
    let mut description = small();
    description.plugins[0].1 = decoder(&["harbour"], &["a", "b"]);
    description.classes = named(&[
        ("a", class(&["p", "q"], "tracks")),
        ("b", class(&["q", "p"], "tracks")),
    ]);
    assert_eq!(
        refused(description),
        ["validators' orders contradict each other: p before (in a) q before (in b) p"]
    );
}

#[test]
fn every_unknown_name_is_reported_at_once() {
    let mut description = small();
    description.plugins[0].1 = decoder(&["harbour", "pier"], &["track.sea", "static.sea"]);
    description.classes[0].1 = class(&["p", "x", "ais", "p"], "trakcs");
    description
        .classes
        .push(("idle".to_owned(), routed(&[], "p", Some("nowhere"))));
    assert_eq!(
        refused(description),
        [
            "there is no tap pier",
            "there is no class static.sea under [classes]",
            "there is no plugin x",
            "ais is a decoder, not a validator",
            "p is listed twice",
            "there is no topic trakcs",
            "can never have a message: no decoder lists idle in its writes, no tap in its classes",
            "p is a validator, not a router",
            "there is no topic nowhere",
        ]
    );
}

#[test]
fn a_tap_has_exactly_one_decoder() {
    let mut description = small();
    description
        .plugins
        .push(("ais2".to_owned(), decoder(&["harbour"], &["track.sea"])));
    let label = description.taps[0].1;
    description.taps.push(("pier".to_owned(), label));
    assert_eq!(
        refused(description),
        [
            "ais2 cannot take tap harbour: ais decodes it, and a tap has one decoder",
            "must have a decoder: none lists pier in its taps",
        ]
    );
}

#[test]
fn reserved_and_repeated_names_are_refused() {
    let mut description = small();
    let label = description.taps[0].1;
    description.topics.push((AUDIT.to_owned(), label));
    description.topics.push(("tracks".to_owned(), label));
    assert_eq!(
        refused(description),
        [
            "there are two topics of the name tracks",
            "_audit is a reserved topic"
        ]
    );
}

#[test]
fn routes_lead_to_topics() {
    let mut description = small();
    let routes = named(&[("near", "tracks".to_owned()), ("far", "lost".to_owned())]);
    description
        .plugins
        .push(("r".to_owned(), RoleDescription::Router { routes }));
    description.classes[0].1 = routed(&["p"], "r", None);
    assert_eq!(
        refused(description.clone()),
        [
            "there is no topic lost",
            "needed: with a router, anomalies about tracks gone silent have no topic else",
        ]
    );
    let label = description.taps[0].1;
    description.topics.push(("lost".to_owned(), label));
    description.topics.push(("quiet".to_owned(), label));
    description.classes[0].1 = routed(&["p"], "r", Some("quiet"));
    let topology = Topology::new(description).unwrap();
    let Role::Router { routes, classes } = &topology.plugins()[3].role else {
        panic!("r is a router");
    };
    assert_eq!(routes[1].1, topology.find_topic("lost").unwrap());
    assert_eq!(classes.len(), 1);
    assert_eq!(topology.warnings(), [Warning::UnusedPlugin("q".to_owned())]);
}

#[test]
fn what_is_never_used_is_said() {
    let mut description = small();
    let label = description.taps[0].1;
    description.topics.push(("spare".to_owned(), label));
    description.classes[0].1 = ClassDescription {
        expired_topic: Some("spare".to_owned()),
        ..class(&[], "tracks")
    };
    let topology = Topology::new(description).unwrap();
    let said: Vec<_> = topology
        .warnings()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        said,
        [
            "topic spare is never written: no class or route leads to it",
            "plugin p is never called: no class names it",
            "plugin q is never called: no class names it",
            "expired_topic of class track.sea is never written: no validators",
        ]
    );
    assert!(topology.uses(topology.find_plugin("ais").unwrap()));
    assert!(!topology.uses(topology.find_plugin("p").unwrap()));
}

#[test]
fn labels_spread_from_taps_to_plugins_and_classes() {
    let topology = Topology::new(labelled()).unwrap();
    let id = |name| topology.labels().find(name).unwrap();
    assert_eq!(topology.plugins()[0].labels, [id("open")]);
    assert_eq!(topology.plugins()[1].labels, [id("secret")]);
    assert_eq!(topology.plugins()[2].labels, [id("open"), id("secret")]);
    assert_eq!(topology.classes()[0].labels, [id("open"), id("secret")]);
    assert_eq!(topology.topic(topology.dead_letters()).label, id("secret"));
    assert!(topology.allows(id("open"), topology.find_topic("tracks").unwrap()));
}

#[test]
fn a_topic_that_does_not_dominate_is_refused_with_the_path() {
    let mut description = labelled();
    description.topics[0].1 = description.labels.find("open").unwrap();
    assert_eq!(
        refused(description),
        [
            "label open does not dominate label secret, which could reach it: \
          radar -> track -> tracks"
        ]
    );
}

#[test]
fn markings_raise_the_label_on_every_exit() {
    let mut description = labelled();
    let open = description.labels.find("open").unwrap();
    let secret = description.labels.find("secret").unwrap();
    description.taps = named(&[("harbour", open)]);
    description.plugins = named(&[
        (
            "gmti",
            RoleDescription::Decoder {
                taps: list(&["harbour"]),
                writes: list(&["track"]),
                markings: named(&[("SECRET", secret)]),
            },
        ),
        ("p", RoleDescription::Validator),
        (
            "r",
            RoleDescription::Router {
                routes: named(&[("all", "tracks".to_owned())]),
            },
        ),
    ]);
    description.classes[0].1 = routed(&["p"], "r", Some("quiet"));
    description.topics = named(&[("tracks", open), ("quiet", open)]);
    assert_eq!(
        refused(description.clone()),
        [
            "label open does not dominate label secret, which could reach it: \
             harbour (marked SECRET) -> track -> r (all) -> tracks",
            "label open does not dominate label secret, which could reach it: \
             harbour (marked SECRET) -> track -> quiet",
        ]
    );
    description.audit_label = Some(open);
    description.topics = named(&[("tracks", secret), ("quiet", secret)]);
    assert_eq!(
        refused(description),
        ["label open does not dominate label secret, and _audit takes from every tap"]
    );
}

#[test]
fn a_tap_that_carries_messages_needs_no_decoder() {
    let mut description = small();
    description.plugins.remove(0);
    description.carriers = vec![("harbour".to_owned(), list(&["track.sea", "track.sea"]))];
    let topology = Topology::new(description).unwrap();
    let tap = topology.tap(topology.find_tap("harbour").unwrap());
    let class = topology.find_class("track.sea").unwrap();
    assert_eq!((tap.decoder, &tap.carries), (None, &vec![class]));
    assert_eq!(topology.class(class).carriers.len(), 1);
    assert_eq!(topology.class(class).decoders, []);
}

#[test]
fn a_tap_that_carries_messages_takes_no_decoder_and_knows_its_classes() {
    let mut description = small();
    description.carriers = vec![("harbour".to_owned(), list(&["track.sea"]))];
    assert_eq!(
        refused(description),
        ["ais cannot take tap harbour: it carries messages already"]
    );
    let mut description = small();
    description.plugins.remove(0);
    description.carriers = vec![("harbour".to_owned(), list(&["track.air"]))];
    let errors = refused(description);
    assert_eq!(errors[0], "there is no class track.air under [classes]");
    assert!(errors[1].contains("track.sea"), "{errors:?}");
}

#[test]
fn what_a_tap_carries_has_the_label_of_the_tap() {
    let mut description = labelled();
    description.plugins.remove(1);
    description.carriers = vec![("radar".to_owned(), list(&["track"]))];
    let topology = Topology::new(description.clone()).unwrap();
    let class = topology.class(topology.find_class("track").unwrap());
    assert_eq!(class.labels.len(), 2);
    let open = description.labels.find("open").unwrap();
    description.topics[0].1 = open;
    let errors = refused(description);
    assert!(errors[0].contains("radar -> track -> tracks"), "{errors:?}");
}
