//! Figures, and the targets they are held against.

use std::time::Duration;

use crate::scene::Scene;

/// The figures of one size.
#[derive(Debug)]
pub(crate) struct Report {
    services: usize,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    what: String,
    figure: Figure,
    target: Target,
}

/// One figure.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Figure {
    Time(Duration),
    Bytes(u64),
    Percent(u64),
    Count(usize),
}

/// What is wanted of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// Nothing: it is there to be known.
    None,
    /// No more than this.
    Most(Figure),
    /// None at all; anything else is a defect.
    Nothing,
}

/// The size that most targets are for.
const MIDDLE: usize = 10_000;

impl Report {
    pub(crate) fn of(services: usize) -> Self {
        let rows = Vec::new();
        Self { services, rows }
    }

    pub(crate) fn add(&mut self, what: impl Into<String>, figure: Figure, target: Target) {
        let what = what.into();
        self.rows.push(Row {
            what,
            figure,
            target,
        });
    }

    pub(crate) fn start(&mut self, scene: &Scene) {
        let ready = self.at_middle(Figure::Time(Duration::from_secs(1)));
        self.add(
            "cold start to Ready",
            Figure::Time(scene.ready_after),
            ready,
        );
    }

    /// A target for sizes up to that which targets are for.
    pub(crate) fn at_middle(&self, most: Figure) -> Target {
        match self.services <= MIDDLE {
            true => Target::Most(most),
            false => Target::None,
        }
    }

    /// The target of the slowest but one in a hundred changes.
    pub(crate) fn slow_change(&self, up_to_middle: Duration) -> Target {
        let most = match self.services <= MIDDLE {
            true => up_to_middle,
            false => Duration::from_millis(30),
        };
        Target::Most(Figure::Time(most))
    }

    /// Prints all, and gives how many figures that have to be 0 are not.
    pub(crate) fn print(&self) -> usize {
        println!(
            "\n{} annotated Services, each with a cluster of its own",
            self.services
        );
        println!("| figure | value | target | |\n|---|---:|---:|---|");
        for row in &self.rows {
            let (target, verdict) = row.verdict();
            println!(
                "| {} | {} | {target} | {verdict} |",
                row.what,
                row.figure.text()
            );
        }
        let wrong = |row: &&Row| matches!(row.target, Target::Nothing) && row.figure.number() > 0.0;
        self.rows.iter().filter(wrong).count()
    }
}

impl Row {
    fn verdict(&self) -> (String, &'static str) {
        let (target, most) = match self.target {
            Target::None => return (String::new(), ""),
            Target::Most(most) => (format!("<= {}", most.text()), most.number()),
            Target::Nothing => ("0".into(), 0.0),
        };
        let missed = self.figure.number() > most;
        (target, if missed { "MISSED" } else { "met" })
    }
}

impl Figure {
    fn number(self) -> f64 {
        match self {
            Self::Time(time) => time.as_secs_f64(),
            Self::Bytes(number) | Self::Percent(number) => number as f64,
            Self::Count(number) => number as f64,
        }
    }

    fn text(self) -> String {
        match self {
            Self::Time(time) if time >= Duration::from_secs(1) => {
                format!("{:.2} s", time.as_secs_f64())
            }
            Self::Time(time) => format!("{:.2} ms", time.as_secs_f64() * 1e3),
            Self::Bytes(bytes) => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
            Self::Percent(percent) => format!("{percent} %"),
            Self::Count(count) => count.to_string(),
        }
    }
}
