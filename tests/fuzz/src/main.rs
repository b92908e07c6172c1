//! `cargo xtask fuzz [TARGET]`: runs targets for a time, or one case again.

use std::process::ExitCode;
use std::time::Duration;

use outrigger_fuzz::case::from_text;
use outrigger_fuzz::run::{Until, breaks, run};
use outrigger_fuzz::targets::{TARGETS, Target, named};

/// Time for a target unless told otherwise, seconds.
const SECONDS: u64 = 60;

const USAGE: &str = "usage: outrigger-fuzz [TARGET] [--seconds N] [--seed N] [--again CASE]";

struct Arguments {
    target: Option<Target>,
    seconds: u64,
    seed: u64,
    again: Option<String>,
}

fn arguments() -> Option<Arguments> {
    let mut read = Arguments {
        target: None,
        seconds: SECONDS,
        seed: 0,
        again: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seconds" => read.seconds = words.next()?.parse().ok()?,
            "--seed" => read.seed = words.next()?.parse().ok()?,
            "--again" => read.again = Some(words.next()?),
            name => read.target = Some(named(name)?),
        }
    }
    Some(read)
}

fn main() -> ExitCode {
    let Some(given) = arguments() else {
        let names = TARGETS.map(|target| target.name).join(", ");
        eprintln!("{USAGE}\ntargets: {names}");
        return ExitCode::from(2);
    };
    if let Some(text) = given.again {
        let (Some(target), Some(case)) = (given.target, from_text(&text)) else {
            eprintln!("{USAGE}\n--again needs a target, and frames as TIME:HEX");
            return ExitCode::from(2);
        };
        let broken = breaks(&target, &case);
        println!(
            "{}: {}",
            target.name,
            if broken { "breaks a rule" } else { "holds" }
        );
        return ExitCode::from(u8::from(broken));
    }
    let targets = given
        .target
        .map_or_else(|| TARGETS.to_vec(), |target| vec![target]);
    let mut found = false;
    for target in targets {
        let until = Until::Elapsed(Duration::from_secs(given.seconds));
        let ran = run(&target, given.seed, until);
        println!("{}", ran.summary(&target));
        if let Some(finding) = ran.finding(&target, given.seed) {
            println!("{finding}");
            found = true;
        }
    }
    ExitCode::from(u8::from(found))
}
