//! The one error type of the crate, shaped after litellm's exceptions.

use std::fmt;
use std::time::Duration;

/// What went wrong, by the name of litellm's exception class. The numbers are part of the ABI (`eq_error_kind`): they are never
/// reused, and new ones are only appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum ErrorKind {
    BadRequest = 1,
    Authentication = 2,
    PermissionDenied = 3,
    NotFound = 4,
    Timeout = 5,
    UnprocessableEntity = 6,
    RateLimit = 7,
    InternalServer = 8,
    BadGateway = 9,
    ServiceUnavailable = 10,
    Api = 11,
    ApiConnection = 12,
    ApiResponseValidation = 13,
    ContextWindowExceeded = 14,
    ContentPolicyViolation = 15,
    UnsupportedParams = 16,
    /// The caller cancelled the call. Not one of litellm's classes: Python never shows it.
    Cancelled = 17,
    BudgetExceeded = 18,
    JsonSchemaValidation = 19,
    /// The account's balance is used up.
    PaymentRequired = 20,
    /// A file that the request names by address could not be read.
    ImageFetch = 21,
}

impl ErrorKind {
    /// Every kind, for tables and tests.
    pub const ALL: [ErrorKind; 21] = [
        ErrorKind::BadRequest,
        ErrorKind::Authentication,
        ErrorKind::PermissionDenied,
        ErrorKind::NotFound,
        ErrorKind::Timeout,
        ErrorKind::UnprocessableEntity,
        ErrorKind::RateLimit,
        ErrorKind::InternalServer,
        ErrorKind::BadGateway,
        ErrorKind::ServiceUnavailable,
        ErrorKind::Api,
        ErrorKind::ApiConnection,
        ErrorKind::ApiResponseValidation,
        ErrorKind::ContextWindowExceeded,
        ErrorKind::ContentPolicyViolation,
        ErrorKind::UnsupportedParams,
        ErrorKind::Cancelled,
        ErrorKind::BudgetExceeded,
        ErrorKind::JsonSchemaValidation,
        ErrorKind::PaymentRequired,
        ErrorKind::ImageFetch,
    ];

    /// litellm's name of the exception class.
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::BadRequest => "BadRequestError",
            ErrorKind::Authentication => "AuthenticationError",
            ErrorKind::PermissionDenied => "PermissionDeniedError",
            ErrorKind::NotFound => "NotFoundError",
            ErrorKind::Timeout => "Timeout",
            ErrorKind::UnprocessableEntity => "UnprocessableEntityError",
            ErrorKind::RateLimit => "RateLimitError",
            ErrorKind::InternalServer => "InternalServerError",
            ErrorKind::BadGateway => "BadGatewayError",
            ErrorKind::ServiceUnavailable => "ServiceUnavailableError",
            ErrorKind::Api => "APIError",
            ErrorKind::ApiConnection => "APIConnectionError",
            ErrorKind::ApiResponseValidation => "APIResponseValidationError",
            ErrorKind::ContextWindowExceeded => "ContextWindowExceededError",
            ErrorKind::ContentPolicyViolation => "ContentPolicyViolationError",
            ErrorKind::UnsupportedParams => "UnsupportedParamsError",
            ErrorKind::Cancelled => "Cancelled",
            ErrorKind::BudgetExceeded => "BudgetExceededError",
            ErrorKind::JsonSchemaValidation => "JSONSchemaValidationError",
            ErrorKind::PaymentRequired => "PaymentRequiredError",
            ErrorKind::ImageFetch => "ImageFetchError",
        }
    }

    /// The status that litellm's class carries when the provider sent none.
    pub fn default_status(self) -> u16 {
        match self {
            ErrorKind::BadRequest
            | ErrorKind::ContextWindowExceeded
            | ErrorKind::ContentPolicyViolation
            | ErrorKind::UnsupportedParams
            | ErrorKind::ImageFetch => 400,
            ErrorKind::Authentication => 401,
            ErrorKind::PaymentRequired => 402,
            ErrorKind::PermissionDenied => 403,
            ErrorKind::NotFound => 404,
            ErrorKind::Timeout => 408,
            ErrorKind::UnprocessableEntity => 422,
            ErrorKind::RateLimit | ErrorKind::BudgetExceeded => 429,
            ErrorKind::BadGateway => 502,
            ErrorKind::ServiceUnavailable => 503,
            ErrorKind::Cancelled => 499,
            ErrorKind::InternalServer
            | ErrorKind::Api
            | ErrorKind::ApiConnection
            | ErrorKind::ApiResponseValidation
            | ErrorKind::JsonSchemaValidation => 500,
        }
    }
}

/// The fields of an [`Error`]; see `docs/architecture.md` for what each means to a caller.
#[derive(Clone, Debug)]
pub struct ErrorFields {
    pub kind: ErrorKind,
    /// The provider's own sentence, or ours, without litellm's prefixes. Never holds a secret.
    pub message: String,
    /// What litellm's exception carries.
    pub status_code: u16,
    /// What the server answered, where it answered.
    pub http_status: Option<u16>,
    pub provider: String,
    pub model: String,
    pub request_id: Option<String>,
    pub retry_after: Option<Duration>,
    /// `x-should-retry`, which wins over the status (OpenAI's and Anthropic's SDKs).
    pub should_retry: Option<bool>,
    /// The provider's answer, at most 64 KiB.
    pub body: Option<String>,
    /// The provider's `error.code`, `error.type` and `error.param`.
    pub code: Option<String>,
    pub error_type: Option<String>,
    pub param: Option<String>,
    /// The answer's headers in lower case.
    pub headers: Vec<(String, String)>,
    pub attempts: u32,
    pub num_retries: Option<u32>,
    /// True once the stream had been opened: nothing is sent again after that.
    pub mid_stream: bool,
    /// The text that had arrived before a stream failed.
    pub generated: Option<String>,
}

/// An error of a call. Boxed, so that a `Result` stays small on the hot path.
#[derive(Clone)]
pub struct Error(Box<ErrorFields>);

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(Box::new(ErrorFields {
            kind,
            message: message.into(),
            status_code: kind.default_status(),
            http_status: None,
            provider: String::new(),
            model: String::new(),
            request_id: None,
            retry_after: None,
            should_retry: None,
            body: None,
            code: None,
            error_type: None,
            param: None,
            headers: Vec::new(),
            attempts: 0,
            num_retries: None,
            mid_stream: false,
            generated: None,
        }))
    }

    /// The caller's own mistake, found before any network.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::BadRequest, message)
    }

    /// The members of docs/architecture.md's error object.
    pub fn to_json(&self) -> Vec<u8> {
        let headers: serde_json::Map<String, serde_json::Value> =
            self.headers.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let object = serde_json::json!({
            "kind": self.kind.name(),
            "message": self.message,
            "status_code": self.status_code,
            "http_status": self.http_status,
            "provider": self.provider,
            "model": self.model,
            "request_id": self.request_id,
            "retry_after_ms": self.retry_after.map(|wait| wait.as_millis() as u64),
            "body": self.body,
            "code": self.code,
            "type": self.error_type,
            "param": self.param,
            "headers": headers,
            "attempts": self.attempts,
            "num_retries": self.num_retries,
            "mid_stream": self.mid_stream,
            "generated": self.generated,
        });
        object.to_string().into_bytes()
    }

    /// Takes a secret out of what is shown.
    pub fn conceal(&mut self, secret: &str) {
        let fields = &mut *self.0;
        let told = [&mut fields.body, &mut fields.code, &mut fields.error_type, &mut fields.param, &mut fields.request_id];
        let headers = fields.headers.iter_mut().map(|(_, value)| value);
        for text in told.into_iter().filter_map(Option::as_mut).chain([&mut fields.message]).chain(headers) {
            if text.contains(secret) {
                *text = text.replace(secret, "***");
            }
        }
    }

    /// Names provider and model where they are not known yet.
    pub fn at(mut self, provider: &str, model: &str) -> Self {
        if self.0.provider.is_empty() {
            self.0.provider = provider.to_owned();
        }
        if self.0.model.is_empty() {
            self.0.model = model.to_owned();
        }
        self
    }
}

impl std::ops::Deref for Error {
    type Target = ErrorFields;
    fn deref(&self) -> &ErrorFields {
        &self.0
    }
}

impl std::ops::DerefMut for Error {
    fn deref_mut(&mut self) -> &mut ErrorFields {
        &mut self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::error::Error for Error {}
