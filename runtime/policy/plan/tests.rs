#![allow(clippy::unwrap_used)]

use super::*;

fn line(what: &str, bytes: u64, memory: Memory) -> Line {
    Line {
        component: "part".to_owned(),
        what: what.to_owned(),
        bytes,
        memory,
        key: format!("{what}_max"),
    }
}

fn plan(lines: &[(&str, u64, Memory)]) -> MemoryPlan {
    let mut plan = MemoryPlan::default();
    for (what, bytes, memory) in lines {
        plan.push(line(what, *bytes, *memory));
    }
    plan
}

#[test]
fn the_sum_is_of_what_is_resident() {
    let plan = plan(&[
        ("heap", 10, Memory::Heap),
        ("code", 5, Memory::Mapped),
        ("socket", 100, Memory::Kernel),
        ("nothing", 0, Memory::Heap),
    ]);
    assert_eq!((plan.bytes(), plan.kernel_bytes()), (15, 100));
    assert_eq!(plan.lines().len(), 3);
}

#[test]
fn a_plan_fits_up_to_the_budget_itself() {
    let plan = plan(&[("heap", 10, Memory::Heap), ("code", 5, Memory::Mapped)]);
    assert_eq!(plan.over(15), None);
    let excess = plan.over(14).unwrap();
    assert_eq!((excess.bytes, excess.budget_bytes), (15, 14));
}

#[test]
fn the_largest_lines_are_named_in_order_and_the_kernels_are_not() {
    let lines: Vec<(String, u64)> = (1..=9).map(|at| (format!("line-{at}"), at)).collect();
    let mut plan = MemoryPlan::default();
    for (what, bytes) in &lines {
        plan.push(line(what, *bytes, Memory::Heap));
    }
    plan.push(line("socket", 1_000, Memory::Kernel));
    let excess = plan.over(1).unwrap();
    let named: Vec<&str> = excess.largest.iter().map(|line| &line.what[..]).collect();
    assert_eq!(named, ["line-9", "line-8", "line-7", "line-6", "line-5"]);
    assert_eq!(excess.largest.len(), LARGEST_LINES);
}

#[test]
fn equal_lines_are_named_in_the_order_of_adding() {
    let plan = plan(&[("first", 7, Memory::Heap), ("second", 7, Memory::Mapped)]);
    let excess = plan.over(0).unwrap();
    assert_eq!(excess.largest[0].what, "first");
}

#[test]
fn waste_is_of_the_heap_alone_and_rounded_up() {
    let mut plan = plan(&[
        ("heap", 1_001, Memory::Heap),
        ("code", 5_000, Memory::Mapped),
        ("socket", 5_000, Memory::Kernel),
    ]);
    plan.push_slack(125);
    assert_eq!(plan.lines().last().unwrap().bytes, 126);
    assert_eq!(plan.bytes(), 1_001 + 5_000 + 126);
}

#[test]
fn a_sum_beyond_all_numbers_fits_no_budget() {
    let mut plan = plan(&[
        ("huge", u64::MAX - 1, Memory::Heap),
        ("more", u64::MAX - 1, Memory::Heap),
    ]);
    plan.push_slack(1_000_000);
    assert_eq!(plan.bytes(), u64::MAX);
    assert!(plan.over(u64::MAX).is_some());
}
