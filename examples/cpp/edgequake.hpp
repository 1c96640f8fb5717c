// Language models through libedgequake_ffi: a header to copy. C++17, no dependency but edgequake.h.
//
//     edgequake::Client client;
//     std::string answer = client.completion(R"({"model": "openai/gpt-4o-mini", "messages": […]})");
//
// Requests and answers are JSON texts, so that a program keeps the JSON library that it has. Everything is freed by its
// destructor. Every object may be used from any thread; one thread at a time reads a stream.
#ifndef EDGEQUAKE_HPP
#define EDGEQUAKE_HPP

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "edgequake.h"

namespace edgequake {

// What went wrong, by litellm's exception class. A newer library may have more: Error::name() tells them.
enum class ErrorKind : eq_error_kind {
  bad_request = EQ_ERROR_BAD_REQUEST,
  authentication = EQ_ERROR_AUTHENTICATION,
  permission_denied = EQ_ERROR_PERMISSION_DENIED,
  not_found = EQ_ERROR_NOT_FOUND,
  timeout = EQ_ERROR_TIMEOUT,
  unprocessable_entity = EQ_ERROR_UNPROCESSABLE_ENTITY,
  rate_limit = EQ_ERROR_RATE_LIMIT,
  internal_server = EQ_ERROR_INTERNAL_SERVER,
  bad_gateway = EQ_ERROR_BAD_GATEWAY,
  service_unavailable = EQ_ERROR_SERVICE_UNAVAILABLE,
  api = EQ_ERROR_API,
  api_connection = EQ_ERROR_API_CONNECTION,
  api_response_validation = EQ_ERROR_API_RESPONSE_VALIDATION,
  context_window_exceeded = EQ_ERROR_CONTEXT_WINDOW_EXCEEDED,
  content_policy_violation = EQ_ERROR_CONTENT_POLICY_VIOLATION,
  unsupported_params = EQ_ERROR_UNSUPPORTED_PARAMS,
  cancelled = EQ_ERROR_CANCELLED,
  budget_exceeded = EQ_ERROR_BUDGET_EXCEEDED,
  json_schema_validation = EQ_ERROR_JSON_SCHEMA_VALIDATION,
  payment_required = EQ_ERROR_PAYMENT_REQUIRED,
  image_fetch = EQ_ERROR_IMAGE_FETCH,
};

namespace detail {

inline std::string_view view(eq_bytes bytes) {
  if (bytes.len == 0) return {};
  return {reinterpret_cast<const char *>(bytes.ptr), bytes.len};
}

inline eq_bytes given(std::string_view text) { return {reinterpret_cast<const uint8_t *>(text.data()), text.size()}; }

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T *handle) const {
    Free(handle);
  }
};

using ClientHandle = std::unique_ptr<eq_client, Deleter<eq_client_free>>;
using CallHandle = std::unique_ptr<eq_call, Deleter<eq_call_free>>;
using QueueHandle = std::unique_ptr<eq_queue, Deleter<eq_queue_free>>;
using ErrorHandle = std::unique_ptr<eq_error, Deleter<eq_error_free>>;

}  // namespace detail

// A request that was refused, or a call that failed. It holds copies, and no key.
class Error : public std::runtime_error {
 public:
  explicit Error(const eq_error *error)
      : std::runtime_error(text(error, EQ_TEXT_KIND_NAME) + ": " + text(error, EQ_TEXT_MESSAGE)),
        kind_(static_cast<ErrorKind>(eq_error_get_kind(error))),
        name_(text(error, EQ_TEXT_KIND_NAME)),
        message_(text(error, EQ_TEXT_MESSAGE)),
        json_(detail::view(eq_error_json(error))),
        http_status_(eq_error_http_status(error)),
        retry_after_ms_(eq_error_retry_after_ms(error)) {}

  ErrorKind kind() const { return kind_; }
  // The name of litellm's exception class.
  const std::string &name() const { return name_; }
  const std::string &message() const { return message_; }
  // Everything the library knows of the error.
  const std::string &json() const { return json_; }
  // 0 where the server did not answer.
  int http_status() const { return http_status_; }
  std::optional<std::chrono::milliseconds> retry_after() const {
    if (retry_after_ms_ < 0) return std::nullopt;
    return std::chrono::milliseconds(retry_after_ms_);
  }

 private:
  static std::string text(const eq_error *error, eq_error_text which) {
    return std::string(detail::view(eq_error_get_text(error, which)));
  }

  ErrorKind kind_;
  std::string name_, message_, json_;
  int http_status_;
  std::int64_t retry_after_ms_;
};

namespace detail {

// A status that no request can cause but a wrong program, or a lack of memory.
inline void check(eq_status status) {
  if (status < 0) throw std::runtime_error(std::string("edgequake: ") + eq_status_name(status));
}

// By reference: the function that makes the status sets the error, and C++ may evaluate the arguments in either order.
inline void check(eq_status status, eq_error *const &error) {
  ErrorHandle owned(error);
  if (status == EQ_ERR_REJECTED && error != nullptr) throw Error(error);
  check(status);
}
// The request with `"stream": true`, behind its other members: of two with one name the last counts. What is no object is
// the library's to refuse.
inline std::string streamed(std::string_view request) {
  std::string made(request);
  auto end = made.find_last_not_of(" \t\r\n");
  if (end == std::string::npos || made[end] != '}') return made;
  auto last = end == 0 ? std::string::npos : made.find_last_not_of(" \t\r\n", end - 1);
  bool empty = last == std::string::npos || made[last] == '{';
  return made.insert(end, empty ? "\"stream\":true" : ",\"stream\":true");
}

}  // namespace detail

// A piece of a call, as the library lends it: a callback's until it returns, a stream's until the next one is asked for.
class Event {
 public:
  explicit Event(const eq_event &raw) : raw_(&raw) {}

  eq_event_kind kind() const { return raw_->kind; }
  // New content; empty for other pieces.
  std::string_view text() const { return of(EQ_EVENT_CHUNK) || of(EQ_EVENT_CONTENT) ? detail::view(raw_->text) : ""; }
  std::string_view reasoning() const { return of(EQ_EVENT_REASONING) ? detail::view(raw_->text) : ""; }
  // A piece of the arguments of the tool call number slot().
  std::string_view arguments() const { return of(EQ_EVENT_ARGUMENTS) ? detail::view(raw_->text) : ""; }
  int slot() const { return raw_->slot; }
  // The choice.
  int index() const { return raw_->index; }
  // The whole chat.completion.chunk as JSON; empty where it has nothing but the text that the accessors above give.
  std::string_view chunk() const { return of(EQ_EVENT_CHUNK) ? detail::view(raw_->data) : ""; }

  bool is_last() const { return of(EQ_EVENT_DONE) || of(EQ_EVENT_FAILED); }
  const eq_event &raw() const { return *raw_; }

 private:
  bool of(eq_event_kind kind) const { return raw_->kind == kind; }
  const eq_event *raw_;
};

// A call that is read from a queue. Its destructor ends the call and its connection.
class Stream {
 public:
  // The next event, after waiting for it; nothing after the last. Throws Error where the call fails, also when cancelled.
  std::optional<Event> next() {
    if (at_ == count_) {
      if (finished_) return std::nullopt;
      at_ = count_ = 0;
      detail::check(eq_queue_next(queue_.get(), events_.data(), events_.size(), -1, &count_));
    }
    Event event(events_[at_++]);
    finished_ = event.is_last();
    if (event.kind() == EQ_EVENT_FAILED) throw Error(event.raw().error);
    return event;
  }

  // From any thread; whoever reads the stream gets ErrorKind::cancelled.
  void cancel() { detail::check(eq_call_cancel(call_.get())); }

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Event;
    using difference_type = std::ptrdiff_t;
    using pointer = const Event *;
    using reference = const Event &;

    explicit Iterator(Stream *stream) : stream_(stream) { ++*this; }
    Iterator() = default;
    reference operator*() const { return *event_; }
    pointer operator->() const { return &*event_; }
    Iterator &operator++() {
      event_ = stream_->next();
      return *this;
    }
    // Only a comparison with the end makes sense.
    bool operator!=(const Iterator &) const { return event_.has_value(); }

   private:
    Stream *stream_ = nullptr;
    std::optional<Event> event_;
  };
  Iterator begin() { return Iterator(this); }
  Iterator end() { return {}; }

 private:
  friend class Client;
  Stream(detail::QueueHandle queue, detail::CallHandle call) : queue_(std::move(queue)), call_(std::move(call)) {}

  // The call goes first, so that its last event finds the queue.
  detail::QueueHandle queue_;
  detail::CallHandle call_;
  std::array<eq_event, 16> events_{};
  std::size_t at_ = 0, count_ = 0;
  bool finished_ = false;
};

// What a callback wants next.
enum class Action : eq_action { go_on = EQ_CONTINUE, pause = EQ_PAUSE, cancel = EQ_CANCEL };

// A function that takes events, on a thread of the library, one event at a time. It must not block, for other calls wait;
// an exception cancels the call and comes out of Call::wait.
using Callback = std::function<Action(const Event &)>;

// A call whose events go to a callback. Its destructor ends the call; the callback may still be running then.
class Call {
 public:
  // Waits for the last event. Throws Error where the call failed, also when it was cancelled, and what the callback threw.
  void wait() {
    std::unique_lock<std::mutex> lock(state_->mutex);
    state_->arrived.wait(lock, [this] { return state_->finished; });
    if (state_->failure) std::rethrow_exception(state_->failure);
  }
  void cancel() { detail::check(eq_call_cancel(call_.get())); }
  // Goes on after Action::pause.
  void resume() { detail::check(eq_call_resume(call_.get())); }

 private:
  friend class Client;
  struct State {
    Callback callback;
    std::mutex mutex;
    std::condition_variable arrived;
    bool finished = false;
    std::exception_ptr failure;
  };

  Call(std::shared_ptr<State> state, detail::CallHandle call) : state_(std::move(state)), call_(std::move(call)) {}

  // `user_data` is a shared pointer of the call's own: what it keeps alive lives until the last event, whoever goes before.
  static eq_action forward(const eq_event *raw, void *user_data) noexcept {
    auto *state = static_cast<std::shared_ptr<State> *>(user_data);
    const Event event(*raw);
    Action action = Action::cancel;
    std::exception_ptr failure;
    try {
      action = (*state)->callback(event);
      if (event.kind() == EQ_EVENT_FAILED) throw Error(raw->error);
    } catch (...) {
      failure = std::current_exception();
    }
    if (failure || event.is_last()) finish(**state, failure, event.is_last());
    if (event.is_last()) delete state;
    return static_cast<eq_action>(action);
  }

  static void finish(State &state, std::exception_ptr failure, bool is_last) {
    std::lock_guard<std::mutex> lock(state.mutex);
    // The first failure is the cause: the cancelled call that it led to is not.
    if (!state.failure) state.failure = std::move(failure);
    state.finished = is_last;
    state.arrived.notify_all();
  }

  std::shared_ptr<State> state_;
  detail::CallHandle call_;
};

// Connections and threads that calls share: one is enough for a program.
class Client {
 public:
  Client() {
    if (eq_abi_version() != EQ_ABI_VERSION) throw std::runtime_error("edgequake: the library has another interface");
    eq_client *client = nullptr;
    eq_error *error = nullptr;
    detail::check(eq_client_new(detail::given(""), &client, &error), error);
    client_.reset(client);
  }

  // One chat completion. The request is JSON with litellm's names, the answer a chat.completion.
  std::string completion(std::string_view request) const { return answer("completion", request); }

  std::string embedding(std::string_view request) const { return answer("embedding", request); }

  // A streamed chat completion. `capacity` is how many bytes may wait for a slow reader before the provider is held back; 0
  // means 1 MiB.
  Stream stream(std::string_view request, std::size_t capacity = 0) const {
    return start("completion", detail::streamed(request), capacity);
  }

  // The same, with a callback instead of a reader.
  Call stream(std::string_view request, Callback callback) const {
    auto state = std::make_shared<Call::State>();
    state->callback = std::move(callback);
    auto user_data = std::make_unique<std::shared_ptr<Call::State>>(state);
    auto call = start("completion", detail::streamed(request), Call::forward, user_data.get());
    user_data.release();  // The last event, which comes after a successful start only, deletes it.
    return Call(std::move(state), std::move(call));
  }

 private:
  detail::CallHandle start(std::string_view operation, std::string_view request, eq_event_fn on_event, void *to) const {
    eq_call *call = nullptr;
    eq_error *error = nullptr;
    detail::check(eq_call_start(client_.get(), detail::given(operation), detail::given(request), nullptr, 0, 0, on_event,
                                to, &call, &error),
                  error);
    return detail::CallHandle(call);
  }

  Stream start(std::string_view operation, std::string_view request, std::size_t capacity) const {
    // A queue of its own: a reader that is slow holds back this call and no other.
    eq_queue *queue = nullptr;
    eq_error *error = nullptr;
    detail::check(eq_queue_new(capacity, &queue, &error), error);
    detail::QueueHandle owned(queue);
    auto call = start(operation, request, eq_queue_push, queue);
    return Stream(std::move(owned), std::move(call));
  }

  std::string answer(std::string_view operation, std::string_view request) const {
    Stream call = start(operation, request, 0);
    std::string answer;
    while (auto event = call.next()) {
      if (event->is_last()) answer = detail::view(event->raw().data);
    }
    if (answer.empty()) throw std::runtime_error("edgequake: the request asks for a stream: take stream()");
    return answer;
  }

  detail::ClientHandle client_;
};

}  // namespace edgequake

#endif
