package edgequake;

/**
 * Connections and threads that calls share: one is enough for a program. Requests and answers are JSON with litellm's names. Every
 * method may be called from any thread, and every wait ends, as cancelled, when its thread is interrupted.
 */
public interface Client extends AutoCloseable {
    /** The number of the library's interface that these classes are written for. */
    int ABI_VERSION = 1;

    /** One chat completion: the answer is a chat.completion object. */
    default String completion(String request) {
        try (var call = start("completion", request, 0)) {
            return call.answer();
        }
    }

    /** Embeddings. */
    default String embedding(String request) {
        try (var call = start("embedding", request, 0)) {
            return call.answer();
        }
    }

    /**
     * A streamed chat completion.
     *
     * @param capacity how many bytes may wait for a slow reader before the provider is held back; 0 means 1 MiB
     */
    default Stream stream(String request, long capacity) {
        return start("completion", streamed(request), capacity);
    }

    /**
     * The request with {@code "stream": true}, behind its other members: of two with one name the last counts. What is no object is the
     * library's to refuse.
     */
    private static String streamed(String request) {
        var text = request.stripTrailing();
        if (!text.endsWith("}")) {
            return request;
        }
        var members = text.substring(0, text.length() - 1).stripTrailing();
        return members + (members.endsWith("{") ? "" : ",") + "\"stream\":true}";
    }

    /** Starts a call of any operation. */
    Stream start(String operation, String request, long capacity);

    /** Cancels what still runs. */
    @Override
    void close();

    /** The file of the library: {@code $EDGEQUAKE_LIBRARY}, or what an installed one is called. */
    static String libraryFile() {
        var told = System.getenv("EDGEQUAKE_LIBRARY");
        if (told != null) {
            return told;
        }
        var system = System.getProperty("os.name");
        return system.startsWith("Mac") ? "libedgequake.1.dylib" : system.startsWith("Windows") ? "edgequake.dll" : "libedgequake.so.1";
    }
}
