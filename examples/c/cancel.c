/* A stream that is not wanted any more: cancelled after its first text. The connection closes at once, so that the
 * provider stops too, and the call ends as every call does, with one last event. */
#include "common.h"

int main(int argc, char **argv) {
  eq_client *client = NULL;
  eq_queue *queue = NULL;
  eq_call *call = NULL;
  eq_error *error = NULL;
  check("eq_client_new", eq_client_new(text("{}"), &client, &error), &error);
  check("eq_queue_new", eq_queue_new(0, &queue, &error), &error);

  char *request = chat_request(argc, argv, "Tell me everything about the sea.", true);
  eq_status status = eq_call_start(client, text("completion"), text(request), NULL, 0, 1, eq_queue_push, queue,
                                   &call, &error);
  free(request);
  check("eq_call_start", status, &error);

  int result = EXIT_FAILURE;
  bool cancelled = false;
  for (;;) {
    eq_event event = {0};
    size_t count = 0;
    check("eq_queue_next", eq_queue_next(queue, &event, 1, -1, &count), NULL);
    if (!cancelled && event.text.len > 0) {
      print(stdout, event.text);
      printf(" … cancelled\n");
      /* From any thread, any number of times; a callback would answer EQ_CANCEL. */
      check("eq_call_cancel", eq_call_cancel(call), NULL);
      cancelled = true;
    }
    if (is_last(&event)) {
      if (event.kind == EQ_EVENT_FAILED) {
        print_error(event.error);
        result = eq_error_get_kind(event.error) == EQ_ERROR_CANCELLED ? EXIT_SUCCESS : EXIT_FAILURE;
      }
      break;
    }
  }

  eq_call_free(call);
  eq_queue_free(queue);
  eq_client_free(client);
  return result;
}
