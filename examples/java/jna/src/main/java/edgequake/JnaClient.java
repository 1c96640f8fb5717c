package edgequake;

import com.sun.jna.IntegerType;
import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.ptr.PointerByReference;
import java.nio.charset.StandardCharsets;

/** A client of libedgequake_ffi through JNA, for Java 17 and later. */
public final class JnaClient implements Client {
    private static final int OK = 0;
    private static final int TEXT_MESSAGE = 0;
    private static final int TEXT_KIND_NAME = 6;

    private final Functions library;
    /** The library's own callback, so that Java is never called from its threads. */
    private final Pointer push;
    private final Pointer handle;

    /** Loads what {@link Client#libraryFile} names. */
    public JnaClient() {
        library = Native.load(Client.libraryFile(), Functions.class);
        push = NativeLibrary.getInstance(Client.libraryFile()).getFunction("eq_queue_push");
        if (library.eq_abi_version() != ABI_VERSION) {
            throw new UnsatisfiedLinkError("the library has interface " + library.eq_abi_version() + ", not " + ABI_VERSION);
        }
        handle = make((out, error) -> library.eq_client_new(Bytes.given(""), out, error));
    }

    @Override
    public void close() {
        library.eq_client_free(handle);
    }

    @Override
    public Stream start(String operation, String request, long capacity) {
        // A queue of its own: a reader that is slow holds back this call and no other.
        var queue = make((out, error) -> library.eq_queue_new(new Size(capacity), out, error));
        try {
            var name = Bytes.given(operation);
            var body = Bytes.given(request);
            return new Running(queue, make((out, error) ->
                    library.eq_call_start(handle, name, body, null, new Size(0), 0, push, queue, out, error)));
        } catch (RuntimeException failure) {
            library.eq_queue_free(queue);
            throw failure;
        }
    }

    private final class Running extends Stream {
        private final Pointer queue;
        private final Pointer call;
        private final RawEvent[] events = (RawEvent[]) new RawEvent().toArray(ROOM);

        Running(Pointer queue, Pointer call) {
            this.queue = queue;
            this.call = call;
        }

        @Override
        protected void receive() {
            var count = new SizeByReference();
            check(library.eq_queue_next(queue, events[0], new Size(ROOM), SLICE_MS, count));
            for (var i = 0; i < count.getValue(); i++) {
                var event = events[i];
                if (event.kind == Event.FAILED) {
                    failed(exception(event.error));
                } else {
                    arrived(new Event(event.kind, event.index, event.slot, event.text.text(), event.data.text()));
                }
            }
        }

        @Override
        public void cancel() {
            library.eq_call_cancel(call);
        }

        @Override
        public void close() {
            library.eq_call_free(call);
            library.eq_queue_free(queue);
        }
    }

    private interface Maker {
        int call(PointerByReference out, PointerByReference error);
    }

    private Pointer make(Maker function) {
        var out = new PointerByReference();
        var error = new PointerByReference();
        var status = function.call(out, error);
        if (error.getValue() != null) {
            try {
                throw exception(error.getValue());
            } finally {
                library.eq_error_free(error.getValue());
            }
        }
        check(status);
        return out.getValue();
    }

    /** A negative status without an error is a wrong program, or a lack of memory. */
    private void check(int status) {
        if (status < OK) {
            throw new IllegalStateException(library.eq_status_name(status));
        }
    }

    private EdgequakeException exception(Pointer error) {
        return new EdgequakeException(
                library.eq_error_get_kind(error),
                library.eq_error_get_text(error, TEXT_KIND_NAME).text(),
                library.eq_error_get_text(error, TEXT_MESSAGE).text(),
                library.eq_error_http_status(error),
                library.eq_error_retry_after_ms(error));
    }

    /** The functions of edgequake.h. */
    public interface Functions extends Library {
        int eq_abi_version();

        String eq_status_name(int status);

        int eq_client_new(Bytes.ByValue config, PointerByReference out, PointerByReference error);

        int eq_client_free(Pointer client);

        int eq_call_start(Pointer client, Bytes.ByValue operation, Bytes.ByValue request, Pointer attachments, Size count, long tag,
                Pointer onEvent, Pointer userData, PointerByReference out, PointerByReference error);

        int eq_call_cancel(Pointer call);

        int eq_call_free(Pointer call);

        int eq_queue_new(Size capacity, PointerByReference out, PointerByReference error);

        int eq_queue_free(Pointer queue);

        int eq_queue_next(Pointer queue, RawEvent events, Size max, int timeoutMs, SizeByReference count);

        int eq_error_get_kind(Pointer error);

        int eq_error_http_status(Pointer error);

        long eq_error_retry_after_ms(Pointer error);

        Bytes.ByValue eq_error_get_text(Pointer error, int which);

        int eq_error_free(Pointer error);
    }

    /** C's size_t. */
    public static final class Size extends IntegerType {
        private static final long serialVersionUID = 1;

        public Size() {
            this(0);
        }

        public Size(long value) {
            super(Native.SIZE_T_SIZE, value, true);
        }
    }

    /** A place for a size_t. */
    public static final class SizeByReference extends com.sun.jna.ptr.ByReference {
        public SizeByReference() {
            super(Native.SIZE_T_SIZE);
            getPointer().clear(Native.SIZE_T_SIZE);
        }

        long getValue() {
            return Native.SIZE_T_SIZE == Long.BYTES ? getPointer().getLong(0) : getPointer().getInt(0);
        }
    }

    /** A run of bytes. */
    @Structure.FieldOrder({"ptr", "len"})
    public static class Bytes extends Structure {
        public Pointer ptr;
        public Size len;

        /** As it is given and returned. */
        public static final class ByValue extends Bytes implements Structure.ByValue {}

        static ByValue given(String text) {
            var raw = text.getBytes(StandardCharsets.UTF_8);
            var bytes = new ByValue();
            bytes.len = new Size(raw.length);
            if (raw.length > 0) {
                // Lives as long as the structure that refers to it.
                bytes.ptr = new Memory(raw.length);
                bytes.ptr.write(0, raw, 0, raw.length);
            }
            return bytes;
        }

        /** Copies what the library lends. */
        String text() {
            return len.intValue() == 0 ? "" : new String(ptr.getByteArray(0, len.intValue()), StandardCharsets.UTF_8);
        }
    }

    /** eq_event. */
    @Structure.FieldOrder({"size", "kind", "tag", "index", "slot", "data", "text", "meta", "error", "call"})
    public static final class RawEvent extends Structure {
        public int size;
        public int kind;
        public long tag;
        public int index;
        public int slot;
        public Bytes data;
        public Bytes text;
        public Bytes meta;
        public Pointer error;
        public Pointer call;
    }

    public static void main(String[] arguments) {
        try (var client = new JnaClient()) {
            Transcript.run(client, arguments);
        }
    }
}
