//! `%START_TIME(...)%`: points in time as text, in UTC.
//!
//! The formats are those of `strftime`, with Envoy's `%f` and `%1f` to `%9f` for fractions of the
//! second. What is none of them is written as it stands.

use std::time::{SystemTime, UNIX_EPOCH};

use super::fact::write_number;

/// Writes `time` by `format`; by Envoy's default, ISO 8601 with milliseconds, when there is none.
pub(super) fn write(time: SystemTime, format: Option<&str>, out: &mut Vec<u8>) {
    let civil = Civil::of(time);
    let Some(format) = format.filter(|format| !format.is_empty()) else {
        return civil.write_iso(out);
    };
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        match rest.next() {
            Some(digit @ '1'..='9') if rest.as_str().starts_with('f') => {
                rest.next();
                civil.write_fraction(digit.to_digit(10).unwrap_or(9), out);
            }
            Some('f') => civil.write_fraction(9, out),
            Some(directive) => civil.write(directive, out),
            None => out.push(b'%'),
        }
    }
}

/// A point in time by the calendar.
struct Civil {
    seconds: u64,
    nanos: u32,
    year: u64,
    month: u64,
    day: u64,
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
    ///
    /// Years are taken to begin in March, so that a leap day is the last of its year and of its
    /// cycle, and months of 31 and 30 days take turns from the first.
    fn of(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let days = since.as_secs() / SECONDS_A_DAY + DAYS_BEFORE_1970;
        let (cycle, day) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
        // Without the leap days that have passed, every year has 365 days.
        let leap_days = day / 1_460 - day / 36_524 + day / (DAYS_OF_400_YEARS - 1);
        let year = (day - leap_days) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        // Five months from March, and from August, have 153 days.
        let month = (5 * day + 2) / 153;
        let year = 400 * cycle + year;
        let (year, calendar_month) = match month {
            0..10 => (year, month + 3),
            _ => (year + 1, month - 9),
        };
        Self {
            seconds: since.as_secs(),
            nanos: since.subsec_nanos(),
            year,
            month: calendar_month,
            day: day - (153 * month + 2) / 5 + 1,
        }
    }

    fn write(&self, directive: char, out: &mut Vec<u8>) {
        let of_day = self.seconds % SECONDS_A_DAY;
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        let hour12 = (hour + 11) % 12 + 1;
        let weekday = (self.seconds / SECONDS_A_DAY + 4) % 7;
        match directive {
            'Y' => write_number(self.year, out),
            'y' => padded(self.year % 100, 2, b'0', out),
            'C' => padded(self.year / 100, 2, b'0', out),
            'm' => padded(self.month, 2, b'0', out),
            'd' => padded(self.day, 2, b'0', out),
            'e' => padded(self.day, 2, b' ', out),
            'j' => padded(self.day_of_year(), 3, b'0', out),
            'H' => padded(hour, 2, b'0', out),
            'I' => padded(hour12, 2, b'0', out),
            'M' => padded(minute, 2, b'0', out),
            'S' => padded(second, 2, b'0', out),
            'p' => text(if hour < 12 { "AM" } else { "PM" }, out),
            's' => write_number(self.seconds, out),
            'w' => write_number(weekday, out),
            'u' => write_number((weekday + 6) % 7 + 1, out),
            'a' => text(short(self.weekday()), out),
            'A' => text(self.weekday(), out),
            'b' | 'h' => text(short(self.month_name()), out),
            'B' => text(self.month_name(), out),
            'z' => text("+0000", out),
            'Z' => text("UTC", out),
            'n' => out.push(b'\n'),
            't' => out.push(b'\t'),
            '%' => out.push(b'%'),
            'D' => self.write_all("m/d/y", out),
            'F' => self.write_all("Y-m-d", out),
            'R' => self.write_all("H:M", out),
            'T' => self.write_all("H:M:S", out),
            other => {
                out.push(b'%');
                text(other.encode_utf8(&mut [0; 4]), out);
            }
        }
    }

    /// `%Y-%m-%dT%H:%M:%S.%3fZ`
    fn write_iso(&self, out: &mut Vec<u8>) {
        let of_day = self.seconds % SECONDS_A_DAY;
        write_number(self.year, out);
        for (mark, value) in [
            (b'-', self.month),
            (b'-', self.day),
            (b'T', of_day / 3600),
            (b':', of_day / 60 % 60),
            (b':', of_day % 60),
        ] {
            out.extend_from_slice(&[mark, digit(value / 10), digit(value)]);
        }
        let ms = u64::from(self.nanos / 1_000_000);
        out.extend_from_slice(&[b'.', digit(ms / 100), digit(ms / 10), digit(ms), b'Z']);
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
        padded(self.nanos.into(), 9, b'0', out);
        out.truncate(start + digits as usize);
    }

    fn day_of_year(&self) -> u64 {
        let is_leap = self.year.is_multiple_of(4)
            && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        // February counts as 30 days at first.
        let before = (self.month - 1) * 30 + (self.month + self.month / 9) / 2;
        let february = match (self.month, is_leap) {
            (1 | 2, _) => 0,
            (_, true) => 1,
            (_, false) => 2,
        };
        before - february + self.day
    }

    fn weekday(&self) -> &'static str {
        nth(&WEEKDAYS, self.seconds / SECONDS_A_DAY % 7)
    }

    fn month_name(&self) -> &'static str {
        nth(&MONTHS, self.month - 1)
    }
}

const DAYS_OF_400_YEARS: u64 = 146_097;

/// From 1 March of the year 0.
const DAYS_BEFORE_1970: u64 = 719_468;

/// Writes `value` with at least `width` digits.
fn padded(value: u64, width: usize, fill: u8, out: &mut Vec<u8>) {
    let start = out.len();
    write_number(value, out);
    for _ in out.len() - start..width {
        out.insert(start, fill);
    }
}

fn text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
}

fn short(name: &str) -> &str {
    name.get(..3).unwrap_or(name)
}

/// The last decimal digit.
fn digit(value: u64) -> u8 {
    b'0' + u8::try_from(value % 10).unwrap_or(0)
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
        written(friday(), Some(format))
    }

    fn written(time: SystemTime, format: Option<&str>) -> String {
        let mut out = Vec::new();
        write(time, format, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_default_is_iso_8601_with_milliseconds() {
        assert_eq!(written(friday(), None), "2018-01-12T15:04:05.006Z");
        assert_eq!(written(friday(), Some("")), "2018-01-12T15:04:05.006Z");
    }

    #[test]
    fn the_default_is_what_its_directives_say() {
        let directives = Some("%Y-%m-%dT%H:%M:%S.%3fZ");
        let step = Duration::new(86_400 * 97 + 7 * 3_600 + 61, 7_123_456);
        let mut time = UNIX_EPOCH;
        for _ in 0..20_000 {
            assert_eq!(written(time, None), written(time, directives));
            time += step;
        }
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
    fn every_day_follows_the_one_before() {
        let (mut year, mut month, mut day, mut day_of_year) = (1970, 1, 1, 1);
        for number in 0..DAYS_OF_400_YEARS * 2 {
            let found = Civil::of(UNIX_EPOCH + Duration::from_secs(number * SECONDS_A_DAY));
            assert_eq!(
                (found.year, found.month, found.day, found.day_of_year()),
                (year, month, day, day_of_year)
            );
            (day, day_of_year) = (day + 1, day_of_year + 1);
            if day > days_of_month(year, month) {
                (day, month) = (1, month + 1);
            }
            if month > 12 {
                (month, year, day_of_year) = (1, year + 1, 1);
            }
        }
    }

    fn days_of_month(year: u64, month: u64) -> u64 {
        let is_leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        match month {
            2 if is_leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
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
            assert_eq!(written(time, Some("%F %j")), expected);
        }
    }
}
