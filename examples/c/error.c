/* Errors come at two moments. What is wrong with a request itself is told at once, by eq_call_start; what a server or
 * the network has to say comes as the call's last event. Both are eq_error objects. */
#include "common.h"

/* An error has accessors for what programs decide by, and everything as JSON for those that log it. */
static void show(const char *when, const eq_error *error) {
  printf("%s: ", when);
  print(stdout, eq_error_get_text(error, EQ_TEXT_KIND_NAME));
  printf(", kind %d, HTTP status %d, retry after %lld ms\n  message: ", (int)eq_error_get_kind(error),
         (int)eq_error_http_status(error), (long long)eq_error_retry_after_ms(error));
  print(stdout, eq_error_get_text(error, EQ_TEXT_MESSAGE));
  printf("\n  json: ");
  print(stdout, eq_error_json(error));
  printf("\n");
}

int main(int argc, char **argv) {
  eq_client *client = NULL;
  eq_queue *queue = NULL;
  eq_call *call = NULL;
  eq_error *error = NULL;
  check("eq_client_new", eq_client_new(text("{}"), &client, &error), &error);
  check("eq_queue_new", eq_queue_new(0, &queue, &error), &error);

  /* A request without messages is refused before any network. There is no call, and no event follows. */
  eq_bytes nonsense = text("{\"model\":\"openai/gpt-4o-mini\",\"api_key\":\"any\"}");
  eq_status status =
      eq_call_start(client, text("completion"), nonsense, NULL, 0, 1, eq_queue_push, queue, &call, &error);
  if (status != EQ_ERR_REJECTED) {
    fprintf(stderr, "a request without messages was answered with %s\n", eq_status_name(status));
    return EXIT_FAILURE;
  }
  show("at the start", error);
  eq_error_free(error);
  error = NULL;

  /* A model that the server does not know. */
  char *arguments[] = {argv[0], argc > 1 ? argv[1] : NULL, argc > 2 ? argv[2] : NULL, "no-such-model"};
  char *request = chat_request(4, arguments, "Is anybody there?", false);
  status = eq_call_start(client, text("completion"), text(request), NULL, 0, 2, eq_queue_push, queue, &call, &error);
  free(request);
  check("eq_call_start", status, &error);

  eq_event event = {0};
  size_t count = 0;
  check("eq_queue_next", eq_queue_next(queue, &event, 1, -1, &count), NULL);
  int result = EXIT_FAILURE;
  if (event.kind == EQ_EVENT_FAILED) {
    /* This error belongs to the event; only what came through an `error` parameter is freed. */
    show("at the end", event.error);
    result = EXIT_SUCCESS;
  } else {
    fprintf(stderr, "the server accepted the model no-such-model: one that refuses it is needed to see its error\n");
  }

  eq_call_free(call);
  eq_queue_free(queue);
  eq_client_free(client);
  return result;
}
