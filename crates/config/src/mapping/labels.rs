//! `labels`: what a rate limit service is told of a request (reference of Emissary, "Rate limits").

/// The label groups of one domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainLabels {
    /// The domain: `ambassador` by default.
    pub domain: Box<str>,
    /// One descriptor each.
    pub groups: Box<[LabelGroup]>,
}

/// One descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelGroup {
    /// The group's name.
    pub name: Box<str>,
    /// Its entries, in the order written.
    pub specifiers: Box<[LabelSpecifier]>,
}

/// One entry of a descriptor. In v2 a text alone is the kind of entry, or a generic key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelSpecifier {
    /// `generic_key: {value, key}`
    GenericKey {
        /// `generic_key` by default.
        key: Option<Box<str>>,
        /// The value.
        value: Box<str>,
    },
    /// `request_headers: {key, header_name, omit_if_not_present}`
    RequestHeader {
        /// The descriptor's key.
        key: Box<str>,
        /// The header.
        header_name: Box<str>,
        /// Accepted without effect, as in Emissary.
        omit_if_not_present: bool,
    },
    /// `remote_address: {key}`
    RemoteAddress {
        /// The descriptor's key.
        key: Box<str>,
    },
    /// `source_cluster: {key}`
    SourceCluster {
        /// The descriptor's key.
        key: Box<str>,
    },
    /// `destination_cluster: {key}`
    DestinationCluster {
        /// The descriptor's key.
        key: Box<str>,
    },
}
