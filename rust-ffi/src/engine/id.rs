//! Names made here: ids where a provider sends none, and the keys of requests that may be sent twice.

/// `prefix` and 32 hexadecimal digits that nobody else has. They come from the operating system: a generator in this process's memory
/// would be copied by fork(), and parent and child would go on with the same numbers.
pub fn unique(prefix: &str) -> String {
    format!("{prefix}{}", uuid::Uuid::new_v4().simple())
}

#[cfg(test)]
mod tests {
    #[test]
    fn ids_differ() {
        let ids: std::collections::HashSet<_> = (0..1000).map(|_| super::unique("chatcmpl-")).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == "chatcmpl-".len() + 32 && id.starts_with("chatcmpl-")));
    }
}
