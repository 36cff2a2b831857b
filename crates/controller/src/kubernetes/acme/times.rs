//! How certificates are asked for, and when.

use std::path::PathBuf;
use std::time::Duration;

/// How certificates are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcmeOptions {
    /// Certificates, as PEM, by which authorities may prove who they are, beside those of the system.
    pub trusted: Option<PathBuf>,
    /// The names that certificates are asked for, with all below them; any when `None`.
    pub hostnames: Option<Box<[Box<str>]>>,
    /// When.
    pub times: AcmeTimes,
}

/// When certificates are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcmeTimes {
    /// How often it is looked whether a certificate is there; lengthened by up to a fifth.
    pub look: Duration,
    /// How long the replicas have to learn of a challenge, once this one has, before it is looked at.
    pub spread: Duration,
    /// The pause after a first failure; three times as long with each that follows.
    pub pause: Duration,
    /// The longest of these pauses, unless an authority asks for more.
    pub longest_pause: Duration,
    /// How long an authority may take to look at a challenge, and how long to issue.
    pub patience: Duration,
    /// How long all of that may take together.
    pub deadline: Duration,
}

impl Default for AcmeTimes {
    fn default() -> Self {
        Self {
            look: Duration::from_mins(10),
            spread: Duration::from_secs(2),
            // Let's Encrypt bears five failures an hour: those after 0, 1, 4, 13 and 40 minutes.
            pause: Duration::from_mins(1),
            longest_pause: Duration::from_hours(6),
            patience: Duration::from_secs(90),
            deadline: Duration::from_mins(5),
        }
    }
}
