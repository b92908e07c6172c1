//! A deployment under way, and its end.

use std::time::Duration;

use kafka_harness::Cluster;
use outrigger::status::StatusSnapshot;

use super::row::Row;
use crate::common::installation;
use crate::mirror::{Mirror, recording};
use crate::rig::{Running, Site};

/// Time that the recording lasts at its own pace, seconds.
const RECORDING_S: f64 = 240.0;
/// Time before the first disturbance and after the last, seconds.
const MARGIN_S: f64 = 4.0;

/// A deployment that mirrors to a cluster.
pub struct Scene<'a> {
    pub cluster: &'a Cluster,
    pub mirror: Mirror,
    pub site: Site,
    kafka: String,
}

impl<'a> Scene<'a> {
    /// With topics of its own. `kafka` are keys of the cluster.
    pub fn new(cluster: &'a Cluster, test: &str, kafka: &str) -> Self {
        let site = Site::new(installation());
        site.write("recording.txt", recording());
        Self {
            cluster,
            mirror: Mirror::new(test),
            site,
            kafka: kafka.to_owned(),
        }
    }

    /// The configuration with another pace.
    pub fn text(&self, pace: &str) -> String {
        let bootstrap = self.cluster.bootstrap();
        self.mirror
            .text(&bootstrap, pace, "exactly-once", &self.kafka)
    }

    /// Spreads the recording over disturbances that take `time` together, and time around them.
    pub fn paced(&self, time: Duration) -> String {
        let factor = RECORDING_S / (time.as_secs_f64() + 2.0 * MARGIN_S);
        self.text(&format!("factor = {factor:.3}"))
    }

    /// Starts a run that ends with the recording, and waits until something of both topics has been
    /// delivered.
    pub fn begin(&self, time: Duration) -> Running {
        self.site.configure("data", "", &self.paced(time));
        let mut running = self.start();
        running.wait_status("the first deliveries", delivers);
        super::pause(Duration::from_secs(1));
        running
    }

    /// Starts a run that ends with the recording.
    pub fn start(&self) -> Running {
        let arguments = ["--until-idle", "--json", "--drain-s", "300"];
        self.site.start("data", &arguments)
    }

    /// Waits for the end of the run, which must be a good one with nothing left behind.
    pub fn end(&self, running: Running) -> StatusSnapshot {
        let (code, out, errors) = running.end();
        eprint!("{errors}");
        assert_eq!(code, Some(0), "{errors}");
        let status: StatusSnapshot = serde_json::from_str(&out).unwrap();
        for kafka in &status.kafka {
            let waiting: u64 = kafka.topics.iter().map(|topic| topic.waiting).sum();
            assert_eq!(waiting, 0, "{} of {}", kafka.guarantee, kafka.cluster);
        }
        status
    }

    /// Runs what is left of the recording flat out.
    pub fn finish(&self) -> StatusSnapshot {
        self.site
            .configure("data", "", &self.text("pace = \"flat-out\""));
        self.site.run_well("data", &["--drain-s", "300"])
    }

    /// Compares.
    pub fn row(&self, row: (u32, &str), times: u64) -> Row {
        let data = self.site.data("data");
        Row::of(self.cluster, &self.mirror, &data, row, times)
    }
}

/// Something of every topic has been delivered.
pub fn delivers(status: &StatusSnapshot) -> bool {
    let mut topics = status.kafka.iter().flat_map(|kafka| &kafka.topics);
    status.kafka.len() == 2 && topics.all(|topic| topic.delivered > 0)
}

/// Records of the exactly-once topic that were delivered.
pub fn delivered(status: &StatusSnapshot) -> u64 {
    let topics = status.kafka.iter().flat_map(|kafka| &kafka.topics);
    topics
        .filter(|topic| topic.topic == "tracks")
        .map(|topic| topic.delivered)
        .sum()
}
