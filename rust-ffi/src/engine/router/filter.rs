//! Which deployments can serve a request at all: its tags, its length, what it asks for.

use std::collections::HashSet;

use super::deployment::Traits;
use crate::engine::error::Result;
use crate::engine::json;
use crate::engine::request::Request;

/// The tag of deployments for requests without one, and for those whose tags no deployment has.
const DEFAULT: &str = "default";

/// What a request needs of its deployment.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// None where tags do not count.
    pub tags: Option<Tags>,
    /// How many tokens it has, where that counts.
    pub tokens: Option<u64>,
    pub response_format: bool,
}

/// Why none can.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Refusal {
    Tags,
    /// The longest that any can take.
    Window(u64),
    ResponseFormat,
}

/// litellm's tags of a request: `paid` (one of these, or all), `&eu` (must have), `!slow` (must not have).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tags {
    wanted: Vec<String>,
    required: Vec<String>,
    excluded: Vec<String>,
    any: bool,
}

impl Tags {
    pub fn of(request: &Request<'_>, any: bool) -> Result<Tags> {
        let mut list: Vec<String> = super::read::strings(request, "tags")?;
        for name in ["metadata", "litellm_metadata"] {
            let object = request.raw(name).and_then(json::read::<crate::engine::request::Fields<'_>>);
            let tags = object.and_then(|fields| json::read::<Vec<String>>(fields.get("tags")?));
            list.extend(tags.unwrap_or_default());
        }
        let mut tags = Tags { any, ..Tags::default() };
        for tag in list {
            match (tag.strip_prefix('&'), tag.strip_prefix('!')) {
                (Some(tag), _) => tags.required.push(tag.to_owned()),
                (_, Some(tag)) => tags.excluded.push(tag.to_owned()),
                _ => tags.wanted.push(tag),
            }
        }
        Ok(tags)
    }

    fn may(&self, traits: &Traits) -> bool {
        let has = |tag: &String| traits.tags.binary_search(tag).is_ok();
        !self.excluded.iter().any(has) && self.required.iter().all(has)
    }

    fn wants(&self, traits: &Traits) -> bool {
        let has = |tag: &String| traits.tags.binary_search(tag).is_ok();
        if self.any {
            self.wanted.iter().any(has)
        } else {
            self.wanted.iter().all(has)
        }
    }
}

/// Which of `classes` can serve, by their numbers.
pub fn fitting<'t>(
    classes: impl Iterator<Item = &'t Traits> + Clone,
    needs: &Needs,
) -> std::result::Result<HashSet<usize>, Refusal> {
    let mut fits: Vec<(usize, &Traits)> = classes.enumerate().collect();
    if let Some(tags) = &needs.tags {
        fits.retain(|(_, traits)| tags.may(traits));
        let default = |fits: &[(usize, &'t Traits)]| -> Vec<(usize, &'t Traits)> {
            let has = |traits: &Traits| traits.tags.iter().any(|tag| tag == DEFAULT);
            fits.iter().copied().filter(|(_, traits)| has(traits)).collect()
        };
        if tags.wanted.is_empty() {
            let default = default(&fits);
            if !default.is_empty() {
                fits = default;
            }
        } else {
            let wanted: Vec<_> = fits.iter().copied().filter(|(_, traits)| tags.wants(traits)).collect();
            fits = if wanted.is_empty() { default(&fits) } else { wanted };
        }
        if fits.is_empty() {
            return Err(Refusal::Tags);
        }
    }
    if needs.response_format {
        fits.retain(|(_, traits)| !traits.no_response_format);
        if fits.is_empty() {
            return Err(Refusal::ResponseFormat);
        }
    }
    if let Some(tokens) = needs.tokens {
        let largest = fits.iter().map(|(_, traits)| traits.window.unwrap_or(u64::MAX)).max().unwrap_or_default();
        fits.retain(|(_, traits)| traits.window.is_none_or(|window| tokens <= window));
        if fits.is_empty() {
            return Err(Refusal::Window(largest));
        }
    }
    Ok(fits.into_iter().map(|(number, _)| number).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(tags: &[&str], window: Option<u64>) -> Traits {
        Traits { tags: tags.iter().map(|tag| (*tag).to_owned()).collect(), window, no_response_format: false }
    }

    fn chosen(classes: &[Traits], request: &str, any: bool) -> std::result::Result<Vec<usize>, Refusal> {
        let tags = Tags::of(&Request::parse(request.as_bytes()).unwrap(), any).unwrap();
        let needs = Needs { tags: Some(tags), ..Needs::default() };
        let mut numbers: Vec<usize> = fitting(classes.iter(), &needs)?.into_iter().collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    #[test]
    fn tags_choose_require_and_exclude() {
        let classes = [class(&[], None), class(&["eu", "paid"], None), class(&["free"], None), class(&["default"], None)];
        assert_eq!(chosen(&classes, r#"{"metadata":{"tags":["free","paid"]}}"#, true), Ok(vec![1, 2]));
        assert_eq!(chosen(&classes, r#"{"metadata":{"tags":["eu","paid"]}}"#, false), Ok(vec![1]));
        assert_eq!(chosen(&classes, r#"{"tags":["eu","free"]}"#, false), Ok(vec![3]), "none has both: the default");
        assert_eq!(chosen(&classes, "{}", true), Ok(vec![3]));
        assert_eq!(chosen(&classes, r#"{"tags":["&paid","!free"]}"#, true), Ok(vec![1]));
        assert_eq!(chosen(&classes[..3], r#"{"tags":["unknown"]}"#, true), Err(Refusal::Tags));
        assert_eq!(chosen(&classes[..3], "{}", true), Ok(vec![0, 1, 2]));
    }

    #[test]
    fn a_long_request_needs_a_wide_window() {
        let classes = [class(&[], Some(100)), class(&[], Some(1000)), class(&[], None)];
        let fits = |n: usize, tokens| {
            let needs = Needs { tokens: Some(tokens), ..Needs::default() };
            fitting(classes[..n].iter(), &needs).map(|fits| fits.len())
        };
        assert_eq!((fits(3, 100), fits(3, 500), fits(3, 5000)), (Ok(3), Ok(2), Ok(1)));
        assert_eq!(fits(2, 5000), Err(Refusal::Window(1000)));
    }
}
