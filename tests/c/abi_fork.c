/* fork(): the child's old handles say so, new ones work, and the parent notices nothing. */
#include <pthread.h>
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

static bool knows_models(void) {
  eq_buffer *answer = NULL;
  eq_status status = eq_query(NULL, text("model_info"), text("{\"model\":\"gpt-4o\"}"), &answer, NULL);
  bool known = status == EQ_OK && eq_buffer_bytes(answer).len > 100;
  eq_buffer_free(answer);
  return known;
}

static void *ask(void *answered) {
  *(bool *)answered = knows_models();
  return NULL;
}

/* The first question about a model unpacks the table of models, which takes a while: a child of that moment must not wait for a thread
 * that it does not have. The first test of the program, since there is one first question. */
static void forked_during_the_first_question(void) {
  enum { FORKS = 6 };
  pthread_t thread;
  bool answered = false;
  pid_t children[FORKS];
  fflush(NULL);
  EXPECT(pthread_create(&thread, NULL, ask, &answered) == 0);
  for (int i = 0; i < FORKS; i++) {
    usleep(2000);
    children[i] = fork();
    EXPECT(children[i] >= 0);
    if (children[i] == 0) {
      /* One that hangs is ended by the signal. */
      alarm(60);
      _exit(knows_models() && eq_fork_generation() <= 1 ? 0 : 1);
    }
  }
  EXPECT(pthread_join(thread, NULL) == 0);
  EXPECT(answered);
  for (int i = 0; i < FORKS; i++) {
    int status = -1;
    EXPECT(waitpid(children[i], &status, 0) == children[i]);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
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
      TEST(forked_during_the_first_question),
      TEST(forked),
  };
  return run_tests(tests, sizeof tests / sizeof tests[0]);
}
