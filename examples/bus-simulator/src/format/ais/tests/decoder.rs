//! A decoder of its own for tests: bits from characters, fields by offset in the standard's
//! tables. It shares nothing with the encoder.

/// A message put together from its sentences.
#[derive(Debug, Clone)]
pub(crate) struct Decoded {
    bits: Vec<bool>,
}

/// Messages in `datagrams`, in the order in which they are complete.
pub(crate) fn decode<'a>(datagrams: impl IntoIterator<Item = &'a [u8]>) -> Vec<Decoded> {
    let mut done = Vec::new();
    let mut waiting: Vec<bool> = Vec::new();
    for datagram in datagrams {
        let text = std::str::from_utf8(datagram).expect("sentences are text");
        assert!(text.ends_with("\r\n"), "{text:?} does not end its line");
        for line in text.split_terminator("\r\n") {
            assert!(
                line.len() <= 80,
                "{line} is longer than 82 with its line end"
            );
            let (body, sum) = line[1..].split_once('*').expect("a checksum");
            let expected = body.bytes().fold(0, |sum, byte| sum ^ byte);
            assert_eq!(format!("{expected:02X}"), sum, "{line}");
            let fields: Vec<&str> = body.split(',').collect();
            assert_eq!((fields[0], fields.len()), ("AIVDM", 7), "{line}");
            for char in fields[5].bytes() {
                let code = if char < 88 { char - 48 } else { char - 56 };
                waiting.extend((0..6).rev().map(|bit| code >> bit & 1 == 1));
            }
            if fields[1] == fields[2] {
                let fill: usize = fields[6].parse().expect("fill bits");
                waiting.truncate(waiting.len() - fill);
                done.push(Decoded {
                    bits: std::mem::take(&mut waiting),
                });
            }
        }
    }
    assert!(waiting.is_empty(), "a message without its end");
    done
}

impl Decoded {
    pub(crate) fn len(&self) -> usize {
        self.bits.len()
    }

    pub(crate) fn unsigned(&self, from: usize, width: usize) -> u32 {
        self.bits[from..from + width]
            .iter()
            .fold(0, |value, bit| value << 1 | u32::from(*bit))
    }

    pub(crate) fn signed(&self, from: usize, width: usize) -> i32 {
        let shift = 32 - width;
        ((self.unsigned(from, width) << shift) as i32) >> shift
    }

    pub(crate) fn text(&self, from: usize, chars: usize) -> String {
        let text: String = (0..chars)
            .map(|place| self.unsigned(from + 6 * place, 6))
            .take_while(|code| *code != 0)
            .map(|code| {
                char::from(if code < 32 {
                    code as u8 + 64
                } else {
                    code as u8
                })
            })
            .collect();
        text.trim_end().to_owned()
    }

    pub(crate) fn kind(&self) -> u32 {
        self.unsigned(0, 6)
    }

    pub(crate) fn mmsi(&self) -> u32 {
        self.unsigned(8, 30)
    }

    /// Name as truth has it: "24A" for part A of message 24.
    pub(crate) fn name(&self) -> String {
        match self.kind() {
            24 => format!("24{}", ["A", "B"][self.unsigned(38, 2) as usize]),
            kind => kind.to_string(),
        }
    }

    /// Offset of the longitude, where the message has one.
    fn longitude_at(&self) -> usize {
        match self.kind() {
            1..=3 | 9 => 61,
            4 => 79,
            18 => 57,
            21 => 164,
            other => panic!("message {other} has no position"),
        }
    }

    /// Latitude and longitude in degrees; `None` for the sentinel.
    pub(crate) fn position(&self) -> Option<(f64, f64)> {
        let at = self.longitude_at();
        let (lon, lat) = (self.signed(at, 28), self.signed(at + 28, 27));
        ((lon, lat) != (108_600_000, 54_600_000))
            .then(|| (f64::from(lat) / 600_000.0, f64::from(lon) / 600_000.0))
    }

    /// Speed in knots; `None` for the sentinel.
    pub(crate) fn speed_kt(&self) -> Option<f64> {
        let (at, per_knot) = match self.kind() {
            1..=3 => (50, 10.0),
            9 => (50, 1.0),
            18 => (46, 10.0),
            other => panic!("message {other} has no speed"),
        };
        let raw = self.unsigned(at, 10);
        (raw != 1_023).then(|| f64::from(raw) / per_knot)
    }

    /// Course in degrees; `None` for the sentinel.
    pub(crate) fn course_deg(&self) -> Option<f64> {
        let raw = self.unsigned(self.longitude_at() + 55, 12);
        (raw != 3_600).then(|| f64::from(raw) / 10.0)
    }

    /// UTC second.
    pub(crate) fn second(&self) -> u32 {
        match self.kind() {
            1..=3 => self.unsigned(137, 6),
            4 => self.unsigned(72, 6),
            9 => self.unsigned(128, 6),
            18 => self.unsigned(133, 6),
            21 => self.unsigned(253, 6),
            other => panic!("message {other} has no second"),
        }
    }
}
