#![allow(clippy::unwrap_used)]

use super::*;

/// Niceness of the calling thread, as the kernel tells it.
fn nice() -> i32 {
    let text = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    // The name may hold anything, brackets and spaces included; niceness is the 19th field.
    let fields = text.rsplit_once(')').unwrap().1;
    let nice = fields.split_ascii_whitespace().nth(19 - 3).unwrap();
    nice.parse().unwrap()
}

#[test]
fn a_thread_is_nice_with_those_that_it_starts_and_no_others() {
    let before = nice();
    let (own, started) = std::thread::spawn(move || {
        be_nice(before + 3).unwrap();
        (nice(), std::thread::spawn(nice).join().unwrap())
    })
    .join()
    .unwrap();
    assert_eq!((own, started, nice()), (before + 3, before + 3, before));
}

#[test]
fn a_nicer_thread_stays_so() {
    let before = nice();
    let own = std::thread::spawn(move || {
        be_nice(before + 2).unwrap();
        be_nice(before).unwrap();
        nice()
    });
    assert_eq!(own.join().unwrap(), before + 2);
}
