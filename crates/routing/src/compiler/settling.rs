//! What many depend on is decided, and those who do are to be compiled anew.

use nuncio_config::Module;

use super::{Compiler, modules, tls_modules};
use crate::compile::Class;

impl Compiler {
    /// What the Module that counts says, if that may be something else.
    pub(super) fn settle_modules(&mut self) -> Option<Module> {
        let counting = modules::settle(&mut self.modules, &self.identity, &mut self.assembly)?;
        if self.named.set_tls_of_module(counting.tls) {
            self.groups.touch_all();
            self.listening.touch();
        }
        Some(counting.module)
    }

    /// Lets the Module `tls` that counts be found by name.
    pub(super) fn settle_tls_modules(&mut self) {
        let known = (&mut self.named, &mut self.assembly);
        let names = tls_modules::settle(&mut self.tls_modules, &self.identity, known);
        for name in names {
            self.listening.touch();
            self.groups.touch_naming(Class::TlsContext, &name);
        }
    }

    /// Takes over which selectors Hosts have.
    pub(super) fn settle_selectors(&mut self) {
        let any_label = self.identity.any_label;
        let Some(selectors) = self.listening.selectors(any_label) else {
            return;
        };
        let differing = selectors.differing(&self.selectors);
        // Nobody is selected by other labels than before, unless somebody selects by others; but from
        // the first selector on all hosts are looked at where hosts go before labels.
        match any_label && !differing.is_empty() {
            true => self.groups.touch_all(),
            false => self.groups.touch_selected(&differing),
        }
        self.selectors = selectors;
    }
}
