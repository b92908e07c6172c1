//! What data items look like: the words in which the tables of `category` are written.
//!
//! Source of the shapes: EUROCONTROL-SPEC-0149, ASTERIX Part 1, edition 3.1: fixed,
//! extended, explicit, repetitive and compound items.

/// A data item of a category, or a part of a compound one.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// Its key in a body.
    pub key: Key,
    /// Its name in the specification.
    pub title: &'static str,
    /// How its bytes are laid out.
    pub shape: Shape,
}

/// How an item's bytes are laid out.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Always the same bytes.
    Fixed(Fields),
    /// Parts, each of which ends in a bit that says whether another follows.
    Extended(&'static [Fields]),
    /// An octet that counts, then as many groups.
    Repeated(Fields),
    /// Groups, each of which ends in a bit that says whether another follows.
    Chained(Fields),
    /// Bits that say which parts follow, seven an octet, and one that says whether there are more.
    Compound(Parts),
    /// An octet that says how long it is, itself included. What is in it is kept as bytes.
    Explicit,
}

/// Parts of a compound item.
#[derive(Clone, Copy, Debug)]
pub struct Parts {
    /// The parts by the bits that say which follow; `None` for a bit that is spare.
    pub all: &'static [Option<Item>],
    /// One bit per part that is one, lowest first.
    pub known: u64,
}

/// Fields that follow each other without a gap.
#[derive(Clone, Copy, Debug)]
pub struct Fields {
    /// The fields, most significant first.
    pub all: &'static [Field],
    /// Their bytes, the bit that says whether another part follows included.
    pub bytes: usize,
    /// Those that are written: all but the spare ones.
    pub written: usize,
    /// Spare bits of the first eight bytes, left-aligned. No item here has them further back.
    pub spare: u64,
}

/// A field: some bits with a meaning.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its key in a body, with its unit.
    pub key: Key,
    /// Number of bits.
    pub bits: usize,
    /// What they mean.
    pub kind: Kind,
    /// What it is, for the schema. Empty on WebAssembly, where nobody asks.
    pub about: &'static str,
}

/// What the bits of a field mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Nothing; zero in the editions that the tables know.
    Spare,
    /// A number that counts or names something.
    Code,
    /// A quantity: the number times the first, divided by the second. Multiplied before it is
    /// divided, so that tenths come out as the nearest float.
    Unsigned(f64, f64),
    /// The same, in two's complement.
    Signed(f64, f64),
    /// Digits of three bits.
    Octal,
    /// Characters of six bits: ICAO Annex 10, volume IV, table 3-9.
    Icao,
    /// Characters of eight bits.
    Ascii,
    /// A 24-bit address, in lower-case hex.
    Address,
    /// Not decoded: bytes.
    Bytes,
    /// A bit that chooses between indicated airspeed and Mach number, and 15 bits of it: `ias_kt`
    /// in units of 2^-14 NM/s, or `mach` in thousandths. Source: I062/380 #4, I021/150.
    Airspeed,
}

impl Fields {
    const fn new(all: &'static [Field], chain_bits: usize) -> Self {
        let (mut bits, mut written, mut spare) = (0, 0, 0u64);
        let mut index = 0;
        while index < all.len() {
            let field = all[index];
            if matches!(field.kind, Kind::Spare) {
                assert!(bits + field.bits <= 64);
                spare |= (u64::MAX >> (64 - field.bits)) << (64 - bits - field.bits);
            } else {
                written += 1;
            }
            bits += field.bits;
            index += 1;
        }
        bits += chain_bits;
        assert!(bits.is_multiple_of(8), "items are whole octets");
        Self {
            all,
            bytes: bits / 8,
            written,
            spare,
        }
    }
}

/// A key as it stands in a body: MessagePack's head of a short string, the text, and zeros behind
/// it. Copied at its full length, which the compiler knows, and cut: on WebAssembly a copy of a
/// length that is not known costs a call.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The text.
    pub text: &'static str,
    /// Head and text.
    pub packed: [u8; Self::BYTES_MAX],
    /// Bytes of these two.
    pub length: usize,
}

impl Key {
    /// Bytes of the longest, with its head.
    pub const BYTES_MAX: usize = 16;

    /// Of a text.
    pub const fn new(text: &'static str) -> Self {
        let bytes = text.as_bytes();
        assert!(bytes.len() < Self::BYTES_MAX);
        let mut packed = [0; Self::BYTES_MAX];
        packed[0] = 0xa0 | bytes.len() as u8;
        let mut index = 0;
        while index < bytes.len() {
            packed[index + 1] = bytes[index];
            index += 1;
        }
        Self {
            text,
            packed,
            length: bytes.len() + 1,
        }
    }
}

/// Texts of the tables that only a schema has.
const fn about(text: &'static str) -> &'static str {
    if cfg!(target_family = "wasm") {
        ""
    } else {
        text
    }
}

const fn field(key: &'static str, bits: usize, kind: Kind, text: &'static str) -> Field {
    assert!(bits > 0 && (bits <= 32 || matches!(kind, Kind::Icao | Kind::Ascii | Kind::Bytes)));
    Field {
        key: Key::new(key),
        bits,
        kind,
        about: about(text),
    }
}

/// Bits without a meaning.
pub const fn spare(bits: usize) -> Field {
    field("", bits, Kind::Spare, "")
}

/// A number that counts or names something.
pub const fn code(key: &'static str, bits: usize, text: &'static str) -> Field {
    field(key, bits, Kind::Code, text)
}

/// A quantity in units of `times / per`.
pub const fn unsigned(
    key: &'static str,
    bits: usize,
    times: f64,
    per: f64,
    text: &'static str,
) -> Field {
    field(key, bits, Kind::Unsigned(times, per), text)
}

/// A quantity in units of `times / per`, in two's complement.
pub const fn signed(
    key: &'static str,
    bits: usize,
    times: f64,
    per: f64,
    text: &'static str,
) -> Field {
    field(key, bits, Kind::Signed(times, per), text)
}

/// Digits of three bits.
pub const fn octal(key: &'static str, bits: usize, text: &'static str) -> Field {
    assert!(bits == 12);
    field(key, bits, Kind::Octal, text)
}

/// Eight characters of six bits.
pub const fn icao(key: &'static str, bits: usize, text: &'static str) -> Field {
    assert!(bits == 48);
    field(key, bits, Kind::Icao, text)
}

/// Characters of eight bits.
pub const fn ascii(key: &'static str, bits: usize, text: &'static str) -> Field {
    assert!(bits.is_multiple_of(8) && bits <= 8 * ASCII_BYTES_MAX);
    field(key, bits, Kind::Ascii, text)
}

/// Characters of the longest text of eight bits each.
pub const ASCII_BYTES_MAX: usize = 8;

/// A 24-bit address.
pub const fn address(key: &'static str, text: &'static str) -> Field {
    field(key, 24, Kind::Address, text)
}

/// Bytes that are not decoded.
pub const fn bytes(key: &'static str, bits: usize, text: &'static str) -> Field {
    assert!(bits.is_multiple_of(8));
    field(key, bits, Kind::Bytes, text)
}

/// Indicated airspeed or Mach number.
pub const fn airspeed() -> Field {
    field("airspeed", 16, Kind::Airspeed, "")
}

const fn item(key: &'static str, title: &'static str, shape: Shape) -> Item {
    Item {
        key: Key::new(key),
        title: about(title),
        shape,
    }
}

/// An item of always the same bytes.
pub const fn fixed(key: &'static str, title: &'static str, fields: &'static [Field]) -> Item {
    item(key, title, Shape::Fixed(Fields::new(fields, 0)))
}

/// An item of parts; see [`part`].
pub const fn extended(key: &'static str, title: &'static str, parts: &'static [Fields]) -> Item {
    item(key, title, Shape::Extended(parts))
}

/// A part of an extended item.
pub const fn part(fields: &'static [Field]) -> Fields {
    Fields::new(fields, 1)
}

/// Groups after an octet that counts them.
pub const fn repeated(key: &'static str, title: &'static str, fields: &'static [Field]) -> Item {
    item(key, title, Shape::Repeated(Fields::new(fields, 0)))
}

/// Groups that each say whether another follows.
pub const fn chained(key: &'static str, title: &'static str, fields: &'static [Field]) -> Item {
    item(key, title, Shape::Chained(Fields::new(fields, 1)))
}

/// An item whose first octets say which parts follow.
pub const fn compound(
    key: &'static str,
    title: &'static str,
    parts: &'static [Option<Item>],
) -> Item {
    let mut known = 0;
    let mut index = 0;
    while index < parts.len() {
        if parts[index].is_some() {
            known |= 1 << index;
        }
        index += 1;
    }
    let parts = Parts { all: parts, known };
    item(key, title, Shape::Compound(parts))
}

/// An item that says how long it is.
pub const fn explicit(key: &'static str, title: &'static str) -> Item {
    item(key, title, Shape::Explicit)
}

const fn power(exponent: u32) -> f64 {
    (1u64 << exponent) as f64
}

/// 2^5.
pub const P5: f64 = power(5);
/// 2^6.
pub const P6: f64 = power(6);
/// 2^7.
pub const P7: f64 = power(7);
/// 2^8.
pub const P8: f64 = power(8);
/// 2^11.
pub const P11: f64 = power(11);
/// 2^12.
pub const P12: f64 = power(12);
/// 2^13.
pub const P13: f64 = power(13);
/// 2^14.
pub const P14: f64 = power(14);
/// 2^15.
pub const P15: f64 = power(15);
/// 2^23.
pub const P23: f64 = power(23);
/// 2^25.
pub const P25: f64 = power(25);
/// 2^30.
pub const P30: f64 = power(30);
