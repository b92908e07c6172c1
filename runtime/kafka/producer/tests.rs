#![allow(clippy::unwrap_used)]

use rdkafka::mocking::MockCluster;

use super::*;
use crate::client::{Bounds, Compression, Security};

fn producer(bootstrap: String, queue_bytes_max: u64) -> Producer {
    let cluster = Cluster {
        bootstrap,
        client_id: "test".to_owned(),
        security: Security::default(),
        compression: Compression::default(),
        bounds: Bounds {
            queue_bytes_max,
            ..Bounds::default()
        },
    };
    Producer::new(&cluster, &Guarantee::AtLeastOnce).unwrap()
}

fn shipment<'a>(headers: &'a [(&'a str, &'a [u8])], ticket: usize) -> Shipment<'a> {
    Shipment {
        topic: "tracks",
        key: Some(b"key"),
        partition: None,
        value: Some(b"value"),
        time_ms: 1,
        headers,
        ticket,
    }
}

#[test]
fn headers_count_against_the_queue() {
    // Nobody listens at the discard port.
    let producer = producer("127.0.0.1:9".to_owned(), 1 << 20);
    let long = vec![0; 64 << 10];
    let headers = [("long", &long[..])];
    let one = 3 + 5 + 4 + (64 << 10);
    let mut sent = 0;
    while producer.send(&shipment(&headers, sent)).unwrap() {
        sent += 1;
    }
    assert_eq!(sent as u64, (2 << 20) / one);
    assert_eq!(producer.waiting_bytes(), sent as u64 * one);
    // What is refused leaves nothing behind.
    assert!(!producer.send(&shipment(&headers, sent)).unwrap());
    assert_eq!(producer.waiting_bytes(), sent as u64 * one);
}

#[test]
fn what_is_reported_no_longer_waits() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("tracks", 1, 1).unwrap();
    let producer = producer(cluster.bootstrap_servers(), 4 << 20);
    let headers = [("outrigger-id", &b"1"[..]), ("outrigger-class", b"track")];
    for ticket in 0..100 {
        assert!(producer.send(&shipment(&headers, ticket)).unwrap());
    }
    assert!(producer.waiting_bytes() > 0);
    assert!(producer.flush(Duration::from_secs(30)));
    let mut reports = Vec::new();
    producer.reports(Duration::ZERO, &mut reports);
    assert_eq!(reports.len(), 100);
    assert_eq!(producer.waiting_bytes(), 0);
}
