/* The queue: its doorbell, its one reader, its bounds, its end, and many threads at once. */
#include <poll.h>

#include "support.h"

static void doorbell(void) {
  eq_client *client = new_client();
  eq_queue *queue = new_queue();
  eq_call *call = NULL;
  intptr_t descriptor = -1;
  EXPECT_STATUS(EQ_OK, eq_queue_descriptor(queue, &descriptor));
  struct pollfd bell = {(int)descriptor, POLLIN, 0};
  EXPECT(poll(&bell, 1, 0) == 0);
  for (int round = 0; round < 3; round++) {
    EXPECT_STATUS(EQ_OK, start(client, STREAM, 1, eq_queue_push, queue, &call));
    bool running = true;
    while (running) {
      int rings = poll(&bell, 1, PATIENCE_MS);
      EXPECT(rings == 1);
      if (rings != 1) break;
      eq_event events[4];
      size_t count = 0;
      EXPECT_STATUS(EQ_OK, eq_queue_next(queue, events, 4, 0, &count));
      for (size_t i = 0; i < count; i++) running = running && !is_last(&events[i]);
    }
    /* An empty queue does not ring, though what it lent is still there to read. */
    EXPECT(poll(&bell, 1, 0) == 0);
    EXPECT_STATUS(EQ_OK, eq_call_free(call));
  }
  EXPECT_STATUS(EQ_OK, eq_queue_free(queue));
  EXPECT_STATUS(EQ_OK, eq_client_free(client));
}

static void *read_one(void *queue) {
  static eq_status status;
  eq_event event;
  size_t count = 0;
  status = eq_queue_next(queue, &event, 1, PATIENCE_MS, &count);
  return &status;
}

static void one_reader_and_the_end_of_a_queue(void) {
  eq_queue *queue = new_queue();
  pthread_t thread;
  EXPECT(pthread_create(&thread, NULL, read_one, queue) == 0);
  /* While the other thread waits, this one is told so; it may take a moment until the other one does. */
  eq_event event;
  size_t count = 0;
  eq_status status = EQ_TIMEOUT;
  for (int i = 0; i < 2000 && status == EQ_TIMEOUT; i++) {
    status = eq_queue_next(queue, &event, 1, 0, &count);
    usleep(1000);
  }
  EXPECT_STATUS(EQ_ERR_BUSY, status);
  EXPECT_STATUS(EQ_OK, eq_queue_free(queue));
  void *result = NULL;
  EXPECT(pthread_join(thread, &result) == 0);
  /* The reader was waiting, or had not begun to. */
  eq_status ended = *(eq_status *)result;
  EXPECT(ended == EQ_ERR_CLOSED || ended == EQ_ERR_BUSY);
}

/* A queue that holds next to nothing pauses its calls, and yet every event arrives, in order. */
static void small_queue(void) {
  eq_client *client = new_client();
  eq_queue *queue = NULL;
  eq_call *call = NULL;
  EXPECT_STATUS(EQ_OK, eq_queue_new(1, &queue, NULL));
  EXPECT_STATUS(EQ_OK, start(client, STREAM, 1, eq_queue_push, queue, &call));
  witness seen = new_witness(EQ_CONTINUE);
  eq_event event;
  while (seen.terminals == 0 && next(queue, &event)) observe(&event, &seen);
  EXPECT(strcmp(seen.said, "One two three four five six") == 0);
  EXPECT(seen.terminal == EQ_EVENT_DONE);
  EXPECT_STATUS(EQ_OK, eq_call_free(call));
  EXPECT_STATUS(EQ_OK, eq_queue_free(queue));
  EXPECT_STATUS(EQ_OK, eq_client_free(client));
}

static void queue_freed_first(void) {
  eq_client *client = new_client();
  eq_queue *queue = new_queue();
  eq_call *calls[2] = {NULL, NULL};
  EXPECT_STATUS(EQ_OK, start(client, SLOW, 1, eq_queue_push, queue, &calls[0]));
  EXPECT_STATUS(EQ_OK, start(client, STREAM, 2, eq_queue_push, queue, &calls[1]));
  EXPECT_STATUS(EQ_OK, eq_queue_free(queue));
  EXPECT_STATUS(EQ_OK, eq_call_free(calls[0]));
  EXPECT_STATUS(EQ_OK, eq_call_free(calls[1]));
  EXPECT_STATUS(EQ_OK, eq_client_free(client));
}

enum { THREADS = 4, CALLS = 25 };

typedef struct {
  const eq_client *client;
  eq_queue *queue;
  uint64_t first;
  int failed;
} starter;

static void *start_many(void *argument) {
  starter *mine = argument;
  for (uint64_t i = 0; i < CALLS; i++) {
    eq_call *call = NULL;
    if (start(mine->client, i % 2 ? STREAM : ANSWER, mine->first + i, eq_queue_push, mine->queue, &call) != EQ_OK) {
      mine->failed++;
    }
    /* Every fifth is given up at once, which cancels it unless it has ended. */
    if (i % 5 == 0) {
      if (eq_call_free(call) != EQ_OK) mine->failed++;
    }
  }
  return NULL;
}

static void many_threads(void) {
  eq_client *client = new_client();
  eq_queue *queue = new_queue();
  pthread_t threads[THREADS];
  starter starters[THREADS];
  int terminals[THREADS * CALLS] = {0};
  for (int i = 0; i < THREADS; i++) {
    starter one = {client, queue, (uint64_t)i * CALLS, 0};
    starters[i] = one;
    EXPECT(pthread_create(&threads[i], NULL, start_many, &starters[i]) == 0);
  }
  for (int ended = 0; ended < THREADS * CALLS;) {
    eq_event events[8];
    size_t count = 0;
    eq_status status = eq_queue_next(queue, events, 8, PATIENCE_MS, &count);
    EXPECT_STATUS(EQ_OK, status);
    if (status != EQ_OK) break;
    for (size_t i = 0; i < count; i++) {
      bool known = events[i].tag < THREADS * CALLS;
      EXPECT(known);
      /* Nothing comes after the last event of a call. */
      EXPECT(known && terminals[events[i].tag] == 0);
      if (known && is_last(&events[i])) {
        terminals[events[i].tag]++;
        ended++;
        EXPECT(events[i].kind == EQ_EVENT_DONE || events[i].tag % CALLS % 5 == 0);
        if (events[i].tag % CALLS % 5 != 0) {
          EXPECT_STATUS(EQ_OK, eq_call_free((eq_call *)events[i].call));
        }
      }
    }
  }
  for (int i = 0; i < THREADS; i++) {
    EXPECT(pthread_join(threads[i], NULL) == 0);
    EXPECT(starters[i].failed == 0);
  }
  EXPECT_STATUS(EQ_OK, eq_queue_free(queue));
  EXPECT_STATUS(EQ_OK, eq_client_free(client));
}

int main(void) {
  static const test tests[] = {
      TEST(doorbell),
      TEST(one_reader_and_the_end_of_a_queue),
      TEST(small_queue),
      TEST(queue_freed_first),
      TEST(many_threads),
  };
  return run_tests(tests, sizeof tests / sizeof tests[0]);
}
