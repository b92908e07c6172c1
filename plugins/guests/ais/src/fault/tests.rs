use super::*;

#[test]
fn names_of_causes_stand_at_their_place() {
    assert_eq!(Cause::Checksum.name(), "checksum");
    assert_eq!(Cause::MessageType.name(), "message-type");
    assert_eq!(Cause::FrameTooLong.name(), "frame-too-long");
    assert_eq!(Cause::FrameTooLong as usize, Cause::NAMES.len() - 1);
}
