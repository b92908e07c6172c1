#![allow(clippy::unwrap_used)]

use super::*;

fn listener() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

#[test]
fn a_batch_arrives_whole_and_in_order() {
    let (socket, address) = listener();
    let udp = Udp::open(address, None, 1).unwrap();
    let sent: Vec<Vec<u8>> = (0..BATCH_DATAGRAMS_MAX)
        .map(|number| format!("datagram {number}").into_bytes())
        .collect();
    let batch: Vec<&[u8]> = sent.iter().map(Vec::as_slice).collect();
    udp.send(&batch).unwrap();
    let mut buffer = [0; 100];
    for expected in sent {
        let len = socket.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..len], expected);
    }
}

#[test]
fn multicast_leaves_by_the_chosen_interface() {
    let group = Ipv4Addr::new(239, 192, 77, 4);
    let socket = UdpSocket::bind((group, 0)).unwrap();
    socket
        .join_multicast_v4(&group, &Ipv4Addr::LOCALHOST)
        .unwrap();
    let to = SocketAddr::new(group.into(), socket.local_addr().unwrap().port());
    let udp = Udp::open(to, Some(Ipv4Addr::LOCALHOST.into()), 1).unwrap();
    udp.send(&[b"over loopback"]).unwrap();
    let mut buffer = [0; 100];
    let (len, from) = socket.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..len], b"over loopback");
    assert_eq!(from.ip(), Ipv4Addr::LOCALHOST);
}

#[test]
fn nobody_listening_is_no_error() {
    let (socket, address) = listener();
    drop(socket);
    let udp = Udp::open(address, None, 1).unwrap();
    for _ in 0..3 {
        udp.send(&[b"unheard"]).unwrap();
    }
}

#[test]
fn unfit_addresses_are_refused_with_their_reason() {
    let refused = |to: &str, interface: Option<&str>| {
        let interface = interface.map(|address| address.parse().unwrap());
        Udp::open(to.parse().unwrap(), interface, 1)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused("[ff02::1]:60001", None),
        "multicast is offered over IPv4 only"
    );
    assert_eq!(
        refused("127.0.0.1:60001", Some("::1")),
        "interface and destination are of different families"
    );
}

#[test]
fn a_recording_has_a_line_for_each_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("recording.txt");
    let mut recording = Recording::create(&path).unwrap();
    recording
        .write(1_780_293_600_018_558_999, b"!first\r\n!second\r\n", true)
        .unwrap();
    recording
        .write(1_780_293_601_000_000_000, b"!third\r\n", true)
        .unwrap();
    recording.flush().unwrap();
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "1780293600.018558,!first\n1780293600.018558,!second\n1780293601.000000,!third\n"
    );
}
