//! The unit and the rule of `examples/systemd`: their numbers are the defaults of the budget, and the
//! programs that read them know every word.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use outrigger_policy::limits::{CPU_PERMILLE, KAFKA_CLUSTERS_MAX, MEMORY_PERMILLE, TAPS_MAX};

use crate::common::{root, skip};

/// Cores of the host that the unit is written for, as its comment says.
const CORES: u64 = 2;

fn folder() -> PathBuf {
    root().join("examples/systemd")
}

/// All values of a key of the unit.
fn values(key: &str) -> Vec<String> {
    let unit = fs::read_to_string(folder().join("outrigger.service")).unwrap();
    let values = unit
        .lines()
        .filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    values.map(str::to_owned).collect()
}

/// The only value of a key of the unit.
fn value(key: &str) -> String {
    let mut values = values(key);
    assert_eq!(values.len(), 1, "{key}");
    values.remove(0)
}

fn per_cent(key: &str) -> u64 {
    value(key).strip_suffix('%').unwrap().parse().unwrap()
}

#[test]
fn the_unit_has_the_numbers_of_the_budget() {
    assert_eq!(per_cent("CPUQuota"), CORES * CPU_PERMILLE.default / 10);
    assert_eq!(per_cent("MemoryHigh"), MEMORY_PERMILLE.default / 10);
    assert!(
        per_cent("MemoryMax") > per_cent("MemoryHigh"),
        "the runtime's own cap comes first"
    );
    let unit = fs::read_to_string(folder().join("outrigger.service")).unwrap();
    assert!(unit.contains(&format!("here {CORES} cores")));
    assert!(unit.contains(&format!("at most {TAPS_MAX} taps")));
    assert!(unit.contains(&format!("{KAFKA_CLUSTERS_MAX} clusters")));
}

#[test]
fn the_unit_keeps_what_the_runtime_needs_and_nothing_more() {
    // Else no plugin could be loaded: native code is made executable after it was written.
    assert_eq!(value("MemoryDenyWriteExecute"), "no");
    assert_eq!(value("CapabilityBoundingSet"), "");
    assert_eq!(value("NoNewPrivileges"), "yes");
    let families = value("RestrictAddressFamilies");
    let mut families: Vec<&str> = families.split(' ').collect();
    families.sort_unstable();
    assert_eq!(families, ["AF_INET", "AF_INET6", "AF_NETLINK", "AF_UNIX"]);
    let filters = values("SystemCallFilter");
    assert_eq!(filters[0], "@system-service");
    // Threads lower their priority, and the process its own limits.
    assert!(!filters[1].contains("@resources"), "{filters:?}");
}

#[test]
fn systemd_knows_every_word_of_the_unit() {
    let Ok(version) = Command::new("systemd-analyze").arg("--version").output() else {
        return skip("systemd-analyze is not installed, so the unit was not verified");
    };
    assert!(version.status.success());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outrigger.service");
    let unit = fs::read_to_string(self::folder().join("outrigger.service")).unwrap();
    // A program that is there: that it is executable is verified too.
    let program = std::env::current_exe().unwrap();
    let program = format!("ExecStart={}", program.display());
    let unit = unit.replace("ExecStart=/usr/bin/outrigger", &program);
    fs::write(&path, unit).unwrap();
    let mut verify = Command::new("systemd-analyze");
    let output = verify
        .args(["--man=no", "verify"])
        .arg(&path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let own: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("outrigger.service"))
        .collect();
    assert!(output.status.success() && own.is_empty(), "{said}");
    let mut security = Command::new("systemd-analyze");
    let output = security
        .args(["security", "--offline=true", "--threshold=20", "--no-pager"])
        .arg(&path)
        .output()
        .unwrap();
    // An exposure above 2.0 of 10.
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
}

#[test]
fn nft_knows_every_word_of_the_rule() {
    if Command::new("nft").arg("--version").output().is_err() {
        return skip("nft is not installed, so the rule was not checked");
    }
    let rule = fs::read_to_string(folder().join("outrigger.nft")).unwrap();
    assert!(rule.contains("dscp set 0x01"), "RFC 8622");
    // By number: the service's user need not be on this host.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outrigger.nft");
    fs::write(&path, rule.replace("skuid \"outrigger\"", "skuid 65534")).unwrap();
    // In a network of its own, where no right over the host's is needed.
    let mut check = Command::new("unshare");
    check.args(["--map-root-user", "--net", "nft", "--check", "--file"]);
    match check.arg(&path).output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let denied = said.contains("unshare") || said.contains("not permitted");
            assert!(denied, "{said}");
            skip(&format!("no network namespace is to be had: {said}"));
        }
        Err(error) => skip(&format!("unshare cannot be run: {error}")),
    }
}
