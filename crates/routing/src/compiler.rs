//! Compiles again what has changed, and shares the rest with the snapshots before.
//!
//! Resources have names, and of those with one name one is live ([`names`]). Live Mappings form groups
//! by what they match ([`groups`]); one that comes, goes or is another costs its group to be compiled,
//! and so does a change of what its members name. The Module that counts ([`modules`]) costs everything,
//! the TracingService ([`tracing`]) no Route at all, nor do Hosts, Listeners and TCPMappings
//! ([`listening`]).
//! What comes of it is compared with what was there before, so that an equal Route stays the same value,
//! and a cluster keeps its place.
//!
//! Invariant: after any sequence of changes, [`Compiler::compile`] gives what a new compiler would
//! that is told the same objects. A snapshot once given never changes.
//! Deliberately absent: where objects come from, and which version of an object is the good one.

mod assembly;
mod gateway_wide;
mod groups;
mod listening;
mod modules;
mod names;
mod settling;
mod tls_modules;
mod tracing;

use std::collections::BTreeMap;
use std::sync::Arc;

use nuncio_config::{Identity, Module, ObjectRef, Parsed};

use crate::compile::{
    BuiltIn, Class, Defaults, Named, Report, SERVICE, Selectors, Surroundings, Told, built_in,
    canonical,
};
use crate::{Settings, Snapshot};
use assembly::{Assembly, Held, Laid};
use gateway_wide::GatewayWide;
use groups::Groups;
use listening::Listening;
use names::{Names, Turn};
use tracing::TracingServices;

/// All objects of the configuration, and what they compile to.
///
/// After a panic in any of its functions it is not to be used any more: it may have forgotten half of
/// a change.
#[derive(Debug)]
pub struct Compiler {
    identity: Identity,
    objects: BTreeMap<Arc<ObjectRef>, Said>,
    names: Names,
    named: Named,
    modules: GatewayWide,
    tls_modules: GatewayWide,
    tracing: TracingServices,
    groups: Groups,
    listening: Listening,
    selectors: Selectors,
    basis: Basis,
    assembly: Assembly,
}

/// The result of one compilation.
#[derive(Debug)]
pub struct Compiled {
    /// What is to be served.
    pub snapshot: Snapshot,
    /// The resources that compiling refused this time: of what was touched since the last
    /// compilation, all that stands in the diagnostics as an error found by compiling.
    pub refused: Vec<Refusal>,
}

/// A resource that compiling refused, for reasons that lie in the others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// The object whose document it is.
    pub object: Arc<ObjectRef>,
    /// `Mapping`, as documents spell it.
    pub kind: &'static str,
    /// The resource's namespace.
    pub namespace: Box<str>,
    /// The resource's name.
    pub name: Box<str>,
    /// Whose resource stands against it; `None` when nobody's does.
    pub against: Option<Arc<ObjectRef>>,
}

/// What an object says.
#[derive(Debug, Default)]
struct Said {
    parsed: Arc<Parsed>,
    held: Held,
}

/// What all Routes depend on.
#[derive(Debug)]
struct Basis {
    defaults: Defaults,
    built_in: Vec<BuiltIn>,
    laid: Laid,
}

impl Compiler {
    /// No objects.
    pub fn new(identity: Identity) -> Self {
        let mut compiler = Self {
            named: Named::new(identity.clone()),
            identity,
            objects: BTreeMap::new(),
            names: Names::default(),
            modules: GatewayWide::default(),
            tls_modules: GatewayWide::default(),
            tracing: TracingServices::default(),
            groups: Groups::default(),
            listening: Listening::default(),
            selectors: Selectors::default(),
            basis: Basis::of(Module::default()),
            assembly: Assembly::default(),
        };
        compiler.rest_on_basis();
        compiler.assembly.settle();
        compiler
    }

    /// Takes what an object says in place of all that it said before. What says nothing, and of
    /// which nothing is to be told, leaves no trace.
    pub fn put(&mut self, object: &Arc<ObjectRef>, parsed: Parsed) {
        if parsed.resources.is_empty() && parsed.diagnostics.is_empty() {
            return self.remove(object);
        }
        let said = self.objects.entry(Arc::clone(object)).or_default();
        if *said.parsed == parsed {
            return;
        }
        let before = std::mem::replace(&mut said.parsed, Arc::new(parsed));
        Told::all(&before).for_each(|told| self.names.remove(&told));
        Told::all(&said.parsed).for_each(|told| self.names.add(told));
        let diagnostics = &said.parsed.diagnostics;
        self.assembly.diagnose(&mut said.held, diagnostics);
    }

    /// Forgets an object, if it is known.
    pub fn remove(&mut self, object: &ObjectRef) {
        if let Some(mut said) = self.objects.remove(object) {
            Told::all(&said.parsed).for_each(|told| self.names.remove(&told));
            self.assembly.diagnose(&mut said.held, &[]);
        }
    }

    /// What an object says now, as it was last put.
    pub fn get(&self, object: &ObjectRef) -> Option<&Parsed> {
        self.objects.get(object).map(|said| &*said.parsed)
    }

    /// As [`Compiler::get`], to be held on to.
    pub fn share(&self, object: &ObjectRef) -> Option<Arc<Parsed>> {
        let said = self.objects.get(object);
        said.map(|said| Arc::clone(&said.parsed))
    }

    /// All objects and what they say, in order.
    pub fn objects(&self) -> impl Iterator<Item = (&Arc<ObjectRef>, &Parsed)> {
        let objects = self.objects.iter();
        objects.map(|(object, said)| (object, &*said.parsed))
    }

    /// Compiles what has changed since the last time. Costs the groups that a change touches; a change
    /// of the Module costs all.
    pub fn compile(&mut self, generation: u64) -> Compiled {
        for turn in self.names.settle(&mut self.assembly) {
            self.take(turn);
        }
        self.settle_tls_modules();
        let module = self.settle_modules();
        if self.tracing.settle(&self.identity, &mut self.assembly) {
            self.assembly.set(self.settings());
        }
        if let Some(module) = module.filter(|module| *module != self.basis.defaults.module) {
            let laid = std::mem::take(&mut self.basis.laid);
            self.basis = Basis {
                laid,
                ..Basis::of(module)
            };
            self.groups.touch_all();
            self.listening.touch();
            self.rest_on_basis();
        }
        self.settle_selectors();
        let settings = self.assembly.settings();
        let by = (&self.named, &self.selectors, &self.identity);
        let surroundings = self.basis.surroundings(&settings, by);
        self.groups.settle(&surroundings, &mut self.assembly);
        self.listening.settle(&surroundings, &mut self.assembly);
        self.assembly.settle();
        Compiled {
            snapshot: self.assembly.snapshot(generation),
            refused: self.assembly.take_refused(),
        }
    }

    /// Passes on that a name means another resource, or the same in another reading.
    fn take(&mut self, Turn { before, now }: Turn) {
        let is_equal = match (&before, &now) {
            (Some(before), Some(now)) => before.resource() == now.resource(),
            (Some(_), None) | (None, Some(_)) | (None, None) => false,
        };
        for told in before.iter().chain(&now).filter(|_| !is_equal) {
            self.touch_naming(told);
        }
        if let Some((class, told)) = before.and_then(classed) {
            match class {
                Class::Mapping => self.groups.remove(&told),
                Class::Module => self.modules.remove(&told),
                Class::TlsModule => self.tls_modules.remove(&told),
                Class::TracingService => self.tracing.all.remove(&told),
                Class::Host | Class::Listener | Class::TcpMapping => {
                    self.listening.remove(class, &told);
                }
                Class::CircuitBreaker
                | Class::OutlierDetection
                | Class::Resolver
                | Class::TlsContext => self.named.remove(&told),
            }
        }
        if let Some((class, told)) = now.and_then(classed) {
            match class {
                Class::Mapping => self.groups.add(told),
                Class::Module => self.modules.add(told),
                Class::TlsModule => self.tls_modules.add(told),
                Class::TracingService => self.tracing.all.add(told),
                Class::Host | Class::Listener | Class::TcpMapping => {
                    self.listening.add(class, told);
                }
                Class::CircuitBreaker
                | Class::OutlierDetection
                | Class::Resolver
                | Class::TlsContext => self.named.add(told),
            }
        }
    }

    /// Sees to those who name a resource that is another one now.
    fn touch_naming(&mut self, told: &Told) {
        let Some(resource) = told.resource() else {
            return;
        };
        match Class::of(&resource.kind) {
            Class::Mapping | Class::Module | Class::TlsModule | Class::TracingService => {}
            Class::Host | Class::Listener | Class::TcpMapping => self.listening.touch(),
            Class::TlsContext => {
                self.listening.touch();
                self.groups.touch_naming(Class::TlsContext, &resource.name);
            }
            class @ (Class::CircuitBreaker | Class::OutlierDetection) => {
                self.listening.touch_clusters();
                self.groups.touch_naming(class, &resource.name);
            }
            Class::Resolver => {
                self.listening.touch_clusters();
                let name = canonical(&resource.name);
                let of_all = self.basis.defaults.module.resolver.as_deref();
                match name == canonical(of_all.unwrap_or(SERVICE)) {
                    true => self.groups.touch_all(),
                    false => self.groups.touch_naming(Class::Resolver, name),
                }
            }
        }
    }

    /// What holds for the gateway as a whole.
    fn settings(&self) -> Settings {
        let module = &self.basis.defaults.module;
        Settings {
            tracing: self.tracing.tracing(module, &self.identity),
            ..Settings::of(module, &self.identity.defaults)
        }
    }

    /// Takes over what follows from the Module.
    fn rest_on_basis(&mut self) {
        self.assembly.set(self.settings());
        let settings = self.assembly.settings();
        let by = (&self.named, &self.selectors, &self.identity);
        let surroundings = self.basis.surroundings(&settings, by);
        let routes =
            surroundings.lay_out_built_in(&mut self.assembly.roster, &mut Report::default());
        self.assembly.lay(&mut self.basis.laid, routes);
    }
}

impl Basis {
    fn of(module: Module) -> Self {
        Self {
            built_in: built_in(&module),
            defaults: Defaults::of(module),
            laid: Laid::default(),
        }
    }

    fn surroundings<'s>(
        &'s self,
        settings: &'s Settings,
        (named, selectors, identity): (&'s Named, &'s Selectors, &'s Identity),
    ) -> Surroundings<'s> {
        Surroundings {
            settings,
            defaults: &self.defaults,
            named,
            built_in: &self.built_in,
            selectors,
            identity,
        }
    }
}

fn classed(told: Told) -> Option<(Class, Told)> {
    let class = Class::of(&told.resource()?.kind);
    Some((class, told))
}
