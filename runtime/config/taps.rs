//! Taps: what one can read, and how `[taps.NAME]` says so.

use std::net::IpAddr;
use std::path::PathBuf;

use outrigger_policy::labels::LabelId;
use outrigger_policy::limits::{PACE_FACTOR_MAX, PACE_FACTOR_MIN};
/// What a tap reads, as the crate that reads it puts it.
pub use outrigger_tap::TapConfig as TapSource;
use outrigger_tap::{
    Encoding, Endian, Framing, LinesConfig, Pace, PcapConfig, TcpConfig, UdpConfig,
};
use toml::de::DeValue;

use super::kafka::{ValueFormat, is_kafka_topic};
use super::paths::Paths;
use super::read::{Context, Table};
use super::words::{join, whole};

/// `[taps.NAME]`
#[derive(Clone, Debug, PartialEq)]
pub struct TapConfig {
    /// Its name.
    pub name: String,
    /// Label of its frames.
    pub label: LabelId,
    /// What it reads.
    pub source: TapSource,
}

/// Longest name of a network interface, bytes: Linux's `IFNAMSIZ` less its final zero.
const INTERFACE_BYTES_MAX: usize = 15;

/// What a tap reads.
pub(super) enum Source {
    /// A bus or a recording.
    Bus(TapSource),
    /// A topic of Kafka.
    Group(GroupConfig),
}

/// A Kafka topic that is read by a group of processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupConfig {
    /// Name of the tap.
    pub tap: String,
    /// Name of the cluster.
    pub cluster: String,
    /// Topic that is read.
    pub topic: String,
    /// Name of the group.
    pub group: String,
    /// Topic of state.
    pub state_topic: String,
    /// Topic of dead letters.
    pub dead_letters_topic: String,
    /// The operator's word that a key's frames are in one partition.
    pub confined: bool,
    /// Its records are messages: of these classes, their values of this format.
    pub decoded: Option<(Vec<String>, ValueFormat)>,
}

/// What to do where a key may be in several partitions.
pub const CONFINED_RULE: &str = "keeps state per key, and a key's frames may be in several \
     partitions, each with a state of its own: write the topic anew, keyed so that a key's frames \
     are in one partition (a repartition topic), and then set confined = true";

fn read_group<'a>(
    cx: &mut Context<'a>,
    table: &Table<'a>,
    tap: &str,
    deployment: &str,
) -> Option<GroupConfig> {
    let cluster = cx.required(table, "kafka", super::words::is_name);
    let topic = cx.required(table, "topic", is_kafka_topic);
    let mut name = |key: &str, default: String| cx.text(table, key, Some(&default), is_kafka_topic);
    let group = name("consumer_group", format!("outrigger-{deployment}"))?;
    let state_topic = name("state_topic", format!("{group}-state"))?;
    let dead_letters_topic = name("dead_letters_topic", format!("{group}-dead-letters"))?;
    let confined = cx.flag(table, "confined", false);
    let content = cx.choice(table, "content", Some("raw"))?;
    let decoded = match content {
        "decoded" => {
            let classes = cx.names(table, "classes");
            if classes.is_empty() {
                cx.refuse(table, "classes");
            }
            let format = match cx.choice(table, "value", Some("messagepack"))? {
                "json" => ValueFormat::Json,
                _messagepack => ValueFormat::MessagePack,
            };
            Some((classes, format))
        }
        _raw => {
            for name in ["classes", "value"] {
                if cx.has(table, name) {
                    let message = format!("only for content \"decoded\", is content {content:?}");
                    cx.fail(join(&table.path, name), message);
                }
            }
            None
        }
    };
    Some(GroupConfig {
        tap: tap.to_owned(),
        cluster,
        topic,
        group,
        state_topic,
        dead_letters_topic,
        confined,
        decoded,
    })
}

/// What a tap reads; `None` after an error.
pub(super) fn read_source<'a>(
    cx: &mut Context<'a>,
    table: &Table<'a>,
    paths: &Paths,
    (tap, deployment): (&str, &str),
) -> Option<Source> {
    let kind = cx.choice(table, "kind", None)?;
    cx.restrict(table, "kind", kind);
    if kind == "kafka" {
        return read_group(cx, table, tap, deployment).map(Source::Group);
    }
    let source = match kind {
        "udp" => read_udp(cx, table),
        "tcp" => read_tcp(cx, table),
        "pcap" => Some(TapSource::Pcap(PcapConfig {
            path: read_path(cx, table, paths),
            port: port(cx, table),
            pace: read_pace(cx, table, true)?,
            frame_bytes_max: cx.setting(table, "frame_bytes_max") as usize,
        })),
        "lines" => {
            let path = read_path(cx, table, paths);
            let encoding = match cx.choice(table, "encoding", Some("text"))? {
                "hex" => Encoding::Hex,
                _text => Encoding::Text,
            };
            let time_column = cx.flag(table, "time_column", false);
            let pace = read_pace(cx, table, time_column)?;
            let frame_bytes_max = cx.setting(table, "frame_bytes_max") as usize;
            Some(TapSource::Lines(LinesConfig {
                path,
                encoding,
                time_column,
                pace,
                frame_bytes_max,
            }))
        }
        other => unreachable!("{other} is no kind of tap"),
    };
    source.map(Source::Bus)
}

fn port<'a>(cx: &mut Context<'a>, table: &Table<'a>) -> Option<u16> {
    cx.number(table, "port")
        .and_then(|port| u16::try_from(port).ok())
}

fn read_path<'a>(cx: &mut Context<'a>, table: &Table<'a>, paths: &Paths) -> PathBuf {
    paths.resolve(&cx.required(table, "path", |path| !path.is_empty()))
}

fn read_udp<'a>(cx: &mut Context<'a>, table: &Table<'a>) -> Option<TapSource> {
    let ip = |text: &str| text.parse::<IpAddr>().ok();
    let is_unicast = |text: &str| ip(text).is_some_and(|address| !address.is_multicast());
    let is_group = |text: &str| ip(text).is_some_and(|address| address.is_multicast());
    let group = cx
        .text(table, "group", None, is_group)
        .and_then(|text| ip(&text));
    let any = match group {
        Some(IpAddr::V6(_)) => "::",
        Some(IpAddr::V4(_)) | None => "0.0.0.0",
    };
    let address = cx.text(table, "address", Some(any), |text| ip(text).is_some());
    if let Some(address) = address.as_deref().filter(|address| !is_unicast(address)) {
        let message = format!("must not be multicast, is {address:?}: name it in group");
        cx.fail(join(&table.path, "address"), message);
    }
    let address = address.and_then(|text| ip(&text));
    if let (Some(address), Some(group)) = (address, group)
        && address.is_ipv4() != group.is_ipv4()
    {
        let message = format!("must be of the family of address {address}, is {group}");
        cx.fail(join(&table.path, "group"), message);
    }
    let interface = cx.text(table, "interface", None, |name| {
        (1..=INTERFACE_BYTES_MAX).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'/')
    });
    if !cx.has(table, "port") {
        cx.refuse(table, "port");
    }
    let port = port(cx, table);
    let receive_buffer_bytes = cx.setting(table, "receive_buffer_bytes") as usize;
    let datagram_bytes_max = cx.setting(table, "datagram_bytes_max") as usize;
    Some(TapSource::Udp(UdpConfig {
        address: address?,
        group,
        port: port?,
        interface,
        receive_buffer_bytes,
        datagram_bytes_max,
    }))
}

/// Host and port of `host:port`; an IPv6 address stands in brackets.
fn split_host(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let good = match bare {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            (1..=253).contains(&host.len())
                && host
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        }
    };
    good.then(|| (host.to_owned(), port))
}

fn read_tcp<'a>(cx: &mut Context<'a>, table: &Table<'a>) -> Option<TapSource> {
    let server = cx.required(table, "connect", |text| split_host(text).is_some());
    let framing = cx.choice(table, "framing", None);
    let framing = match framing {
        Some("length-prefixed") => {
            let written = cx.raw(table, "prefix_bytes");
            let bytes = written
                .map_or(Some(2), whole)
                .filter(|bytes| matches!(bytes, 1 | 2 | 4));
            if bytes.is_none() {
                cx.refuse(table, "prefix_bytes");
            }
            cx.settle(table, "prefix_bytes", bytes.into(), written.is_some());
            let endian = cx.choice(table, "prefix_endian", Some("big"));
            let includes_itself = cx.flag(table, "prefix_includes_itself", false);
            Some(Framing::LengthPrefixed {
                prefix_bytes: bytes? as u8,
                endian: if endian? == "big" {
                    Endian::Big
                } else {
                    Endian::Little
                },
                includes_itself,
            })
        }
        line_or_beast => {
            for name in ["prefix_bytes", "prefix_endian", "prefix_includes_itself"] {
                if let (Some(framing), true) = (line_or_beast, cx.has(table, name)) {
                    let message =
                        format!("only for framing length-prefixed, is framing {framing:?}");
                    cx.fail(join(&table.path, name), message);
                }
            }
            line_or_beast.map(|name| {
                if name == "beast" {
                    Framing::Beast
                } else {
                    Framing::Line
                }
            })
        }
    };
    let frame_bytes_max = cx.setting(table, "frame_bytes_max") as usize;
    let (host, port) = split_host(&server)?;
    Some(TapSource::Tcp(TcpConfig {
        host,
        port,
        framing: framing?,
        frame_bytes_max,
    }))
}

/// How fast a recording is read. Without times there is only one pace.
fn read_pace<'a>(cx: &mut Context<'a>, table: &Table<'a>, timed: bool) -> Option<Pace> {
    let default = if timed { "recorded" } else { "flat-out" };
    let pace = cx.choice(table, "pace", Some(default));
    if pace == Some("recorded") && !timed {
        let message = "must be \"flat-out\" without time_column, is \"recorded\"";
        cx.fail(join(&table.path, "pace"), message);
    }
    let written = cx.raw(table, "factor");
    let factor = match written {
        None => Some(1.0),
        Some(DeValue::Float(float)) => float.as_str().parse::<f64>().ok(),
        Some(value) => whole(value).map(|number| number as f64),
    };
    let factor = factor.filter(|factor| (PACE_FACTOR_MIN..=PACE_FACTOR_MAX).contains(factor));
    if factor.is_none() {
        cx.refuse(table, "factor");
    }
    if written.is_some() && pace == Some("flat-out") {
        let message = "only for pace recorded, is pace \"flat-out\"";
        cx.fail(join(&table.path, "factor"), message);
    }
    match pace? {
        "flat-out" => Some(Pace::FlatOut),
        _recorded => {
            cx.settle(table, "factor", factor.into(), written.is_some());
            factor.map(Pace::Recorded)
        }
    }
}
