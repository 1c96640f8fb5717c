/* A streamed answer, by callback: the shortest way from the server to the program. The callback runs on a thread of the
 * library, one event at a time, and what its event points to is gone when it returns. (POSIX threads.) */
#include <pthread.h>

#include "common.h"

typedef struct {
  pthread_mutex_t mutex;
  pthread_cond_t finished;
  bool done;
  int result;
} state;

static eq_action on_event(const eq_event *event, void *user_data) {
  state *shared = user_data;
  if (event->kind == EQ_EVENT_CHUNK || event->kind == EQ_EVENT_CONTENT) print(stdout, event->text);
  if (!is_last(event)) return EQ_CONTINUE;

  /* After its last event a call never touches user_data again, so the main thread may let go of it. */
  pthread_mutex_lock(&shared->mutex);
  if (event->kind == EQ_EVENT_FAILED) {
    print_error(event->error);
    shared->result = EXIT_FAILURE;
  }
  shared->done = true;
  pthread_cond_signal(&shared->finished);
  pthread_mutex_unlock(&shared->mutex);
  return EQ_CONTINUE;
}

int main(int argc, char **argv) {
  state shared = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, EXIT_SUCCESS};
  eq_client *client = NULL;
  eq_call *call = NULL;
  eq_error *error = NULL;
  check("eq_client_new", eq_client_new(text("{}"), &client, &error), &error);

  char *request = chat_request(argc, argv, "Tell me about the sea.", true);
  eq_status status = eq_call_start(client, text("completion"), text(request), NULL, 0, 1, on_event, &shared, &call,
                                   &error);
  free(request);
  check("eq_call_start", status, &error);

  pthread_mutex_lock(&shared.mutex);
  while (!shared.done) pthread_cond_wait(&shared.finished, &shared.mutex);
  pthread_mutex_unlock(&shared.mutex);
  printf("\n");

  eq_call_free(call);
  eq_client_free(client);
  return shared.result;
}
