//! Access keys, and when they end.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{json, Value};

use super::denied;
use crate::engine::error::Result;
use crate::engine::route::{check_key, Secret};
use crate::engine::secrets::Secrets;
use crate::engine::tokens::Token;

/// Keys to sign with. `Debug` does not show them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Keys {
    pub id: String,
    pub secret: Secret,
    /// Of keys that end.
    pub session: Option<Secret>,
}

impl Keys {
    /// Names what no error may show. The id of a key is none: AWS itself writes it into logs.
    pub fn tell(&self, secrets: &Secrets) {
        secrets.add(self.secret.expose());
        self.session.iter().for_each(|session| secrets.add(session.expose()));
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl Keys {
    /// `place` tells where they are from, for the error: a stray line break would make a header that no one can send.
    pub fn new(id: &str, secret: &str, session: Option<&str>, place: &str) -> Result<Self> {
        let session = session.filter(|token| !token.is_empty());
        for text in [Some(id), Some(secret), session].into_iter().flatten() {
            if check_key(text).is_err() || text.is_empty() {
                return Err(denied(format!(
                    "the AWS credentials of {place} hold a line break, a space at an end or a character outside ASCII, or are empty; \
                     correct them (values read from files often end in a line break)"
                )));
            }
        }
        Ok(Keys { id: id.to_owned(), secret: Secret::new(secret), session: session.map(Secret::new) })
    }

    /// From what the metadata services, `credential_process` and the like answer.
    pub fn from_answer(value: &Value, place: &str) -> Result<(Keys, Duration)> {
        let text = |names: &[&str]| names.iter().find_map(|name| value[*name].as_str());
        let (Some(id), Some(secret)) = (text(&["AccessKeyId", "accessKeyId"]), text(&["SecretAccessKey", "secretAccessKey"]))
        else {
            return Err(denied(format!("{place} gave no AWS credentials")));
        };
        let keys = Keys::new(id, secret, text(&["Token", "SessionToken", "sessionToken"]), place)?;
        let until = match text(&["Expiration"]) {
            Some(text) => lifetime(text, SystemTime::now()),
            None => value["expiration"].as_u64().map(|ms| remaining(Duration::from_millis(ms), SystemTime::now())),
        };
        // Keys without an end are looked at again all the same: they may be changed.
        Ok((keys, until.unwrap_or(Duration::from_secs(900))))
    }

    /// As a token that calls share.
    pub fn to_token(&self, lifetime: Duration) -> Token {
        let session = self.session.as_ref().map(Secret::expose);
        let text = json!({"AccessKeyId": self.id, "SecretAccessKey": self.secret.expose(), "Token": session}).to_string();
        Token { secret: Secret::new(text), lifetime }
    }

    pub fn from_token(secret: &Secret) -> Result<Keys> {
        let value: Value = serde_json::from_str(secret.expose()).unwrap_or_default();
        Keys::from_answer(&value, "the call's own store").map(|(keys, _)| keys)
    }
}

fn remaining(end: Duration, now: SystemTime) -> Duration {
    end.saturating_sub(now.duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// How long it is until a time as AWS writes it: 2026-01-31T23:59:59Z (RFC 3339, in UTC, perhaps with fractions).
pub fn lifetime(text: &str, now: SystemTime) -> Option<Duration> {
    let (date, time) = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut time = time.split('.').next()?.splitn(3, ':').map(str::parse::<i64>);
    let (hour, minute, second) = (time.next()?.ok()?, time.next()?.ok()?, time.next()?.ok()?);
    let date_fits = (1970..10_000).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    // RFC 3339 has a second 60, where one is inserted.
    if !date_fits || !(0..=24).contains(&hour) || !(0..60).contains(&minute) || !(0..=60).contains(&second) {
        return None;
    }
    // Days of the Gregorian calendar, counted in years that begin in March: the leap day is their last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    Some(remaining(Duration::from_secs(u64::try_from(seconds).ok()?), now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_aws_writes_them() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(lifetime("2015-08-30T12:36:00Z", at(1_440_938_160 - 90)), Some(Duration::from_secs(90)));
        assert_eq!(lifetime("2024-02-29T00:00:00.123Z", at(1_709_164_800)), Some(Duration::ZERO));
        assert_eq!(lifetime("1970-01-01T00:00:01Z", at(0)), Some(Duration::from_secs(1)));
        assert_eq!(lifetime("2015-08-30T12:36:00Z", at(2_000_000_000)), Some(Duration::ZERO));
        for bad in [
            "",
            "2015-08-30",
            "2015-13-30T00:00:00Z",
            "2015-08-30T12:36:00+02:00",
            "x-y-zT1:2:3Z",
            "2030-01-01T9223372036854775807:00:00Z",
            "2030-01-01T-9223372036854775807:00:00Z",
            "2030-01-01T00:-9223372036854775:00Z",
            "2030-01-01T00:00:9223372036854775807Z",
            "2030-01-01T00:00:-1Z",
        ] {
            assert_eq!(lifetime(bad, at(0)), None, "{bad}");
        }
    }

    #[test]
    fn keys_are_never_shown() {
        let error = Keys::new("AKIA", "secret\n", None, "the profile x").unwrap_err();
        assert!(error.message.contains("the profile x") && !error.message.contains("secret\n"), "{}", error.message);
        let keys = Keys::new("AKIA", "secret", Some("session"), "").unwrap();
        assert_eq!(format!("{keys:?}"), "Keys(…)");
        assert!(Keys::from_token(&keys.to_token(Duration::ZERO).secret).unwrap() == keys);
    }
}
