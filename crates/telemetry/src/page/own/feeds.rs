//! What configuration and addresses come from: `nuncio_feed_*` and `nuncio_dns_*`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::form::{Family, Fixed, Form, Kind, Labels};
use crate::control::{ControlStats, FeedStats};
use crate::dns::DnsStats;
use crate::value::Counter;

/// One number for alerts, and some for each feed to say which.
pub(super) fn feeds(control: &ControlStats, page: &mut impl Form) {
    let feeds = control.feeds();
    connected(&feeds, page);
    if feeds.is_empty() {
        return;
    }
    counter(
        (
            "nuncio_feed_lists_total",
            "Times that all objects of the feed were listed.",
        ),
        (&feeds, |feed| &feed.lists),
        page,
    );
    counter(
        (
            "nuncio_feed_watches_total",
            "Times that a watch of the feed was begun.",
        ),
        (&feeds, |feed| &feed.watches),
        page,
    );
    counter(
        (
            "nuncio_feed_events_total",
            "Changes of objects that the feed told of.",
        ),
        (&feeds, |feed| &feed.events),
        page,
    );
    counter(
        (
            "nuncio_feed_failures_total",
            "Lists and watches that failed.",
        ),
        (&feeds, |feed| &feed.failures),
        page,
    );
    page.family(&Family {
        name: "nuncio_feed_last_event_timestamp_seconds",
        kind: Kind::Gauge,
        help: "Unix time when the feed was last heard of, if only that nothing changed; 0 before.",
    });
    for (name, feed) in &feeds {
        let at = Fixed::nanos(feed.last_event.nanos());
        page.sample(Labels::of(&[("feed", name)]), at);
    }
}

fn connected(feeds: &Feeds, page: &mut impl Form) {
    let told = feeds.iter().filter(|(_, feed)| feed.connected.is_used());
    let connected: Vec<_> = told
        .map(|(name, feed)| (*name, feed.connected.value()))
        .collect();
    if connected.is_empty() {
        return;
    }
    let all = connected.iter().all(|(_, connected)| *connected == 1);
    page.gauge(
        "nuncio_control_plane_connected",
        "1 while every feed of configuration is connected.",
        Fixed::whole(u64::from(all)),
    );
    page.gauges(
        (
            "nuncio_feed_connected",
            "1 while the feed of configuration is connected.",
        ),
        "feed",
        &connected,
    );
}

type Feeds = BTreeMap<&'static str, Arc<FeedStats>>;

fn counter(
    (name, help): (&str, &str),
    (feeds, at): (&Feeds, fn(&FeedStats) -> &Counter),
    page: &mut impl Form,
) {
    let kind = Kind::Counter;
    page.family(&Family { name, kind, help });
    for (feed, stats) in feeds {
        let count = Fixed::whole(at(stats).value());
        page.sample(Labels::of(&[("feed", feed)]), count);
    }
}

pub(super) fn dns(stats: Option<&DnsStats>, page: &mut impl Form) {
    let Some(stats) = stats else {
        return;
    };
    page.counter(
        "nuncio_dns_queries_total",
        "Times that name servers were asked for the addresses of a name.",
        stats.queries.value(),
    );
    page.family(&Family {
        name: "nuncio_dns_failures_total",
        kind: Kind::Counter,
        help: "Times that they did not tell, by cause.",
    });
    for (cause, count) in stats.failures() {
        page.sample(Labels::of(&[("cause", cause)]), Fixed::whole(count));
    }
    page.gauge(
        "nuncio_dns_names",
        "Names whose addresses are kept current.",
        Fixed::whole(stats.names.value()),
    );
}
