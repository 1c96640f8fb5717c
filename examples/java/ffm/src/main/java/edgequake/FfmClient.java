package edgequake;

import static java.lang.foreign.MemoryLayout.PathElement.groupElement;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** A client of libedgequake_ffi through Java's own foreign function and memory API, for Java 22 and later on 64-bit systems. */
// Every function of C is restricted: the virtual machine cannot check its description.
@SuppressWarnings("restricted")
public final class FfmClient implements Client {
    private static final int TEXT_MESSAGE = 0;
    private static final int TEXT_KIND_NAME = 6;

    private static final StructLayout BYTES = MemoryLayout.structLayout(ADDRESS.withName("ptr"), JAVA_LONG.withName("len"));
    private static final StructLayout EVENT = MemoryLayout.structLayout(
            JAVA_INT.withName("size"),
            JAVA_INT.withName("kind"),
            JAVA_LONG.withName("tag"),
            JAVA_INT.withName("index"),
            JAVA_INT.withName("slot"),
            BYTES.withName("data"),
            BYTES.withName("text"),
            BYTES.withName("meta"),
            ADDRESS.withName("error"),
            ADDRESS.withName("call"));

    private final Arena arena = Arena.ofShared();
    private final SymbolLookup library = SymbolLookup.libraryLookup(Client.libraryFile(), arena);
    private final MethodHandle statusName = function("eq_status_name", ADDRESS, JAVA_INT);
    private final MethodHandle clientNew = function("eq_client_new", JAVA_INT, BYTES, ADDRESS, ADDRESS);
    private final MethodHandle clientFree = function("eq_client_free", JAVA_INT, ADDRESS);
    private final MethodHandle callStart = function("eq_call_start", JAVA_INT, ADDRESS, BYTES, BYTES, ADDRESS, JAVA_LONG, JAVA_LONG,
            ADDRESS, ADDRESS, ADDRESS, ADDRESS);
    private final MethodHandle callCancel = function("eq_call_cancel", JAVA_INT, ADDRESS);
    private final MethodHandle callFree = function("eq_call_free", JAVA_INT, ADDRESS);
    private final MethodHandle queueNew = function("eq_queue_new", JAVA_INT, JAVA_LONG, ADDRESS, ADDRESS);
    private final MethodHandle queueFree = function("eq_queue_free", JAVA_INT, ADDRESS);
    private final MethodHandle queueNext = function("eq_queue_next", JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS);
    private final MethodHandle errorKind = function("eq_error_get_kind", JAVA_INT, ADDRESS);
    private final MethodHandle errorStatus = function("eq_error_http_status", JAVA_INT, ADDRESS);
    private final MethodHandle errorRetryAfter = function("eq_error_retry_after_ms", JAVA_LONG, ADDRESS);
    private final MethodHandle errorText = function("eq_error_get_text", BYTES, ADDRESS, JAVA_INT);
    private final MethodHandle errorFree = function("eq_error_free", JAVA_INT, ADDRESS);
    /** The library's own callback, so that Java is never called from its threads. */
    private final MemorySegment push = library.find("eq_queue_push").orElseThrow();
    private final MemorySegment handle;

    /** Loads what {@link Client#libraryFile} names. */
    public FfmClient() {
        var version = (int) invoke(function("eq_abi_version", JAVA_INT));
        if (version != ABI_VERSION) {
            throw new UnsatisfiedLinkError("the library has interface " + version + ", not " + ABI_VERSION);
        }
        handle = make((local, out, error) -> (int) invoke(clientNew, given(local, ""), out, error));
    }

    /** Cancels what still runs, and leaves the library loaded: its threads may be about to end. */
    @Override
    public void close() {
        invoke(clientFree, handle);
    }

    @Override
    public Stream start(String operation, String request, long capacity) {
        // A queue of its own: a reader that is slow holds back this call and no other.
        var queue = make((local, out, error) -> (int) invoke(queueNew, capacity, out, error));
        try {
            return new Running(queue, make((local, out, error) -> (int) invoke(callStart, handle, given(local, operation),
                    given(local, request), MemorySegment.NULL, 0L, 0L, push, queue, out, error)));
        } catch (RuntimeException failure) {
            invoke(queueFree, queue);
            throw failure;
        }
    }

    private final class Running extends Stream {
        private final MemorySegment queue;
        private final MemorySegment call;
        private final Arena own = Arena.ofAuto();
        private final MemorySegment events = own.allocate(EVENT, ROOM);
        private final MemorySegment count = own.allocate(JAVA_LONG);

        Running(MemorySegment queue, MemorySegment call) {
            this.queue = queue;
            this.call = call;
        }

        @Override
        protected void receive() {
            count.set(JAVA_LONG, 0, 0);
            check((int) invoke(queueNext, queue, events, (long) ROOM, SLICE_MS, count));
            events.elements(EVENT).limit(count.get(JAVA_LONG, 0)).forEach(event -> {
                var kind = event.get(JAVA_INT, offset("kind"));
                if (kind == Event.FAILED) {
                    failed(exception(event.get(ADDRESS, offset("error"))));
                } else {
                    arrived(new Event(kind, event.get(JAVA_INT, offset("index")), event.get(JAVA_INT, offset("slot")),
                            read(event.asSlice(offset("text"), BYTES)), read(event.asSlice(offset("data"), BYTES))));
                }
            });
        }

        @Override
        public void cancel() {
            invoke(callCancel, call);
        }

        @Override
        public void close() {
            invoke(callFree, call);
            invoke(queueFree, queue);
        }
    }

    private static long offset(String field) {
        return EVENT.byteOffset(groupElement(field));
    }

    private interface Maker {
        int call(Arena local, MemorySegment out, MemorySegment error);
    }

    private MemorySegment make(Maker function) {
        try (var local = Arena.ofConfined()) {
            var out = local.allocate(ADDRESS);
            var error = local.allocate(ADDRESS);
            var status = function.call(local, out, error);
            var failure = error.get(ADDRESS, 0);
            if (!failure.equals(MemorySegment.NULL)) {
                try {
                    throw exception(failure);
                } finally {
                    invoke(errorFree, failure);
                }
            }
            check(status);
            return out.get(ADDRESS, 0);
        }
    }

    /** A negative status without an error is a wrong program, or a lack of memory. */
    private void check(int status) {
        if (status < 0) {
            var name = (MemorySegment) invoke(statusName, status);
            throw new IllegalStateException(name.reinterpret(Long.MAX_VALUE).getString(0));
        }
    }

    private EdgequakeException exception(MemorySegment error) {
        try (var local = Arena.ofConfined()) {
            return new EdgequakeException(
                    (int) invoke(errorKind, error),
                    read((MemorySegment) invoke(errorText, local, error, TEXT_KIND_NAME)),
                    read((MemorySegment) invoke(errorText, local, error, TEXT_MESSAGE)),
                    (int) invoke(errorStatus, error),
                    (long) invoke(errorRetryAfter, error));
        }
    }

    private static MemorySegment given(Arena arena, String text) {
        var raw = text.getBytes(StandardCharsets.UTF_8);
        var bytes = arena.allocate(BYTES);
        bytes.set(ADDRESS, 0, arena.allocateFrom(JAVA_BYTE, raw));
        bytes.set(JAVA_LONG, ADDRESS.byteSize(), raw.length);
        return bytes;
    }

    /** Copies what the library lends. */
    private static String read(MemorySegment bytes) {
        var length = bytes.get(JAVA_LONG, ADDRESS.byteSize());
        var content = bytes.get(ADDRESS, 0).reinterpret(length);
        return new String(content.toArray(JAVA_BYTE), StandardCharsets.UTF_8);
    }

    private MethodHandle function(String name, MemoryLayout result, MemoryLayout... parameters) {
        return Linker.nativeLinker().downcallHandle(library.find(name).orElseThrow(), FunctionDescriptor.of(result, parameters));
    }

    /** No function of the library throws; what is thrown here is a wrong description of one. */
    private static Object invoke(MethodHandle function, Object... arguments) {
        try {
            return function.invokeWithArguments(Arrays.asList(arguments));
        } catch (Throwable wrong) {
            throw new LinkageError("a function of the library is not as it is described", wrong);
        }
    }

    public static void main(String[] arguments) {
        try (var client = new FfmClient()) {
            Transcript.run(client, arguments);
        }
    }
}
