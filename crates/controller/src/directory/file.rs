//! One manifest file: what is live of it, and what stands in it now.
//!
//! Invariant: `held` changes only in `File::settle`, when what was found has been left alone for as
//! long as it has to be (see the module above). A file that cannot be read keeps what it held.
//! Deliberately absent: directories, and the clock (callers say what time it is).

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nuncio_config::{Diagnostic, ObjectRef};
use nuncio_routing::SecretName;
use tokio::time::Instant;

use super::touch::Touch;
use crate::manifest::{Content, file_diagnostic, read};

/// One file of a watched directory.
#[derive(Debug)]
pub(super) struct File {
    label: Arc<str>,
    /// Where its bytes are, through any symlink.
    target: PathBuf,
    stamp: Option<Stamp>,
    held: Option<Content>,
    trouble: Option<Diagnostic>,
    candidate: Option<Candidate>,
}

impl File {
    pub(super) fn new(label: Arc<str>) -> Self {
        let target = PathBuf::new();
        Self {
            label,
            target,
            stamp: None,
            held: None,
            trouble: None,
            candidate: None,
        }
    }

    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// What is live of the file.
    pub(super) fn held(&self) -> Option<&Content> {
        self.held.as_ref()
    }

    /// Why what stands in the file is not what is live.
    pub(super) fn trouble(&self) -> Option<&Diagnostic> {
        self.trouble.as_ref()
    }

    /// Whether there is nothing left to remember.
    pub(super) fn is_forgotten(&self) -> bool {
        self.held.is_none() && self.trouble.is_none() && self.candidate.is_none()
    }

    /// Whether the file is about to be taken for deleted.
    pub(super) fn is_going(&self) -> bool {
        self.candidate
            .as_ref()
            .is_some_and(|candidate| candidate.found.is_none())
    }

    /// Whether something was found that is not live yet.
    pub(super) fn is_settling(&self) -> bool {
        self.candidate.is_some()
    }

    /// Takes back that the file is gone: its directory cannot be read.
    pub(super) fn stay(&mut self) {
        self.candidate
            .take_if(|candidate| candidate.found.is_none());
    }

    /// Looks at the file, and reads it if it was touched or is not as it was. Answers whether its
    /// diagnostics changed; its content never does here.
    pub(super) fn look(&mut self, path: &Path, touch: Option<Touch>, now: Instant) -> bool {
        let (stamp, target) = match identify(path) {
            Ok(identity) => identity,
            Err(error) => return self.unreadable(&error, touch, now),
        };
        if touch.is_none() && self.stamp == Some(stamp) {
            return false;
        }
        let replaced = target != self.target;
        self.target = target;
        match read(path, &self.label) {
            Ok(content) => {
                self.stamp = Some(stamp);
                self.found(Some(content), touch, replaced, now)
            }
            Err(error) => self.unreadable(&error, touch, now),
        }
    }

    /// When [`File::settle`] has something to do.
    pub(super) fn due(&self) -> Option<Instant> {
        let candidate = self.candidate.as_ref()?;
        Some(candidate.due(self.held.as_ref()))
    }

    /// Makes what was found live, if its time has come. Answers whether it did.
    pub(super) fn settle(&mut self, now: Instant) -> bool {
        self.due().is_some_and(|due| due <= now) && self.accept()
    }

    /// Makes what was found live whatever its age: right at the start, when there is nothing that
    /// could be lost.
    pub(super) fn accept(&mut self) -> bool {
        let Some(candidate) = self.candidate.take() else {
            return false;
        };
        self.held = candidate.found;
        self.trouble = None;
        true
    }

    fn writer(&self, touch: Option<Touch>, replaced: bool) -> Writer {
        let before = self.candidate.as_ref().map(|candidate| candidate.writer);
        match (touch, before) {
            (Some(Touch::Writing), _) => Writer::Open,
            (Some(Touch::Finished), _) => Writer::Done,
            // Another file under the same name (a symlink was swapped) is whole from the start.
            (Some(Touch::Seen) | None, _) if replaced => Writer::Done,
            (Some(Touch::Seen) | None, Some(writer)) => writer,
            (Some(Touch::Seen) | None, None) => Writer::Open,
        }
    }

    fn found(
        &mut self,
        found: Option<Content>,
        touch: Option<Touch>,
        replaced: bool,
        now: Instant,
    ) -> bool {
        if fingerprint(found.as_ref()) == fingerprint(self.held.as_ref()) {
            self.candidate = None;
            return self.trouble.take().is_some();
        }
        let writer = self.writer(touch, replaced);
        let written = matches!(touch, Some(Touch::Writing | Touch::Finished));
        // Only what may have changed the content makes it wait anew.
        let last = match &self.candidate {
            Some(candidate) if !written && candidate.holds(found.as_ref()) => candidate.last,
            Some(_) | None => now,
        };
        self.candidate = Some(Candidate {
            found,
            writer,
            last,
        });
        false
    }

    fn unreadable(&mut self, error: &io::Error, touch: Option<Touch>, now: Instant) -> bool {
        self.stamp = None;
        if error.kind() == io::ErrorKind::NotFound {
            return self.found(None, touch, false, now);
        }
        self.candidate = None;
        let reason = match self.held {
            Some(_) => format!("cannot be read, its last content stays: {error}"),
            None => format!("cannot be read: {error}"),
        };
        let trouble = Some(file_diagnostic(&self.label, 0, &reason));
        let changed = self.trouble != trouble;
        self.trouble = trouble;
        changed
    }
}

/// Something found that is not live yet.
#[derive(Debug)]
struct Candidate {
    /// `None`: the file is gone.
    found: Option<Content>,
    writer: Writer,
    /// When it was last touched.
    last: Instant,
}

/// Whether whoever writes the file has it open still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    /// It was written to and not closed since, or nobody said.
    Open,
    /// It was closed, or renamed into place.
    Done,
}

impl Candidate {
    fn due(&self, held: Option<&Content>) -> Instant {
        let loss = held.map_or(Loss::Nothing, |held| Loss::of(held, self.found.as_ref()));
        let quiet = match (self.writer, loss) {
            (Writer::Done, Loss::Nothing) => WHOLE,
            (Writer::Done, Loss::Some) | (Writer::Open, Loss::Nothing) => DOUBTFUL,
            (_, Loss::Emptied) | (Writer::Open, Loss::Some) => UNFINISHED,
        };
        self.last + quiet
    }

    fn holds(&self, found: Option<&Content>) -> bool {
        fingerprint(self.found.as_ref()) == fingerprint(found)
    }
}

fn fingerprint(content: Option<&Content>) -> Option<u64> {
    content.map(|content| content.fingerprint)
}

/// Long enough to hear that the next writer has opened it already.
const WHOLE: Duration = Duration::from_millis(2);
/// Longer than editors take between emptying or unlinking a file and writing it anew.
const DOUBTFUL: Duration = Duration::from_millis(50);
/// A slow writer: `(head; sleep 1; tail) > file`.
const UNFINISHED: Duration = Duration::from_secs(1);

/// What taking one content for another would take away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    Nothing,
    /// An object, a Secret, or the absence of a mistake.
    Some,
    /// All there was, leaving an empty file. The next writer may have truncated it already and
    /// inotify not told yet: the kernel does so only after the blocks are freed.
    Emptied,
}

impl Loss {
    fn of(held: &Content, found: Option<&Content>) -> Self {
        let Some(found) = found else {
            return if things(held).next().is_none() {
                Self::Nothing
            } else {
                Self::Some
            };
        };
        let there: HashSet<_> = things(found).collect();
        let lost = things(held).any(|thing| !there.contains(&thing));
        if lost && there.is_empty() && found.diagnostics.is_empty() {
            return Self::Emptied;
        }
        let worse = found.diagnostics.len() > held.diagnostics.len();
        if lost || worse {
            Self::Some
        } else {
            Self::Nothing
        }
    }
}

/// Something that a file can be without.
#[derive(PartialEq, Eq, Hash)]
enum Thing<'c> {
    Object(&'c ObjectRef),
    Secret(&'c SecretName),
}

fn things(content: &Content) -> impl Iterator<Item = Thing<'_>> {
    let objects = content.all().map(|one| Thing::Object(&one.origin.object));
    let secrets = content.secrets.iter();
    objects.chain(secrets.map(|(name, _pieces)| Thing::Secret(name)))
}

/// What tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

fn identify(path: &Path) -> io::Result<(Stamp, PathBuf)> {
    let metadata = fs::metadata(path)?;
    let target = match fs::read_link(path) {
        Ok(_link) => fs::canonicalize(path)?,
        Err(_not_a_link) => path.to_owned(),
    };
    let stamp = Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        length: metadata.len(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    };
    Ok((stamp, target))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const GOOD: &str = "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  annotations:\n    \
                        getambassador.io/config: |\n      ---\n";

    const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nstringData:\n  \
                          tls.crt: x\n";

    /// A file whose content is live, and a clock.
    struct Scene {
        directory: TempDir,
        file: File,
        now: Instant,
    }

    impl Scene {
        fn live() -> Self {
            let directory = TempDir::new().unwrap();
            let file = File::new(Arc::from("a.yaml"));
            let mut scene = Self {
                directory,
                file,
                now: Instant::now(),
            };
            scene.write(GOOD);
            scene.look(Some(Touch::Finished));
            assert!(scene.file.accept());
            scene
        }

        fn path(&self) -> PathBuf {
            self.directory.path().join("a.yaml")
        }

        fn write(&self, text: &str) {
            fs::write(self.path(), text).unwrap();
        }

        fn look(&mut self, touch: Option<Touch>) {
            self.file.look(&self.path(), touch, self.now);
        }

        /// How long what was found must be left alone still.
        fn patience(&self) -> Option<Duration> {
            self.file.due().map(|due| due - self.now)
        }

        fn wait(&mut self, time: Duration) {
            self.now += time;
        }
    }

    fn more() -> String {
        format!("{GOOD}---\n{}", GOOD.replace("name: a", "name: b"))
    }

    #[test]
    fn a_closed_file_with_more_in_it_is_believed_nearly_at_once() {
        let mut scene = Scene::live();
        scene.write(&more());
        scene.look(Some(Touch::Finished));
        assert_eq!(scene.patience(), Some(Duration::from_millis(2)));
        scene.wait(Duration::from_millis(2));
        assert!(scene.file.settle(scene.now));
        assert_eq!(scene.file.held().unwrap().objects.len(), 2);
    }

    #[test]
    fn an_emptied_or_broken_file_waits_for_its_writer() {
        let mut scene = Scene::live();
        scene.write("");
        scene.look(Some(Touch::Writing));
        assert_eq!(scene.patience(), Some(Duration::from_secs(1)));
        scene.look(Some(Touch::Finished));
        assert_eq!(scene.patience(), Some(Duration::from_secs(1)));
        scene.write("kind: [");
        scene.look(Some(Touch::Writing));
        assert_eq!(scene.patience(), Some(Duration::from_secs(1)));
        scene.look(Some(Touch::Finished));
        assert_eq!(scene.patience(), Some(Duration::from_millis(50)));
    }

    #[test]
    fn a_secret_is_lost_no_sooner_than_an_object() {
        let mut scene = Scene::live();
        scene.write(SECRET);
        scene.look(Some(Touch::Finished));
        assert!(scene.file.accept());
        scene.write("");
        scene.look(Some(Touch::Finished));
        assert_eq!(scene.patience(), Some(Duration::from_secs(1)));
        scene.write(&SECRET.replace("name: a", "name: b"));
        scene.look(Some(Touch::Writing));
        assert_eq!(scene.patience(), Some(Duration::from_secs(1)));
        fs::remove_file(scene.path()).unwrap();
        scene.look(Some(Touch::Finished));
        assert_eq!(scene.patience(), Some(Duration::from_millis(50)));
    }

    #[test]
    fn a_change_that_nobody_told_of_waits_to_be_whole() {
        let mut scene = Scene::live();
        scene.write(&more());
        scene.look(None);
        assert_eq!(scene.patience(), Some(Duration::from_millis(50)));
    }

    #[test]
    fn a_file_that_is_gone_is_forgotten_after_a_moment() {
        let mut scene = Scene::live();
        fs::remove_file(scene.path()).unwrap();
        scene.look(Some(Touch::Finished));
        assert_eq!(scene.patience(), Some(Duration::from_millis(50)));
        scene.wait(Duration::from_millis(50));
        scene.look(None);
        assert!(scene.file.settle(scene.now));
        assert!(scene.file.is_forgotten());
    }

    #[test]
    fn a_file_that_comes_back_as_it_was_never_changed() {
        let mut scene = Scene::live();
        scene.write("");
        scene.look(Some(Touch::Writing));
        scene.write(GOOD);
        scene.look(Some(Touch::Finished));
        assert_eq!(scene.patience(), None);
    }

    #[test]
    fn a_file_that_is_never_left_alone_is_not_believed() {
        let mut scene = Scene::live();
        for round in 0..100 {
            scene.write(&format!("{}# {round}\n", more()));
            scene.look(Some(Touch::Writing));
            scene.wait(Duration::from_millis(40));
            assert!(!scene.file.settle(scene.now));
        }
        scene.wait(Duration::from_millis(10));
        assert!(scene.file.settle(scene.now));
    }

    #[test]
    fn a_change_of_permissions_does_not_prolong_the_wait() {
        let mut scene = Scene::live();
        scene.write("kind: [");
        scene.look(Some(Touch::Finished));
        scene.wait(Duration::from_millis(30));
        scene.look(Some(Touch::Seen));
        assert_eq!(scene.patience(), Some(Duration::from_millis(20)));
    }
}
