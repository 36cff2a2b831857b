//! How a service is reached, as whoever wants it sees it.

use nuncio_config::{Qualified, Qualifier};

use super::resolution::{self, Resolution, Unresolvable};
use super::routes::Surroundings;
use super::upstream::{Target, Wish};
use crate::{Cluster, Discovery};

impl Surroundings<'_> {
    /// Where the endpoints of a service come from.
    pub(super) fn discovery(&self, target: Target<'_>) -> Result<Discovery, Unresolvable> {
        let name = resolution::name(target.options, &self.defaults.module);
        let service = self.qualified(target);
        let at = (&service, target.service.port);
        self.resolution().discovery(target.resource, name, at)
    }

    /// Finds resolvers.
    pub(super) fn resolution(&self) -> Resolution<'_> {
        Resolution {
            named: self.named,
            identity: self.identity,
        }
    }

    /// The wish for a cluster of a service.
    pub(super) fn wish<'m>(&'m self, target: Target<'m>, discovery: Discovery) -> Wish<'m> {
        Wish {
            target,
            module: &self.defaults.module,
            named: self.named,
            discovery,
        }
    }

    /// The cluster of a service, under its full name.
    pub(super) fn cluster(&self, target: Target<'_>, marker: Option<&str>) -> Cluster {
        // Whose resolver finds nothing is no member.
        let discovery = self.discovery(target).unwrap_or_default();
        let wish = self.wish(target, discovery);
        wish.cluster(self.qualified(target), marker)
    }

    /// The service as seen from the gateway's namespace.
    fn qualified(
        &self,
        Target {
            resource, service, ..
        }: Target<'_>,
    ) -> Qualified {
        let by = match self
            .settings
            .use_ambassador_namespace_for_service_resolution
        {
            true => Qualifier::Nothing,
            false => Qualifier::between(&resource.namespace, &self.identity.namespace),
        };
        service.qualified(by)
    }
}
