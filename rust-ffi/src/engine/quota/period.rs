//! Spans of time as litellm writes them: `"30s"`, `"10m"`, `"24h"`, `"7d"`, `"2w"`, `"1mo"`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::engine::error::{Error, Result};

const DAY: u64 = 86_400;
const LONGEST: u64 = 100 * 366 * DAY;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Period {
    Seconds(u64),
    /// To the same day of a later month, or its last one.
    Months(u64),
}

/// A number is seconds.
pub fn parse(value: &Value) -> Result<Period> {
    let wrong = || {
        Error::bad_request("`budget_duration` must be a duration such as \"30s\", \"10m\", \"24h\", \"7d\", \"2w\" or \"1mo\"")
    };
    let (digits, unit) = match value {
        Value::String(text) => {
            let text = text.trim();
            let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            (text[..end].parse::<u64>().map_err(|_| wrong())?, &text[end..])
        }
        Value::Number(number) => (number.as_u64().ok_or_else(wrong)?, "s"),
        _ => return Err(wrong()),
    };
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => DAY,
        "w" => 7 * DAY,
        "mo" if (1..=1200).contains(&digits) => return Ok(Period::Months(digits)),
        _ => return Err(wrong()),
    };
    digits.checked_mul(seconds).filter(|seconds| (1..=LONGEST).contains(seconds)).map(Period::Seconds).ok_or_else(wrong)
}

impl Period {
    /// How long a period lasts that begins now.
    pub fn length(self, now: SystemTime) -> Duration {
        match self {
            Period::Seconds(seconds) => Duration::from_secs(seconds),
            Period::Months(months) => {
                let days = (now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / DAY) as i64;
                let (year, month, day) = date(days);
                let months = year * 12 + (month - 1) + months as i64;
                let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
                let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
                let length = number(next_year, next, 1) - number(year, month, 1);
                let end = number(year, month, day.min(length));
                Duration::from_secs((end - days).max(1) as u64 * DAY)
            }
        }
    }
}

/// Year, month and day of a count of days since 1970 (the calendar's 400 years have 146097 days; counted from March, leap days come last).
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// The inverse of [`date`].
fn number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn durations_are_read_as_litellm_writes_them() {
        for (text, seconds) in [("30s", 30), ("10m", 600), ("24h", 86_400), ("7d", 604_800), ("2w", 1_209_600)] {
            assert_eq!(parse(&json!(text)).unwrap(), Period::Seconds(seconds));
        }
        assert_eq!(parse(&json!("1mo")).unwrap(), Period::Months(1));
        for wrong in [
            json!("d"),
            json!("1y"),
            json!("0s"),
            json!("-1d"),
            json!("1.5h"),
            json!(null),
            json!("99999999999999999999d"),
            json!(""),
        ] {
            assert!(parse(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_month_ends_on_its_day_or_the_last_one() {
        let at = |text| httpdate::parse_http_date(text).unwrap();
        let days = |months, from| Period::Months(months).length(at(from)).as_secs() / DAY;
        assert_eq!(days(1, "Wed, 31 Jan 2024 12:00:00 GMT"), 29);
        assert_eq!(days(1, "Fri, 31 Jan 2025 00:00:00 GMT"), 28);
        assert_eq!(days(1, "Sun, 15 Dec 2024 00:00:00 GMT"), 31);
        assert_eq!(days(12, "Thu, 29 Feb 2024 00:00:00 GMT"), 365);
        assert_eq!(days(1, "Thu, 30 Nov 2023 23:59:59 GMT"), 30);
    }

    #[test]
    fn every_day_has_one_date() {
        let mut last = date(-1);
        for days in 0..60_000 {
            let (year, month, day) = date(days);
            assert_eq!(number(year, month, day), days);
            assert!((year, month, day) > last);
            last = (year, month, day);
        }
        assert_eq!(date(19_782), (2024, 2, 29));
    }
}
