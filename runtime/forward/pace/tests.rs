use proptest::prelude::*;

use super::*;

const RATE: u64 = 100_000;
const RECORD_BYTES_MAX: u64 = 5_000;

proptest! {
    /// Several forwarders, each sending whenever it may, for as long as it is let.
    #[test]
    fn all_forwarders_together_keep_to_one_rate(
        turns in prop::collection::vec((0_usize..4, 0_u64..40, 1_u64..RECORD_BYTES_MAX), 1..400),
    ) {
        let began = Instant::now();
        let egress = Egress::new(RATE, began);
        let mut own: Vec<Pace> = (0..4).map(|_| Pace::new(RATE, began)).collect();
        let mut now = began;
        let mut sent: Vec<(Instant, u64)> = Vec::new();
        for (forwarder, later_ms, bytes) in turns {
            now += Duration::from_millis(later_ms);
            if own[forwarder].allows(now) && egress.allows(now) {
                own[forwarder].spend(bytes);
                egress.spend(bytes);
                sent.push((now, bytes));
            }
        }
        prop_assert_eq!(egress.sent_bytes(), sent.iter().map(|(_, bytes)| bytes).sum::<u64>());
        // Over every window: the rate, a full bucket, and one record that overdraws it.
        for (at, (from, _)) in sent.iter().enumerate() {
            let mut bytes = 0;
            for (to, one) in &sent[at..] {
                bytes += one;
                let allowed = (RATE as f64 * ((*to - *from) + BUCKET).as_secs_f64()) as u64;
                prop_assert!(bytes <= allowed + RECORD_BYTES_MAX, "{bytes} of {allowed}");
            }
        }
    }
}
