use std::sync::LazyLock;

use proptest::prelude::*;
use tiktoken_rs::CoreBPE;

use super::*;

static REFERENCE: LazyLock<[(Encoding, CoreBPE); 2]> = LazyLock::new(|| {
    [(Encoding::Cl100k, tiktoken_rs::cl100k_base().unwrap()), (Encoding::O200k, tiktoken_rs::o200k_base().unwrap())]
});

#[track_caller]
fn check(text: &str) {
    for (encoding, reference) in REFERENCE.iter() {
        let tokens = encoding.encode(text);
        assert_eq!(tokens, reference.encode_ordinary(text), "{encoding:?} of {text:?}");
        assert_eq!(encoding.count(text), tokens.len());
        assert_eq!(encoding.decode(&tokens).as_deref(), Ok(text));
    }
}

#[test]
fn texts_of_many_kinds_have_the_reference_s_tokens() {
    let texts = [
        "",
        "hello world",
        "  leading",
        "trailing  ",
        "a\n\n  b\r\n",
        "I'm you'RE they'Ll we'ſ 'D 'x",
        "HTTPServer camelCase ÄÖÜßéà",
        "1234567 ½ ٣٤",
        "def f(x):\n    return x + 1\n",
        "日本語のテキスト 中文 한국어",
        "e\u{301}\u{302} \u{301}a \u{301}",
        "ǅungla ʰa ªb",
        "🚀👨‍👩‍👧‍👦",
        "a/b//c/\n/d",
        "\u{a0}\u{2003}x \u{3000}",
        "<|endoftext|> is text",
        "-----====____",
        "https://example.org/a?b=c&d=%20",
        "\t\tx\t \ty",
        "ﬁ Σσς ΑΒΓ абв АБВ",
        "x\u{0}y\u{7f}",
    ];
    texts.iter().for_each(|text| check(text));
}

#[test]
fn long_pieces_take_no_longer_than_their_length_says() {
    check(&"a".repeat(5000));
    check(&" ".repeat(3000));
    check(&"ab=".repeat(2000));
    assert_eq!(Encoding::O200k.count(&"a".repeat(1_000_000)), 125_000);
}

#[test]
fn special_tokens_are_read_and_unknown_ones_named() {
    assert_eq!(Encoding::O200k.decode(&[199_999]).as_deref(), Ok("<|endoftext|>"));
    assert_eq!(Encoding::Cl100k.decode(&[24912, 2375]).as_deref(), Ok(" Tarnect"));
    assert_eq!(Encoding::Cl100k.decode(&[7, 4_000_000]), Err(4_000_000));
}

proptest! {
    #[test]
    fn any_text_has_the_reference_s_tokens(text in "\\PC{0,60}", spaces in "[ \\n\\r\\t'a-zA-Z0-9/é日̣́ʰǅ.!]{0,60}") {
        check(&text);
        check(&spaces);
    }
}
