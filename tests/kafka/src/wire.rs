//! One question in Kafka's own protocol: which brokers are there? Asked while nodes start, when a
//! Java client would take longer than the answer.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// API key of Metadata, and the last version without tagged fields (Kafka protocol guide).
const METADATA: i16 = 3;
const METADATA_VERSION: i16 = 8;
/// Longest answer that is read, bytes. Three brokers and no topic take about 200.
const ANSWER_BYTES_MAX: usize = 65_536;
const TIMEOUT: Duration = Duration::from_secs(2);

/// What a broker knows of its cluster.
#[derive(Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Ids of the brokers that are up.
    pub brokers: Vec<i32>,
    /// A broker that forwards to the controller; none while there is no controller.
    pub controller: Option<i32>,
}

/// Asks a broker on a listener without encryption.
///
/// # Errors
/// If it does not answer within [`TIMEOUT`], or not in the protocol.
pub fn metadata(address: SocketAddr) -> io::Result<Metadata> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let mut body = Vec::new();
    body.extend(METADATA.to_be_bytes());
    body.extend(METADATA_VERSION.to_be_bytes());
    body.extend(1_i32.to_be_bytes()); // correlation id
    body.extend((-1_i16).to_be_bytes()); // no client id
    body.extend(0_i32.to_be_bytes()); // no topics
    body.extend([0, 0, 0]); // create none; no lists of allowed operations
    let length = i32::try_from(body.len()).expect("the request has some bytes");
    stream.write_all(&length.to_be_bytes())?;
    stream.write_all(&body)?;

    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > ANSWER_BYTES_MAX {
        return Err(io::Error::other("answer too long"));
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer)?;
    parse(&answer).ok_or_else(|| io::Error::other("answer is not Metadata"))
}

fn parse(answer: &[u8]) -> Option<Metadata> {
    let mut rest = answer.get(8..)?; // correlation id, throttle time
    let mut brokers = Vec::new();
    for _ in 0..int(&mut rest)? {
        brokers.push(int(&mut rest)?);
        text(&mut rest)?; // host
        int(&mut rest)?; // port
        text(&mut rest)?; // rack
    }
    text(&mut rest)?; // cluster id
    let controller = int(&mut rest)?;
    Some(Metadata {
        brokers,
        controller: (controller >= 0).then_some(controller),
    })
}

fn int(rest: &mut &[u8]) -> Option<i32> {
    let (first, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(i32::from_be_bytes(*first))
}

/// Passes over a text that may be null.
fn text(rest: &mut &[u8]) -> Option<()> {
    let (first, after) = rest.split_first_chunk()?;
    let length = usize::try_from(i16::from_be_bytes(*first)).unwrap_or(0);
    *rest = after.get(length..)?;
    Some(())
}
