#![allow(clippy::unwrap_used)]

use super::*;

fn full(latest: u64) -> Kept {
    let heard = |at_us: u64, sequence: u64| {
        Some(Heard {
            when: When { at_us, sequence },
            me: Me::new([0xff; ME_BYTES]),
        })
    };
    let when = When {
        at_us: 3,
        sequence: 0,
    };
    Kept {
        confirmed: When {
            at_us: latest,
            sequence: latest,
        },
        even: heard(0, latest),
        odd: heard(latest, 0),
        velocity: heard(1, 1),
        identification: heard(2, 2),
        status: heard(4, 4),
        squawk: Some(Squawk { when, code: 0o7777 }),
        fix: Some(Fix {
            when,
            position: Position {
                lat_deg: -89.5,
                lon_deg: 179.5,
            },
        }),
        seen: [Some(Seen {
            at_us: 0,
            me: Me::new([0xff; ME_BYTES]),
        }); SEEN_MAX],
    }
}

#[test]
fn a_state_comes_back_and_keeps_its_bound() {
    for kept in [Kept::default(), full(0x1234), full(u64::MAX)] {
        let mut bytes = Vec::new();
        kept.encode(&mut bytes);
        assert!(bytes.len() <= STATE_BYTES_MAX, "{} bytes", bytes.len());
        assert_eq!(Kept::decode(&bytes).unwrap(), kept);
        for end in 0..bytes.len() {
            assert!(Kept::decode(&bytes[..end]).is_err());
        }
    }
}

/// What the version before wrote: the same, without the last part.
#[test]
fn a_state_of_version_1_is_read() {
    let kept = Kept {
        seen: [None; SEEN_MAX],
        ..full(0x1234)
    };
    let mut bytes = Vec::new();
    kept.encode(&mut bytes);
    bytes[0] = 1;
    assert_eq!(Kept::decode(&bytes).unwrap(), kept);
    bytes[0] = VERSION + 1;
    assert!(Kept::decode(&bytes).is_err());
}
