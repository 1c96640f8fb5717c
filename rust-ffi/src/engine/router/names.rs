//! Which group of a router a model's name means: an alias, a group, a wildcard, the id of one deployment, or a deployment's own model.

use std::collections::HashMap;

/// The groups of a router by name. A group is a number: its place in the router's list.
#[derive(Debug, Default)]
pub struct Names {
    aliases: HashMap<String, String>,
    groups: HashMap<String, usize>,
    /// Most specific first.
    patterns: Vec<(Pattern, usize)>,
    ids: HashMap<String, usize>,
    models: HashMap<String, Vec<usize>>,
}

/// What a name means.
#[derive(Debug, PartialEq)]
pub enum Meaning<'n> {
    Group(usize),
    /// A group whose name has wildcards, and what they stand for in this name.
    Wildcard(usize, Vec<String>),
    /// One deployment, by its id.
    Deployment(usize),
    /// Deployments of any group, by the model that they call.
    Deployments(&'n [usize]),
}

impl Names {
    pub fn new(aliases: HashMap<String, String>) -> Names {
        Names { aliases, ..Names::default() }
    }

    /// The number of the group `name`, which is `new` where the name is not known yet.
    pub fn add_group(&mut self, name: &str, new: usize) -> usize {
        let number = *self.groups.entry(name.to_owned()).or_insert(new);
        if number == new && name.contains('*') {
            let pattern = Pattern::new(name);
            let at = self.patterns.partition_point(|(other, _)| other.specificity >= pattern.specificity);
            self.patterns.insert(at, (pattern, new));
        }
        number
    }

    /// False where another deployment has that id.
    pub fn add_deployment(&mut self, id: &str, model: &str, number: usize) -> bool {
        if self.ids.contains_key(id) {
            return false;
        }
        self.ids.insert(id.to_owned(), number);
        self.models.entry(model.to_owned()).or_default().push(number);
        true
    }

    pub fn deployment(&self, id: &str) -> Option<usize> {
        self.ids.get(id).copied()
    }

    /// Group names that a caller may use, in order.
    pub fn known(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.groups.keys().chain(self.aliases.keys()).map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    pub fn alias(&self, name: &str) -> Option<&str> {
        self.aliases.get(name).map(String::as_str)
    }

    /// `provider` tells the provider that a bare name means: `openai/*` also serves `gpt-4o`.
    pub fn find(&self, name: &str, provider: impl Fn(&str) -> Option<String>) -> Option<Meaning<'_>> {
        if let (false, Some(number)) = (self.groups.contains_key(name), self.ids.get(name)) {
            return Some(Meaning::Deployment(*number));
        }
        let name = self.alias(name).unwrap_or(name);
        if let Some(group) = self.groups.get(name) {
            return Some(Meaning::Group(*group));
        }
        if !self.patterns.is_empty() {
            let full = || provider(name).map(|provider| format!("{provider}/{name}"));
            if let Some(found) = self.wildcard(name).or_else(|| self.wildcard(&full()?)) {
                return Some(found);
            }
        }
        self.models.get(name).map(|numbers| Meaning::Deployments(numbers))
    }

    fn wildcard(&self, name: &str) -> Option<Meaning<'_>> {
        self.patterns.iter().find_map(|(pattern, group)| Some(Meaning::Wildcard(*group, pattern.matches(name)?)))
    }
}

/// A name with `*` in it. litellm makes a regular expression of it, and takes the longest first.
#[derive(Debug)]
struct Pattern {
    /// What stands around the `*`s.
    literals: Vec<String>,
    /// The length of litellm's expression, and how many of its characters mean more than themselves.
    specificity: (usize, usize),
}

impl Pattern {
    fn new(name: &str) -> Pattern {
        let literals: Vec<String> = name.split('*').map(str::to_owned).collect();
        let escaped = literals.iter().flat_map(|text| text.chars()).filter(|c| is_escaped(*c)).count();
        let special = literals.iter().flat_map(|text| text.chars()).filter(|c| "+?\\^$|()".contains(*c)).count();
        let stars = literals.len() - 1;
        let length = name.chars().count() - stars + escaped + "(.*)".len() * stars;
        // Each escaped character brings a backslash, each wildcard two brackets and a star.
        Pattern { literals, specificity: (length, special + escaped + 3 * stars) }
    }

    /// What each `*` stands for: the first as much as it can, then the second, … As in litellm, the name may go on behind the pattern.
    fn matches(&self, name: &str) -> Option<Vec<String>> {
        let (first, rest) = self.literals.split_first()?;
        let mut places = vec![0; rest.len()];
        let mut end = name.len();
        // From behind: each literal as far to the right as those behind it leave room.
        for (place, literal) in places.iter_mut().zip(rest).rev() {
            *place = name.get(..end)?.rfind(literal.as_str())?;
            end = *place;
        }
        if !name.starts_with(first.as_str()) || first.len() > end {
            return None;
        }
        let mut from = first.len();
        let mut segments = Vec::with_capacity(rest.len());
        for (place, literal) in places.into_iter().zip(rest) {
            segments.push(name.get(from..place)?.to_owned());
            from = place + literal.len();
        }
        Some(segments)
    }
}

/// What Python's `re.escape` puts a backslash before.
fn is_escaped(c: char) -> bool {
    "()[]{}?*+-|^$\\.&~# \t\n\r\u{b}\u{c}".contains(c)
}

/// The model that a deployment calls for `name`: `model` with what the wildcards of its group stand for in place of its own. A model with
/// fewer wildcards than its group takes the name as it is.
pub fn fill(model: &str, name: &str, segments: &[String]) -> String {
    let stars = model.matches('*').count();
    if stars == 0 {
        return model.to_owned();
    }
    if segments.len() > stars {
        return name.to_owned();
    }
    segments.iter().fold(model.to_owned(), |model, segment| model.replacen('*', segment, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(groups: &[&str]) -> Names {
        let mut names = Names::new([("fast".to_owned(), "gpt-mini".to_owned())].into());
        for (number, group) in groups.iter().enumerate() {
            assert_eq!(names.add_group(group, number), number);
        }
        names
    }

    fn nobody(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn a_name_is_an_alias_a_group_an_id_or_a_model() {
        let mut names = names(&["gpt-mini", "other"]);
        assert!(names.add_deployment("id-7", "azure/x", 7) && names.add_deployment("id-8", "azure/x", 8));
        assert!(!names.add_deployment("id-8", "azure/y", 9));
        assert_eq!(names.find("fast", nobody), Some(Meaning::Group(0)));
        assert_eq!(names.find("other", nobody), Some(Meaning::Group(1)));
        assert_eq!(names.find("id-7", nobody), Some(Meaning::Deployment(7)));
        assert_eq!(names.find("azure/x", nobody), Some(Meaning::Deployments(&[7, 8])));
        assert_eq!(names.find("nothing", nobody), None);
    }

    #[test]
    fn wildcards_stand_for_what_the_name_has_and_the_most_specific_goes_first() {
        let names = names(&["*", "openai/*", "openai/ft:*", "llm/fo::*::static::*"]);
        let wildcard = |group, segments: &[&str]| Meaning::Wildcard(group, segments.iter().map(|s| (*s).to_owned()).collect());
        assert_eq!(names.find("openai/gpt-4o", nobody), Some(wildcard(1, &["gpt-4o"])));
        assert_eq!(names.find("openai/ft:x", nobody), Some(wildcard(2, &["x"])));
        assert_eq!(names.find("llm/fo::bar::static::baz", nobody), Some(wildcard(3, &["bar", "baz"])));
        assert_eq!(names.find("anything", nobody), Some(wildcard(0, &["anything"])));
    }

    #[test]
    fn a_bare_name_has_its_provider_put_before_it() {
        let names = names(&["openai/*"]);
        let openai = |name: &str| name.starts_with("gpt").then(|| "openai".to_owned());
        assert_eq!(names.find("gpt-4o", openai), Some(Meaning::Wildcard(0, vec!["gpt-4o".to_owned()])));
        assert_eq!(names.find("claude", openai), None);
    }

    /// Expected values: Python's `re.match(re.escape(pattern).replace(r"\*", "(.*)"), name).groups()`.
    #[test]
    fn patterns_match_as_litellms_expressions() {
        let groups = |pattern: &str, name: &str| Pattern::new(pattern).matches(name);
        let some = |segments: &[&str]| Some(segments.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
        assert_eq!(groups("*meta.llama3*", "hello-meta.llama3-70b"), some(&["hello-", "-70b"]));
        assert_eq!(groups("a*b*c", "aXbYbZc"), some(&["XbY", "Z"]));
        assert_eq!(groups("a*b*c", "ab1bc2c"), some(&["b1", "c2"]));
        assert_eq!(groups("a*b", "ab and more"), some(&[""]));
        assert_eq!(groups("aa*a", "aa"), None);
        assert_eq!(groups("x/*", "y/z"), None);
    }

    #[test]
    fn the_model_is_filled_with_what_the_wildcards_stand_for() {
        let segments = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        assert_eq!(fill("openai/*", "llm/foo", &segments(&["foo"])), "openai/foo");
        assert_eq!(fill("openai/fo::*::static::*", "n", &segments(&["bar", "baz"])), "openai/fo::bar::static::baz");
        assert_eq!(fill("*", "a/b", &segments(&["a", "b"])), "a/b");
        assert_eq!(fill("openai/gpt", "llm/foo", &segments(&["foo"])), "openai/gpt");
    }
}
