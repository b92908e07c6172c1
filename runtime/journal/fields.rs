//! Fixed-width little-endian fields, read with bounds checked and written to a growing buffer.

/// Bytes of a preamble.
pub(crate) const PREAMBLE_BYTES: usize = 20;

/// Reads fields one after another. `None` where the bytes end too soon.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Text with its length before it, two bytes.
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let len = self.u16()?;
        std::str::from_utf8(self.bytes(usize::from(len))?).ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

/// Appends text with its length before it, two bytes. Callers bound the length.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    let len = u16::try_from(text.len()).expect("names and origins are bounded below 64 KiB");
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// The first bytes of every file but the lock, the same in all format versions: magic (8), version
/// (2), file kind (2), bytes of the whole header or of one entry (4), CRC32C of these 16 (4). So an
/// older build can tell a newer file from a damaged one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Preamble {
    pub(crate) version: u16,
    pub(crate) file_kind: u16,
    pub(crate) bytes: u32,
}

const MAGIC: &[u8; 8] = b"outrlog\n";

/// Why bytes are not a preamble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PreambleFault {
    Partial,
    Magic,
    Checksum,
}

impl Preamble {
    pub(crate) fn encode(self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&self.version.to_le_bytes());
        out.extend_from_slice(&self.file_kind.to_le_bytes());
        out.extend_from_slice(&self.bytes.to_le_bytes());
        let crc = crc32c::crc32c(&out[start..]);
        out.extend_from_slice(&crc.to_le_bytes());
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, PreambleFault> {
        let bytes = bytes.get(..PREAMBLE_BYTES).ok_or(PreambleFault::Partial)?;
        let mut fields = Fields::new(bytes);
        let magic: [u8; 8] = fields.array().ok_or(PreambleFault::Partial)?;
        let version = fields.u16().ok_or(PreambleFault::Partial)?;
        let file_kind = fields.u16().ok_or(PreambleFault::Partial)?;
        let len = fields.u32().ok_or(PreambleFault::Partial)?;
        let crc = fields.u32().ok_or(PreambleFault::Partial)?;
        if &magic != MAGIC {
            return Err(PreambleFault::Magic);
        }
        if crc != crc32c::crc32c(&bytes[..16]) {
            return Err(PreambleFault::Checksum);
        }
        Ok(Self {
            version,
            file_kind,
            bytes: len,
        })
    }
}
