package edgequake;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** What every example of a language shows, in the words of ../transcript.txt. */
final class Transcript {
    // System.out would write in the encoding of the locale.
    private final PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
    private final Client client;
    private final String address;
    private final String key;

    private Transcript(Client client, String address, String key) {
        this.client = client;
        this.address = address;
        this.key = key;
    }

    /** Arguments: the address of a server of OpenAI's protocol, and a key. */
    static void run(Client client, String[] arguments) {
        if (arguments.length != 2) {
            throw new IllegalArgumentException("usage: ADDRESS KEY");
        }
        var transcript = new Transcript(client, arguments[0], arguments[1]);
        transcript.completion();
        transcript.stream();
        transcript.backpressure();
        transcript.cancel();
        transcript.errors();
        transcript.embedding();
    }

    private JsonObject request(String prompt) {
        var message = new JsonObject();
        message.addProperty("role", "user");
        message.addProperty("content", prompt);
        var messages = new JsonArray();
        messages.add(message);
        var request = new JsonObject();
        request.addProperty("model", "openai/gpt-4o-mini");
        request.addProperty("api_base", address);
        request.addProperty("api_key", key);
        request.addProperty("num_retries", 0);
        request.add("messages", messages);
        return request;
    }

    private JsonObject ask(String prompt) {
        return parse(client.completion(request(prompt).toString()));
    }

    private static JsonObject parse(String json) {
        return JsonParser.parseString(json).getAsJsonObject();
    }

    private static JsonObject choice(JsonObject answer) {
        return answer.getAsJsonArray("choices").get(0).getAsJsonObject();
    }

    private static String content(JsonObject answer) {
        return choice(answer).getAsJsonObject("message").get("content").getAsString();
    }

    private void completion() {
        out.println("completion");
        var answer = ask("Name the capital of France.");
        var usage = answer.getAsJsonObject("usage");
        out.println("  answer: " + content(answer));
        out.println("  finish reason: " + choice(answer).get("finish_reason").getAsString());
        out.println("  tokens: " + usage.get("prompt_tokens") + " + " + usage.get("completion_tokens"));
    }

    private void stream() {
        out.println("stream");
        var text = new StringBuilder();
        var pieces = 0;
        var reason = "";
        try (var stream = client.stream(request("Describe the sea.").toString(), 0)) {
            for (var event : stream) {
                text.append(event.content());
                pieces += event.content().isEmpty() ? 0 : 1;
                if (event.kind() == Event.CHUNK) {
                    var chunk = parse(event.data());
                    var given = chunk.getAsJsonArray("choices").isEmpty() ? null : choice(chunk).get("finish_reason");
                    reason = given == null || given.isJsonNull() ? reason : given.getAsString();
                }
            }
        }
        out.println("  text: " + text);
        out.println("  pieces: " + pieces);
        out.println("  finish reason: " + reason);
    }

    /** A queue of 64 KiB. While nobody reads it the library reads nothing from the server, which so has to wait. */
    private void backpressure() {
        out.println("backpressure");
        var pieces = 0;
        var bytes = 0;
        try (var stream = client.stream(request("Recite the encyclopedia.").toString(), 65536)) {
            for (var event : stream) {
                if (event.content().isEmpty()) {
                    continue;
                }
                pieces++;
                bytes += event.content().getBytes(StandardCharsets.UTF_8).length;
                if (pieces == 1) {
                    out.println("  one piece read; the reader turns to something else");
                    out.println("  meanwhile: " + content(ask("What does the encyclopedia do?")));
                }
            }
        }
        out.println("  pieces: " + pieces);
        out.println("  bytes: " + bytes);
    }

    private void cancel() {
        out.println("cancel");
        try (var stream = client.stream(request("Count to a million.").toString(), 0)) {
            var cancelled = false;
            for (var event : stream) {
                if (!event.content().isEmpty() && !cancelled) {
                    out.println("  first piece: " + event.content());
                    stream.cancel();
                    cancelled = true;
                }
            }
        } catch (EdgequakeException error) {
            out.println("  cancelled: " + (error.kind() == ErrorKind.CANCELLED ? "yes" : error));
        }
    }

    private void errors() {
        out.println("errors");
        var nothing = request("");
        nothing.remove("messages");
        // Refused by the library itself, before anything is sent.
        show("no messages", nothing, ErrorKind.BAD_REQUEST);
        var refused = request("Let me in.");
        refused.addProperty("api_key", "a-key-that-is-refused");
        show("refused key", refused, ErrorKind.AUTHENTICATION);
        show("too many", request("Hurry."), ErrorKind.RATE_LIMIT);
    }

    private void show(String name, JsonObject wrong, ErrorKind expected) {
        try {
            client.completion(wrong.toString());
            out.println("  " + name + ": no error");
        } catch (EdgequakeException error) {
            out.println("  " + name + ": " + error.name() + ", HTTP status " + error.httpStatus().orElse(0));
            if (error.kind() != expected) {
                out.println("    unexpected: " + error.kind());
            }
            if (error.httpStatus().isPresent()) {
                out.println("    message: " + error.getMessage());
            }
            error.retryAfter().ifPresent(wait -> out.println("    retry after: " + wait.toMillis() + " ms"));
        }
    }

    private void embedding() {
        out.println("embedding");
        var asked = request("");
        asked.remove("messages");
        asked.addProperty("model", "openai/text-embedding-3-small");
        var input = new JsonArray();
        input.add("the sea");
        input.add("a lake");
        asked.add("input", input);
        var answer = parse(client.embedding(asked.toString()));
        for (var item : answer.getAsJsonArray("data")) {
            out.print("  " + item.getAsJsonObject().get("index") + ":");
            for (var number : item.getAsJsonObject().getAsJsonArray("embedding")) {
                out.printf(Locale.ROOT, " %.3f", number.getAsDouble());
            }
            out.println();
        }
        out.println("  tokens: " + answer.getAsJsonObject("usage").get("total_tokens"));
    }
}
