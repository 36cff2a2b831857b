//! Fields whose names some servers take for others: those of CGI's kind read `_` as `-`.
//!
//! Invariant: whatever the Module allows, nobody behind the gateway can be told by such a name what the
//! gateway says itself: where a body ends, whose request it is, what a Mapping sets.
//!
//! Deliberately absent: looking for such names, which is [`super::head::check`]'s, in its one pass.

use http::HeaderName;
use nuncio_config::UnderscoresAction;
use nuncio_routing::HeaderRules;
use pingora_http::RequestHeader;

use super::fields::{is_gateways_own, is_hop_by_hop};
use super::head::Refusal;

/// Does what is asked for to fields with underscores in their names, of which `head` has some. Where they
/// are allowed, those go that are no client's to say.
pub(super) fn treat(head: &mut RequestHeader, action: UnderscoresAction) -> Result<(), Refusal> {
    match action {
        UnderscoresAction::RejectRequest => return Err(Refusal::Underscore),
        UnderscoresAction::DropHeader => drop_fields(head, |_| true),
        UnderscoresAction::Allow => {
            if names(head).any(|name| is_framing(&plain(name))) {
                return Err(Refusal::FramingAlias);
            }
            drop_fields(head, |name| is_ours(&plain(name)));
        }
    }
    Ok(())
}

/// Takes away what would be read as a field that `rules` add or remove.
pub(super) fn drop_ruled(rules: &HeaderRules, head: &mut RequestHeader) {
    let added = rules.add.iter().map(|addition| &addition.name);
    let ruled: Vec<_> = rules
        .remove
        .iter()
        .chain(added)
        .map(HeaderName::as_str)
        .collect();
    // A name with underscores of its own is no alias where a rule says just that.
    drop_fields(head, |name| {
        !ruled.contains(&name) && ruled.iter().any(|ruled| plain(ruled) == plain(name))
    });
}

fn drop_fields(head: &mut RequestHeader, is_dropped: impl Fn(&str) -> bool) {
    let dropped: Vec<HeaderName> = head
        .headers
        .keys()
        .filter(|name| name.as_str().contains('_') && is_dropped(name.as_str()))
        .cloned()
        .collect();
    for name in &dropped {
        head.remove_header(name);
    }
}

/// Of fields with underscores.
fn names(head: &RequestHeader) -> impl Iterator<Item = &str> {
    let names = head.headers.keys().map(HeaderName::as_str);
    names.filter(|name| name.contains('_'))
}

/// As it is read.
fn plain(name: &str) -> String {
    name.replace('_', "-")
}

/// Who reads these sees another body.
fn is_framing(plain: &str) -> bool {
    matches!(plain, "content-length" | "transfer-encoding")
}

fn is_ours(plain: &str) -> bool {
    let says_whose = ["x-forwarded-", "x-b3-", "x-datadog-"]
        .iter()
        .any(|family| plain.starts_with(family));
    let name = HeaderName::try_from(plain);
    says_whose
        || matches!(plain, "x-real-ip" | "x-client-trace-id")
        || name.is_ok_and(|name| is_hop_by_hop(&name) || is_gateways_own(&name))
        || matches!(
            plain.trim_matches('-'),
            "connection" | "expect" | "host" | "te" | "trailer" | "upgrade"
        )
}

#[cfg(test)]
mod tests {
    use nuncio_config::HeaderAddition;

    use super::*;

    fn head(names: &[&'static str]) -> RequestHeader {
        let mut head = RequestHeader::build_no_case("GET", b"/", None).unwrap();
        for name in names {
            head.append_header(*name, "1").unwrap();
        }
        head
    }

    fn left(names: &[&'static str], action: UnderscoresAction) -> Result<Vec<String>, Refusal> {
        let mut head = head(names);
        treat(&mut head, action)?;
        Ok(head.headers.keys().map(ToString::to_string).collect())
    }

    #[test]
    fn names_with_underscores_are_kept_dropped_or_refused() {
        let names = ["x_y", "x-y"];
        assert_eq!(left(&names, UnderscoresAction::Allow).unwrap(), names);
        assert_eq!(
            left(&names, UnderscoresAction::DropHeader).unwrap(),
            ["x-y"]
        );
        assert_eq!(
            left(&names, UnderscoresAction::RejectRequest),
            Err(Refusal::Underscore)
        );
    }

    #[test]
    fn what_would_be_read_as_a_bodys_length_is_refused() {
        for name in ["content_length", "transfer_encoding"] {
            let refused = left(&[name], UnderscoresAction::Allow);
            assert_eq!(refused, Err(Refusal::FramingAlias), "{name}");
        }
    }

    #[test]
    fn what_only_the_gateway_says_is_dropped_in_every_spelling() {
        for name in [
            "x_forwarded_for",
            "x-forwarded_for",
            "x_forwarded_proto",
            "x_forwarded_host",
            "x_forwarded_port",
            "x_forwarded_client_cert",
            "x_request_id",
            "x_real_ip",
            "x_envoy_internal",
            "x-envoy_original-path",
            "x_b3_traceid",
            "keep_alive",
            "proxy_connection",
            "http2_settings",
            "_host",
            "expect_",
        ] {
            let left = left(&[name], UnderscoresAction::Allow);
            assert_eq!(left, Ok(Vec::new()), "{name}");
        }
    }

    #[test]
    fn what_a_mapping_says_is_dropped_in_every_other_spelling() {
        let rules = HeaderRules {
            remove: vec![HeaderName::from_static("x-secret")],
            add: ["x-user", "my_tenant"]
                .map(|name| HeaderAddition {
                    name: HeaderName::from_static(name),
                    value: "1".parse().unwrap(),
                    append: false,
                })
                .into(),
        };
        let mut head = head(&["x_user", "x_secret", "x_other", "x-user", "my_tenant"]);
        drop_ruled(&rules, &mut head);
        for (name, is_left) in [
            ("x_user", false),
            ("x_secret", false),
            ("x_other", true),
            ("x-user", true),
            ("my_tenant", true),
        ] {
            assert_eq!(head.headers.contains_key(name), is_left, "{name}");
        }
    }
}
