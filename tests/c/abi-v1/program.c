/* A program of somebody who compiled it when interface 1 was new, and has not compiled it since. It uses everything a program
 * is built on: the sizes and offsets of the structs, the numbers of the constants, every function. */
#include <stdio.h>
#include <string.h>

#include "edgequake.h"

#define STREAM                                                                                                \
  "{\"model\":\"openai/gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"stream\":true,"       \
  "\"mock_response\":\"One two three four five six\"}"

#define REQUIRE(condition)                                                      \
  do {                                                                          \
    if (!(condition)) {                                                         \
      fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition);  \
      return 1;                                                                 \
    }                                                                           \
  } while (0)

static eq_bytes text(const char *string) {
  eq_bytes bytes = {(const uint8_t *)string, strlen(string)};
  return bytes;
}

static eq_action ignore(const eq_event *event, void *user_data) {
  (void)event;
  (void)user_data;
  return EQ_CONTINUE;
}

/* Events are read into an array of this program's idea of an event, between guards that nobody may touch. */
static struct {
  uint64_t before;
  eq_event events[4];
  uint64_t after;
} room = {0x5eed, {{0}}, 0x5eed};

int main(void) {
  REQUIRE(eq_abi_version() == EQ_ABI_VERSION);
  REQUIRE(eq_version() != NULL && strcmp(eq_status_name(EQ_ERR_BUSY), "EQ_ERR_BUSY") == 0);
  REQUIRE(eq_fork_generation() == 0);
  REQUIRE(eq_log_set(40, ignore, NULL) == EQ_OK && eq_log_set(40, NULL, NULL) == EQ_OK);

  eq_client *client = NULL;
  eq_queue *queue = NULL;
  eq_call *call = NULL;
  eq_error *error = NULL;
  eq_buffer *buffer = NULL;
  REQUIRE(eq_client_new(text("{\"worker_threads\":1}"), &client, &error) == EQ_OK);
  REQUIRE(eq_queue_new(1 << 16, &queue, &error) == EQ_OK && error == NULL);
  intptr_t descriptor = -1;
  REQUIRE(eq_queue_descriptor(queue, &descriptor) == EQ_OK && descriptor >= 0);

  REQUIRE(eq_query(client, text("get_llm_provider"), text("{\"model\":\"groq/llama-3\"}"), &buffer, &error) == EQ_OK);
  REQUIRE(eq_buffer_bytes(buffer).len > 0);
  REQUIRE(eq_buffer_free(buffer) == EQ_OK);

  REQUIRE(eq_call_start(client, text("completion"), text("{}"), NULL, 0, 1, eq_queue_push, queue, &call, &error) ==
          EQ_ERR_REJECTED);
  REQUIRE(eq_error_get_kind(error) == EQ_ERROR_BAD_REQUEST);
  REQUIRE(eq_error_http_status(error) == 0 && eq_error_retry_after_ms(error) == -1);
  REQUIRE(eq_error_get_text(error, EQ_TEXT_MESSAGE).len > 0 && eq_error_json(error).len > 0);
  REQUIRE(eq_error_free(error) == EQ_OK);

  error = NULL;
  REQUIRE(eq_call_start(client, text("completion"), text(STREAM), NULL, 0, 77, eq_queue_push, queue, &call, &error) ==
          EQ_OK);
  REQUIRE(eq_call_pause(call) == EQ_OK && eq_call_resume(call) == EQ_OK);
  char said[64] = "";
  for (int last = 0; !last;) {
    size_t count = 0;
    REQUIRE(eq_queue_next(queue, room.events, 4, 20000, &count) == EQ_OK && count <= 4);
    for (size_t i = 0; i < count; i++) {
      const eq_event *event = &room.events[i];
      REQUIRE(event->size >= sizeof *event && event->tag == 77 && event->call == call);
      if (event->text.len > 0) strncat(said, (const char *)event->text.ptr, event->text.len);
      REQUIRE(event->kind != EQ_EVENT_FAILED && event->error == NULL);
      last = event->kind == EQ_EVENT_DONE;
      REQUIRE(!last || event->meta.len > 0);
    }
  }
  REQUIRE(strcmp(said, "One two three four five six") == 0);
  REQUIRE(room.before == 0x5eed && room.after == 0x5eed);

  REQUIRE(eq_call_cancel(call) == EQ_OK && eq_call_free(call) == EQ_OK && eq_call_free(call) == EQ_ERR_HANDLE);
  REQUIRE(eq_queue_free(queue) == EQ_OK && eq_client_free(client) == EQ_OK);
  printf("ok, with release %s\n", eq_version());
  return 0;
}
