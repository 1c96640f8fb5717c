/* The layout that other languages' bindings copy down, field by field. Compiling this file is the test: a negative array
 * size is an error in every C and C++. The Rust source asserts the same of its side. */
#include "edgequake.h"

#define PROMISE(name, condition) typedef char promise_##name[(condition) ? 1 : -1]
#define FIELD(type, field, offset, size) \
  PROMISE(type##_##field, offsetof(type, field) == (offset) && sizeof(((type *)0)->field) == (size))

PROMISE(status, sizeof(eq_status) == 4 && (eq_status)-1 < 0);
PROMISE(action, sizeof(eq_action) == 4 && (eq_action)-1 < 0);
PROMISE(event_kind, sizeof(eq_event_kind) == 4);
PROMISE(error_kind, sizeof(eq_error_kind) == 4);
PROMISE(error_text, sizeof(eq_error_text) == 4);

/* Pointers of 64 bits. Where they have 32, the order of the fields is the promise. */
#if UINTPTR_MAX == UINT64_MAX
FIELD(eq_bytes, ptr, 0, 8);
FIELD(eq_bytes, len, 8, 8);
PROMISE(bytes, sizeof(eq_bytes) == 16);

FIELD(eq_event, size, 0, 4);
FIELD(eq_event, kind, 4, 4);
FIELD(eq_event, tag, 8, 8);
FIELD(eq_event, index, 16, 4);
FIELD(eq_event, slot, 20, 4);
FIELD(eq_event, data, 24, 16);
FIELD(eq_event, text, 40, 16);
FIELD(eq_event, meta, 56, 16);
FIELD(eq_event, error, 72, 8);
FIELD(eq_event, call, 80, 8);
PROMISE(event, sizeof(eq_event) == 88);
#endif

/* The numbers that programs compare with, and store. */
PROMISE(ok, EQ_OK == 0 && EQ_TIMEOUT == 1);
PROMISE(failures, EQ_ERR_NULL == -1 && EQ_ERR_HANDLE == -2 && EQ_ERR_FORKED == -3 && EQ_ERR_ARGUMENT == -4 &&
                      EQ_ERR_REJECTED == -5 && EQ_ERR_BUSY == -6 && EQ_ERR_CLOSED == -7 && EQ_ERR_RESOURCE == -8 &&
                      EQ_ERR_PANIC == -9);
PROMISE(actions, EQ_CONTINUE == 0 && EQ_PAUSE == 1 && EQ_CANCEL == 2);
PROMISE(events, EQ_EVENT_OPENED == 1 && EQ_EVENT_CHUNK == 2 && EQ_EVENT_CONTENT == 3 && EQ_EVENT_REASONING == 4 &&
                    EQ_EVENT_ARGUMENTS == 5 && EQ_EVENT_BYTES == 6 && EQ_EVENT_LOG == 7 && EQ_EVENT_DONE == 8 &&
                    EQ_EVENT_FAILED == 9);
PROMISE(errors, EQ_ERROR_BAD_REQUEST == 1 && EQ_ERROR_RATE_LIMIT == 7 && EQ_ERROR_CANCELLED == 17);
PROMISE(texts, EQ_TEXT_MESSAGE == 0 && EQ_TEXT_PROVIDER == 1 && EQ_TEXT_MODEL == 2 && EQ_TEXT_REQUEST_ID == 3 &&
                   EQ_TEXT_BODY == 4 && EQ_TEXT_CODE == 5 && EQ_TEXT_KIND_NAME == 6);

/* A function with the type that eq_call_start takes: the ready-made callback has to fit. */
const eq_event_fn promise_push = eq_queue_push;
