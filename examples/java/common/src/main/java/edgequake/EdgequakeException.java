package edgequake;

import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;

/** A request that was refused, or a call that failed. Nothing in it ever holds a key. */
public final class EdgequakeException extends RuntimeException {
    private static final long serialVersionUID = 1;
    private final ErrorKind kind;
    private final String name;
    private final int httpStatus;
    private final long retryAfterMs;

    EdgequakeException(int kind, String name, String message, int httpStatus, long retryAfterMs) {
        super(message);
        this.kind = ErrorKind.of(kind);
        this.name = name;
        this.httpStatus = httpStatus;
        this.retryAfterMs = retryAfterMs;
    }

    public ErrorKind kind() {
        return kind;
    }

    /** The name of litellm's exception class. */
    public String name() {
        return name;
    }

    /** Empty where the server did not answer. */
    public OptionalInt httpStatus() {
        return httpStatus == 0 ? OptionalInt.empty() : OptionalInt.of(httpStatus);
    }

    /** Empty where the provider does not say. */
    public Optional<Duration> retryAfter() {
        return retryAfterMs < 0 ? Optional.empty() : Optional.of(Duration.ofMillis(retryAfterMs));
    }
}
