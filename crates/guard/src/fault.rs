//! Why something does not pass.

/// What is wrong with what came over a connection. One reason each, and one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Fault {
    /// RFC 9112 section 2.2: a line that ends in a bare LF, or has a bare CR in it.
    LineEnd = 1,
    /// RFC 9110 section 5.5: a control byte.
    Control,
    /// RFC 9112 section 3: not a method, a target and a version with one space between them.
    RequestLine,
    /// RFC 9110 section 9.1: a method that is no token.
    Method,
    /// RFC 9112 section 3.2: a target with bytes that no URI has, or with a fragment.
    Target,
    /// RFC 9112 section 3.2: a target in none of the forms that its method has.
    TargetForm,
    /// RFC 9110 section 4.2.4: a target, or a Host, with a user.
    Userinfo,
    /// RFC 9112 section 2.3: what stands in the version's place is none.
    Version,
    /// RFC 9110 section 15.6.6: a version other than 1.0 and 1.1.
    VersionUnknown,
    /// RFC 9110 section 15.5.15: a target that is longer than is served.
    UrlTooLong,
    /// RFC 6585 section 5: a head that is larger than is served.
    HeadTooLarge,
    /// RFC 6585 section 5: more fields than are served.
    TooManyFields,
    /// RFC 9112 section 5.1: the name of a field is empty, no token, or apart from its colon.
    FieldName,
    /// RFC 9112 section 5.2: a field that goes on in the next line.
    Fold,
    /// RFC 9112 section 3.2: no Host.
    HostMissing,
    /// RFC 9112 section 3.2: several Hosts.
    HostRepeated,
    /// RFC 9112 section 3.2: a Host, or an authority, that is none.
    HostInvalid,
    /// RFC 9110 section 8.6: a Content-Length that is no number, or not one that can be counted to.
    Length,
    /// RFC 9110 section 8.6: several Content-Lengths, alike or not.
    LengthRepeated,
    /// RFC 9112 section 6.3: a Content-Length beside a Transfer-Encoding.
    LengthAndCoding,
    /// RFC 9112 section 6.3: transfer codings that do not end in one `chunked`.
    Coding,
    /// RFC 9112 section 6.1: several Transfer-Encodings.
    CodingRepeated,
    /// RFC 9112 section 6.1: a transfer coding below `chunked`.
    CodingUnknown,
    /// RFC 9112 section 6.1: a Transfer-Encoding in HTTP/1.0.
    CodingTooOld,
    /// RFC 9112 section 7.1: the size of a chunk is no number, or not one that can be counted to.
    ChunkSize,
    /// RFC 9112 section 7.1.1: an extension of a chunk that is none.
    ChunkExtension,
    /// RFC 9112 section 7.1.1: the line before a chunk is longer than is read.
    ChunkLineTooLong,
    /// RFC 9112 section 7.1.1: more extensions in one body than are read.
    ExtensionsTooLarge,
    /// RFC 9112 section 7.1: a chunk that does not end where its size says.
    ChunkEnd,
    /// RFC 9112 section 7.1.2: trailers that are no fields.
    Trailer,
    /// RFC 9110 section 6.5.1: a trailer that belongs into the head.
    TrailerForbidden,
    /// RFC 9112 section 7.1.2: more trailers than are read.
    TrailersTooLarge,
    /// RFC 9110 section 15.5.9: a head that did not come in time.
    HeadLate,
    /// RFC 9112 section 4: not a version, a status of three digits, and a reason.
    StatusLine,
    /// RFC 9110 section 15: a status below 100 or above 599.
    Status,
    /// RFC 9112 section 6.1, RFC 9110 section 8.6: a body where the status allows none.
    BodyForbidden,
    /// RFC 9110 section 7.8: another protocol than HTTP, which nobody asked for.
    Switched,
    /// RFC 9110 section 15.2: more answers before the answer than anybody needs.
    TooManyInterim,
}

impl Fault {
    /// All there are.
    pub const ALL: [Self; 38] = [
        Self::LineEnd,
        Self::Control,
        Self::RequestLine,
        Self::Method,
        Self::Target,
        Self::TargetForm,
        Self::Userinfo,
        Self::Version,
        Self::VersionUnknown,
        Self::UrlTooLong,
        Self::HeadTooLarge,
        Self::TooManyFields,
        Self::FieldName,
        Self::Fold,
        Self::HostMissing,
        Self::HostRepeated,
        Self::HostInvalid,
        Self::Length,
        Self::LengthRepeated,
        Self::LengthAndCoding,
        Self::Coding,
        Self::CodingRepeated,
        Self::CodingUnknown,
        Self::CodingTooOld,
        Self::ChunkSize,
        Self::ChunkExtension,
        Self::ChunkLineTooLong,
        Self::ExtensionsTooLarge,
        Self::ChunkEnd,
        Self::Trailer,
        Self::TrailerForbidden,
        Self::TrailersTooLarge,
        Self::HeadLate,
        Self::StatusLine,
        Self::Status,
        Self::BodyForbidden,
        Self::Switched,
        Self::TooManyInterim,
    ];

    /// What a client is answered.
    pub const fn status(self) -> u16 {
        match self {
            Self::HeadLate => 408,
            Self::UrlTooLong => 414,
            Self::HeadTooLarge | Self::TooManyFields => 431,
            Self::CodingUnknown => 501,
            Self::StatusLine
            | Self::Status
            | Self::BodyForbidden
            | Self::Switched
            | Self::TooManyInterim => 502,
            Self::VersionUnknown => 505,
            Self::LineEnd
            | Self::Control
            | Self::RequestLine
            | Self::Method
            | Self::Target
            | Self::TargetForm
            | Self::Userinfo
            | Self::Version
            | Self::FieldName
            | Self::Fold
            | Self::HostMissing
            | Self::HostRepeated
            | Self::HostInvalid
            | Self::Length
            | Self::LengthRepeated
            | Self::LengthAndCoding
            | Self::Coding
            | Self::CodingRepeated
            | Self::CodingTooOld
            | Self::ChunkSize
            | Self::ChunkExtension
            | Self::ChunkLineTooLong
            | Self::ExtensionsTooLarge
            | Self::ChunkEnd
            | Self::Trailer
            | Self::TrailerForbidden
            | Self::TrailersTooLarge => 400,
        }
    }

    /// What it is called in a metric.
    pub const fn label(self) -> &'static str {
        match self {
            Self::LineEnd => "line_end",
            Self::Control => "control",
            Self::RequestLine => "request_line",
            Self::Method => "method",
            Self::Target => "target",
            Self::TargetForm => "target_form",
            Self::Userinfo => "userinfo",
            Self::Version => "version",
            Self::VersionUnknown => "version_unknown",
            Self::UrlTooLong => "url_too_long",
            Self::HeadTooLarge => "head_too_large",
            Self::TooManyFields => "too_many_fields",
            Self::FieldName => "field_name",
            Self::Fold => "fold",
            Self::HostMissing => "host_missing",
            Self::HostRepeated => "host_repeated",
            Self::HostInvalid => "host_invalid",
            Self::Length => "length",
            Self::LengthRepeated => "length_repeated",
            Self::LengthAndCoding => "length_and_coding",
            Self::Coding => "coding",
            Self::CodingRepeated => "coding_repeated",
            Self::CodingUnknown => "coding_unknown",
            Self::CodingTooOld => "coding_too_old",
            Self::ChunkSize => "chunk_size",
            Self::ChunkExtension => "chunk_extension",
            Self::ChunkLineTooLong => "chunk_line_too_long",
            Self::ExtensionsTooLarge => "extensions_too_large",
            Self::ChunkEnd => "chunk_end",
            Self::Trailer => "trailer",
            Self::TrailerForbidden => "trailer_forbidden",
            Self::TrailersTooLarge => "trailers_too_large",
            Self::HeadLate => "head_late",
            Self::StatusLine => "status_line",
            Self::Status => "status",
            Self::BodyForbidden => "body_forbidden",
            Self::Switched => "switched",
            Self::TooManyInterim => "too_many_interim",
        }
    }

    /// The fault that [`Self::code`] gave `code` for.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code.checked_sub(1)?)).copied()
    }

    /// A number for it, never 0.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_known_by_its_code() {
        for fault in Fault::ALL {
            assert_eq!(Fault::from_code(fault.code()), Some(fault));
        }
        assert_eq!(Fault::from_code(0), None);
    }
}
