//! Making material of what was found, beside everything else: a key takes a fraction of a millisecond,
//! and there may be ten thousand.
//!
//! Invariant: what was found first at a place is done first; few are under way at a time.

use std::collections::VecDeque;
use std::sync::Arc;

use nuncio_routing::Credential;
use nuncio_tls::Material;
use tokio::task::JoinSet;

use super::pieces::{Pieces, Unfit};
use super::place::Place;
use crate::containment::contained;

/// Something that was found, for those who want it.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) place: Place,
    /// Which of the things found at the place it is.
    pub(super) turn: u64,
    pub(super) pieces: Arc<Pieces>,
    pub(super) wanted: Vec<Credential>,
}

/// What was made of it.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) place: Place,
    pub(super) turn: u64,
    pub(super) made: Vec<(Credential, Result<Material, Unfit>)>,
}

/// Jobs under way, and those that wait.
#[derive(Debug, Default)]
pub(super) struct Work {
    waiting: VecDeque<Job>,
    running: JoinSet<Vec<Done>>,
}

/// Threads that are busy at a time.
const THREADS: usize = 2;

/// Jobs that one thread takes together.
const TOGETHER: usize = 32;

/// From so many on that wait, no more are taken.
const FULL: usize = 256;

impl Work {
    pub(super) fn add(&mut self, job: Job) {
        self.waiting.push_back(job);
        self.start();
    }

    /// Whether more is welcome.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < FULL
    }

    /// Waits for something to be done. May be given up and called again.
    pub(super) async fn next(&mut self) -> Vec<Done> {
        loop {
            match self.running.join_next().await {
                Some(Ok(done)) => {
                    self.start();
                    return done;
                }
                // It was contained, and so cannot have panicked.
                Some(Err(_panicked)) => self.start(),
                None => std::future::pending().await,
            }
        }
    }

    fn start(&mut self) {
        while self.running.len() < THREADS && !self.waiting.is_empty() {
            let together = self.waiting.len().min(TOGETHER);
            let jobs: Vec<Job> = self.waiting.drain(..together).collect();
            self.running
                .spawn_blocking(|| jobs.into_iter().map(Job::done).collect());
        }
    }
}

impl Job {
    fn done(self) -> Done {
        let make = |of: Credential| {
            let made = contained(|| self.pieces.material(&of));
            (of, made.unwrap_or(Err(Unfit::Internal)))
        };
        Done {
            made: self.wanted.into_iter().map(make).collect(),
            place: self.place,
            turn: self.turn,
        }
    }
}
