//! The families that somebody wants, in any form.
//!
//! Invariant: of a family that is not wanted nothing is written.

use super::{Durations, Family, Fixed, Form, Labels};
use crate::page::selection::Filter;

/// Passes on what a filter lets through.
#[derive(Debug)]
pub(in crate::page) struct Wanted<'f, F> {
    filter: Option<&'f Filter>,
    page: F,
    /// The family that is being written.
    is_wanted: bool,
}

impl<'f, F: Form> Wanted<'f, F> {
    /// Without a filter everything is wanted.
    pub(in crate::page) fn new(filter: Option<&'f Filter>, page: F) -> Self {
        Self {
            filter,
            page,
            is_wanted: true,
        }
    }
}

impl<F: Form> Form for Wanted<'_, F> {
    fn wants(&self, family: &str) -> bool {
        let fits = |filter: &Filter| filter.fits(family.as_bytes());
        self.filter.is_none_or(fits)
    }

    fn family(&mut self, family: &Family<'_>) {
        self.is_wanted = self.wants(family.name);
        if self.is_wanted {
            self.page.family(family);
        }
    }

    fn resume(&mut self, family: &Family<'_>) {
        self.is_wanted = self.wants(family.name);
        if self.is_wanted {
            self.page.resume(family);
        }
    }

    fn sample(&mut self, labels: Labels<'_>, value: Fixed) {
        if self.is_wanted {
            self.page.sample(labels, value);
        }
    }

    fn histogram(&mut self, labels: Labels<'_>, durations: Durations<'_>) {
        if self.is_wanted {
            self.page.histogram(labels, durations);
        }
    }
}
