/* Every wrong argument is answered with a status: null pointers, foreign and freed handles, requests that make no sense. */
#include "support.h"

static void versions(void) {
  EXPECT(eq_abi_version() == EQ_ABI_VERSION);
  EXPECT(strchr(eq_version(), '.') != NULL);
  EXPECT(strcmp(eq_status_name(EQ_OK), "EQ_OK") == 0);
  EXPECT(strcmp(eq_status_name(EQ_ERR_PANIC), "EQ_ERR_PANIC") == 0);
  EXPECT(eq_status_name(-4711) != NULL && eq_status_name(INT32_MAX) != NULL);
}

static void null_arguments(void) {
  eq_client *client = new_client();
  eq_queue *queue = new_queue();
  eq_call *call = NULL;
  eq_buffer *buffer = NULL;
  eq_event event;
  size_t count = 4711;
  eq_bytes nowhere = {NULL, 3};

  EXPECT_STATUS(EQ_ERR_NULL, eq_client_new(text("{}"), NULL, NULL));
  EXPECT_STATUS(EQ_ERR_NULL, eq_client_new(nowhere, &client, NULL));
  EXPECT_STATUS(EQ_ERR_NULL, eq_queue_new(0, NULL, NULL));
  EXPECT_STATUS(EQ_ERR_NULL, eq_query(client, text("providers"), text("{}"), NULL, NULL));
  EXPECT_STATUS(EQ_ERR_NULL, eq_query(client, nowhere, text("{}"), &buffer, NULL));
  EXPECT_STATUS(EQ_ERR_NULL, start(NULL, ANSWER, 1, eq_queue_push, queue, &call));
  EXPECT_STATUS(EQ_ERR_NULL, start(client, ANSWER, 1, NULL, queue, &call));
  EXPECT_STATUS(EQ_ERR_NULL, start(client, ANSWER, 1, eq_queue_push, NULL, &call));
  EXPECT_STATUS(EQ_ERR_NULL, start(client, ANSWER, 1, eq_queue_push, queue, NULL));
  EXPECT_STATUS(EQ_ERR_NULL, eq_call_start(client, text("completion"), nowhere, NULL, 0, 1, eq_queue_push, queue, &call,
                                           NULL));
  EXPECT_STATUS(EQ_ERR_NULL, eq_call_start(client, text("completion"), text(ANSWER), NULL, 1, 1, eq_queue_push, queue,
                                           &call, NULL));
  EXPECT_STATUS(EQ_ERR_NULL, eq_call_cancel(NULL));
  EXPECT_STATUS(EQ_ERR_NULL, eq_call_pause(NULL));
  EXPECT_STATUS(EQ_ERR_NULL, eq_call_resume(NULL));
  EXPECT_STATUS(EQ_ERR_NULL, eq_queue_next(NULL, &event, 1, 0, &count));
  EXPECT_STATUS(EQ_ERR_NULL, eq_queue_next(queue, NULL, 1, 0, &count));
  EXPECT_STATUS(EQ_ERR_NULL, eq_queue_next(queue, &event, 1, 0, NULL));
  EXPECT_STATUS(EQ_ERR_NULL, eq_queue_descriptor(queue, NULL));
  EXPECT(eq_queue_push(NULL, queue) == EQ_CANCEL);
  EXPECT(eq_buffer_bytes(NULL).len == 0);
  EXPECT(eq_error_get_kind(NULL) == 0);
  EXPECT(eq_error_http_status(NULL) == 0);
  EXPECT(eq_error_retry_after_ms(NULL) == -1);
  EXPECT(eq_error_get_text(NULL, EQ_TEXT_MESSAGE).len == 0);
  EXPECT(eq_error_json(NULL).len == 0);

  /* Outputs are written on success only. */
  EXPECT(call == NULL && buffer == NULL && count == 4711);

  EXPECT_STATUS(EQ_OK, eq_client_free(NULL));
  EXPECT_STATUS(EQ_OK, eq_call_free(NULL));
  EXPECT_STATUS(EQ_OK, eq_queue_free(NULL));
  EXPECT_STATUS(EQ_OK, eq_buffer_free(NULL));
  EXPECT_STATUS(EQ_OK, eq_error_free(NULL));

  EXPECT_STATUS(EQ_OK, eq_queue_free(queue));
  EXPECT_STATUS(EQ_OK, eq_client_free(client));
}

static void wrong_handles(void) {
  eq_client *client = new_client();
  eq_queue *queue = new_queue();
  eq_call *call = NULL;
  size_t count = 0;
  eq_event event;

  /* A pointer of the program's own, and a handle of another kind. */
  uint64_t own[4] = {0};
  EXPECT_STATUS(EQ_ERR_HANDLE, start((eq_client *)(void *)own, ANSWER, 1, eq_queue_push, queue, &call));
  EXPECT_STATUS(EQ_ERR_HANDLE, start((eq_client *)(void *)queue, ANSWER, 1, eq_queue_push, queue, &call));
  EXPECT_STATUS(EQ_ERR_HANDLE, start(client, ANSWER, 1, eq_queue_push, client, &call));
  EXPECT_STATUS(EQ_ERR_HANDLE, eq_client_free((eq_client *)(void *)queue));
  EXPECT_STATUS(EQ_ERR_HANDLE, eq_queue_free((eq_queue *)(void *)own));
  EXPECT_STATUS(EQ_ERR_HANDLE, eq_error_free((eq_error *)(void *)client));
  EXPECT(eq_error_json((eq_error *)(void *)own).len == 0);

  /* Freed handles, used and freed again. */
  EXPECT_STATUS(EQ_OK, eq_queue_free(queue));
  EXPECT_STATUS(EQ_ERR_HANDLE, eq_queue_free(queue));
  EXPECT_STATUS(EQ_ERR_HANDLE, eq_queue_next(queue, &event, 1, 0, &count));
  EXPECT_STATUS(EQ_ERR_HANDLE, start(client, ANSWER, 1, eq_queue_push, queue, &call));
  EXPECT_STATUS(EQ_OK, eq_client_free(client));
  EXPECT_STATUS(EQ_ERR_HANDLE, eq_client_free(client));
  eq_queue *other = new_queue();
  EXPECT_STATUS(EQ_ERR_HANDLE, start(client, ANSWER, 1, eq_queue_push, other, &call));
  EXPECT(call == NULL);
  EXPECT_STATUS(EQ_OK, eq_queue_free(other));
}

static void rejected(eq_client *client, eq_queue *queue, const char *operation, eq_bytes request, const char *word) {
  eq_call *call = NULL;
  eq_error *error = NULL;
  eq_status status =
      eq_call_start(client, text(operation), request, NULL, 0, 1, eq_queue_push, queue, &call, &error);
  EXPECT_STATUS(EQ_ERR_REJECTED, status);
  EXPECT(call == NULL && error != NULL);
  EXPECT(contains(eq_error_get_text(error, EQ_TEXT_MESSAGE), word));
  EXPECT(contains(eq_error_json(error), word));
  EXPECT(eq_error_get_text(error, EQ_TEXT_KIND_NAME).len > 0);
  EXPECT(eq_error_get_text(error, 4711).len == 0);
  EXPECT(eq_error_get_kind(error) != 0);
  EXPECT(eq_error_http_status(error) == 0);
  EXPECT_STATUS(EQ_OK, eq_error_free(error));
  EXPECT_STATUS(EQ_ERR_HANDLE, eq_error_free(error));
  /* Without a place for it there is no object to free, and the status is the same. */
  EXPECT_STATUS(EQ_ERR_REJECTED,
                eq_call_start(client, text(operation), request, NULL, 0, 1, eq_queue_push, queue, &call, NULL));
}

static void rejections(void) {
  eq_client *client = new_client();
  eq_queue *queue = new_queue();
  eq_bytes not_utf8 = {(const uint8_t *)"{\"model\":\"\xff\"}", 13};
  rejected(client, queue, "completion", text("not JSON"), "JSON");
  rejected(client, queue, "completion", text("[]"), "object");
  rejected(client, queue, "completion", not_utf8, "UTF-8");
  rejected(client, queue, "completion", text("{\"model\":\"openai/gpt-4o\",\"api_key\":\"any\"}"), "messages");
  rejected(client, queue, "no_such_function", text(ANSWER), "no_such_function");

  eq_bytes attachments[2] = {text("data"), {NULL, 3}};
  eq_call *call = NULL;
  EXPECT_STATUS(EQ_ERR_NULL, eq_call_start(client, text("completion"), text(ANSWER), attachments, 2, 1, eq_queue_push,
                                           queue, &call, NULL));
  eq_client *other = NULL;
  EXPECT_STATUS(EQ_ERR_REJECTED, eq_client_new(text("{\"worker_threads\":\"many\"}"), &other, NULL));
  eq_buffer *buffer = NULL;
  EXPECT_STATUS(EQ_ERR_REJECTED, eq_query(NULL, text("no_such_question"), text("{}"), &buffer, NULL));
  EXPECT(call == NULL && other == NULL && buffer == NULL);

  /* No event follows. */
  eq_event event;
  size_t count = 0;
  EXPECT_STATUS(EQ_TIMEOUT, eq_queue_next(queue, &event, 1, 50, &count));
  EXPECT_STATUS(EQ_OK, eq_queue_free(queue));
  EXPECT_STATUS(EQ_OK, eq_client_free(client));
}

static void questions(void) {
  eq_buffer *buffer = NULL;
  EXPECT_STATUS(EQ_OK, eq_query(NULL, text("get_llm_provider"), text("{\"model\":\"groq/llama-3\"}"), &buffer, NULL));
  EXPECT(contains(eq_buffer_bytes(buffer), "groq"));
  EXPECT_STATUS(EQ_OK, eq_buffer_free(buffer));
  EXPECT(eq_buffer_bytes(buffer).len == 0);
  EXPECT_STATUS(EQ_ERR_HANDLE, eq_buffer_free(buffer));
}

int main(void) {
  static const test tests[] = {
      TEST(versions),
      TEST(null_arguments),
      TEST(wrong_handles),
      TEST(rejections),
      TEST(questions),
  };
  return run_tests(tests, sizeof tests / sizeof tests[0]);
}
