//! How a group's requests are split among its members.
//!
//! As Emissary 4.1 does it (`IRBaseMappingGroup.normalize_weights_in_mappings`):
//!
//! - A single member takes everything, whatever its weight.
//! - Members with weights come first, in order, then those without, which share what is left. Each
//!   gets a cumulative percentage; shares are rounded half to even, and the last one is given 100.
//! - When all have weights and the sum is below 100, the rest falls through to the next Routes.
//! - When the sum exceeds 100, the member that crosses 100 takes what is left, later ones nothing.
//!
//! One deviation: Emissary gives a member whose own weight exceeds 100, and all after it, no
//! requests at all; here it counts like any other that crosses 100.

use std::fmt;

use crate::Share;

/// The members of a group in the order in which they are tried.
#[derive(Debug, Default)]
pub(super) struct Split {
    /// The member's position in the group, and its share.
    pub(super) shares: Vec<(usize, Share)>,
    /// What the weights do that their author may not expect.
    pub(super) surprises: Vec<(usize, Surprise)>,
}

/// Weights that are honoured, but do what one may not expect. Tied to the member that causes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Surprise {
    /// A weight that is no percentage.
    OutOfRange(i64),
    /// The weights up to this member add up to more than 100.
    ExceedsHundred(i64),
    /// All members have weights, and together they are less than 100.
    FallsThrough(u8),
    /// The weight of the only member.
    Alone(i64),
}

impl fmt::Display for Surprise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange(weight) => {
                write!(
                    f,
                    "weight {weight} is no percentage: it counts as {}",
                    percentage(*weight)
                )
            }
            Self::ExceedsHundred(sum) => write!(
                f,
                "the group's weights add up to {sum} here: this Mapping takes what is left to 100, \
                 later ones nothing"
            ),
            Self::FallsThrough(sum) => write!(
                f,
                "the group's weights add up to {sum} and every Mapping has one: the other {} % of \
                 the requests fall through to the next matching Mapping",
                100 - sum
            ),
            Self::Alone(weight) => write!(
                f,
                "weight {weight} has no effect: the only Mapping of its group takes all requests"
            ),
        }
    }
}

/// Splits a group by its members' weights.
pub(super) fn split(weights: &[Option<i64>]) -> Split {
    if let [only] = weights {
        let surprises = only
            .filter(|weight| *weight != 100)
            .map(|w| (0, Surprise::Alone(w)));
        return Split {
            shares: vec![(0, Share::WHOLE)],
            surprises: surprises.into_iter().collect(),
        };
    }
    let mut tally = Tally::default();
    for (member, weight) in positions(weights, |weight| *weight) {
        tally.weighted(member, weight);
    }
    let unweighted: Vec<_> = positions(weights, |weight| weight.is_none().then_some(())).collect();
    if let Some(((last, ()), others)) = unweighted.split_last() {
        let each = rounded_share(100 - i64::from(tally.below), unweighted.len());
        for (member, ()) in others {
            tally.take(*member, each);
        }
        tally.take(*last, 100);
    } else if tally.below < 100 {
        let last = weights.len().saturating_sub(1);
        tally.surprise(last, Surprise::FallsThrough(tally.below));
    }
    tally.split
}

/// What has been given away so far.
#[derive(Default)]
struct Tally {
    split: Split,
    sum: i64,
    below: u8,
}

impl Tally {
    fn weighted(&mut self, member: usize, weight: i64) {
        let percent = percentage(weight);
        if percent != weight {
            self.surprise(member, Surprise::OutOfRange(weight));
        }
        let crosses = self.sum <= 100 && self.sum + percent > 100;
        self.sum += percent;
        if crosses {
            self.surprise(member, Surprise::ExceedsHundred(self.sum));
        }
        self.take(member, percent);
    }

    fn take(&mut self, member: usize, percent: i64) {
        let below = u8::try_from(i64::from(self.below) + percent).map_or(100, |sum| sum.min(100));
        let percent = below - self.below;
        self.below = below;
        self.split.shares.push((member, Share { below, percent }));
    }

    fn surprise(&mut self, member: usize, surprise: Surprise) {
        self.split.surprises.push((member, surprise));
    }
}

fn percentage(weight: i64) -> i64 {
    weight.clamp(0, 100)
}

fn positions<T>(
    weights: &[Option<i64>],
    of: impl Fn(&Option<i64>) -> Option<T>,
) -> impl Iterator<Item = (usize, T)> {
    weights
        .iter()
        .enumerate()
        .filter_map(move |(at, weight)| Some((at, of(weight)?)))
}

/// `left / members`, rounded half to even as Python's `round` does.
fn rounded_share(left: i64, members: usize) -> i64 {
    let members = i64::try_from(members).unwrap_or(i64::MAX).max(1);
    let (quotient, twice) = (left / members, 2 * (left % members));
    let up = twice > members || (twice == members && quotient % 2 == 1);
    quotient + i64::from(up)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percents(weights: &[Option<i64>]) -> Vec<(usize, u8)> {
        split(weights)
            .shares
            .iter()
            .map(|(member, share)| (*member, share.percent))
            .collect()
    }

    fn surprises(weights: &[Option<i64>]) -> Vec<(usize, Surprise)> {
        split(weights).surprises
    }

    #[test]
    fn members_without_weights_share_equally() {
        assert_eq!(percents(&[None, None]), [(0, 50), (1, 50)]);
        assert_eq!(percents(&[None, None, None]), [(0, 33), (1, 33), (2, 34)]);
        assert_eq!(
            percents(&[None; 8])[6..],
            [(6, 12), (7, 16)],
            "12.5 rounds to even"
        );
        assert_eq!(
            percents(&[None; 15])[13..],
            [(13, 7), (14, 2)],
            "6.67 rounds up"
        );
    }

    #[test]
    fn weighted_members_come_first_and_the_others_share_what_is_left() {
        assert_eq!(percents(&[None, Some(10)]), [(1, 10), (0, 90)]);
        assert_eq!(
            percents(&[None, Some(20), None, Some(30)]),
            [(1, 20), (3, 30), (0, 25), (2, 25)]
        );
    }

    #[test]
    fn a_completed_canary_leaves_nothing_to_the_member_without_a_weight() {
        assert_eq!(percents(&[None, Some(100)]), [(1, 100), (0, 0)]);
        assert_eq!(surprises(&[None, Some(100)]), []);
    }

    #[test]
    fn a_lone_member_takes_everything_and_says_so() {
        assert_eq!(percents(&[Some(10)]), [(0, 100)]);
        assert_eq!(surprises(&[Some(10)]), [(0, Surprise::Alone(10))]);
        assert_eq!(surprises(&[Some(100)]), []);
        assert_eq!(surprises(&[None]), []);
    }

    #[test]
    fn weights_below_a_hundred_fall_through_and_say_so() {
        assert_eq!(percents(&[Some(20), Some(30)]), [(0, 20), (1, 30)]);
        assert_eq!(
            surprises(&[Some(20), Some(30)]),
            [(1, Surprise::FallsThrough(50))]
        );
    }

    #[test]
    fn the_member_that_crosses_a_hundred_takes_what_is_left_and_says_so() {
        let weights = [Some(60), Some(60), Some(10), None];
        assert_eq!(percents(&weights), [(0, 60), (1, 40), (2, 0), (3, 0)]);
        assert_eq!(surprises(&weights), [(1, Surprise::ExceedsHundred(120))]);
    }

    #[test]
    fn weights_that_are_no_percentage_are_clamped_and_say_so() {
        assert_eq!(percents(&[Some(-5), Some(150)]), [(0, 0), (1, 100)]);
        let expected = [
            (0, Surprise::OutOfRange(-5)),
            (1, Surprise::OutOfRange(150)),
        ];
        assert_eq!(surprises(&[Some(-5), Some(150)]), expected);
    }

    #[test]
    fn a_weight_of_zero_takes_nothing() {
        assert_eq!(percents(&[Some(0), None]), [(0, 0), (1, 100)]);
        assert_eq!(surprises(&[Some(0), None]), []);
    }

    #[test]
    fn more_members_than_percents_never_exceed_a_hundred() {
        for members in [60, 150, 201, 1_000] {
            let percents = percents(&vec![None; members]);
            assert_eq!(
                percents.iter().map(|(_, p)| u32::from(*p)).sum::<u32>(),
                100
            );
        }
    }
}
