//! Names and ids in the letters that Anthropic takes, so that each still means one thing.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::wire::chat::ids::Forms;

/// Texts of one kind (tools' names, calls' ids) of one request. A text that fits stays as it is; another gets a form that nothing else
/// in the request has.
#[derive(Debug)]
pub struct Cleaned {
    max: usize,
    used: HashSet<String>,
    forward: HashMap<String, String>,
}

impl Cleaned {
    /// `texts` are those that are known beforehand: the ones that fit keep their form, wherever they stand.
    pub fn new<'t>(max: usize, texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut cleaned = Cleaned { max, used: HashSet::new(), forward: HashMap::new() };
        let misfits: Vec<&str> = texts
            .into_iter()
            .filter(|text| {
                let fits = cleaned.fits(text);
                if fits {
                    cleaned.used.insert((*text).to_owned());
                }
                !fits
            })
            .collect();
        for text in misfits {
            cleaned.get(text);
        }
        cleaned
    }

    fn fits(&self, text: &str) -> bool {
        !text.is_empty() && text.len() <= self.max && text.bytes().all(allowed)
    }

    /// The form in which a text is sent.
    pub fn get<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        if let Some(known) = self.forward.get(text) {
            return Cow::Owned(known.clone());
        }
        if self.fits(text) {
            return Cow::Borrowed(text);
        }
        let plain: String = text.chars().map(|c| if c.is_ascii() && allowed(c as u8) { c } else { '_' }).take(self.max).collect();
        let form = self.free(if plain.is_empty() { "_" } else { &plain }, []);
        self.forward.insert(text.to_owned(), form.clone());
        Cow::Owned(form)
    }

    /// A form that nothing else in the request has, and none of the `others`: this one, or this one with a number.
    pub fn free<'t>(&mut self, plain: &str, others: impl IntoIterator<Item = &'t str>) -> String {
        let others: HashSet<&str> = others.into_iter().collect();
        let mut form = plain.to_owned();
        for number in 2.. {
            if !self.used.contains(&form) && !others.contains(form.as_str()) {
                break;
            }
            let end = format!("_{number}");
            form = format!("{}{end}", &plain[..plain.len().min(self.max - end.len())]);
        }
        self.used.insert(form.clone());
        form
    }

    /// The texts behind the forms that differ from them.
    pub fn originals(&self) -> HashMap<String, String> {
        self.forward.iter().map(|(text, form)| (form.clone(), text.clone())).collect()
    }
}

/// Ids of calls.
impl Forms for Cleaned {
    fn get(&mut self, id: &str) -> String {
        Cleaned::get(self, id).into_owned()
    }

    fn free(&mut self, plain: &str) -> String {
        Cleaned::free(self, plain, [])
    }
}

fn allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a9_names_that_fit_stay_and_others_never_collide() {
        let mut names = Cleaned::new(128, ["foo/bar", "foo_bar", "foo.bar"]);
        assert_eq!(names.get("foo_bar"), "foo_bar");
        assert_eq!(names.get("foo/bar"), "foo_bar_2");
        assert_eq!(names.get("foo.bar"), "foo_bar_3");
        assert_eq!(names.originals()["foo_bar_3"], "foo.bar");
        assert!(!names.originals().contains_key("foo_bar"));
        let long = "x".repeat(200);
        assert_eq!(names.get(&long).len(), 128);
    }

    proptest! {
        #[test]
        fn a9_every_form_fits_and_means_one_text(texts in proptest::collection::hash_set("[a-c/. é]{0,6}", 1..12)) {
            let mut cleaned = Cleaned::new(5, texts.iter().map(String::as_str));
            let forms: HashSet<String> = texts.iter().map(|text| cleaned.get(text).into_owned()).collect();
            prop_assert_eq!(forms.len(), texts.len());
            for form in forms {
                prop_assert!(!form.is_empty() && form.len() <= 5 && form.bytes().all(allowed));
            }
        }
    }
}
