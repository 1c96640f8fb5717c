// Package edgequake calls language models through libedgequake_ffi: two files to copy.
//
//	client, err := edgequake.NewClient()
//	answer, err := client.Completion(ctx, map[string]any{"model": "openai/gpt-4o-mini", "messages": …})
//
// Requests are anything that encoding/json makes an object of, with litellm's names; answers are JSON. Every method may be
// called from any goroutine. A running call costs a goroutine and no thread: it waits on its queue's descriptor, in Go's
// own poller (Linux, macOS, BSD).
package edgequake

// #cgo pkg-config: edgequake
// #include <stdlib.h>
// #include "edgequake.h"
//
// // Handles are numbers, which Go must not see as pointers of its own: they stay typed, or in C.
// static eq_status start(const eq_client *client, const char *operation, size_t operation_len, const uint8_t *request,
//                        size_t request_len, const eq_queue *queue, eq_call **out, eq_error **error) {
//   eq_bytes name = {(const uint8_t *)operation, operation_len}, body = {request, request_len};
//   return eq_call_start(client, name, body, NULL, 0, 0, eq_queue_push, (void *)queue, out, error);
// }
// static eq_status new_client(const uint8_t *config, size_t len, eq_client **out, eq_error **error) {
//   eq_bytes given = {config, len};
//   return eq_client_new(given, out, error);
// }
// static eq_status query(const eq_client *client, const char *question, size_t question_len, const uint8_t *request,
//                        size_t request_len, eq_buffer **out, eq_error **error) {
//   eq_bytes name = {(const uint8_t *)question, question_len}, body = {request, request_len};
//   return eq_query(client, name, body, out, error);
// }
// static const char *error_text(const eq_error *error, eq_error_text which, size_t *len) {
//   eq_bytes text = eq_error_get_text(error, which);
//   *len = text.len;
//   return text.len > 0 ? (const char *)text.ptr : NULL;
// }
import "C"

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// Client has the connections and threads that calls share: one is enough for a program.
type Client struct{ handle *C.eq_client }

// NewClient makes a client, for Close.
func NewClient() (*Client, error) { return newClient(nil) }

// NewConfiguredClient makes a client that has routers, caches and the like by name, as Configure gives it.
func NewConfiguredClient(config any) (*Client, error) {
	body, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	return newClient(body)
}

func newClient(config []byte) (*Client, error) {
	if version := C.eq_abi_version(); version != C.EQ_ABI_VERSION {
		return nil, fmt.Errorf("edgequake: the library has interface %d, this package is for %d", version, C.EQ_ABI_VERSION)
	}
	var client Client
	var failure *C.eq_error
	var first *C.uint8_t
	if len(config) > 0 {
		first = (*C.uint8_t)(&config[0])
	}
	status := C.new_client(first, C.size_t(len(config)), &client.handle, &failure)
	return &client, statusError(status, failure)
}

// Close cancels what still runs.
func (c *Client) Close() { C.eq_client_free(c.handle) }

// Completion answers with a chat.completion object.
func (c *Client) Completion(ctx context.Context, request any) (json.RawMessage, error) {
	return c.answer(ctx, "completion", request)
}

// Embedding answers with a list of embeddings.
func (c *Client) Embedding(ctx context.Context, request any) (json.RawMessage, error) {
	return c.answer(ctx, "embedding", request)
}

// Configure sets what requests name: {"routers": {"main": {…}}}. An object takes the place of the one of its name, nil removes it.
func (c *Client) Configure(config any) error {
	_, err := c.Query("configure", config)
	return err
}

// Query answers a question that needs no network, such as "router_state".
func (c *Client) Query(question string, request any) (json.RawMessage, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	name := C.CString(question)
	defer C.free(unsafe.Pointer(name))
	var made *C.eq_buffer
	var failure *C.eq_error
	status := C.query(c.handle, name, C.size_t(len(question)), (*C.uint8_t)(&body[0]), C.size_t(len(body)), &made, &failure)
	if err := statusError(status, failure); err != nil {
		return nil, err
	}
	defer C.eq_buffer_free(made)
	bytes := C.eq_buffer_bytes(made)
	return json.RawMessage(text(&bytes)), nil
}

func (c *Client) answer(ctx context.Context, operation string, request any) (json.RawMessage, error) {
	stream, err := c.start(ctx, operation, request, 0)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	for range stream.events {
	}
	if stream.err == nil && len(stream.answer) == 0 {
		return nil, errors.New("edgequake: the request asks for a stream: take Stream")
	}
	return stream.answer, stream.err
}

// Stream starts a streamed chat completion. Up to capacity bytes (0 means 1 MiB) wait for a slow reader before the provider
// is held back. The stream ends with its context; Close it where that may be long.
func (c *Client) Stream(ctx context.Context, request any, capacity int) (*Stream, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, fmt.Errorf("edgequake: a request is a JSON object: %w", err)
	}
	if members == nil {
		return nil, errors.New("edgequake: a request is a JSON object")
	}
	members["stream"] = json.RawMessage("true")
	return c.start(ctx, "completion", members, capacity)
}

func (c *Client) start(ctx context.Context, operation string, request any, capacity int) (*Stream, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	// A queue of its own: a reader that is slow holds back this call and no other.
	stream := &Stream{events: make(chan Event)}
	if err := statusError(C.eq_queue_new(C.size_t(capacity), &stream.queue, nil), nil); err != nil {
		return nil, err
	}
	var descriptor C.intptr_t
	err = statusError(C.eq_queue_descriptor(stream.queue, &descriptor), nil)
	if err == nil {
		err = stream.watch(int(descriptor))
	}
	if err != nil {
		C.eq_queue_free(stream.queue)
		return nil, err
	}
	name := C.CString(operation)
	defer C.free(unsafe.Pointer(name))
	var failure *C.eq_error
	status := C.start(c.handle, name, C.size_t(len(operation)), (*C.uint8_t)(&body[0]), C.size_t(len(body)),
		stream.queue, &stream.call, &failure)
	if err := statusError(status, failure); err != nil {
		stream.free()
		return nil, err
	}
	stream.ctx, stream.stop = context.WithCancel(ctx)
	go stream.run()
	return stream, nil
}

// Event is a piece of a stream. Mostly one of the texts is all that is new, and Chunk is nil.
type Event struct {
	Text      string          // new content
	Reasoning string          // new reasoning
	Arguments string          // a piece of the arguments of the tool call number Slot
	Slot      int             // see Arguments
	Index     int             // the choice
	Chunk     json.RawMessage // the chat.completion.chunk, where it is more than a text
}

// Stream is a running call. Read Events to its end, then ask Err.
type Stream struct {
	ctx      context.Context
	stop     context.CancelFunc
	events   chan Event
	call     *C.eq_call
	queue    *C.eq_queue
	doorbell *os.File
	answer   json.RawMessage
	meta     json.RawMessage
	err      error
}

// Events is closed after the last event. While nobody receives, the provider is held back.
func (s *Stream) Events() <-chan Event { return s.events }

// Err says, once Events is closed, why the stream ended: nil at its end, the context's error where that came first, else
// an *Error.
func (s *Stream) Err() error { return s.err }

// Meta says, once Events is closed, who answered: the provider, the model, and the deployment where there is a router.
func (s *Stream) Meta() json.RawMessage { return s.meta }

// Close ends the call and its connection, and waits for that.
func (s *Stream) Close() {
	s.stop()
	for range s.events {
	}
}

// watch gives a copy of the queue's descriptor to Go's poller: the queue keeps and closes its own.
func (s *Stream) watch(descriptor int) error {
	copied, err := syscall.Dup(descriptor)
	if err != nil {
		return err
	}
	syscall.CloseOnExec(copied)
	// Also where the system forgets it with the copy: the poller takes no descriptor that could block.
	if err := syscall.SetNonblock(copied, true); err != nil {
		syscall.Close(copied)
		return err
	}
	s.doorbell = os.NewFile(uintptr(copied), "edgequake queue")
	return nil
}

// room is how many events one call of the library may hand out.
const room = 16

// run carries events from the queue to the channel until the call's last one.
func (s *Stream) run() {
	defer close(s.events)
	defer s.free()
	defer s.stop()
	raw, err := s.doorbell.SyscallConn()
	if err != nil {
		s.err = err
		return
	}
	// In C, for what the library lends is not to be looked at by Go's collector.
	batch := (*[room]C.eq_event)(C.calloc(room, C.sizeof_eq_event))
	count := (*C.size_t)(C.calloc(1, C.sizeof_size_t))
	defer C.free(unsafe.Pointer(batch))
	defer C.free(unsafe.Pointer(count))
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-s.ctx.Done():
			// A call that has ended meanwhile is no longer known by its handle, which does no harm.
			C.eq_call_cancel(s.call)
		case <-ended:
		}
	}()
	for {
		var status C.eq_status
		// The function is tried first, and again whenever the descriptor has become readable.
		err := raw.Read(func(uintptr) bool {
			status = C.eq_queue_next(s.queue, &batch[0], room, 0, count)
			return status != C.EQ_TIMEOUT
		})
		if err == nil {
			err = statusError(status, nil)
		}
		if err != nil {
			s.err = err
			return
		}
		for i := 0; i < int(*count); i++ {
			if s.deliver(&batch[i]) {
				return
			}
		}
	}
}

// deliver reports whether the event was the last.
func (s *Stream) deliver(event *C.eq_event) bool {
	made := Event{Slot: int(event.slot), Index: int(event.index)}
	switch event.kind {
	case C.EQ_EVENT_CHUNK:
		made.Text, made.Chunk = text(&event.text), json.RawMessage(text(&event.data))
	case C.EQ_EVENT_CONTENT:
		made.Text = text(&event.text)
	case C.EQ_EVENT_REASONING:
		made.Reasoning = text(&event.text)
	case C.EQ_EVENT_ARGUMENTS:
		made.Arguments = text(&event.text)
	case C.EQ_EVENT_DONE:
		s.answer, s.meta = json.RawMessage(text(&event.data)), json.RawMessage(text(&event.meta))
		return true
	case C.EQ_EVENT_FAILED:
		if s.err = s.ctx.Err(); s.err == nil {
			s.err = newError(event.error)
		}
		return true
	default:
		return false
	}
	select {
	case s.events <- made:
	case <-s.ctx.Done():
	}
	return false
}

func (s *Stream) free() {
	C.eq_call_free(s.call)
	s.doorbell.Close()
	C.eq_queue_free(s.queue)
}

func text(bytes *C.eq_bytes) string {
	if bytes.len == 0 {
		return ""
	}
	return C.GoStringN((*C.char)(unsafe.Pointer(bytes.ptr)), C.int(bytes.len))
}

// Kind is what went wrong, by litellm's exception class; errors.Is(err, edgequake.RateLimit) asks for one.
type Kind int

// The kinds. A newer library may have more: Error.Name tells them.
const (
	BadRequest             Kind = C.EQ_ERROR_BAD_REQUEST
	Authentication         Kind = C.EQ_ERROR_AUTHENTICATION
	PermissionDenied       Kind = C.EQ_ERROR_PERMISSION_DENIED
	NotFound               Kind = C.EQ_ERROR_NOT_FOUND
	Timeout                Kind = C.EQ_ERROR_TIMEOUT
	UnprocessableEntity    Kind = C.EQ_ERROR_UNPROCESSABLE_ENTITY
	RateLimit              Kind = C.EQ_ERROR_RATE_LIMIT
	InternalServer         Kind = C.EQ_ERROR_INTERNAL_SERVER
	BadGateway             Kind = C.EQ_ERROR_BAD_GATEWAY
	ServiceUnavailable     Kind = C.EQ_ERROR_SERVICE_UNAVAILABLE
	API                    Kind = C.EQ_ERROR_API
	APIConnection          Kind = C.EQ_ERROR_API_CONNECTION
	APIResponseValidation  Kind = C.EQ_ERROR_API_RESPONSE_VALIDATION
	ContextWindowExceeded  Kind = C.EQ_ERROR_CONTEXT_WINDOW_EXCEEDED
	ContentPolicyViolation Kind = C.EQ_ERROR_CONTENT_POLICY_VIOLATION
	UnsupportedParams      Kind = C.EQ_ERROR_UNSUPPORTED_PARAMS
	Cancelled              Kind = C.EQ_ERROR_CANCELLED
	BudgetExceeded         Kind = C.EQ_ERROR_BUDGET_EXCEEDED
	JSONSchemaValidation   Kind = C.EQ_ERROR_JSON_SCHEMA_VALIDATION
	PaymentRequired        Kind = C.EQ_ERROR_PAYMENT_REQUIRED
	ImageFetch             Kind = C.EQ_ERROR_IMAGE_FETCH
)

func (k Kind) Error() string { return fmt.Sprintf("edgequake: an error of kind %d", int(k)) }

// Error is a request that was refused or a call that failed. No field ever holds a key.
type Error struct {
	Kind       Kind
	Name       string // of litellm's exception class
	Message    string
	HTTPStatus int           // 0 where the server did not answer
	RetryAfter time.Duration // negative where the provider does not say
	Provider   string
	Model      string
	RequestID  string
}

func (e *Error) Error() string { return e.Name + ": " + e.Message }

// Is makes errors.Is work with a Kind.
func (e *Error) Is(target error) bool {
	kind, ok := target.(Kind)
	return ok && kind == e.Kind
}

func newError(failure *C.eq_error) *Error {
	get := func(which C.eq_error_text) string {
		var length C.size_t
		return C.GoStringN(C.error_text(failure, which, &length), C.int(length))
	}
	return &Error{
		Kind:       Kind(C.eq_error_get_kind(failure)),
		Name:       get(C.EQ_TEXT_KIND_NAME),
		Message:    get(C.EQ_TEXT_MESSAGE),
		HTTPStatus: int(C.eq_error_http_status(failure)),
		RetryAfter: time.Duration(C.eq_error_retry_after_ms(failure)) * time.Millisecond,
		Provider:   get(C.EQ_TEXT_PROVIDER),
		Model:      get(C.EQ_TEXT_MODEL),
		RequestID:  get(C.EQ_TEXT_REQUEST_ID),
	}
}

// statusError makes a Go error of a function's answer, and frees the library's.
func statusError(status C.eq_status, failure *C.eq_error) error {
	if status >= 0 {
		return nil
	}
	if failure != nil {
		defer C.eq_error_free(failure)
		return newError(failure)
	}
	return errors.New("edgequake: " + C.GoString(C.eq_status_name(status)))
}
