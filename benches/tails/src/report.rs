//! The figures of all windows, and how those that were disturbed compare.

use std::time::Duration;

use serde_json::json;

use crate::window::{Figures, Kind};

/// Windows, in the order in which they were.
#[derive(Debug)]
pub(crate) struct Report {
    rate: u32,
    windows: Vec<(Kind, Figures)>,
}

/// The most that the slowest requests may take when disturbed, as a part of what they take else.
const GOAL: f64 = 1.2;

type Figure = fn(&Figures) -> Duration;

/// The figures by their names.
const FIGURES: [(&str, Figure); 5] = [
    ("p50", |window| window.p50),
    ("p99", |window| window.p99),
    ("p99.9", |window| window.p999),
    ("load late, p99.9", |window| window.late),
    ("worker waited for the core, each second", |window| {
        window.waited
    }),
];

impl Report {
    pub(crate) fn at(rate: u32) -> Self {
        let windows = Vec::new();
        Self { rate, windows }
    }

    pub(crate) fn add(&mut self, kind: Kind, figures: Figures) {
        self.windows.push((kind, figures));
    }

    pub(crate) fn print(&self, json: bool) {
        match json {
            true => self.as_json(),
            false => self.as_table(),
        }
    }

    fn as_table(&self) {
        let (rate, of_each) = (self.rate, self.windows.len() / 2);
        println!(
            "\n{rate} requests a second; medians (and ranges) of {of_each} windows of each kind, in us\n"
        );
        println!("| | quiet | disturbed | ratio | |\n|---|---:|---:|---:|---|");
        for (name, figure) in FIGURES {
            let ratio = self.ratio(figure);
            let verdict = match name {
                "p99.9" if ratio <= GOAL => format!("<= {GOAL}: met"),
                "p99.9" => format!("<= {GOAL}: MISSED"),
                _ => String::new(),
            };
            let [quiet, disturbed] =
                [Kind::Quiet, Kind::Disturbed].map(|kind| self.spread(kind, figure));
            println!("| {name} | {quiet} | {disturbed} | {ratio:.2} | {verdict} |");
        }
    }

    fn as_json(&self) {
        let told = |kind| {
            let of =
                |(name, figure): (&str, Figure)| (name.to_owned(), json!(self.of(kind, figure)));
            FIGURES
                .map(of)
                .into_iter()
                .collect::<serde_json::Map<_, _>>()
        };
        let ratios = FIGURES.map(|(name, figure)| (name.to_owned(), json!(self.ratio(figure))));
        let ratios: serde_json::Map<_, _> = ratios.into_iter().collect();
        let (quiet, disturbed) = (told(Kind::Quiet), told(Kind::Disturbed));
        println!(
            "{}",
            json!({"rate": self.rate, "quiet_us": quiet, "disturbed_us": disturbed, "ratio": ratios})
        );
    }

    /// A figure of all windows of one kind in microseconds, sorted.
    fn of(&self, kind: Kind, figure: Figure) -> Vec<u128> {
        let windows = self.windows.iter().filter(|(its, _)| *its == kind);
        let mut all: Vec<_> = windows
            .map(|(_, window)| figure(window).as_micros())
            .collect();
        all.sort_unstable();
        all
    }

    fn median(&self, kind: Kind, figure: Figure) -> u128 {
        let all = self.of(kind, figure);
        all.get(all.len() / 2).copied().unwrap_or(0)
    }

    fn spread(&self, kind: Kind, figure: Figure) -> String {
        let all = self.of(kind, figure);
        let (least, most) = (all.first().unwrap_or(&0), all.last().unwrap_or(&0));
        format!("{} ({least}-{most})", self.median(kind, figure))
    }

    fn ratio(&self, figure: Figure) -> f64 {
        let quiet = self.median(Kind::Quiet, figure).max(1);
        self.median(Kind::Disturbed, figure) as f64 / quiet as f64
    }
}
