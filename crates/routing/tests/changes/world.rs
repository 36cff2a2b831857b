//! Objects that come, change and go, and what is compiled of them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use fastrand::Rng;
use nuncio_config::{
    Diagnostic, HostMatch, Identity, Kind, ObjectRef, Origin, Parsed, Trust, parse_annotation,
};
use nuncio_routing::{Cluster, Compiled, Compiler, Refusal, Snapshot, compile};

use crate::documents::{NAMESPACES, annotation};
use crate::edge;
use crate::requests::Asked;

/// Everything there is, known to one compiler that was told step by step.
pub(crate) struct World {
    random: Rng,
    identity: Identity,
    /// How many objects there may be.
    size: u8,
    objects: BTreeMap<Arc<ObjectRef>, Parsed>,
    compiler: Compiler,
    generation: u64,
    /// The last result, and who was refused in all of it.
    last: Option<(Snapshot, BTreeSet<Refusal>)>,
    /// Earlier results beside what they have to equal for ever.
    past: VecDeque<(Snapshot, Snapshot)>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let identity = Identity {
            namespace: random.choice(["edge", "b"]).unwrap().into(),
            annotations: random.choice([Trust::Compatible, Trust::Hardened]).unwrap(),
            any_label: random.u8(..4) == 0,
            ..Identity::default()
        };
        Self {
            size: random.choice([3, 8, 16, 40]).unwrap(),
            random,
            compiler: Compiler::new(identity.clone()),
            identity,
            objects: BTreeMap::new(),
            generation: 0,
            last: None,
            past: VecDeque::new(),
        }
    }

    /// Lets so many events happen, compiles after some of them, and compares.
    pub(crate) fn live(mut self, events: usize) {
        for _ in 0..events {
            self.happen();
            if self.random.u8(..3) > 0 {
                self.compile();
            }
        }
        self.compile();
    }

    fn happen(&mut self) {
        let object = self.object();
        if self.random.u8(..10) < 3 {
            self.objects.remove(&object);
            return self.compiler.remove(&object);
        }
        let origin = Origin::api(Arc::clone(&object));
        let parsed = match self.random.u8(..10) {
            0 => self.objects.get(&object).cloned().unwrap_or_default(),
            _ => self.said(&origin),
        };
        self.compiler.put(&object, parsed.clone());
        match parsed == Parsed::default() {
            true => drop(self.objects.remove(&object)),
            false => drop(self.objects.insert(object, parsed)),
        }
    }

    /// Documents, at times with labels, and at times resources of the other kinds.
    fn said(&mut self, origin: &Origin) -> Parsed {
        let random = &mut self.random;
        let mut parsed = parse_annotation(&annotation(random), origin, &self.identity);
        for resource in &mut parsed.resources {
            if let Kind::Mapping(mapping) = &mut resource.kind {
                mapping.hostless = mapping.host == HostMatch::Any && random.bool();
                resource.labels = edge::labels(random);
            }
        }
        for nth in 0..random.choice([0, 0, 1, 2]).unwrap() {
            parsed.resources.push(edge::resource(random, origin, nth));
        }
        parsed
    }

    fn object(&mut self) -> Arc<ObjectRef> {
        let nth = self.random.u8(..self.size);
        Arc::new(ObjectRef {
            kind: ["Service", "Ingress"][usize::from(nth) % 2].into(),
            namespace: NAMESPACES[usize::from(nth) % 3].into(),
            name: format!("o{nth}").into(),
        })
    }

    fn compile(&mut self) {
        self.generation += 1;
        let stepwise = self.compiler.compile(self.generation);
        let whole = self.recompiled();
        same(&stepwise.snapshot, &whole.snapshot);
        self.ask(&stepwise.snapshot, &whole.snapshot);
        let refused = BTreeSet::from_iter(whole.refused);
        if let Some((before, refused_before)) = &self.last {
            keeps_what_is_the_same(before, &stepwise.snapshot);
            tells_what_is_new(before, &stepwise.snapshot);
            let told = BTreeSet::from_iter(stepwise.refused);
            assert!(told.is_subset(&refused), "{told:?} of {refused:?}");
            let new = refused.difference(refused_before).cloned();
            assert!(told.is_superset(&new.collect()), "{told:?} of {refused:?}");
        }
        self.remember(&stepwise.snapshot, whole.snapshot);
        self.last = Some((stepwise.snapshot, refused));
    }

    /// By a compiler that knows no past, or in one go.
    fn recompiled(&mut self) -> Compiled {
        let mut compiler = Compiler::new(self.identity.clone());
        let mut objects: Vec<_> = self.objects.iter().collect();
        self.random.shuffle(&mut objects);
        for (object, parsed) in objects {
            compiler.put(object, parsed.clone());
        }
        let compiled = compiler.compile(self.generation);
        if self.random.u8(..8) == 0 {
            let resources = self.objects.values().flat_map(|parsed| &parsed.resources);
            let diagnostics = self.objects.values().flat_map(|parsed| &parsed.diagnostics);
            let at_once = compile(
                resources,
                diagnostics.cloned(),
                &self.identity,
                self.generation,
            );
            same(&at_once, &compiled.snapshot);
        }
        compiled
    }

    fn ask(&mut self, stepwise: &Snapshot, whole: &Snapshot) {
        for _ in 0..4 {
            let asked = Asked::at_random(&mut self.random);
            assert_eq!(
                asked.taken_by(&stepwise.routes),
                asked.taken_by(&whole.routes)
            );
        }
    }

    /// Looks at an earlier result again.
    fn remember(&mut self, stepwise: &Snapshot, whole: Snapshot) {
        self.past.push_back((stepwise.clone(), whole));
        if self.past.len() > 20 {
            let nth = self.random.usize(..10);
            let (then, expected) = self.past.remove(nth).unwrap();
            same(&then, &expected);
            self.ask(&then, &expected);
        }
    }
}

/// Says in what two results differ, if they do.
fn same(stepwise: &Snapshot, whole: &Snapshot) {
    let diagnostics = |snapshot: &Snapshot| {
        let all = snapshot.diagnostics.iter().map(ToString::to_string);
        all.collect::<Vec<_>>()
    };
    assert_eq!(diagnostics(stepwise), diagnostics(whole));
    assert_eq!(stepwise.clusters.by_name(), whole.clusters.by_name());
    assert_eq!(stepwise.settings, whole.settings);
    assert_eq!(stepwise.demands, whole.demands);
    assert_eq!(
        stepwise.listening.terminations,
        whole.listening.terminations
    );
    let selected = |snapshot: &Snapshot| -> Vec<_> {
        let routes = snapshot.routes.iter();
        let shown = routes.map(|route| (route.order.clone(), route.selected_by.clone()));
        shown.collect()
    };
    assert_eq!(selected(stepwise), selected(whole));
    assert!(
        stepwise == whole,
        "{:#?}\n{:#?}\n{:#?}\n{:#?}",
        stepwise.routes,
        whole.routes,
        stepwise.listening,
        whole.listening
    );
}

/// Clusters keep their places, and what is equal stays the same value.
fn keeps_what_is_the_same(before: &Snapshot, now: &Snapshot) {
    let places = |snapshot: &Snapshot| -> BTreeMap<Cluster, usize> {
        let all = snapshot.clusters.slots().iter();
        all.map(|(place, cluster)| (Cluster::clone(cluster), place))
            .collect()
    };
    let then = places(before);
    for (cluster, place) in places(now) {
        if let Some(placed) = then.get(&cluster) {
            assert_eq!(*placed, place, "{cluster:?}");
        }
    }
    let routes: BTreeMap<_, _> = before
        .routes
        .iter()
        .map(|route| (&route.order, route))
        .collect();
    for route in now.routes.iter() {
        if let Some(same) = routes.get(&route.order).filter(|same| **same == route) {
            assert!(Arc::ptr_eq(same, route), "{route:?}");
        }
    }
    assert!(before.settings != now.settings || Arc::ptr_eq(&before.settings, &now.settings));
    let listening = (&before.listening, &now.listening);
    assert!(listening.0 != listening.1 || Arc::ptr_eq(listening.0, listening.1));
    assert!(before.demands != now.demands || Arc::ptr_eq(&before.demands, &now.demands));
}

fn tells_what_is_new(before: &Snapshot, now: &Snapshot) {
    let mut left: Vec<&Diagnostic> = before.diagnostics.iter().collect();
    let is_new = |diagnostic: &&Diagnostic| {
        let known = left.iter().position(|other| other == diagnostic);
        known.map(|known| left.swap_remove(known)).is_none()
    };
    let new: Vec<_> = now.diagnostics.iter().filter(is_new).collect();
    assert_eq!(now.diagnostics.since(&before.diagnostics), new);
}
