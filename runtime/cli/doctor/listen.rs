//! Listens to every tap for some seconds, all at the same time.

use std::time::{Duration, Instant};

use outrigger_policy::Columns;
use outrigger_policy::topology::TapId;
use outrigger_tap::{Pace, Progress, ReadLimits, TapConfig, TapCounts, TapError, TapFacts};

use super::{Report, host};
use crate::config::Config;
use crate::control::{fetch_status, status_socket};
use crate::status::{StatusSnapshot, describe};

/// Frames of one tap that are kept to be decoded. Reason: enough to tell; further ones are only
/// counted.
const FRAMES_MAX: usize = 2_048;
/// Bytes of these. As above.
const BYTES_MAX: usize = 4 << 20;
/// Longest single wait for a frame.
const WAIT: Duration = Duration::from_millis(100);

/// What was heard of a tap.
pub(super) struct Heard {
    pub(super) tap: TapId,
    /// The first frames.
    pub(super) frames: Columns,
}

struct Listened {
    kept: Columns,
    frames: u64,
    counts: TapCounts,
    facts: TapFacts,
    ended: bool,
    /// More was there than is looked at.
    limited: bool,
    failed: Option<TapError>,
}

enum Result {
    Opened(Box<Listened>),
    Closed(TapError),
    /// The runtime has it: what it took meanwhile.
    Asked,
}

/// Listens to all taps, says what was found, and returns what can be decoded.
pub(super) fn taps(
    report: &mut Report,
    config: &Config,
    alive: Option<&StatusSnapshot>,
    listen: Duration,
) -> Vec<Heard> {
    let until = Instant::now() + listen;
    let results: Vec<Result> = std::thread::scope(|scope| {
        let threads: Vec<_> = config
            .taps
            .iter()
            .map(|tap| {
                let source = eager(&tap.source);
                let ask = alive.is_some() && is_exclusive(&source);
                scope.spawn(move || match ask {
                    true => {
                        std::thread::sleep(until.saturating_duration_since(Instant::now()));
                        Result::Asked
                    }
                    false => hear(&source, until),
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    });
    let later = alive.and_then(|_| fetch_status(&status_socket(&config.data_dir)).ok());
    let mut heard = Vec::new();
    for ((id, tap), result) in config.topology.tap_ids().zip(&config.taps).zip(results) {
        let subject = format!("tap {}", tap.name);
        let states = alive.zip(later.as_ref());
        if let Some((before, after)) = states {
            pause(report, &subject, &tap.name, after, config);
            if let Result::Asked = result {
                asked(report, &subject, &tap.name, before, after);
            }
        }
        match result {
            Result::Asked => {}
            Result::Closed(error) => closed(report, &subject, &error),
            Result::Opened(listened) => {
                opened(report, &subject, &tap.source, &listened, listen);
                heard.push(Heard {
                    tap: id,
                    frames: listened.kept,
                });
            }
        }
    }
    heard
}

/// A recording is read as fast as it can be.
fn eager(source: &TapConfig) -> TapConfig {
    let mut source = source.clone();
    match &mut source {
        TapConfig::Pcap(pcap) => pcap.pace = Pace::FlatOut,
        TapConfig::Lines(lines) => lines.pace = Pace::FlatOut,
        TapConfig::Udp(_) | TapConfig::Tcp(_) => {}
    }
    source
}

/// True for what a running runtime has for itself, or would be disturbed by.
fn is_exclusive(source: &TapConfig) -> bool {
    match source {
        TapConfig::Udp(udp) => udp.group.is_none(),
        // A server may serve only one.
        TapConfig::Tcp(_) => true,
        TapConfig::Pcap(_) | TapConfig::Lines(_) => false,
    }
}

fn hear(source: &TapConfig, until: Instant) -> Result {
    let mut tap = match outrigger_tap::open(source, 0) {
        Ok(tap) => tap,
        Err(error) => return Result::Closed(error),
    };
    let limits = ReadLimits {
        frames_max: 256,
        bytes_max: 1 << 20,
        delay: Duration::from_millis(1),
        wait: WAIT,
    };
    let mut listened = Listened {
        kept: Columns::new(),
        frames: 0,
        counts: TapCounts::default(),
        facts: TapFacts::default(),
        ended: false,
        limited: false,
        failed: None,
    };
    let mut columns = Columns::new();
    while Instant::now() < until
        && !listened.ended
        && !listened.limited
        && listened.failed.is_none()
    {
        columns.clear();
        match tap.read(&mut columns, &limits) {
            Ok(progress) => listened.ended = progress == Progress::End,
            Err(error) => listened.failed = Some(error),
        }
        listened.frames += columns.len() as u64;
        for (time_ns, bytes) in columns.iter() {
            let room = listened.kept.bytes().len() + bytes.len() <= BYTES_MAX;
            if listened.kept.len() < FRAMES_MAX && room {
                listened.kept.push(time_ns, bytes);
            }
        }
        // Of a recording its first lines will do.
        listened.limited = tap.finite() && listened.kept.len() >= FRAMES_MAX;
    }
    listened.counts = tap.counts();
    listened.facts = tap.facts();
    Result::Opened(Box::new(listened))
}

fn closed(report: &mut Report, subject: &str, error: &TapError) {
    let fault = error.fault();
    let finding = format!("cannot {} of {}: {}", fault.action, fault.tap, fault.cause);
    let remedy = fault.remedy.clone();
    let remedy = remedy.unwrap_or_else(|| "correct this tap in the configuration".to_owned());
    report.fail(subject, finding, remedy);
}

fn opened(
    report: &mut Report,
    subject: &str,
    source: &TapConfig,
    listened: &Listened,
    listen: Duration,
) {
    let Listened { counts, facts, .. } = listened;
    match source {
        TapConfig::Udp(_) => {
            let (_, at) = describe(source);
            let interface = facts.interface.as_deref();
            let joined = match (facts.group, interface) {
                (Some(_), Some(interface)) => format!("{at}: group joined on {interface}"),
                (Some(_), None) => format!("{at}: group joined where the kernel's routes say"),
                (None, _) => format!("{at}: open"),
            };
            report.ok(subject, joined);
            if let Some((finding, remedy)) = interface.and_then(host::interface_trouble) {
                report.fail(subject, finding, remedy);
            }
            let sizes = facts
                .receive_buffer_asked_bytes
                .zip(facts.receive_buffer_got_bytes);
            if let Some((asked, got)) = sizes {
                buffer(report, subject, asked as u64, got as u64);
            }
        }
        TapConfig::Tcp(tcp) => match facts.peer {
            Some(peer) => report.ok(subject, format!("connected to {peer}")),
            None => {
                let cause = facts.last_error.as_deref().unwrap_or("no answer yet");
                let finding = format!("not connected to {}:{}: {cause}", tcp.host, tcp.port);
                report.fail(
                    subject,
                    finding,
                    "is the server up, its name right, its port open?",
                );
            }
        },
        TapConfig::Pcap(_) | TapConfig::Lines(_) => {
            let (kind, path) = describe(source);
            let bytes = facts.file_bytes.unwrap_or(0);
            report.ok(subject, format!("{kind} {path}, {bytes} bytes"));
        }
    }
    if let Some(error) = &listened.failed {
        closed(report, subject, error);
    }
    if let Some(cut) = &facts.cut {
        let remedy = "copy the recording again; what stands before is used";
        report.warn(subject, format!("the recording ends early: {cut}"), remedy);
    }
    losses(report, subject, counts, facts);
    let live = matches!(source, TapConfig::Udp(_) | TapConfig::Tcp(_));
    match (listened.frames, live) {
        (0, true) => {
            let finding = format!("no frame in {} s", listen.as_secs());
            report.fail(subject, finding, nobody_sends(source, facts));
        }
        (0, false) => report.fail(
            subject,
            "the recording holds no frame that this tap takes",
            "is it the right file, encoding, time column, port?",
        ),
        (frames, true) => {
            let finding = format!("{frames} frames in {} s", listen.as_secs());
            report.ok(subject, finding);
        }
        (frames, false) => {
            let first = if listened.limited { "the first " } else { "" };
            report.ok(subject, format!("{first}{frames} frames read"));
        }
    }
}

fn buffer(report: &mut Report, subject: &str, asked: u64, got: u64) {
    let finding = format!("receive buffer: {asked} bytes asked, {got} got");
    if got < asked {
        let remedy = format!(
            "`sysctl -w net.core.rmem_max={asked}`, and in /etc/sysctl.d/; or grant CAP_NET_ADMIN"
        );
        report.warn(subject, finding, remedy);
    } else {
        report.ok(subject, finding);
    }
}

fn losses(report: &mut Report, subject: &str, counts: &TapCounts, facts: &TapFacts) {
    let drops = counts.kernel_drops.max(counts.socket_drops);
    if drops > 0 {
        let remedy = "raise receive_buffer_bytes of the tap, and net.core.rmem_max";
        report.warn(subject, format!("the kernel dropped {drops}"), remedy);
    }
    if counts.oversized > 0 {
        let finding = format!("{} frames are longer than it takes", counts.oversized);
        let remedy = "raise its largest frame (datagram_bytes_max or frame_bytes_max)";
        report.warn(subject, finding, remedy);
    }
    let unreadable = counts.malformed + counts.truncated;
    if unreadable > 0 {
        let first = facts.first_malformed.as_deref().unwrap_or("no detail");
        let finding = format!("{unreadable} could not be read as frames; the first: {first}");
        report.warn(
            subject,
            finding,
            "is the framing or encoding the bus's own?",
        );
    }
    if counts.skipped > 0 {
        report.ok(
            subject,
            format!("{} passed over: not for this tap", counts.skipped),
        );
    }
}

fn nobody_sends(source: &TapConfig, facts: &TapFacts) -> String {
    match source {
        TapConfig::Udp(udp) => {
            let on = facts.interface.as_deref().unwrap_or("any");
            let port = udp.port;
            let mut remedy =
                format!("`tcpdump -ni {on} udp port {port}` shows what reaches this host");
            match udp.group {
                Some(_) => {
                    remedy.push_str(
                        ": if nothing, look at the sender, its TTL, the VLAN, the switch's IGMP \
                         querier; if something, at the firewall",
                    );
                    if facts
                        .interface
                        .as_deref()
                        .is_some_and(host::is_strict_reverse_path)
                    {
                        remedy.push_str(&format!(
                            ", or rp_filter: `sysctl -w net.ipv4.conf.{on}.rp_filter=2`"
                        ));
                    }
                }
                None => remedy.push_str(
                    ": if nothing, look at the sender and the address it sends to; if something, \
                     at the firewall",
                ),
            }
            remedy
        }
        TapConfig::Tcp(_) => match (&facts.peer, &facts.last_error) {
            (Some(_), _) => "connected, but the server sends nothing: look there".to_owned(),
            (None, Some(error)) => format!("not connected ({error}): look at the server"),
            (None, None) => "not connected: look at the server".to_owned(),
        },
        TapConfig::Pcap(_) | TapConfig::Lines(_) => "look at the file".to_owned(),
    }
}

fn pause(report: &mut Report, subject: &str, name: &str, now: &StatusSnapshot, config: &Config) {
    let tap = now.taps.iter().find(|tap| tap.name == name);
    if tap.is_some_and(|tap| tap.paused) {
        let file = config.file.display();
        let remedy = format!("`outrigger ctl --config {file} resume {name}`");
        report.fail(subject, "is paused in the running runtime", remedy);
    }
}

/// What the runtime says of a tap that it has for itself.
fn asked(
    report: &mut Report,
    subject: &str,
    name: &str,
    before: &StatusSnapshot,
    after: &StatusSnapshot,
) {
    let find = |snapshot: &StatusSnapshot| {
        let found = snapshot.taps.iter().find(|tap| tap.name == name);
        found.cloned()
    };
    let (Some(then), Some(now)) = (find(before), find(after)) else {
        let remedy = "the configuration has changed since: restart the runtime";
        report.fail(subject, "the running runtime has no such tap", remedy);
        return;
    };
    if let Some(trouble) = &now.trouble {
        report.fail(subject, trouble.clone(), "see above, or the runtime's log");
    }
    let sizes = now
        .receive_buffer_asked_bytes
        .zip(now.receive_buffer_got_bytes);
    if let Some((asked, got)) = sizes {
        buffer(report, subject, asked, got);
    }
    let frames = now.frames.saturating_sub(then.frames);
    let ms = after.uptime_ms.saturating_sub(before.uptime_ms);
    let finding = format!("{frames} frames in {ms} ms, by the running runtime");
    match frames {
        0 => report.fail(
            subject,
            finding,
            "look at the sender and the address it sends to, then at the firewall",
        ),
        _ => report.ok(subject, finding),
    }
}
