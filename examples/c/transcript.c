/* What every example of a language shows, in the words of ../transcript.txt: a completion, a stream, a reader that is slow, a
 * stream that is cancelled, errors, embeddings. JSON is read and written with cJSON, as any other library would do it.
 *
 * Usage: transcript ADDRESS KEY */
#include <cjson/cJSON.h>

#include "common.h"

static const char *address, *key;

/* A call and its queue: events are read one by one, each to be used before the next is asked for. */
typedef struct {
  eq_queue *queue;
  eq_call *call;
  eq_event event;
} reader;

static cJSON *request(const char *prompt) {
  cJSON *request = cJSON_CreateObject();
  cJSON_AddStringToObject(request, "model", "openai/gpt-4o-mini");
  cJSON_AddStringToObject(request, "api_base", address);
  cJSON_AddStringToObject(request, "api_key", key);
  cJSON_AddNumberToObject(request, "num_retries", 0);
  if (prompt != NULL) {
    cJSON *message = cJSON_CreateObject();
    cJSON_AddStringToObject(message, "role", "user");
    cJSON_AddStringToObject(message, "content", prompt);
    cJSON_AddItemToArray(cJSON_AddArrayToObject(request, "messages"), message);
  }
  return request;
}

static cJSON *stream_request(const char *prompt) {
  cJSON *asked = request(prompt);
  cJSON_AddBoolToObject(asked, "stream", true);
  return asked;
}

/* Starts a call and frees its request. `capacity` is how many bytes may wait for the reader; 0 means 1 MiB. */
static eq_status start(const eq_client *client, const char *operation, cJSON *request, size_t capacity, reader *reader,
                       eq_error **error) {
  memset(reader, 0, sizeof *reader);
  check("eq_queue_new", eq_queue_new(capacity, &reader->queue, NULL), NULL);
  char *json = cJSON_PrintUnformatted(request);
  eq_status status = eq_call_start(client, text(operation), text(json), NULL, 0, 0, eq_queue_push, reader->queue,
                                   &reader->call, error);
  cJSON_free(json);
  cJSON_Delete(request);
  return status;
}

static const eq_event *next(reader *reader) {
  size_t count = 0;
  check("eq_queue_next", eq_queue_next(reader->queue, &reader->event, 1, -1, &count), NULL);
  return &reader->event;
}

/* Ends the call where it still runs. */
static void finish(reader *reader) {
  eq_call_free(reader->call);
  eq_queue_free(reader->queue);
}

/* Whether an event is new text, as opposed to a chunk with a role, a tool call or usage. */
static bool is_text(const eq_event *event) {
  return (event->kind == EQ_EVENT_CHUNK || event->kind == EQ_EVENT_CONTENT) && event->text.len > 0;
}

static cJSON *parse(eq_bytes json) { return cJSON_ParseWithLength((const char *)json.ptr, json.len); }

static const cJSON *member(const cJSON *object, const char *name) { return cJSON_GetObjectItemCaseSensitive(object, name); }

static const cJSON *first_choice(const cJSON *answer) { return cJSON_GetArrayItem(member(answer, "choices"), 0); }

/* The answer of a call that is not streamed and has to succeed, for cJSON_Delete. */
static cJSON *answer(const eq_client *client, const char *operation, cJSON *request) {
  reader call;
  eq_error *error = NULL;
  check("eq_call_start", start(client, operation, request, 0, &call, &error), &error);
  const eq_event *event = next(&call);
  if (event->kind == EQ_EVENT_FAILED) {
    print_error(event->error);
    exit(EXIT_FAILURE);
  }
  cJSON *answer = parse(event->data);
  finish(&call);
  return answer;
}

static void completion(const eq_client *client) {
  printf("completion\n");
  cJSON *got = answer(client, "completion", request("Name the capital of France."));
  const cJSON *choice = first_choice(got), *usage = member(got, "usage");
  printf("  answer: %s\n", member(member(choice, "message"), "content")->valuestring);
  printf("  finish reason: %s\n", member(choice, "finish_reason")->valuestring);
  printf("  tokens: %d + %d\n", member(usage, "prompt_tokens")->valueint, member(usage, "completion_tokens")->valueint);
  cJSON_Delete(got);
}

static void stream(const eq_client *client) {
  printf("stream\n  text: ");
  reader call;
  eq_error *error = NULL;
  char reason[32] = "";
  int pieces = 0;
  check("eq_call_start", start(client, "completion", stream_request("Describe the sea."), 0, &call, &error), &error);
  const eq_event *event;
  while (!is_last(event = next(&call))) {
    if (is_text(event)) {
      print(stdout, event->text);
      pieces++;
    }
    if (event->kind == EQ_EVENT_CHUNK) {
      /* Only a chunk that is more than text comes as JSON, so few are parsed. */
      cJSON *chunk = parse(event->data);
      const cJSON *given = member(first_choice(chunk), "finish_reason");
      if (cJSON_IsString(given)) snprintf(reason, sizeof reason, "%s", given->valuestring);
      cJSON_Delete(chunk);
    }
  }
  printf("\n  pieces: %d\n  finish reason: %s\n", pieces, reason);
  finish(&call);
}

/* A queue of 64 KiB. While nobody reads it the library reads nothing from the server, which so has to wait. */
static void backpressure(const eq_client *client) {
  printf("backpressure\n");
  reader call;
  eq_error *error = NULL;
  int pieces = 0;
  size_t bytes = 0;
  check("eq_call_start", start(client, "completion", stream_request("Recite the encyclopedia."), 65536, &call, &error),
        &error);
  const eq_event *event;
  while (!is_last(event = next(&call))) {
    if (!is_text(event)) continue;
    bytes += event->text.len;
    if (++pieces == 1) {
      printf("  one piece read; the reader turns to something else\n");
      cJSON *other = answer(client, "completion", request("What does the encyclopedia do?"));
      printf("  meanwhile: %s\n", member(member(first_choice(other), "message"), "content")->valuestring);
      cJSON_Delete(other);
    }
  }
  printf("  pieces: %d\n  bytes: %lu\n", pieces, (unsigned long)bytes);
  finish(&call);
}

static void cancel(const eq_client *client) {
  printf("cancel\n");
  reader call;
  eq_error *error = NULL;
  bool cancelled = false;
  check("eq_call_start", start(client, "completion", stream_request("Count to a million."), 0, &call, &error), &error);
  const eq_event *event;
  while (!is_last(event = next(&call))) {
    if (cancelled || !is_text(event)) continue;
    printf("  first piece: ");
    print(stdout, event->text);
    check("eq_call_cancel", eq_call_cancel(call.call), NULL);
    cancelled = true;
  }
  bool as_told = event->kind == EQ_EVENT_FAILED && eq_error_get_kind(event->error) == EQ_ERROR_CANCELLED;
  printf("\n  cancelled: %s\n", as_told ? "yes" : "no");
  finish(&call);
}

static void print_failure(const char *name, const eq_error *error, eq_error_kind expected) {
  printf("  %s: ", name);
  print(stdout, eq_error_get_text(error, EQ_TEXT_KIND_NAME));
  printf(", HTTP status %d\n", (int)eq_error_http_status(error));
  if (eq_error_get_kind(error) != expected) printf("    unexpected kind: %d\n", (int)eq_error_get_kind(error));
  if (eq_error_http_status(error) != 0) {
    printf("    message: ");
    print(stdout, eq_error_get_text(error, EQ_TEXT_MESSAGE));
    printf("\n");
  }
  if (eq_error_retry_after_ms(error) >= 0) {
    printf("    retry after: %lld ms\n", (long long)eq_error_retry_after_ms(error));
  }
}

static void show(const eq_client *client, const char *name, cJSON *wrong, eq_error_kind expected) {
  reader call;
  eq_error *error = NULL;
  eq_status status = start(client, "completion", wrong, 0, &call, &error);
  if (status == EQ_ERR_REJECTED) {
    /* Refused by the library itself: nothing was sent, no event follows, and the error is ours to free. */
    print_failure(name, error, expected);
    eq_error_free(error);
  } else {
    check("eq_call_start", status, &error);
    const eq_event *event = next(&call);
    if (event->kind == EQ_EVENT_FAILED) print_failure(name, event->error, expected);
  }
  finish(&call);
}

static void errors(const eq_client *client) {
  printf("errors\n");
  show(client, "no messages", request(NULL), EQ_ERROR_BAD_REQUEST);
  cJSON *refused = request("Let me in.");
  cJSON_ReplaceItemInObject(refused, "api_key", cJSON_CreateString("a-key-that-is-refused"));
  show(client, "refused key", refused, EQ_ERROR_AUTHENTICATION);
  show(client, "too many", request("Hurry."), EQ_ERROR_RATE_LIMIT);
}

static void embedding(const eq_client *client) {
  printf("embedding\n");
  const char *inputs[] = {"the sea", "a lake"};
  cJSON *asked = request(NULL);
  cJSON_ReplaceItemInObject(asked, "model", cJSON_CreateString("openai/text-embedding-3-small"));
  cJSON_AddItemToObject(asked, "input", cJSON_CreateStringArray(inputs, 2));
  cJSON *got = answer(client, "embedding", asked);
  const cJSON *item, *number;
  cJSON_ArrayForEach(item, member(got, "data")) {
    printf("  %d:", member(item, "index")->valueint);
    cJSON_ArrayForEach(number, member(item, "embedding")) printf(" %.3f", number->valuedouble);
    printf("\n");
  }
  printf("  tokens: %d\n", member(member(got, "usage"), "total_tokens")->valueint);
  cJSON_Delete(got);
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: transcript ADDRESS KEY\n");
    return 2;
  }
  address = argv[1];
  key = argv[2];
  if (eq_abi_version() != EQ_ABI_VERSION) {
    fprintf(stderr, "the library has interface %u, this program was compiled for %u\n", (unsigned)eq_abi_version(),
            (unsigned)EQ_ABI_VERSION);
    return EXIT_FAILURE;
  }
  eq_client *client = NULL;
  eq_error *error = NULL;
  check("eq_client_new", eq_client_new(text(""), &client, &error), &error);
  completion(client);
  stream(client);
  backpressure(client);
  cancel(client);
  errors(client);
  embedding(client);
  eq_client_free(client);
  return EXIT_SUCCESS;
}
