//! `%START_TIME(...)%`: points in time as text, in UTC.
//!
//! The formats are those of `strftime`, with Envoy's `%f` and `%1f` to `%9f` for fractions of the
//! second. What is none of them is written as it stands.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// `time` by `format`; by Envoy's default, ISO 8601 with milliseconds, when there is none.
pub(super) fn formatted(time: SystemTime, format: Option<&str>) -> Vec<u8> {
    let civil = Civil::of(time);
    let mut out = Vec::with_capacity(32);
    let mut rest = format
        .filter(|format| !format.is_empty())
        .unwrap_or(DEFAULT)
        .chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        match rest.next() {
            Some(digit @ '1'..='9') if rest.as_str().starts_with('f') => {
                rest.next();
                civil.write_fraction(digit.to_digit(10).unwrap_or(9), &mut out);
            }
            Some('f') => civil.write_fraction(9, &mut out),
            Some(directive) => civil.write(directive, &mut out),
            None => out.push(b'%'),
        }
    }
    out
}

const DEFAULT: &str = "%Y-%m-%dT%H:%M:%S.%3fZ";

/// A point in time by the calendar.
struct Civil {
    seconds: u64,
    nanos: u32,
    year: u64,
    month: u64,
    day: u64,
    day_of_year: u64,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = [
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
];

const SECONDS_A_DAY: u64 = 86_400;

impl Civil {
    /// Before 1970 is 1970: no request is that old.
    fn of(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut day = since.as_secs() / SECONDS_A_DAY;
        // Whole cycles of the calendar first, so that a clock set wrong costs nothing.
        let mut year = 1970 + day / DAYS_OF_400_YEARS * 400;
        day %= DAYS_OF_400_YEARS;
        while day >= days_of(year) {
            day -= days_of(year);
            year += 1;
        }
        let day_of_year = day;
        let mut month = 1;
        while day >= days_of_month(year, month) {
            day -= days_of_month(year, month);
            month += 1;
        }
        Self {
            seconds: since.as_secs(),
            nanos: since.subsec_nanos(),
            year,
            month,
            day: day + 1,
            day_of_year,
        }
    }

    fn write(&self, directive: char, out: &mut Vec<u8>) {
        let of_day = self.seconds % SECONDS_A_DAY;
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        let hour12 = (hour + 11) % 12 + 1;
        let weekday = (self.seconds / SECONDS_A_DAY + 4) % 7;
        // A vector takes whatever is written.
        drop(match directive {
            'Y' => write!(out, "{}", self.year),
            'y' => write!(out, "{:02}", self.year % 100),
            'C' => write!(out, "{:02}", self.year / 100),
            'm' => write!(out, "{:02}", self.month),
            'd' => write!(out, "{:02}", self.day),
            'e' => write!(out, "{:2}", self.day),
            'j' => write!(out, "{:03}", self.day_of_year + 1),
            'H' => write!(out, "{hour:02}"),
            'I' => write!(out, "{hour12:02}"),
            'M' => write!(out, "{minute:02}"),
            'S' => write!(out, "{second:02}"),
            'p' => write!(out, "{}", if hour < 12 { "AM" } else { "PM" }),
            's' => write!(out, "{}", self.seconds),
            'w' => write!(out, "{weekday}"),
            'u' => write!(out, "{}", (weekday + 6) % 7 + 1),
            'a' => write!(out, "{:.3}", self.weekday()),
            'A' => write!(out, "{}", self.weekday()),
            'b' | 'h' => write!(out, "{:.3}", self.month_name()),
            'B' => write!(out, "{}", self.month_name()),
            'z' => write!(out, "+0000"),
            'Z' => write!(out, "UTC"),
            'n' => writeln!(out),
            't' => write!(out, "\t"),
            '%' => write!(out, "%"),
            'D' => return self.write_all("m/d/y", out),
            'F' => return self.write_all("Y-m-d", out),
            'R' => return self.write_all("H:M", out),
            'T' => return self.write_all("H:M:S", out),
            other => write!(out, "%{other}"),
        });
    }

    /// Directives without their `%`, and punctuation.
    fn write_all(&self, directives: &str, out: &mut Vec<u8>) {
        for c in directives.bytes() {
            match c {
                letter if letter.is_ascii_alphabetic() => self.write(char::from(letter), out),
                other => out.push(other),
            }
        }
    }

    fn write_fraction(&self, digits: u32, out: &mut Vec<u8>) {
        let start = out.len();
        drop(write!(out, "{:09}", self.nanos));
        out.truncate(start + digits as usize);
    }

    fn weekday(&self) -> &'static str {
        nth(&WEEKDAYS, self.seconds / SECONDS_A_DAY % 7)
    }

    fn month_name(&self) -> &'static str {
        nth(&MONTHS, self.month - 1)
    }
}

const DAYS_OF_400_YEARS: u64 = 146_097;

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_of_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn nth(names: &'static [&'static str], n: u64) -> &'static str {
    usize::try_from(n)
        .ok()
        .and_then(|n| names.get(n))
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// 2018-01-12 15:04:05.006007008 UTC, a Friday.
    fn friday() -> SystemTime {
        UNIX_EPOCH + Duration::new(1_515_769_445, 6_007_008)
    }

    fn text(format: &str) -> String {
        String::from_utf8(formatted(friday(), Some(format))).unwrap()
    }

    #[test]
    fn the_default_is_iso_8601_with_milliseconds() {
        assert_eq!(formatted(friday(), None), b"2018-01-12T15:04:05.006Z");
        assert_eq!(formatted(friday(), Some("")), b"2018-01-12T15:04:05.006Z");
    }

    #[test]
    fn directives_are_those_of_strftime() {
        assert_eq!(
            text("%Y/%m/%d %H:%M:%S %z %Z"),
            "2018/01/12 15:04:05 +0000 UTC"
        );
        assert_eq!(
            text("%a %A %b %B %e %j %y %C"),
            "Fri Friday Jan January 12 012 18 20"
        );
        assert_eq!(
            text("%I %p %u %w %D %F %R %T %%"),
            "03 PM 5 5 01/12/18 2018-01-12 15:04 15:04:05 %"
        );
    }

    #[test]
    fn fractions_have_as_many_digits_as_asked_for() {
        assert_eq!(text("%s.%3f"), "1515769445.006");
        assert_eq!(text("%f %1f %6f %9f"), "006007008 0 006007 006007008");
    }

    #[test]
    fn what_is_no_directive_is_written_as_it_stands() {
        assert_eq!(text("%Q é %3x 100%"), "%Q é %3x 100%");
    }

    #[test]
    fn leap_days_and_ends_of_years_are_where_they_belong() {
        for (seconds, expected) in [
            (0, "1970-01-01 001"),
            (951_782_400, "2000-02-29 060"),
            (1_735_603_200, "2024-12-31 366"),
            (1_735_689_600, "2025-01-01 001"),
            (4_107_542_400, "2100-03-01 060"),
        ] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            let text = formatted(time, Some("%F %j"));
            assert_eq!(String::from_utf8(text).unwrap(), expected);
        }
    }
}
