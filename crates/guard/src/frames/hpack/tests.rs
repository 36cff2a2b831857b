use super::*;

const MAX: usize = 100_000;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.chars().filter(|c| !c.is_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&String::from_iter(pair), 16).unwrap())
        .collect()
}

fn read(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<String>, Unread> {
    let mut fields = Vec::new();
    decoder.read(block, MAX, |field| {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        fields.push(format!("{}={}", text(field.name), text(field.value)));
    })?;
    Ok(fields)
}

#[test]
fn requests_one_after_the_other_are_read_as_in_the_rfc() {
    // RFC 7541 appendices C.3 and C.4: without and with the code for strings.
    let plain = [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ];
    let coded = [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ];
    for blocks in [plain, coded] {
        let mut decoder = Decoder::new();
        let [one, two, three] = blocks.map(|block| read(&mut decoder, &bytes(block)).unwrap());
        let first = [
            ":method=GET",
            ":scheme=http",
            ":path=/",
            ":authority=www.example.com",
        ];
        assert_eq!(one, first);
        assert_eq!(two[..4], first);
        assert_eq!(two[4], "cache-control=no-cache");
        assert_eq!(
            three,
            [
                ":method=GET",
                ":scheme=https",
                ":path=/index.html",
                ":authority=www.example.com",
                "custom-key=custom-value"
            ]
        );
        assert_eq!(decoder.table.size, 164);
    }
}

#[test]
fn the_table_drops_its_oldest_as_in_the_rfc() {
    // RFC 7541 appendix C.5, with a table of 256 bytes.
    let mut decoder = Decoder::new();
    decoder.table.resize(256);
    let blocks = [
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133
         2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70
         6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
    ];
    for block in blocks {
        let fields = read(&mut decoder, &bytes(block)).unwrap();
        assert_eq!(fields.len(), 4);
        assert_eq!(fields[3], "location=https://www.example.com");
        assert_eq!(decoder.table.size, 222);
    }
    assert_eq!(decoder.table.field(62).unwrap().1, b"307");
    assert!(decoder.table.field(66).is_none());
}

#[test]
fn what_has_no_reading_is_unreadable() {
    for block in [
        "80",             // index 0
        "be",             // an index that nothing has
        "ff ff ff ff ff", // a number that does not end
        "ff 80 80 80 80 80 00",
        "40",          // no name
        "40 01",       // a name shorter than it says
        "40 01 61",    // no value
        "00 81 00 00", // a code that ends with no padding
        "3f e2 1f",    // a table of 4097 bytes
        "82 20",       // a size behind a field
        "7e 00",       // a name that nothing has
    ] {
        let outcome = read(&mut Decoder::new(), &bytes(block));
        assert_eq!(outcome, Err(Unread::Garbled), "{block}");
    }
}

#[test]
fn sizes_may_stand_before_the_first_field() {
    let mut decoder = Decoder::new();
    assert_eq!(
        read(&mut decoder, &bytes("20 3f e1 1f 82")).unwrap(),
        [":method=GET"]
    );
    assert_eq!(decoder.table.max, 4096);
}

#[test]
fn a_field_larger_than_the_table_empties_it() {
    let mut decoder = Decoder::new();
    read(&mut decoder, &bytes("40 01 61 01 62")).unwrap();
    assert_eq!(decoder.table.entries.len(), 1);
    let mut block = bytes("40 01 61 7f 81 1f");
    block.extend(vec![b'x'; 127 + 1 + (0x1f << 7)]);
    assert_eq!(read(&mut decoder, &block).unwrap().len(), 1);
    assert_eq!(decoder.table.entries.len(), 0);
    assert_eq!(decoder.table.size, 0);
}

#[test]
fn the_bytes_of_the_table_are_bounded_however_many_fields_there_were() {
    let mut decoder = Decoder::new();
    for n in 0..10_000 {
        let mut block = bytes("40 01 61 08");
        block.extend(format!("{n:08}").bytes());
        block.push(0xbe);
        if n > 0 {
            block.push(0xbf);
        }
        let fields = read(&mut decoder, &block).unwrap();
        assert_eq!(fields[0], format!("a={n:08}"));
        assert_eq!(fields[1], fields[0]);
        assert!(n == 0 || fields[2] == format!("a={:08}", n - 1));
        assert!(decoder.table.bytes.len() <= COMPACT_AT);
    }
}

#[test]
fn a_block_that_says_too_much_is_read_no_further() {
    let mut decoder = Decoder::new();
    let mut told = 0;
    let mut block = bytes("40 01 61 7f a1 1e");
    block.extend(vec![b'x'; 4000]);
    block.extend([0xbe; 15_000]);
    let outcome = decoder.read(&block, MAX, |_| told += 1);
    assert_eq!(outcome, Err(Unread::TooLong));
    assert_eq!(told, 25, "4,033 bytes each");
}
