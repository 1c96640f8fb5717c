/* One question, one answer. The answer is a chat.completion object as JSON. */
#include "common.h"

int main(int argc, char **argv) {
  eq_client *client = NULL;
  eq_queue *queue = NULL;
  eq_call *call = NULL;
  eq_error *error = NULL;
  check("eq_client_new", eq_client_new(text("{}"), &client, &error), &error);
  check("eq_queue_new", eq_queue_new(0, &queue, &error), &error);

  char *request = chat_request(argc, argv, "What is the capital of France?", false);
  eq_status status = eq_call_start(client, text("completion"), text(request), NULL, 0, 1, eq_queue_push, queue,
                                   &call, &error);
  free(request);
  check("eq_call_start", status, &error);

  /* A call that is not streamed has one event: DONE with the answer, or FAILED with an error. */
  eq_event event = {0};
  size_t count = 0;
  check("eq_queue_next", eq_queue_next(queue, &event, 1, -1, &count), NULL);

  int result = EXIT_SUCCESS;
  if (event.kind == EQ_EVENT_DONE) {
    print(stdout, event.data);
    printf("\n");
  } else {
    print_error(event.error);
    result = EXIT_FAILURE;
  }

  eq_call_free(call);
  eq_queue_free(queue);
  eq_client_free(client);
  return result;
}
