//! What a tap reads, in the words of the crate that reads it.

use outrigger_tap as tap;

use crate::config::{Encoding, Endian, Framing, Pace, TapSource};

/// The tap's own configuration.
pub fn tap_config(source: &TapSource) -> tap::TapConfig {
    match source.clone() {
        TapSource::Udp {
            address,
            group,
            port,
            interface,
            receive_buffer_bytes,
            datagram_bytes_max,
        } => tap::TapConfig::Udp(tap::UdpConfig {
            address,
            group,
            port,
            interface,
            receive_buffer_bytes,
            datagram_bytes_max,
        }),
        TapSource::Tcp {
            host,
            port,
            framing,
            frame_bytes_max,
        } => tap::TapConfig::Tcp(tap::TcpConfig {
            host,
            port,
            framing: match framing {
                Framing::Line => tap::Framing::Line,
                Framing::LengthPrefixed {
                    prefix_bytes,
                    endian,
                    includes_itself,
                } => tap::Framing::LengthPrefixed {
                    prefix_bytes,
                    endian: match endian {
                        Endian::Big => tap::Endian::Big,
                        Endian::Little => tap::Endian::Little,
                    },
                    includes_itself,
                },
                Framing::Beast => tap::Framing::Beast,
            },
            frame_bytes_max,
        }),
        TapSource::Pcap {
            path,
            port,
            pace,
            frame_bytes_max,
        } => tap::TapConfig::Pcap(tap::PcapConfig {
            path,
            port,
            pace: tap_pace(pace),
            frame_bytes_max,
        }),
        TapSource::Lines {
            path,
            encoding,
            time_column,
            pace,
            frame_bytes_max,
        } => tap::TapConfig::Lines(tap::LinesConfig {
            path,
            encoding: match encoding {
                Encoding::Text => tap::Encoding::Text,
                Encoding::Hex => tap::Encoding::Hex,
            },
            time_column,
            pace: tap_pace(pace),
            frame_bytes_max,
        }),
    }
}

fn tap_pace(pace: Pace) -> tap::Pace {
    match pace {
        Pace::Recorded(factor) => tap::Pace::Recorded(factor),
        Pace::FlatOut => tap::Pace::FlatOut,
    }
}
