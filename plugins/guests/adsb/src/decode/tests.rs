#![allow(clippy::unwrap_used)]

use super::*;

#[derive(Default)]
struct Log(Vec<String>);

impl Output for Log {
    fn message(&mut self, class: &'static str, key: &str, _: u64, _: &impl Body, old: &[u64]) {
        self.0.push(format!("{class} {key} {old:?}"));
    }

    fn reject(&mut self, cause: Cause, detail: &str) {
        self.0.push(format!("{} {detail}", cause.name()));
    }

    fn skip(&mut self, kind: &'static str) {
        self.0.push(kind.into());
    }
}

/// Address-parity replies count while an extended squitter has confirmed the address.
#[test]
fn a_reply_counts_only_under_an_address_that_was_confirmed() {
    let settings = Settings::default();
    let run = |frames: &[(&str, u64)]| {
        let (mut kept, mut log) = (None, Log::default());
        for (sequence, (digits, captured_s)) in (1..).zip(frames) {
            let input = Input {
                sequence,
                captured_ns: captured_s * 1_000_000_000,
                payload: digits.as_bytes(),
            };
            decode(&settings, input, &mut kept, &mut log);
        }
        log.0
    };
    // Both of 3944ed, from the long flight.
    let (reply, squitter) = ("2900080042ad70", "8d3944ed9914580ea0bc818e26c6");
    assert_eq!(run(&[(reply, 0)]), ["address-unconfirmed"]);
    assert_eq!(
        run(&[(squitter, 0), (reply, 60)])[1],
        "mode-s.surveillance 3944ed [1]"
    );
    assert_eq!(run(&[(squitter, 0), (reply, 61)])[1], "address-unconfirmed");
}

/// A later version of the standard may have moved the fields: counted, not read and not refused.
#[test]
fn a_status_of_a_later_version_is_counted() {
    let run = |version: u64, subtype: u64| {
        let me = 31u64 << 51 | subtype << 48 | version << 13;
        let [_, me @ ..] = me.to_be_bytes();
        let mut frame = vec![0x8d, 0x39, 0x44, 0xed];
        frame.extend(me);
        frame.extend([0; 3]);
        let parity = residue(&frame);
        frame.truncate(11);
        frame.extend(&parity.to_be_bytes()[1..]);
        let (mut kept, mut log) = (None, Log::default());
        let input = Input {
            sequence: 1,
            captured_ns: 0,
            payload: &frame,
        };
        decode(&Settings::default(), input, &mut kept, &mut log);
        log.0.concat()
    };
    assert_eq!(run(2, 0), "mode-s.status 3944ed []");
    for version in 3..8 {
        assert_eq!(run(version, 0), "status-version");
        assert_eq!(run(version, 1), "status-version");
    }
    let reserved = "value status of a reserved subtype at byte 4";
    assert_eq!(run(2, 2), reserved);
    assert_eq!(run(3, 7), reserved);
}
