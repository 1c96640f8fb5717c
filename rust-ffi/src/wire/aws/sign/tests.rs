use super::*;
use crate::engine::route::Secret;
use crate::engine::secrets::Secrets;
use std::time::UNIX_EPOCH;

/// The keys of AWS's published examples.
fn example(session: Option<&str>) -> Keys {
    Keys::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", session, "the example").unwrap()
}

/// 2015-08-30T12:36:00Z, the time of AWS's published examples.
fn example_time() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_440_938_160)
}

fn header<'h>(headers: &'h [(String, String)], name: &str) -> &'h str {
    headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

#[test]
fn b3_awss_published_example_is_reproduced() {
    // get-vanilla and post-x-www-form-urlencoded of AWS's test suite for Signature Version 4.
    let get =
        sign("GET", "https://example.amazonaws.com/", &[], b"", &example(None), "us-east-1", "service", example_time()).unwrap();
    assert_eq!(
        header(&get, "authorization"),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, \
         Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    );
    assert_eq!(header(&get, "x-amz-date"), "20150830T123600Z");
    let post = sign(
        "POST",
        "https://example.amazonaws.com/",
        &[("content-type", "application/x-www-form-urlencoded")],
        b"Param1=value1",
        &example(None),
        "us-east-1",
        "service",
        example_time(),
    )
    .unwrap();
    assert!(
        header(&post, "authorization").ends_with(
            "SignedHeaders=content-type;host;x-amz-date, Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
        ),
        "{}",
        header(&post, "authorization")
    );
}

#[test]
fn b3_the_path_of_an_arn_is_encoded_once_more_before_it_is_signed() {
    // Checked against an implementation of its own of the canonical request, as AWS's documents describe it.
    let url = "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-v2%3A1/converse";
    let signed = sign(
        "POST",
        url,
        &[("content-type", "application/json")],
        b"{}",
        &example(Some("tok")),
        "us-east-1",
        "bedrock",
        example_time(),
    );
    let signed = signed.unwrap();
    assert_eq!(header(&signed, "x-amz-security-token"), "tok");
    let names = "content-type;host;x-amz-date;x-amz-security-token";
    let canonical = format!(
        "POST\n/model/anthropic.claude-v2%253A1/converse\n\ncontent-type:application/json\nhost:bedrock-runtime.us-east-1.amazonaws.com\n\
         x-amz-date:20150830T123600Z\nx-amz-security-token:tok\n\n{names}\n{}",
        hex(&sha256(b"{}"))
    );
    let scope = "20150830/us-east-1/bedrock/aws4_request";
    let text = format!("AWS4-HMAC-SHA256\n20150830T123600Z\n{scope}\n{}", hex(&sha256(canonical.as_bytes())));
    let mut key = b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_vec();
    for part in ["20150830", "us-east-1", "bedrock", "aws4_request"] {
        key = hmac(&key, part.as_bytes());
    }
    let expected = format!("SignedHeaders={names}, Signature={}", hex(&hmac(&key, text.as_bytes())));
    assert!(header(&signed, "authorization").ends_with(&expected), "{}", header(&signed, "authorization"));
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).to_vec()
}

/// RFC 2104, for keys up to a block's length.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let pad = |byte: u8| (0..64).map(|at| key.get(at).copied().unwrap_or(0) ^ byte).collect::<Vec<u8>>();
    let inner = sha256(&[pad(0x36), text.to_vec()].concat());
    sha256(&[pad(0x5C), inner].concat())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn refusal(kind: &str, date: &str) -> Head {
    let headers = [("x-amzn-errortype", kind), ("date", date)];
    Head { status: 403, headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect() }
}

#[test]
fn b3_only_what_other_credentials_can_help_is_sent_again() {
    let signer = |source| Signer {
        source,
        region: Region::of(&Request::parse(b"{}").unwrap(), Some("us-east-1")).unwrap(),
        service: "bedrock",
        url: "https://only.example/model/m/converse".to_owned(),
    };
    let tokens = Tokens::default();
    let date = httpdate::fmt_http_date(SystemTime::now());
    let fetched = signer(Source::Instance);
    assert!(fetched.forbidden(&[], &refusal("ExpiredTokenException:http://internal", &date), &tokens));
    assert!(!fetched.forbidden(&[], &refusal("AccessDeniedException", &date), &tokens));
    assert!(!fetched.forbidden(&[], &refusal("InvalidSignatureException", "no date"), &tokens));
    let later = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3600));
    assert!(fetched.forbidden(&[], &refusal("InvalidSignatureException:http://internal", &later), &tokens));
    let given = signer(Source::Keys(example(None)));
    assert!(!given.forbidden(&[], &refusal("ExpiredTokenException", &date), &tokens));
}

#[tokio::test]
async fn b3_every_attempt_is_signed_by_itself() {
    let signer = Signer {
        source: Source::Keys(Keys { session: Some(Secret::new("tok")), ..example(None) }),
        region: Region::of(&Request::parse(b"{}").unwrap(), Some("eu-west-1")).unwrap(),
        service: "bedrock",
        url: "https://h.example/model/m/converse".to_owned(),
    };
    let (http, tokens) = (reqwest::Client::new(), Tokens::default());
    let headers = [("content-type".to_owned(), "application/json".to_owned()), ("x-other".to_owned(), "unsigned".to_owned())];
    let sign = |body: &'static [u8]| {
        let (signer, http, tokens, headers) = (&signer, &http, &tokens, &headers);
        async move {
            let (method, body) = (reqwest::Method::POST, bytes::Bytes::from_static(body));
            let attempt = Attempt {
                method: &method,
                url: "https://h.example/model/m/converse",
                headers,
                body: &body,
                http,
                tokens,
                secrets: &Secrets::default(),
            };
            let signed = signer.headers(attempt).await.unwrap();
            header(&signed, "authorization").to_owned()
        }
    };
    let (one, other) = (sign(b"{}").await, sign(b"{\"a\":1}").await);
    assert!(
        one.contains("/eu-west-1/bedrock/aws4_request")
            && one.contains("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token")
    );
    assert_ne!(one, other);
}
