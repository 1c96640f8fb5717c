/* What the tests of the C interface share: expectations, requests that need no network, and a callback that remembers.
 *
 * The answers are litellm's `mock_response`. What edgequake.h promises is checked as a C program sees it; the engine
 * behind it has its tests in Rust. */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "edgequake.h"

static int failures = 0;

#define EXPECT(condition)                                                        \
  do {                                                                           \
    if (!(condition)) {                                                          \
      fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition);   \
      failures++;                                                                \
    }                                                                            \
  } while (0)

#define EXPECT_STATUS(expected, call)                                                                  \
  do {                                                                                                 \
    eq_status got = (call);                                                                            \
    if (got != (expected)) {                                                                           \
      fprintf(stderr, "%s:%d: %s answered %s, not %s\n", __FILE__, __LINE__, #call, eq_status_name(got), \
              eq_status_name(expected));                                                               \
      failures++;                                                                                      \
    }                                                                                                  \
  } while (0)

/* Nothing here takes as long; a hang is a failure that says where. */
enum { PATIENCE_MS = 20000 };

#define ANSWER \
  "{\"model\":\"openai/gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]," \
  "\"mock_response\":\"One two three four five six\"}"
#define STREAM \
  "{\"model\":\"openai/gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"stream\":true," \
  "\"mock_response\":\"One two three four five six\"}"
#define SLOW \
  "{\"model\":\"openai/gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]," \
  "\"mock_response\":\"late\",\"mock_delay\":600}"

static inline eq_bytes text(const char *string) {
  eq_bytes bytes = {(const uint8_t *)string, strlen(string)};
  return bytes;
}

static inline bool contains(eq_bytes bytes, const char *word) {
  size_t length = strlen(word);
  for (size_t i = 0; i + length <= bytes.len; i++) {
    if (memcmp(bytes.ptr + i, word, length) == 0) return true;
  }
  return false;
}

static inline bool equals(eq_bytes bytes, const char *string) {
  return bytes.len == strlen(string) && memcmp(bytes.ptr, string, bytes.len) == 0;
}

static inline bool is_last(const eq_event *event) {
  return event->kind == EQ_EVENT_DONE || event->kind == EQ_EVENT_FAILED;
}

static inline eq_client *new_client(void) {
  eq_client *client = NULL;
  EXPECT_STATUS(EQ_OK, eq_client_new(text(""), &client, NULL));
  EXPECT(client != NULL);
  return client;
}

static inline eq_queue *new_queue(void) {
  eq_queue *queue = NULL;
  EXPECT_STATUS(EQ_OK, eq_queue_new(0, &queue, NULL));
  EXPECT(queue != NULL);
  return queue;
}

static inline eq_status start(const eq_client *client, const char *request, uint64_t tag, eq_event_fn on_event, void *data,
                       eq_call **out) {
  return eq_call_start(client, text("completion"), text(request), NULL, 0, tag, on_event, data, out, NULL);
}

/* Reads one event, or says that none came. */
static inline bool next(const eq_queue *queue, eq_event *event) {
  size_t count = 0;
  eq_status status = eq_queue_next(queue, event, 1, PATIENCE_MS, &count);
  EXPECT(status == EQ_OK && count == 1);
  return status == EQ_OK;
}

/* What a callback has seen. `action` is its answer to each event. */
typedef struct {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  eq_action action;
  char said[256];
  size_t length;
  int events, terminals, after_terminal;
  eq_event_kind terminal;
  eq_error_kind error;
} witness;

static inline witness new_witness(eq_action action) {
  witness made = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, action, "", 0, 0, 0, 0, 0, 0};
  return made;
}

static inline eq_action observe(const eq_event *event, void *user_data) {
  witness *seen = user_data;
  pthread_mutex_lock(&seen->mutex);
  seen->events++;
  if (seen->terminals > 0) seen->after_terminal++;
  if (event->text.len > 0 && seen->length + event->text.len < sizeof seen->said) {
    memcpy(seen->said + seen->length, event->text.ptr, event->text.len);
    seen->length += event->text.len;
    seen->said[seen->length] = '\0';
  }
  if (is_last(event)) {
    seen->terminals++;
    seen->terminal = event->kind;
    seen->error = eq_error_get_kind(event->error);
  }
  pthread_cond_broadcast(&seen->changed);
  eq_action action = seen->action;
  pthread_mutex_unlock(&seen->mutex);
  return action;
}

/* Waits for more than `events` events, or the terminal one. */
static inline void wait_for(witness *seen, int events) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += PATIENCE_MS / 1000;
  int expired = 0;
  pthread_mutex_lock(&seen->mutex);
  while (seen->events <= events && seen->terminals == 0 && expired == 0) {
    expired = pthread_cond_timedwait(&seen->changed, &seen->mutex, &until);
  }
  pthread_mutex_unlock(&seen->mutex);
  EXPECT(expired == 0);
}

/* A test by its own name, for the table that a program gives to run_tests. */
#define TEST(function) {#function, function}

typedef struct {
  const char *name;
  void (*run)(void);
} test;

static inline int run_tests(const test *tests, size_t count) {
  for (size_t i = 0; i < count; i++) {
    int before = failures;
    tests[i].run();
    printf("%s %s\n", failures == before ? "ok" : "FAILED", tests[i].name);
    fflush(stdout);
  }
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
