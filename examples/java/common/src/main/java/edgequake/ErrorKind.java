package edgequake;

/** What went wrong, by litellm's exception class. */
public enum ErrorKind {
    /** A kind that a newer library has added; {@link EdgequakeException#name} tells it. */
    UNKNOWN,
    BAD_REQUEST,
    AUTHENTICATION,
    PERMISSION_DENIED,
    NOT_FOUND,
    TIMEOUT,
    UNPROCESSABLE_ENTITY,
    RATE_LIMIT,
    INTERNAL_SERVER,
    BAD_GATEWAY,
    SERVICE_UNAVAILABLE,
    API,
    API_CONNECTION,
    API_RESPONSE_VALIDATION,
    CONTEXT_WINDOW_EXCEEDED,
    CONTENT_POLICY_VIOLATION,
    UNSUPPORTED_PARAMS,
    CANCELLED,
    BUDGET_EXCEEDED,
    JSON_SCHEMA_VALIDATION,
    PAYMENT_REQUIRED,
    IMAGE_FETCH;

    /** By the library's number, which is the constant's place. */
    static ErrorKind of(int number) {
        return number > 0 && number < values().length ? values()[number] : UNKNOWN;
    }
}
