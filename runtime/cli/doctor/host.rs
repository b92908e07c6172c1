//! The host: directory, lock, disk, key, clock, interfaces.

use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use outrigger_journal::lock::LOCK_FILE;
use outrigger_journal::{DirLock, LockError};
use rustix::fs::{Access, access, statvfs};

use super::Report;
use crate::config::Config;
use crate::control::{CONTROL_SOCKET, STATUS_SOCKET};
use crate::data::open_to_read;
use crate::keys;
use crate::run::now_ns;

/// Free space below which a start makes no sense, bytes. Reason: some segments of a log each.
const FREE_BYTES_MIN: u64 = 64 << 20;
/// A clock before this is wrong, seconds since the Unix epoch: 2026-01-01, when this was written.
const CLOCK_S_MIN: u64 = 1_767_225_600;
/// Files that show that a service keeps the clock. Sources: systemd-timesyncd.service(8),
/// chrony.conf(5), ntpd(8).
const CLOCK_SERVICES: [(&str, &str); 5] = [
    ("/run/systemd/timesync/synchronized", "systemd-timesyncd"),
    ("/run/chrony/chronyd.pid", "chronyd"),
    ("/run/chronyd.pid", "chronyd"),
    ("/run/ntpd.pid", "ntpd"),
    ("/run/ptp4l", "ptp4l"),
];

/// Can the runtime keep its data here?
pub(super) fn data_dir(report: &mut Report, config: &Config, alive: bool) {
    let path = &config.data_dir;
    let subject = "data directory";
    let there = existing(path);
    if !there.is_dir() {
        report.fail(
            subject,
            format!("{} is not a directory", there.display()),
            "move it away, or set data_dir in [runtime] to another place",
        );
        return;
    }
    if let Err(errno) = access(&there, Access::WRITE_OK | Access::EXEC_OK) {
        let error = std::io::Error::from(errno);
        report.fail(
            subject,
            format!("cannot write in {}: {error}", there.display()),
            "give it to the user who runs this (chown), or mount it writable",
        );
        return;
    }
    match there == *path {
        true => report.ok(subject, format!("{} is writable", path.display())),
        false => report.ok(
            subject,
            format!("{} will be made at the first start", path.display()),
        ),
    }
    if !alive {
        lock(report, path);
        sockets(report, path);
    }
    disk(report, config, &there);
}

/// The path itself, or the nearest directory above it that exists.
fn existing(path: &Path) -> PathBuf {
    let found = path
        .ancestors()
        .find(|path| std::fs::symlink_metadata(path).is_ok());
    found.unwrap_or(Path::new("/")).to_owned()
}

/// Nobody answers: does anybody hold the lock all the same?
fn lock(report: &mut Report, path: &Path) {
    if !path.join(LOCK_FILE).exists() {
        return;
    }
    let Ok(dir) = Dir::open_ambient_dir(path, ambient_authority()) else {
        return;
    };
    match DirLock::acquire(&dir, "outrigger doctor", now_ns()) {
        Ok(_) => report.ok("lock", "nobody holds it"),
        Err(LockError::Held { owner }) => report.fail(
            "lock",
            format!("held by {owner}, which does not answer"),
            "it may be starting, ending or stopped: see what that process does, and end it if it \
             is stuck",
        ),
        Err(LockError::Io(error)) => report.fail(
            "lock",
            format!("cannot be used: {error}"),
            "give the data directory to the user who runs this (chown -R)",
        ),
    }
}

fn sockets(report: &mut Report, path: &Path) {
    for name in [STATUS_SOCKET, CONTROL_SOCKET] {
        let path = path.join(name);
        if path.is_dir() {
            report.fail(
                "sockets",
                format!("{} is a directory", path.display()),
                "remove it",
            );
        }
    }
}

/// Is there room for what the bounds allow?
fn disk(report: &mut Report, config: &Config, there: &Path) {
    let subject = "disk";
    let stat = match statvfs(there) {
        Ok(stat) => stat,
        Err(errno) => {
            let error = std::io::Error::from(errno);
            report.warn(
                subject,
                format!("free space is unknown: {error}"),
                "see `df`",
            );
            return;
        }
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let topics: u64 = config
        .topics
        .iter()
        .map(|topic| topic.bytes_max.get())
        .sum();
    let bound = config.journal.bytes_max.get().saturating_add(topics);
    let more = bound.saturating_sub(used(&config.data_dir));
    let finding = format!(
        "{} free, the bounds allow {} more",
        mebibytes(free),
        mebibytes(more)
    );
    let remedy = "free space, or lower bytes_max of [journal] and [topics]";
    if free < FREE_BYTES_MIN {
        report.fail(subject, finding, remedy);
    } else if free < more {
        report.warn(subject, finding, remedy);
    } else {
        report.ok(subject, finding);
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

/// Bytes of the files in journal and topics.
fn used(data_dir: &Path) -> u64 {
    let mut dirs = vec![data_dir.join("journal")];
    for topic in entries(&data_dir.join("topics")) {
        dirs.push(topic.path());
    }
    let files = dirs.iter().flat_map(|dir| entries(dir));
    files
        .filter_map(|file| Some(file.metadata().ok()?.len()))
        .sum()
}

fn entries(dir: &Path) -> Vec<std::fs::DirEntry> {
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    entries.flatten().collect()
}

/// Can the journal's head be signed?
pub(super) fn signing_key(report: &mut Report, config: &Config) {
    let path = &config.journal.signing_key;
    let subject = "signing key";
    if path.exists() {
        match keys::signing_key(path) {
            Ok(_) => report.ok(subject, path.display().to_string()),
            Err(error) => report.fail(
                subject,
                error.to_string(),
                "it must be readable by its owner only, and be whole; without a copy, remove it \
                 and let the next start make a new one",
            ),
        }
        return;
    }
    let parent = path.parent().unwrap_or(Path::new("/"));
    match access(parent, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => report.ok(
            subject,
            format!("{} will be made at the first start", path.display()),
        ),
        Err(errno) => {
            let error = std::io::Error::from(errno);
            report.fail(
                subject,
                format!("{} cannot be made: {error}", path.display()),
                "make its directory, writable for the user who runs this",
            );
        }
    }
}

/// Is the clock sane, and does anybody keep it?
pub(super) fn clock(report: &mut Report, config: &Config) {
    let subject = "clock";
    let now_ns = now_ns();
    if now_ns / 1_000_000_000 < CLOCK_S_MIN {
        report.fail(
            subject,
            "is before 2026: capture times would be wrong",
            "set it (`timedatectl set-time`), and run an NTP service",
        );
        return;
    }
    let written_ns = open_to_read(&config.data_dir, "journal")
        .ok()
        .and_then(|dir| outrigger_journal::stat(&dir).ok())
        .and_then(|stat| stat.written_ns)
        .map_or(0, |(_, last_ns)| last_ns);
    // A running runtime may have written just after the clock was read.
    let back_s = written_ns.saturating_sub(now_ns) / 1_000_000_000;
    if back_s > 1 {
        report.warn(
            subject,
            format!("is {back_s} s behind the journal's newest block: it was set back"),
            "see what the NTP service did; times in the journal step back too",
        );
        return;
    }
    let service = CLOCK_SERVICES
        .iter()
        .find(|(file, _)| Path::new(file).exists());
    match service {
        Some((_, name)) => report.ok(subject, format!("sane, kept by {name}")),
        None => report.warn(
            subject,
            "sane, but no NTP service is to be seen here",
            "run chronyd or systemd-timesyncd; in a container its host does",
        ),
    }
}

/// What keeps an interface from receiving, if anything; `None` if it is well or unknown.
pub(super) fn interface_trouble(name: &str) -> Option<(String, String)> {
    let read = |file: &str| std::fs::read_to_string(format!("/sys/class/net/{name}/{file}")).ok();
    // Bit 0 is IFF_UP. Source: netdevice(7).
    let flags = read("flags")?;
    let flags = u32::from_str_radix(flags.trim().trim_start_matches("0x"), 16).ok()?;
    if flags & 1 == 0 {
        let finding = format!("interface {name} is down");
        return Some((finding, format!("`ip link set {name} up`")));
    }
    if read("carrier").is_some_and(|carrier| carrier.trim() == "0") {
        let finding = format!("interface {name} has no carrier");
        return Some((
            finding,
            "is the cable in, and the switch's port on?".to_owned(),
        ));
    }
    None
}

/// True when the kernel may drop datagrams whose sender it would answer by another interface.
pub(super) fn is_strict_reverse_path(interface: &str) -> bool {
    ["all", interface].iter().any(|name| {
        std::fs::read_to_string(format!("/proc/sys/net/ipv4/conf/{name}/rp_filter"))
            .is_ok_and(|value| value.trim() == "1")
    })
}
