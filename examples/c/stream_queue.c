/* A streamed answer, read from a queue: the way for programs with a loop of their own. The library's threads fill the
 * queue, this thread empties it, and a reader that is slow holds back the server instead of filling the memory. */
#include "common.h"

int main(int argc, char **argv) {
  eq_client *client = NULL;
  eq_queue *queue = NULL;
  eq_call *call = NULL;
  eq_error *error = NULL;
  check("eq_client_new", eq_client_new(text("{}"), &client, &error), &error);
  check("eq_queue_new", eq_queue_new(0, &queue, &error), &error);

  char *request = chat_request(argc, argv, "Tell me about the sea.", true);
  eq_status status = eq_call_start(client, text("completion"), text(request), NULL, 0, 1, eq_queue_push, queue,
                                   &call, &error);
  free(request);
  check("eq_call_start", status, &error);

  /* One call of eq_queue_next hands out all that has arrived, up to the room there is. A loop with poll() would wait for
   * the descriptor of eq_queue_descriptor instead, and pass a timeout of 0. */
  enum { ROOM = 16 };
  eq_event events[ROOM];
  int result = EXIT_SUCCESS;
  bool running = true;
  while (running) {
    size_t count = 0;
    check("eq_queue_next", eq_queue_next(queue, events, ROOM, -1, &count), NULL);
    for (size_t i = 0; i < count; i++) {
      const eq_event *event = &events[i];
      if (event->kind == EQ_EVENT_CHUNK || event->kind == EQ_EVENT_CONTENT) {
        print(stdout, event->text);
      } else if (event->kind == EQ_EVENT_FAILED) {
        print_error(event->error);
        result = EXIT_FAILURE;
      }
      running = running && !is_last(event);
    }
  }
  printf("\n");

  eq_call_free(call);
  eq_queue_free(queue);
  eq_client_free(client);
  return result;
}
