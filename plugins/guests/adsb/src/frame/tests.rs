#![allow(clippy::unwrap_used)]

use super::*;

const LONG: [u8; 14] = [
    0x8d, 0x1a, 0x1a, 0x1a, 0x58, 0xc3, 0x82, 0xd6, 0x90, 0xc8, 0xac, 0x28, 0x63, 0x1a,
];

fn content(form: Form, payload: &[u8]) -> Option<Vec<u8>> {
    match unpack(form, payload) {
        Ok(Payload::ModeS(frame)) => Some(frame.bytes().to_vec()),
        _ => None,
    }
}

#[test]
fn every_form_gives_the_same_frame_by_name_and_by_itself() {
    let digits: String = LONG.iter().map(|byte| format!("{byte:02X}")).collect();
    let mut beast = vec![0x1a, b'3', 0, 0, 0x1a, 0, 0, 1, 0x1a];
    beast.extend(LONG);
    let mut doubled = vec![0x1a, b'3'];
    for &byte in &beast[2..] {
        doubled.push(byte);
        if byte == 0x1a {
            doubled.push(byte);
        }
    }
    for (form, payload) in [
        (Form::Beast, beast.clone()),
        (Form::Beast, beast[1..].to_vec()),
        (Form::Beast, doubled),
        (Form::Avr, format!("*{digits};\r\n").into_bytes()),
        (Form::Avr, format!("@0000000012ab{digits};").into_bytes()),
        (Form::Hex, digits.to_lowercase().into_bytes()),
        (Form::Hex, format!("{digits}\n").into_bytes()),
        (Form::Raw, LONG.to_vec()),
    ] {
        assert_eq!(content(form, &payload).unwrap(), LONG, "{form:?}");
        assert_eq!(
            content(Form::Auto, &payload).unwrap(),
            LONG,
            "auto {form:?}"
        );
    }
}

#[test]
fn what_holds_no_mode_s_is_named() {
    let status = [&[0x1a, b'4'][..], &[0; 21]].concat();
    let mode_ac = [&[0x1a, b'1'][..], &[0; 9]].concat();
    assert_eq!(unpack(Form::Auto, &status), Ok(Payload::ReceiverStatus));
    assert_eq!(unpack(Form::Auto, &mode_ac), Ok(Payload::ModeAc));
    assert_eq!(unpack(Form::Auto, b""), Ok(Payload::Empty));
}

#[test]
fn the_length_must_be_that_of_the_format() {
    let mut short = [0; 7];
    short[0] = 17 << 3;
    let mut long = [0; 14];
    long[0] = 11 << 3;
    for payload in [&short[..], &long] {
        let fault = unpack(Form::Raw, payload).unwrap_err();
        assert_eq!(fault.cause, Cause::Length);
    }
}
