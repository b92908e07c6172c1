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
