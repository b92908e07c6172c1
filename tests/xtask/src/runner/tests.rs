//! What is counted, and what the last line says.

use super::*;

fn counted(lines: &[&str]) -> Counts {
    let mut counts = Counts::default();
    for line in lines {
        counts.read(line);
    }
    counts
}

#[test]
fn results_of_all_runners_are_summed() {
    let counts = counted(&[
        "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.00s",
        "test config::x ... ok",
        "test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s",
    ]);
    assert_eq!(counts.closing_line(), "14 passed, 3 failed, 1 skipped");
}

#[test]
fn tests_that_skip_themselves_do_not_pass() {
    let counts = counted(&[
        "skipped: recordings absent (/none)\n",
        "  skipped: {\"comment\": 4}",
        "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
    ]);
    assert_eq!(counts.skip_lines, ["skipped: recordings absent (/none)"]);
    assert_eq!(counts.closing_line(), "1 passed, 0 failed, 1 skipped");
}

#[test]
fn nothing_run_is_nothing_passed() {
    assert_eq!(
        counted(&["test result: "]).closing_line(),
        "0 passed, 0 failed"
    );
}

#[test]
fn output_is_counted_also_of_a_run_that_fails() {
    let mut counts = Counts::default();
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "echo 'test result: FAILED. 1 passed; 1 failed; 0 ignored'; echo 'skipped: x' >&2; exit 3",
    ]);
    let (out, err) = (std::io::sink(), std::io::sink());
    let failure = count_into(&mut command, &mut counts, "look", out, err);
    let failure = failure.map_err(|failure| failure.to_string());
    assert!(failure.is_err_and(|text| text.contains("exit status: 3") && text.contains("look")));
    assert_eq!((counts.passed, counts.failed, counts.skips), (1, 1, 1));
}
