#![allow(clippy::unwrap_used)]

use super::*;

fn line(prefix: &str, content: &str) -> String {
    let sum = |text: &str| text.bytes().fold(0, |sum, byte| sum ^ byte);
    let tag = match prefix {
        "" => String::new(),
        _ => format!("\\{prefix}*{:02X}\\", sum(prefix)),
    };
    format!("{tag}!{content}*{:02X}", sum(content))
}

fn key(prefix: &str, content: &str) -> Vec<u8> {
    let groups = FrameGroups::of(line(prefix, content).as_bytes());
    let keys: Vec<_> = groups.iter().map(|key| key.get().to_vec()).collect();
    assert_eq!(keys.len(), 1);
    keys.into_iter().next().unwrap()
}

#[test]
fn fragments_of_one_message_share_a_key_and_others_do_not() {
    let first = key("", "AIVDM,2,1,3,A,0,0");
    assert_eq!(first, key("", "AIVDM,2,2,3,A,000,2"));
    for (prefix, other) in [
        ("", "BSVDM,2,1,3,A,0,0"),
        ("", "AIVDO,2,1,3,A,0,0"),
        ("", "AIVDM,3,1,3,A,0,0"),
        ("", "AIVDM,2,1,4,A,0,0"),
        ("", "AIVDM,2,1,,A,0,0"),
        ("", "AIVDM,2,1,3,B,0,0"),
        ("", "AIVDM,2,1,3,,0,0"),
        ("s:north", "AIVDM,2,1,3,A,0,0"),
        ("g:1-2-3", "AIVDM,2,1,3,A,0,0"),
    ] {
        assert_ne!(first, key(prefix, other), "{prefix} {other}");
    }
    let named = key("g:1-2-77,s:north", "AIVDM,2,1,3,A,0,0");
    assert_eq!(named, key("g:2-2-77", "AIVDM,2,2,3,A,0,0"));
}

#[test]
fn keys_are_short_enough_for_the_host() {
    let station = "x".repeat(crate::nmea::STATION_BYTES_MAX);
    let key = key(&format!("s:{station}"), "AIVDM,2,1,3,A,0,0");
    assert_eq!(key.len(), GROUP_KEY_BYTES_MAX);
    const { assert!(GROUP_KEY_BYTES_MAX <= outrigger_sdk::KEY_BYTES_MAX) };
}

#[test]
fn a_frame_names_each_of_its_groups_once_and_at_most_seven() {
    let frame: String = (0..10)
        .flat_map(|group| [1, 2].map(|part| format!("AIVDM,2,{part},{group},A,0,0")))
        .map(|content| line("", &content) + "\n")
        .collect();
    let groups = FrameGroups::of(frame.as_bytes());
    assert_eq!(groups.iter().count(), FRAME_GROUPS_MAX);
    assert_eq!(
        FrameGroups::of(line("", "AIVDM,1,1,,A,0,0").as_bytes())
            .iter()
            .count(),
        0
    );
}

#[test]
fn a_state_is_read_back_as_it_was_and_is_small() {
    use outrigger_sdk::State;
    let group = Group {
        number: 8,
        checksum: 255,
        captured_ns: u64::MAX,
        stamp: Some((u64::MAX, true)),
        pending: Some(Pending {
            time_ns: u64::MAX,
            pghp: true,
            checksum: Some(255),
        }),
        sequences: vec![u64::MAX; 8],
        payload: vec![b'w'; MESSAGE_CHARS_MAX],
    };
    for kept in [Kept::Pending(group.pending.unwrap()), Kept::Group(group)] {
        let mut bytes = Vec::new();
        State::encode(&kept, &mut bytes);
        assert!(bytes.len() <= 320, "{} bytes", bytes.len());
        assert_eq!(<Kept as State>::decode(&bytes).unwrap(), kept);
    }
}
