/* edgequake: calls to language models, with one API for every provider.
 *
 * This file is made from rust-ffi/src/abi by `make header`; change the Rust source, not this file.
 *
 * Conventions
 *
 *   Text is UTF-8 in an eq_bytes: a pointer and a length, no NUL at the end, NUL bytes are legal inside. Where the length is 0 the
 *   pointer is not read. Requests and answers are JSON, described in docs/architecture.md.
 *
 *   Results. A function that can fail returns an eq_status and writes its outputs only when it returns EQ_OK. Where its last parameter
 *   is `eq_error **error`, EQ_ERR_REJECTED comes with an object that says what is wrong; pass NULL to do without. A null pointer, a handle
 *   that was freed and a bad argument are answered with a status, not with a crash, and no panic of the library crosses into the program.
 *
 *   Ownership. What a function stores through `out` or `error` is the caller's, who gives it to the _free function of its type, once.
 *   What a parameter points to is read before the function returns. What a returned or delivered eq_bytes points to belongs to the
 *   object it came from and lives as long as that object does.
 *
 *   Threads. Every function may be called from any thread and from a callback, with objects of any thread. Only one thread at a time may
 *   read a queue, and an object must not be freed while another thread still reads the bytes that it lent.
 *
 *   Fork. Nothing starts before the first call. In a child process objects from before the fork answer EQ_ERR_FORKED, their _free
 *   functions too, which is harmless: make new ones.
 */

#ifndef EDGEQUAKE_H
#define EDGEQUAKE_H

#include <stddef.h>
#include <stdint.h>

/// The number of this interface. It rises when something that compiled programs use changes; functions that are only added do
/// not raise it. A program that was compiled with another number must not use the library.
#define EQ_ABI_VERSION 1

/// Bytes that the library made for the caller.
typedef struct eq_buffer eq_buffer;

/// One request in flight.
typedef struct eq_call eq_call;

/// Threads, connections and counters that calls share. One is enough for a program; all functions may use it from any thread at once.
typedef struct eq_client eq_client;

/// What went wrong with a request or a call.
typedef struct eq_error eq_error;

/// Events of any number of calls, in order of arrival, for one reader at a time.
typedef struct eq_queue eq_queue;

/// The result of a function. Zero is success, positive numbers are no failures, negative ones are.
typedef int32_t eq_status;

/// A run of bytes: text is UTF-8, without a NUL at its end; NUL bytes inside are legal. Whoever gives it owns it; the function that gives
/// it says for how long. Where `len` is 0, `ptr` may be anything.
typedef struct {
  /// The first byte.
  const uint8_t *ptr;
  /// How many bytes there are.
  size_t len;
} eq_bytes;

/// What a callback answers: one of EQ_CONTINUE, EQ_PAUSE and EQ_CANCEL.
typedef int32_t eq_action;

/// The kind of an event: one of the EQ_EVENT_ constants. New ones may be added; ignore those you do not know.
typedef int32_t eq_event_kind;

/// Something that a call tells. In a callback, all that it points to lives until the callback returns; from eq_queue_next, until the next
/// eq_queue_next of that queue. A field is only ever added at the end, and raises
/// EQ_ABI_VERSION: eq_queue_next writes an array of them.
typedef struct {
  /// The size of this struct in the library that made it, in bytes.
  uint32_t size;
  /// What the event is.
  eq_event_kind kind;
  /// The number that the caller gave the call in eq_call_start.
  uint64_t tag;
  /// The choice, for chunks; the level, for a log record.
  int32_t index;
  /// The tool call within the choice.
  int32_t slot;
  /// JSON or binary, by kind. For EQ_EVENT_CONTENT, _REASONING and _ARGUMENTS the chunk's own `obfuscation`, mostly empty.
  eq_bytes data;
  /// Text, by kind.
  eq_bytes text;
  /// JSON: provider, model, api_base, status, request_id, attempts and the answer's headers.
  eq_bytes meta;
  /// The error of EQ_EVENT_FAILED, else NULL. It belongs to the event.
  const eq_error *error;
  /// The call. NULL for a log record.
  const eq_call *call;
} eq_event;

/// A function that takes events. It is called from the library's threads, for one call never from two at once. It must not block: other
/// calls wait for it. `user_data` is what the caller gave; it is not touched after the terminal event. The answer to a terminal event is
/// ignored.
typedef eq_action (*eq_event_fn)(const eq_event *event, void *user_data);

/// The kind of an error, by litellm's exception class: one of the EQ_ERROR_ constants. New ones may be added.
typedef int32_t eq_error_kind;

/// Which text of an error: one of the EQ_TEXT_ constants.
typedef int32_t eq_error_text;

/// Done.
#define EQ_OK 0

/// Nothing came within the time given to `eq_queue_next`.
#define EQ_TIMEOUT 1

/// A pointer argument that must not be NULL was NULL.
#define EQ_ERR_NULL -1

/// The handle is not one of this library's, is of another kind, or was freed before.
#define EQ_ERR_HANDLE -2

/// The handle was made before a fork(); make a new one in this process.
#define EQ_ERR_FORKED -3

/// An argument is outside of its range, for example a length above SSIZE_MAX.
#define EQ_ERR_ARGUMENT -4

/// The request is wrong; the eq_error says what and how to mend it. Nothing was sent.
#define EQ_ERR_REJECTED -5

/// Another thread is inside eq_queue_next of this queue.
#define EQ_ERR_BUSY -6

/// The queue was freed while this thread waited on it.
#define EQ_ERR_CLOSED -7

/// The system refused a resource: memory, a descriptor, a thread.
#define EQ_ERR_RESOURCE -8

/// A defect in the library: a panic was stopped at the boundary.
#define EQ_ERR_PANIC -9

/// Streams, once, before the first chunk: the provider accepted the request. Carries `meta`.
#define EQ_EVENT_OPENED 1

/// A chunk of a stream: `data` is a chat.completion.chunk as JSON (of text_completion and responses: an event of that API); `text` is the
/// content of its delta where it has one choice, `index`.
#define EQ_EVENT_CHUNK 2

/// A chunk that equals the last EQ_EVENT_CHUNK but for its delta, which is `text` as the content of the choice `index`.
#define EQ_EVENT_CONTENT 3

/// Likewise, with `text` as its reasoning_content.
#define EQ_EVENT_REASONING 4

/// Likewise, with `text` as a piece of the arguments of the tool call number `slot`.
#define EQ_EVENT_ARGUMENTS 5

/// Binary output, such as speech, in `data`.
#define EQ_EVENT_BYTES 6

/// A log record, to the function given to eq_log_set only: `index` is its level (10 debug, 20 info, 30 warning, 40 error), `text` its
/// message, `data` its fields as JSON.
#define EQ_EVENT_LOG 7

/// Terminal: the call succeeded. `data` is the answer as JSON (empty for a stream), `meta` tells of the HTTP answer.
#define EQ_EVENT_DONE 8

/// Terminal: the call failed, with `error`.
#define EQ_EVENT_FAILED 9

/// Go on.
#define EQ_CONTINUE 0

/// Read nothing more from the provider until eq_call_resume; the server feels it through TCP. No event follows meanwhile.
#define EQ_PAUSE 1

/// End the call: the connection is closed, and a terminal event of the kind EQ_ERROR_CANCELLED follows.
#define EQ_CANCEL 2

/// The request is wrong: a value, a name, an address (400, litellm's BadRequestError).
#define EQ_ERROR_BAD_REQUEST 1

/// The key is missing or refused (401).
#define EQ_ERROR_AUTHENTICATION 2

/// The key may not do this (403).
#define EQ_ERROR_PERMISSION_DENIED 3

/// The model or the address does not exist (404).
#define EQ_ERROR_NOT_FOUND 4

/// A time limit of the caller's or of the provider's passed (408, 504).
#define EQ_ERROR_TIMEOUT 5

/// The provider understood the request and refuses it (422).
#define EQ_ERROR_UNPROCESSABLE_ENTITY 6

/// Too many requests or tokens, or the account is exhausted (429).
#define EQ_ERROR_RATE_LIMIT 7

/// The provider failed (500).
#define EQ_ERROR_INTERNAL_SERVER 8

/// A gateway before the provider failed (502).
#define EQ_ERROR_BAD_GATEWAY 9

/// The provider is overloaded or down (503).
#define EQ_ERROR_SERVICE_UNAVAILABLE 10

/// Another failure that the provider reports.
#define EQ_ERROR_API 11

/// No connection, or it broke.
#define EQ_ERROR_API_CONNECTION 12

/// The provider's answer is not what its protocol says.
#define EQ_ERROR_API_RESPONSE_VALIDATION 13

/// The messages are longer than the model's context window.
#define EQ_ERROR_CONTEXT_WINDOW_EXCEEDED 14

/// The provider's content policy refused the messages.
#define EQ_ERROR_CONTENT_POLICY_VIOLATION 15

/// The provider does not know a parameter of the request.
#define EQ_ERROR_UNSUPPORTED_PARAMS 16

/// The caller cancelled the call, or freed its client.
#define EQ_ERROR_CANCELLED 17

/// A budget is used up.
#define EQ_ERROR_BUDGET_EXCEEDED 18

/// The answer does not fit the JSON schema that the request asked for.
#define EQ_ERROR_JSON_SCHEMA_VALIDATION 19

/// The account's balance at the provider is used up.
#define EQ_ERROR_PAYMENT_REQUIRED 20

/// A file that the request names by address could not be read, or must not be.
#define EQ_ERROR_IMAGE_FETCH 21

/// What happened, in a sentence: the provider's own where it sent one.
#define EQ_TEXT_MESSAGE 0

/// The provider, by litellm's name.
#define EQ_TEXT_PROVIDER 1

/// The model.
#define EQ_TEXT_MODEL 2

/// The provider's id of the request.
#define EQ_TEXT_REQUEST_ID 3

/// The provider's answer, at most 64 KiB of it.
#define EQ_TEXT_BODY 4

/// The provider's code of the error, such as "context_length_exceeded".
#define EQ_TEXT_CODE 5

/// The name of litellm's exception class, such as "RateLimitError".
#define EQ_TEXT_KIND_NAME 6

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/// The interface number of the loaded library, to be compared with EQ_ABI_VERSION of the header a program was compiled with. Any thread.
uint32_t eq_abi_version(void);

/// The release of the loaded library, such as "1.0.0": a static string, not to be freed. Any thread.
const char *eq_version(void);

/// How many fork()s lie between the library's first use and this process. A program that sees another number than before is in a child:
/// its old handles answer EQ_ERR_FORKED. Any thread.
uint64_t eq_fork_generation(void);

/// The name of a status, for logs: a static string, never NULL, not to be freed. Any thread.
const char *eq_status_name(eq_status status);

/// Makes a client. `config` is empty or a JSON object: {"worker_threads": n} (default 1), and what the client has by name, as in the question
/// "configure" (docs/architecture.md lists the kinds). No thread starts and no socket is opened before the first call. The caller frees the client with eq_client_free. `error` may be NULL. Any thread.
eq_status eq_client_new(eq_bytes config,
                        eq_client **out,
                        eq_error **error);

/// Frees a client and cancels its running calls; each of them still gets its terminal event. Waits for nothing but
/// telemetry, where the client has it: a second at most for what it has still to export. NULL is allowed. Any thread.
eq_status eq_client_free(eq_client *client);

/// Asks a question that needs no network and is answered at once (only "telemetry_flush" and those to a cache, "cache_get" and so on, may wait). `name` is "providers", "get_llm_provider", "cost", "token_count", …; `request` and the answer are
/// JSON, described in docs/architecture.md. `client` may be NULL but for questions about the client itself, such as "configure". The caller frees the answer with eq_buffer_free. `error` may be NULL. Any thread.
eq_status eq_query(const eq_client *client,
                   eq_bytes name,
                   eq_bytes request,
                   eq_buffer **out,
                   eq_error **error);

/// Starts a call.
///
/// `operation` is litellm's name of the function ("completion", "embedding"); `request` is a JSON object with its keyword arguments. Both,
/// and the attachments, are read before the function returns and may be freed then. `attachments` are binary inputs, such as audio, that
/// the request refers to by their number (`{"attachment": 0}`); those that it does not refer to are ignored. `tag` is a number of the caller's own that comes back in
/// every event.
///
/// Events go to `on_event` with `user_data`, perhaps before this function returns: give eq_queue_push and an eq_queue to read them from a
/// queue. After EQ_OK there is exactly one terminal event, and it is the last; after any other status there is none.
///
/// The caller frees the call with eq_call_free, at any time. `error` may be NULL. Any thread.
eq_status eq_call_start(const eq_client *client,
                        eq_bytes operation,
                        eq_bytes request,
                        const eq_bytes *attachments,
                        size_t attachment_count,
                        uint64_t tag,
                        eq_event_fn on_event,
                        void *user_data,
                        eq_call **out,
                        eq_error **error);

/// Ends a call: its connection is closed and a terminal event of the kind EQ_ERROR_CANCELLED comes, unless the terminal event is already
/// on its way. Does not wait. Any thread, also from a callback.
eq_status eq_call_cancel(const eq_call *call);

/// Reads nothing more from the provider until eq_call_resume. The events of one network read may still come. Any thread.
eq_status eq_call_pause(const eq_call *call);

/// Goes on after a pause. Any thread.
eq_status eq_call_resume(const eq_call *call);

/// Frees a call, and cancels it if it is still running; its terminal event still comes. NULL is allowed. Any thread, also from a callback.
eq_status eq_call_free(eq_call *call);

/// Makes a queue. `capacity` is how many bytes of events it holds before it pauses the calls that fill it (they go on when it is half
/// empty); 0 means 1 MiB. The caller frees it with eq_queue_free. `error` may be NULL. Any thread.
eq_status eq_queue_new(size_t capacity, eq_queue **out, eq_error **error);

/// Frees a queue with all its events and cancels the calls that still push into it. A thread that waits in eq_queue_next wakes with
/// EQ_ERR_CLOSED. NULL is allowed. Any thread.
eq_status eq_queue_free(eq_queue *queue);

/// The callback that fills a queue: give it to eq_call_start or eq_log_set as `on_event`, with the queue as `user_data`. A full queue
/// pauses the calls that fill it, and takes no log records.
eq_action eq_queue_push(const eq_event *event, void *queue);

/// A descriptor that is readable while the queue has events, for poll(), epoll or an event loop: the doorbell. It is made at the first
/// question, belongs to the queue and is closed with it; only wait on it, never read it. On Windows it is a SOCKET. Any thread.
eq_status eq_queue_descriptor(const eq_queue *queue, intptr_t *out);

/// Takes up to `max` events from a queue into `events` and writes their number to `count`. Waits up to `timeout_ms` milliseconds for the
/// first (-1: for ever, 0: not at all) and answers EQ_TIMEOUT when none came. What the events point to lives until the next eq_queue_next
/// of this queue or its eq_queue_free. One reader at a time: a second one is answered EQ_ERR_BUSY.
eq_status eq_queue_next(const eq_queue *queue, eq_event *events, size_t max, int32_t timeout_ms, size_t *count);

/// The kind of an error; 0 for a handle that is not an error's. Any thread.
eq_error_kind eq_error_get_kind(const eq_error *error);

/// The HTTP status that the provider answered with; 0 where it did not answer. Any thread.
int32_t eq_error_http_status(const eq_error *error);

/// How long the provider asks to wait, in milliseconds; -1 where it does not say. Any thread.
int64_t eq_error_retry_after_ms(const eq_error *error);

/// A text of an error; empty where there is none. It lives as long as the error. No text ever holds a key. Any thread.
eq_bytes eq_error_get_text(const eq_error *error, eq_error_text which);

/// Everything about an error as one JSON object (docs/architecture.md lists its members), for bindings that make exceptions of it. It lives
/// as long as the error. Any thread.
eq_bytes eq_error_json(const eq_error *error);

/// Frees an error that a function gave through its `error` argument. NULL is allowed and does nothing. An event's error is the event's
/// own and is not to be freed. Any thread.
eq_status eq_error_free(eq_error *error);

/// The bytes of a buffer; they live until eq_buffer_free. Empty for a handle that is not a buffer's. Any thread.
eq_bytes eq_buffer_bytes(const eq_buffer *buffer);

/// Frees a buffer. NULL is allowed and does nothing. Any thread.
eq_status eq_buffer_free(eq_buffer *buffer);

/// Sends the library's log records of `level` and above (10 debug, 20 info, 30 warning, 40 error) to `on_log`, as events of the kind
/// EQ_EVENT_LOG; NULL ends it. One function for the whole process: a second call replaces it. It may be called from any thread, several at
/// once, with `user_data` for as long as it is set. No record holds a key, or the content of a message. Any thread.
eq_status eq_log_set(int32_t level, eq_event_fn on_log, void *user_data);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* EDGEQUAKE_H */
