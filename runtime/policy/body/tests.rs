use super::*;

#[test]
fn a_map_with_string_keys_is_a_body() {
    // {"a": 1, "b": [1.5, nil, {"c": "d"}]}
    let body = b"\x82\xa1a\x01\xa1b\x93\xcb\x3f\xf8\0\0\0\0\0\0\xc0\x81\xa1c\xa1d";
    assert_eq!(check_body(body), Ok(()));
    assert_eq!(check_body(b"\x80"), Ok(()));
}

#[test]
fn each_defect_is_named_with_its_offset() {
    let cases: [(&[u8], BodyError); 10] = [
        (b"", BodyError::Short),
        (b"\x93\x01\x02\x03", BodyError::NotMap),
        (b"\x81\x01\x01", BodyError::Key(1)),
        (b"\x81\xa1\xff\x01", BodyError::Utf8(1)),
        (b"\x81\xa1a\xc1", BodyError::Type(3)),
        (b"\x81\xa1a\xd4\x01\x02", BodyError::Type(3)),
        (b"\x80\x00", BodyError::Trailing(1)),
        (b"\x81\xa1a\xdf\xff\xff\xff\xff", BodyError::Short),
        (b"\x81\xa1a\xc6\xff\xff\xff\xff", BodyError::Short),
        (b"\x81\xa1a", BodyError::Short),
    ];
    for (bytes, error) in cases {
        assert_eq!(check_body(bytes), Err(error), "{bytes:02x?}");
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| {
        let mut body = b"\x81\xa1a".to_vec();
        body.extend(std::iter::repeat_n(0x91, depth - 1));
        body.push(0xc0);
        body
    };
    assert_eq!(check_body(&nested(BODY_DEPTH_MAX)), Ok(()));
    assert!(matches!(
        check_body(&nested(BODY_DEPTH_MAX + 1)),
        Err(BodyError::Depth(_))
    ));
    assert!(matches!(
        check_body(&nested(100_000)),
        Err(BodyError::Depth(_))
    ));
}

#[test]
fn no_bytes_panic_and_every_truncation_is_refused() {
    let body = b"\x82\xa1a\xcd\x01\x02\xa1b\x93\xcb\x3f\xf8\0\0\0\0\0\0\xc0\x81\xa1c\xd9\x02dd";
    assert_eq!(check_body(body), Ok(()));
    for end in 0..body.len() {
        assert!(check_body(&body[..end]).is_err(), "cut at {end}");
    }
    for at in 0..body.len() {
        for value in 0..=255u8 {
            let mut changed = body.to_vec();
            changed[at] = value;
            let _ = check_body(&changed);
        }
    }
}
