/* DRAFT of the signatures; replaced by cbindgen's output (names, argument order and values stay). */
#ifndef EDGEQUAKE_H
#define EDGEQUAKE_H
#include <stddef.h>
#include <stdint.h>
#define EQ_ABI_VERSION 1
typedef int32_t eq_status;   /* EQ_OK 0, EQ_TIMEOUT 1, EQ_ERR_NULL -1, EQ_ERR_HANDLE -2, EQ_ERR_FORKED -3, EQ_ERR_ARGUMENT -4,
                                EQ_ERR_REJECTED -5 (see eq_error), EQ_ERR_BUSY -6, EQ_ERR_CLOSED -7, EQ_ERR_RESOURCE -8, EQ_ERR_PANIC -9 */
typedef int32_t eq_action;   /* EQ_CONTINUE 0, EQ_PAUSE 1, EQ_CANCEL 2 */
typedef int32_t eq_event_kind; /* EQ_EVENT_OPENED 1 .. EQ_EVENT_FAILED 9, see docs/architecture.md */
typedef int32_t eq_error_kind;
typedef int32_t eq_error_text; /* EQ_TEXT_MESSAGE 0, _PROVIDER 1, _MODEL 2, _REQUEST_ID 3, _BODY 4, _CODE 5, _KIND_NAME 6 */
typedef struct eq_client eq_client; typedef struct eq_call eq_call; typedef struct eq_queue eq_queue;
typedef struct eq_error eq_error; typedef struct eq_buffer eq_buffer;
typedef struct eq_bytes { const uint8_t *ptr; size_t len; } eq_bytes;
typedef struct eq_event {
  uint32_t size; eq_event_kind kind; uint64_t tag; int32_t index; int32_t slot;
  eq_bytes data; eq_bytes text; eq_bytes meta; const eq_error *error;
} eq_event;
typedef eq_action (*eq_event_fn)(const eq_event *event, void *user_data);

uint32_t eq_abi_version(void);
const char *eq_version(void);
uint64_t eq_fork_generation(void);
const char *eq_status_name(eq_status status);

eq_status eq_client_new(eq_bytes config, eq_client **out, eq_error **error);
eq_status eq_client_free(eq_client *client);
eq_status eq_query(const eq_client *client, eq_bytes name, eq_bytes request, eq_buffer **out, eq_error **error);
eq_bytes  eq_buffer_bytes(const eq_buffer *buffer);
eq_status eq_buffer_free(eq_buffer *buffer);

eq_status eq_call_start(const eq_client *client, eq_bytes operation, eq_bytes request,
                        const eq_bytes *attachments, size_t attachment_count, uint64_t tag,
                        eq_event_fn on_event, void *user_data, eq_call **out, eq_error **error);
eq_status eq_call_cancel(const eq_call *call);
eq_status eq_call_pause(const eq_call *call);
eq_status eq_call_resume(const eq_call *call);
eq_status eq_call_free(eq_call *call);     /* cancels a running call */

eq_status eq_queue_new(size_t capacity, eq_queue **out, eq_error **error);   /* capacity: bytes held before its calls are paused; 0 = 1 MiB */
eq_status eq_queue_free(eq_queue *queue);
eq_action eq_queue_push(const eq_event *event, void *queue);   /* an eq_event_fn */
eq_status eq_queue_descriptor(const eq_queue *queue, intptr_t *out);
/* Fills up to max events, waiting up to timeout_ms (-1: for ever, 0: not at all). What they point to lives until the next
   eq_queue_next on the queue. One reader at a time (EQ_ERR_BUSY). EQ_TIMEOUT: none came. */
eq_status eq_queue_next(const eq_queue *queue, eq_event *events, size_t max, int32_t timeout_ms, size_t *count);

eq_error_kind eq_error_get_kind(const eq_error *error);
int32_t   eq_error_http_status(const eq_error *error);
int64_t   eq_error_retry_after_ms(const eq_error *error);    /* -1: none */
eq_bytes  eq_error_get_text(const eq_error *error, eq_error_text which);
eq_bytes  eq_error_json(const eq_error *error);
eq_status eq_error_free(eq_error *error);
eq_status eq_log_set(int32_t level, eq_event_fn on_log, void *user_data);
#endif
