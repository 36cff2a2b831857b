//! Any path: one spelling, which stays the same when it is normalised again.
//!
//! Looks for dot segments, backslashes and NUL that get through, in whatever spelling.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nuncio_routing::{PathRules, normalized};

fuzz_target!(|input: (bool, bool, &str)| {
    let (merge_slashes, reject_escaped_slashes, text) = input;
    let rules = PathRules {
        merge_slashes,
        reject_escaped_slashes,
    };
    let path = format!("/{text}");
    let Ok(once) = normalized(&path, rules) else {
        return;
    };
    assert!(once.starts_with('/'), "{once:?}");
    assert!(!once.contains('\\'), "{once:?}");
    let lower = once.to_ascii_lowercase();
    for hidden in ["%00", "%2e", "%41", "%7a", "%30", "%2d", "%5f", "%7e"] {
        assert!(!lower.contains(hidden), "{hidden} in {once:?}");
    }
    assert!(
        !once.split('/').any(|segment| matches!(segment, "." | "..")),
        "{once:?}"
    );
    assert!(!merge_slashes || !once.contains("//"), "{once:?}");
    assert!(
        !reject_escaped_slashes || !lower.contains("%2f") && !lower.contains("%5c"),
        "{once:?}"
    );
    assert_eq!(normalized(&once, rules).as_deref(), Ok(&*once), "{path:?}");
});
