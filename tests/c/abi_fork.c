/* fork(): the child's old handles say so, new ones work, and the parent notices nothing. */
#include <sys/wait.h>

#include "support.h"

/* Whether a client made now answers, by queue and by callback. */
static bool new_ones_work(void) {
  eq_client *client = new_client();
  eq_queue *queue = new_queue();
  eq_call *calls[2] = {NULL, NULL};
  eq_event event = {0};
  witness seen = new_witness(EQ_CONTINUE);
  EXPECT_STATUS(EQ_OK, start(client, ANSWER, 1, eq_queue_push, queue, &calls[0]));
  EXPECT_STATUS(EQ_OK, start(client, STREAM, 2, observe, &seen, &calls[1]));
  bool answered = next(queue, &event) && event.kind == EQ_EVENT_DONE;
  wait_for(&seen, INT32_MAX);
  EXPECT_STATUS(EQ_OK, eq_call_free(calls[0]));
  EXPECT_STATUS(EQ_OK, eq_call_free(calls[1]));
  EXPECT_STATUS(EQ_OK, eq_queue_free(queue));
  EXPECT_STATUS(EQ_OK, eq_client_free(client));
  return answered && seen.terminal == EQ_EVENT_DONE;
}

static void forked(void) {
  eq_client *client = new_client();
  eq_queue *queue = new_queue();
  eq_call *call = NULL;
  eq_event event;
  size_t count = 0;
  EXPECT_STATUS(EQ_OK, start(client, ANSWER, 1, eq_queue_push, queue, &call));
  next(queue, &event);
  uint64_t generation = eq_fork_generation();

  fflush(NULL);
  pid_t child = fork();
  EXPECT(child >= 0);
  if (child == 0) {
    int before = failures;
    EXPECT(eq_fork_generation() == generation + 1);
    EXPECT_STATUS(EQ_ERR_FORKED, start(client, ANSWER, 2, eq_queue_push, queue, &call));
    EXPECT_STATUS(EQ_ERR_FORKED, eq_queue_next(queue, &event, 1, 0, &count));
    EXPECT_STATUS(EQ_ERR_FORKED, eq_call_cancel(call));
    EXPECT_STATUS(EQ_ERR_FORKED, eq_call_free(call));
    EXPECT_STATUS(EQ_ERR_FORKED, eq_queue_free(queue));
    EXPECT_STATUS(EQ_ERR_FORKED, eq_client_free(client));
    EXPECT(new_ones_work());
    _exit(failures == before ? 0 : 1);
  }
  int status = -1;
  EXPECT(waitpid(child, &status, 0) == child);
  EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);

  /* The parent goes on as if nothing had been. */
  EXPECT(new_ones_work());
  EXPECT(eq_fork_generation() == generation);
  EXPECT_STATUS(EQ_OK, eq_call_free(call));
  EXPECT_STATUS(EQ_OK, start(client, ANSWER, 3, eq_queue_push, queue, &call));
  if (next(queue, &event)) EXPECT(event.kind == EQ_EVENT_DONE && event.tag == 3);
  EXPECT_STATUS(EQ_OK, eq_call_free(call));
  EXPECT_STATUS(EQ_OK, eq_queue_free(queue));
  EXPECT_STATUS(EQ_OK, eq_client_free(client));
}

int main(void) {
  static const test tests[] = {
      TEST(forked),
  };
  return run_tests(tests, sizeof tests / sizeof tests[0]);
}
