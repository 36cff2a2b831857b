//! The directories in which Ambassador's images keep configuration of their own.
//!
//! Invariant: a directory that is not there is nobody's mistake: most gateways have none.

use std::path::{Path, PathBuf};

use clap::Args;

/// Where files are looked for beside a cluster's objects.
#[derive(Args, Clone, Debug)]
pub(crate) struct AmbassadorFiles {
    /// Where Ambassador's images keep their files: `ambassador-config` and `init-config` in it are
    /// read beside Kubernetes when they are there, as is `/etc/ambassador-config`.
    #[arg(
        long,
        value_name = "DIR",
        env = "AMBASSADOR_CONFIG_BASE_DIR",
        default_value = "/ambassador"
    )]
    pub(crate) ambassador_config_base_dir: PathBuf,
    /// What is read in the place of `ambassador-config` in that directory.
    #[arg(long, value_name = "DIR", env = "AMBASSADOR_CONFIG_DIR")]
    pub(crate) ambassador_config_dir: Option<PathBuf>,
}

impl AmbassadorFiles {
    /// Those that are there, each once.
    pub(crate) fn directories(&self) -> Vec<PathBuf> {
        let base = &self.ambassador_config_base_dir;
        let own = self.ambassador_config_dir.clone();
        let mut directories = vec![
            own.unwrap_or_else(|| base.join("ambassador-config")),
            base.join("init-config"),
            // Ambassador 0.21.
            Path::new("/etc/ambassador-config").to_owned(),
        ];
        directories.dedup();
        directories.retain(|directory| directory.is_dir());
        directories
    }
}

#[cfg(test)]
mod tests {
    use super::AmbassadorFiles;

    #[test]
    fn only_directories_that_are_there_are_read() {
        let base = tempfile::TempDir::new().unwrap();
        let files = |own: Option<&str>| AmbassadorFiles {
            ambassador_config_base_dir: base.path().to_owned(),
            ambassador_config_dir: own.map(|own| base.path().join(own)),
        };
        let ours = |own| {
            let mut directories = files(own).directories();
            directories.retain(|directory| directory.starts_with(base.path()));
            directories
        };
        assert!(ours(None).is_empty());
        for name in ["ambassador-config", "init-config", "mine"] {
            std::fs::create_dir(base.path().join(name)).unwrap();
        }
        let named = |name: &str| base.path().join(name);
        assert_eq!(
            ours(None),
            [named("ambassador-config"), named("init-config")]
        );
        assert_eq!(ours(Some("mine")), [named("mine"), named("init-config")]);
    }
}
