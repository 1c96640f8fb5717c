/* Calls: an answer, a stream, pause, and each way to cancel. */
#include "support.h"

static void answer_by_queue(void) {
  eq_client *client = new_client();
  eq_queue *queue = new_queue();
  eq_call *call = NULL;
  EXPECT_STATUS(EQ_OK, start(client, ANSWER, UINT64_MAX, eq_queue_push, queue, &call));
  eq_event event;
  if (next(queue, &event)) {
    EXPECT(event.size == sizeof event);
    EXPECT(event.kind == EQ_EVENT_DONE);
    EXPECT(event.tag == UINT64_MAX);
    EXPECT(event.error == NULL);
    EXPECT(event.call == call);
    EXPECT(contains(event.data, "One two three four five six"));
    EXPECT(event.data.len > 0 && event.data.ptr[0] == '{');
  }
  size_t count = 4711;
  EXPECT_STATUS(EQ_TIMEOUT, eq_queue_next(queue, &event, 1, 50, &count));
  EXPECT_STATUS(EQ_OK, eq_call_cancel(call));
  EXPECT_STATUS(EQ_TIMEOUT, eq_queue_next(queue, &event, 1, 50, &count));
  EXPECT_STATUS(EQ_OK, eq_call_free(call));
  EXPECT_STATUS(EQ_ERR_HANDLE, eq_call_cancel(call));
  EXPECT_STATUS(EQ_ERR_HANDLE, eq_call_free(call));
  EXPECT_STATUS(EQ_OK, eq_queue_free(queue));
  EXPECT_STATUS(EQ_OK, eq_client_free(client));
}

static void stream_by_callback(void) {
  eq_client *client = new_client();
  eq_call *call = NULL;
  witness seen = new_witness(EQ_CONTINUE);
  EXPECT_STATUS(EQ_OK, start(client, STREAM, 7, observe, &seen, &call));
  wait_for(&seen, INT32_MAX);
  EXPECT(strcmp(seen.said, "One two three four five six") == 0);
  EXPECT(seen.terminal == EQ_EVENT_DONE);
  usleep(50000);
  EXPECT(seen.terminals == 1 && seen.after_terminal == 0);
  EXPECT_STATUS(EQ_OK, eq_call_free(call));
  EXPECT_STATUS(EQ_OK, eq_client_free(client));
}

static void pause_and_resume(void) {
  eq_client *client = new_client();
  eq_call *call = NULL;
  witness seen = new_witness(EQ_PAUSE);
  EXPECT_STATUS(EQ_OK, start(client, STREAM, 7, observe, &seen, &call));
  wait_for(&seen, 0);
  pthread_mutex_lock(&seen.mutex);
  int before = seen.events;
  pthread_mutex_unlock(&seen.mutex);
  usleep(100000);
  pthread_mutex_lock(&seen.mutex);
  EXPECT(seen.events == before && seen.terminals == 0);
  seen.action = EQ_CONTINUE;
  pthread_mutex_unlock(&seen.mutex);
  EXPECT_STATUS(EQ_OK, eq_call_resume(call));
  wait_for(&seen, INT32_MAX);
  EXPECT(strcmp(seen.said, "One two three four five six") == 0);
  EXPECT(seen.terminal == EQ_EVENT_DONE && seen.terminals == 1);
  EXPECT_STATUS(EQ_OK, eq_call_free(call));
  EXPECT_STATUS(EQ_OK, eq_client_free(client));
}

static void cancel_from_the_callback(void) {
  eq_client *client = new_client();
  eq_call *call = NULL;
  witness seen = new_witness(EQ_CANCEL);
  EXPECT_STATUS(EQ_OK, start(client, STREAM, 7, observe, &seen, &call));
  wait_for(&seen, INT32_MAX);
  usleep(50000);
  EXPECT(seen.terminal == EQ_EVENT_FAILED && seen.error == EQ_ERROR_CANCELLED);
  EXPECT(seen.terminals == 1 && seen.after_terminal == 0);
  EXPECT_STATUS(EQ_OK, eq_call_free(call));
  EXPECT_STATUS(EQ_OK, eq_client_free(client));
}

/* Three ways to end a call that would take ten minutes: each brings its terminal event. */
static void cancel_from_outside(void) {
  eq_client *client = new_client();
  eq_queue *queue = new_queue();
  for (int way = 0; way < 3; way++) {
    eq_call *call = NULL;
    EXPECT_STATUS(EQ_OK, start(client, SLOW, (uint64_t)way, eq_queue_push, queue, &call));
    if (way == 0) EXPECT_STATUS(EQ_OK, eq_call_cancel(call));
    if (way == 1) EXPECT_STATUS(EQ_OK, eq_call_free(call));
    if (way == 2) EXPECT_STATUS(EQ_OK, eq_client_free(client));
    eq_event event;
    if (next(queue, &event)) {
      EXPECT(event.kind == EQ_EVENT_FAILED && event.tag == (uint64_t)way);
      EXPECT(eq_error_get_kind(event.error) == EQ_ERROR_CANCELLED);
      EXPECT(equals(eq_error_get_text(event.error, EQ_TEXT_KIND_NAME), "Cancelled"));
    }
    if (way != 1) EXPECT_STATUS(EQ_OK, eq_call_free(call));
  }
  EXPECT_STATUS(EQ_OK, eq_queue_free(queue));
}

static eq_action keep_log(const eq_event *event, void *user_data) {
  witness *seen = user_data;
  pthread_mutex_lock(&seen->mutex);
  EXPECT(event->kind == EQ_EVENT_LOG && event->call == NULL && event->index >= 10 && event->text.len > 0);
  seen->events++;
  pthread_mutex_unlock(&seen->mutex);
  return EQ_CONTINUE;
}

static void logs(void) {
  witness seen = new_witness(EQ_CONTINUE);
  EXPECT_STATUS(EQ_OK, eq_log_set(10, keep_log, &seen));
  answer_by_queue();
  EXPECT_STATUS(EQ_OK, eq_log_set(10, NULL, NULL));
  pthread_mutex_lock(&seen.mutex);
  int before = seen.events;
  pthread_mutex_unlock(&seen.mutex);
  answer_by_queue();
  EXPECT(seen.events == before);
}

int main(void) {
  static const test tests[] = {
      TEST(answer_by_queue),
      TEST(stream_by_callback),
      TEST(pause_and_resume),
      TEST(cancel_from_the_callback),
      TEST(cancel_from_outside),
      TEST(logs),
  };
  return run_tests(tests, sizeof tests / sizeof tests[0]);
}
