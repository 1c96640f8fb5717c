package edgequake;

/**
 * A piece of a call.
 *
 * @param kind one of the constants below; a newer library may have more
 * @param index the choice
 * @param slot the tool call that {@code text} belongs to, for ARGUMENTS
 * @param text new content, reasoning or arguments, by the kind
 * @param data JSON: the chat.completion.chunk of CHUNK, the answer of DONE
 */
public record Event(int kind, int index, int slot, String text, String data) {
    public static final int CHUNK = 2;
    public static final int CONTENT = 3;
    public static final int REASONING = 4;
    public static final int ARGUMENTS = 5;
    public static final int DONE = 8;
    public static final int FAILED = 9;

    /** New content; empty for other pieces. */
    public String content() {
        return kind == CHUNK || kind == CONTENT ? text : "";
    }
}
