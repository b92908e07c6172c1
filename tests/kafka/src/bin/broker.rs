//! A broker to try things with, until the process ends.

use std::process::ExitCode;

use kafka_harness::{Cluster, Options};

fn main() -> ExitCode {
    println!("Apache Kafka starts; the first time its jars are fetched …");
    let Some(cluster) = Cluster::start(&Options::default()) else {
        eprintln!("Java 17 and Maven are needed: `cargo xtask setup` says what is missing");
        return ExitCode::FAILURE;
    };
    let at = cluster.bootstrap();
    println!(
        "\nApache Kafka serves at {at}, on this host alone. Try, in other terminals:\n\n  \
         outrigger run --config examples/harbour/outrigger.toml --kafka {at}\n  \
         kcat -b {at} -L\n  \
         kcat -b {at} -t sea-tracks -C -o beginning -X isolation.level=read_committed -f '%k %h\\n'\n\n\
         Ctrl-C ends it; what it holds is gone with the next start."
    );
    // Ctrl-C ends this process, and the kernel ends the broker with it.
    loop {
        std::thread::park();
    }
}
