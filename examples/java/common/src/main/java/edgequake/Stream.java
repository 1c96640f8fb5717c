package edgequake;

import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Queue;

/**
 * A running call: iterate over its events, once. The iteration throws {@link EdgequakeException} where the call fails, also when it
 * was cancelled. Closing ends the call and its connection. One thread at a time reads.
 */
public abstract class Stream implements Iterable<Event>, AutoCloseable {
    /** How many events one call of the library may hand out. */
    protected static final int ROOM = 16;
    /** How long one wait of the library lasts; between two of them an interrupted thread is noticed. */
    protected static final int SLICE_MS = 100;

    private final Queue<Event> arrived = new ArrayDeque<>();
    private EdgequakeException failure;
    private boolean finished;

    /** Waits up to SLICE_MS for events, gives them to {@link #arrived} and {@link #failed}. */
    protected abstract void receive();

    /** From any thread; whoever reads the stream gets {@link ErrorKind#CANCELLED}. */
    public abstract void cancel();

    @Override
    public abstract void close();

    protected final void arrived(Event event) {
        finished |= event.kind() == Event.DONE;
        arrived.add(event);
    }

    protected final void failed(EdgequakeException error) {
        finished = true;
        failure = error;
    }

    /** The next event; null after the last. */
    private Event take() {
        while (arrived.isEmpty() && !finished) {
            if (Thread.currentThread().isInterrupted()) {
                cancel();
            }
            receive();
        }
        if (arrived.isEmpty() && failure != null) {
            throw failure;
        }
        return arrived.poll();
    }

    final String answer() {
        for (var event = take(); event != null; event = take()) {
            if (event.kind() == Event.DONE && event.data() != null && !event.data().isEmpty()) {
                return event.data();
            }
        }
        throw new IllegalArgumentException("the request asks for a stream: take stream()");
    }

    @Override
    public Iterator<Event> iterator() {
        return new Iterator<>() {
            private Event next;

            @Override
            public boolean hasNext() {
                if (next == null) {
                    next = take();
                }
                return next != null;
            }

            @Override
            public Event next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                var event = next;
                next = null;
                return event;
            }
        };
    }
}
