//! Sends what is due, and reads what has come, on one thread.

use std::collections::VecDeque;
use std::io;
use std::mem::MaybeUninit;
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};
use rustix::thread::set_current_timer_slack;

use super::connection::{Come, Connection};
use super::schedule::Schedule;
use super::{Order, Outcome, Progress};
use crate::times::Times;

#[derive(Debug)]
pub(super) struct Engine<'a> {
    order: &'a Order,
    progress: &'a Progress,
    requests: Vec<Vec<u8>>,
    schedule: Schedule,
    /// Before it, no times are taken.
    warm: Instant,
    epoll: OwnedFd,
    connections: Vec<Connection>,
    /// The places of those with nothing under way; who was used last comes last.
    free: VecDeque<usize>,
    outcome: Outcome,
}

/// How long answers to the last requests may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked whether it is to end.
const LOOK: Duration = Duration::from_millis(50);

impl<'a> Engine<'a> {
    pub(super) fn new(order: &'a Order, progress: &'a Progress) -> io::Result<Self> {
        // Else the system wakes whoever waits up to 50 us late.
        set_current_timer_slack(NonZeroU64::new(1))?;
        let request = |path: &String| {
            let host = &order.host;
            format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n").into_bytes()
        };
        let begun = Instant::now();
        let room = order.lasts.as_secs() as usize * order.rate as usize;
        Ok(Self {
            order,
            progress,
            requests: order.paths.iter().map(request).collect(),
            schedule: Schedule::new(begun, order.rate, order.warm + order.lasts),
            warm: begun + order.warm,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            connections: (0..order.connections)
                .map(|_| Connection::default())
                .collect(),
            free: (0..order.connections).collect(),
            outcome: Outcome {
                times: Times::with_room_for(room.min(MOST_ROOM)),
                late: Times::with_room_for(room.min(MOST_ROOM)),
                ..Outcome::default()
            },
        })
    }

    pub(super) fn run(mut self) -> io::Result<Outcome> {
        let mut waited = false;
        loop {
            let now = Instant::now();
            if now >= self.schedule.end() || self.progress.stop.load(Relaxed) {
                self.outcome.unsent += self.schedule.cut(now);
            }
            self.send_due(now, waited);
            let is_over = self.schedule.due().is_none();
            let all_answered = self.free.len() == self.connections.len();
            if is_over && (all_answered || now > self.schedule.end() + PATIENCE) {
                break;
            }
            waited = !self.free.is_empty();
            self.wait()?;
        }
        for _ in self.free.len()..self.connections.len() {
            self.fail("no answer in time".to_owned());
        }
        Ok(self.outcome)
    }

    /// `waited`: whether whatever is due now could have been sent when it was.
    fn send_due(&mut self, now: Instant, waited: bool) {
        while let Some(due) = self.schedule.due().filter(|due| *due <= now) {
            let Some(place) = self.free.pop_front() else {
                return;
            };
            let number = self.schedule.number();
            self.schedule.advance();
            if due >= self.warm {
                self.outcome.sent += 1;
                if waited {
                    self.outcome.late.add(due.elapsed());
                }
            }
            if let Err(error) = self.send((place, due), number) {
                self.broken(place, &error);
            }
        }
    }

    fn send(&mut self, (place, due): (usize, Instant), number: usize) -> io::Result<()> {
        let (Some(connection), Some(request)) = (
            self.connections.get_mut(place),
            self.requests.get(number % self.requests.len().max(1)),
        ) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        connection.due = Some(due);
        if let Some(tcp) = connection.open(self.order.address)? {
            let which = epoll::EventData::new_u64(place as u64);
            epoll::add(&self.epoll, tcp, which, epoll::EventFlags::IN)?;
        }
        connection.send(request)
    }

    /// Until something has come, or the next request is due.
    fn wait(&mut self) -> io::Result<()> {
        let due = self.schedule.due().filter(|_| !self.free.is_empty());
        let until = due.map(|due| due.saturating_duration_since(Instant::now()));
        let most = until.unwrap_or(LOOK).min(LOOK);
        let most = Timespec {
            tv_sec: 0,
            tv_nsec: most.subsec_nanos().into(),
        };
        let mut room = [MaybeUninit::uninit(); 64];
        let (events, _) = match epoll::wait(&self.epoll, &mut room, Some(&most)) {
            Ok(events) => events,
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for event in events {
            let place = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
            self.read(place);
        }
        Ok(())
    }

    fn read(&mut self, place: usize) {
        let Some(connection) = self.connections.get_mut(place) else {
            return;
        };
        let come = connection.read();
        let Some(due) = connection.due else {
            // Closed while nothing was under way, which is the other side's right.
            connection.close();
            return;
        };
        match come {
            Ok(Come::Part) => {}
            Ok(Come::Whole(head)) => {
                connection.due = None;
                if head.closes {
                    connection.close();
                }
                self.free.push_back(place);
                match head.status {
                    ..400 => self.answered(due),
                    status => self.fail(format!("status {status}")),
                }
            }
            Err(error) => self.broken(place, &error),
        }
    }

    fn answered(&mut self, due: Instant) {
        self.progress.answered.fetch_add(1, Relaxed);
        if due >= self.warm {
            self.outcome.times.add(due.elapsed());
            self.outcome.lasted = self.warm.elapsed();
        }
    }

    fn broken(&mut self, place: usize, error: &io::Error) {
        if let Some(connection) = self.connections.get_mut(place) {
            connection.due = None;
            connection.close();
        }
        self.free.push_back(place);
        self.fail(error.to_string());
    }

    fn fail(&mut self, why: String) {
        self.progress.failed.fetch_add(1, Relaxed);
        self.outcome.fail(why);
    }
}

/// Times for which memory is taken before it begins.
const MOST_ROOM: usize = 4_000_000;
