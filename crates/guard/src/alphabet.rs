//! Which bytes may stand where.

/// RFC 9110 section 5.6.2: what methods and names of fields consist of.
#[expect(clippy::indexing_slicing, reason = "the table has all bytes")]
pub(crate) const fn is_token(byte: u8) -> bool {
    TOKEN[byte as usize]
}

/// RFC 9110 section 5.6.3: the whitespace around the value of a field.
pub(crate) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// What a line may contain before its end: blanks, what can be seen, and what is not ASCII (RFC 9110
/// section 5.5).
pub(crate) const fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// What targets consist of: what can be seen, less the `#` that begins a fragment. Some of it is in no URI
/// either, such as `"`, `\` and `{`, but clients send it, servers read it alike, and Envoy lets it pass.
pub(crate) const fn is_target_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'#'
}

/// Whether all of it are what [`is_token`] allows, and there is any.
pub(crate) fn is_all_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_token(*byte))
}

const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        #[expect(
            clippy::indexing_slicing,
            reason = "a table of all bytes, made by the compiler"
        )]
        {
            table[byte as usize] = byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'!' | b'#'
                        | b'$'
                        | b'%'
                        | b'&'
                        | b'\''
                        | b'*'
                        | b'+'
                        | b'-'
                        | b'.'
                        | b'^'
                        | b'_'
                        | b'`'
                        | b'|'
                        | b'~'
                );
        }
        byte += 1;
    }
    table
};
