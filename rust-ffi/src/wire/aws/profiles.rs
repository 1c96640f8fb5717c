//! The files that AWS's tools share: `~/.aws/credentials` and `~/.aws/config`. Source: AWS's reference of these files.

use std::collections::HashMap;
use std::path::PathBuf;

use super::env;

type Section = HashMap<String, String>;

/// Profiles by name, of both files. The credentials file wins.
#[derive(Default)]
pub struct Profiles(HashMap<String, Section>);

impl Profiles {
    pub fn load() -> Self {
        let read = |variable: &str, name: &str| {
            let path = env(variable).map(|path| expanded(&path)).or_else(|| Some(home()?.join(".aws").join(name)))?;
            std::fs::read(path).ok().map(|bytes| text(&bytes))
        };
        Profiles::parse(
            &read("AWS_CONFIG_FILE", "config").unwrap_or_default(),
            &read("AWS_SHARED_CREDENTIALS_FILE", "credentials").unwrap_or_default(),
        )
    }

    fn parse(config: &str, credentials: &str) -> Self {
        let mut out = Profiles::default();
        // In the config file every profile but the default one has the word before its name; other sections are no profiles.
        out.read(config, |section| match section.strip_prefix("profile ") {
            Some(name) => Some(name.trim()),
            None => (section == "default").then_some(section),
        });
        out.read(credentials, Some);
        out
    }

    fn read<'t>(&mut self, text: &'t str, name_of: impl Fn(&'t str) -> Option<&'t str>) {
        let mut current: Option<&'t str> = None;
        for line in text.lines() {
            // An indented line belongs to a nested setting (s3, retries), which is none of a credential's.
            let nested = line.starts_with([' ', '\t']);
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(section) = line.strip_prefix('[').and_then(|line| line.split(']').next()) {
                current = name_of(section.trim()).map(|name| name.trim_matches(['"', '\'']));
                if let Some(name) = current {
                    self.0.entry(name.to_owned()).or_default();
                }
                continue;
            }
            let (Some(name), Some((key, value))) = (current, line.split_once('=')) else { continue };
            if nested {
                continue;
            }
            let value = value.split(" #").next().unwrap_or(value).trim();
            if let Some(section) = self.0.get_mut(name) {
                section.insert(key.trim().to_ascii_lowercase(), value.to_owned());
            }
        }
    }

    pub fn get(&self, name: &str) -> Option<&Section> {
        self.0.get(name)
    }

    /// The profile that the environment names.
    pub fn named() -> Option<String> {
        ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"].iter().find_map(|name| env(name))
    }

    /// The profile that is used where a call names none.
    pub fn default_name() -> String {
        Profiles::named().unwrap_or_else(|| "default".to_owned())
    }

    pub fn region(&self, profile: Option<&str>) -> Option<String> {
        let name = profile.map_or_else(Profiles::default_name, str::to_owned);
        self.get(&name)?.get("region").filter(|region| !region.is_empty()).cloned()
    }
}

/// What a file says. Editors put a byte order mark before it, and a comment in another encoding than UTF-8 must not hide the keys.
fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned()
}

fn home() -> Option<PathBuf> {
    ["HOME", "USERPROFILE"].iter().find_map(|name| env(name)).map(PathBuf::from)
}

fn expanded(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), home()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_other_encodings_hide_no_keys() {
        let file = b"\xef\xbb\xbf[default]\naws_access_key_id = A\n# caf\xe9\naws_secret_access_key = s\n";
        let profiles = Profiles::parse("", &text(file));
        let found = profiles.get("default").unwrap();
        assert_eq!((found["aws_access_key_id"].as_str(), found["aws_secret_access_key"].as_str()), ("A", "s"));
    }

    #[test]
    fn both_files_make_one_profile() {
        let profiles = Profiles::parse(
            "[default]\nregion = eu-west-1\n[profile dev]\nregion=us-east-2 # near\nrole_arn = arn:aws:iam::1:role/r\ns3 =\n  region = x\n[services s]\nregion = no\n",
            "# comment\n[default]\naws_access_key_id = A\naws_secret_access_key = a=b+c/d\n\n[dev]\nAWS_ACCESS_KEY_ID=D\n",
        );
        let of = |profile: &str, key: &str| profiles.get(profile).and_then(|section| section.get(key).cloned());
        assert_eq!(of("default", "aws_secret_access_key").as_deref(), Some("a=b+c/d"));
        assert_eq!(profiles.region(Some("dev")).as_deref(), Some("us-east-2"));
        assert_eq!(
            (of("dev", "aws_access_key_id").as_deref(), of("dev", "role_arn").as_deref()),
            (Some("D"), Some("arn:aws:iam::1:role/r"))
        );
        assert!(profiles.get("services s").is_none() && profiles.get("s").is_none());
    }
}
