#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn an_mmsi_has_nine_digits() {
    for (number, text) in [
        (0, "000000000"),
        (2_655_146, "002655146"),
        (244_660_000, "244660000"),
        (999_999_999, "999999999"),
        (1_073_741_823, "1073741823"),
    ] {
        let mmsi = Mmsi::new(number);
        assert_eq!(mmsi.as_str(), text);
        assert_eq!(mmsi.track_id(), Text::new(&format!("mmsi:{text}")));
        assert_eq!(mmsi.platform_id(), Text::new(text));
    }
}

#[test]
fn turning_is_the_square_of_what_is_sent_with_its_sign() {
    // 126 stands for 708 degrees a minute (M.1371-5, annex 8, § 3.1).
    assert!((turn_dps(126) * 60.0 - 708.7).abs() < 0.1);
    assert!((turn_dps(-126) * 60.0 + 708.7).abs() < 0.1);
    assert_eq!(turn_dps(0), 0.0);
}
