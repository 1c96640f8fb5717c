/* Random sequences of calls from several threads, with handles that are alive, freed, of another kind, NULL, or no handles at
 * all: every one is answered with a status that the header lists for it, of each handle exactly one thread gets to free it, and
 * of each call that was started exactly one terminal event comes.
 *
 *     abi_misuse [SEED [STEPS]]
 *
 * The same seed gives each thread the same sequence; how the threads mix is the system's. What must not be done, and is not done
 * here, is to read lent bytes while another thread frees their owner. */
#include "support.h"

enum { THREADS = 4, POOL = 48, KINDS = 5 };
enum kind { CLIENT, QUEUE, CALL, ERROR, BUFFER };

/* Handles that any thread may use at any time, alive or not; and all that there ever were, to free at the end those that are left. */
static pthread_mutex_t pool_mutex = PTHREAD_MUTEX_INITIALIZER;
static void *pool[KINDS][POOL];
static struct {
  void **handles;
  size_t count, room;
} all[KINDS];

/* What was given away and taken back, by kind; and the terminal events of calls that were started. */
static pthread_mutex_t count_mutex = PTHREAD_MUTEX_INITIALIZER;
static long freed[KINDS], started, ended, unexpected;
static unsigned long steps = 4000;

static void count(long *counter) {
  pthread_mutex_lock(&count_mutex);
  ++*counter;
  pthread_mutex_unlock(&count_mutex);
}

/* xorshift64*: small, and the same everywhere. */
static uint32_t pick(uint64_t *state, uint32_t below) {
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return (uint32_t)((*state * 2685821657736338717u) >> 33) % below;
}

static void keep(uint64_t *state, enum kind kind, void *handle) {
  if (handle == NULL) return;
  pthread_mutex_lock(&pool_mutex);
  if (all[kind].count == all[kind].room) {
    all[kind].room = 2 * all[kind].room + 64;
    all[kind].handles = realloc(all[kind].handles, all[kind].room * sizeof(void *));
    if (all[kind].handles == NULL) abort();
  }
  all[kind].handles[all[kind].count++] = handle;
  pool[kind][pick(state, POOL)] = handle;
  pthread_mutex_unlock(&pool_mutex);
}

static void *any(uint64_t *state, enum kind kind) {
  static uint64_t own[2];
  switch (pick(state, 12)) {
    case 0: return NULL;
    case 1: return own;
    case 2: return (void *)(uintptr_t)(((uint64_t)pick(state, UINT32_MAX) << 32) | pick(state, UINT32_MAX));
    case 3: kind = (enum kind)pick(state, KINDS); break;
    default: break;
  }
  pthread_mutex_lock(&pool_mutex);
  void *handle = pool[kind][pick(state, POOL)];
  pthread_mutex_unlock(&pool_mutex);
  return handle;
}

static eq_status free_one(enum kind kind, void *handle) {
  eq_status status = EQ_OK;
  if (kind == CLIENT) status = eq_client_free(handle);
  if (kind == QUEUE) status = eq_queue_free(handle);
  if (kind == CALL) status = eq_call_free(handle);
  if (kind == ERROR) status = eq_error_free(handle);
  if (kind == BUFFER) status = eq_buffer_free(handle);
  if (status == EQ_OK && handle != NULL) count(&freed[kind]);
  return status;
}

/* Notes a status that is neither one that every function may answer nor one of `allowed`, which ends with EQ_OK. */
static void allow(const char *what, eq_status got, const eq_status *allowed) {
  static const eq_status always[] = {EQ_OK, EQ_ERR_NULL, EQ_ERR_HANDLE, EQ_ERR_FORKED};
  for (size_t i = 0; i < sizeof always / sizeof always[0]; i++) {
    if (got == always[i]) return;
  }
  for (; allowed != NULL && *allowed != EQ_OK; allowed++) {
    if (got == *allowed) return;
  }
  fprintf(stderr, "%s answered %s\n", what, eq_status_name(got));
  count(&unexpected);
}

static eq_action on_event(const eq_event *event, void *user_data) {
  (void)user_data;
  /* Misuse within a callback is misuse too. */
  uint64_t state = event->tag * 2 + 1;
  if (pick(&state, 8) == 0) free_one(CALL, any(&state, CALL));
  if (is_last(event)) count(&ended);
  return (eq_action)pick(&state, 3);
}

static void start_one(uint64_t *state) {
  static const char *const requests[] = {ANSWER, STREAM, SLOW, "{}", "[", "{\"model\":7}"};
  static const eq_status also[] = {EQ_ERR_REJECTED, EQ_OK};
  eq_call *call = NULL;
  eq_error *error = NULL;
  bool queued = pick(state, 2) == 0;
  bool wants_error = pick(state, 3) == 0;
  const char *request = requests[pick(state, 6)];
  eq_status status = eq_call_start(any(state, CLIENT), text("completion"), text(request), NULL, 0, pick(state, UINT32_MAX),
                                   queued ? eq_queue_push : on_event, queued ? any(state, QUEUE) : NULL, &call,
                                   wants_error ? &error : NULL);
  allow("eq_call_start", status, also);
  if ((status == EQ_OK) != (call != NULL) || (status == EQ_ERR_REJECTED && wants_error) != (error != NULL)) {
    count(&unexpected);
  }
  if (status == EQ_OK && !queued) count(&started);
  keep(state, CALL, call);
  keep(state, ERROR, error);
}

static void step(uint64_t *state) {
  static const eq_status next_also[] = {EQ_TIMEOUT, EQ_ERR_BUSY, EQ_ERR_CLOSED, EQ_OK};
  static const eq_status rejected[] = {EQ_ERR_REJECTED, EQ_OK};
  eq_client *client = NULL;
  eq_queue *queue = NULL;
  eq_buffer *buffer = NULL;
  eq_error *error = NULL;
  eq_event events[3];
  size_t taken = 0;
  intptr_t descriptor;
  eq_status status = EQ_OK;
  enum kind kind = (enum kind)pick(state, KINDS);
  switch (pick(state, 16)) {
    case 0:
      if (pick(state, 16) > 0) break; /* A client has threads of its own: few are enough. */
      allow("eq_client_new", eq_client_new(text(pick(state, 2) ? "" : "{\"worker_threads\":0.5}"), &client, &error), rejected);
      keep(state, CLIENT, client);
      keep(state, ERROR, error);
      break;
    case 1:
      allow("eq_queue_new", eq_queue_new(pick(state, 2000), &queue, NULL), NULL);
      keep(state, QUEUE, queue);
      break;
    case 2:
      status = eq_query(any(state, CLIENT), text(pick(state, 2) ? "get_llm_provider" : "nothing"),
                        text("{\"model\":\"groq/llama-3\"}"), &buffer, &error);
      allow("eq_query", status, rejected);
      keep(state, BUFFER, buffer);
      keep(state, ERROR, error);
      break;
    case 3: case 4: case 5: start_one(state); break;
    case 6: allow("eq_call_cancel", eq_call_cancel(any(state, CALL)), NULL); break;
    case 7: allow("eq_call_pause", eq_call_pause(any(state, CALL)), NULL); break;
    case 8: allow("eq_call_resume", eq_call_resume(any(state, CALL)), NULL); break;
    case 9:
      allow("eq_queue_next", eq_queue_next(any(state, QUEUE), events, pick(state, 4), (int32_t)pick(state, 2), &taken),
            next_also);
      if (taken > 3) count(&unexpected);
      break;
    case 10: allow("eq_queue_descriptor", eq_queue_descriptor(any(state, QUEUE), &descriptor), NULL); break;
    case 11: eq_buffer_bytes(any(state, BUFFER)); break;
    case 12:
      eq_error_get_kind(any(state, ERROR));
      eq_error_http_status(any(state, ERROR));
      eq_error_retry_after_ms(any(state, ERROR));
      eq_error_get_text(any(state, ERROR), (eq_error_text)pick(state, 12) - 2);
      eq_error_json(any(state, ERROR));
      break;
    default:
      if (kind == CLIENT && pick(state, 8) > 0) break;
      allow("a _free function", free_one(kind, any(state, kind)), NULL);
      break;
  }
}

static void *work(void *seed) {
  uint64_t state = *(uint64_t *)seed;
  for (unsigned long i = 0; i < steps; i++) step(&state);
  return NULL;
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
  if (argc > 2) steps = strtoul(argv[2], NULL, 0);
  uint64_t state = seed * 6364136223846793005u + 1442695040888963407u;
  for (int i = 0; i < 4; i++) keep(&state, CLIENT, new_client());
  for (int i = 0; i < POOL; i++) pool[CLIENT][i] = all[CLIENT].handles[i % 4];

  uint64_t seeds[THREADS];
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) {
    seeds[i] = state + (uint64_t)i * 0x9e3779b97f4a7c15u;
    EXPECT(pthread_create(&threads[i], NULL, work, &seeds[i]) == 0);
  }
  for (int i = 0; i < THREADS; i++) EXPECT(pthread_join(threads[i], NULL) == 0);

  /* Who is left is freed; whoever was freed says so. Clients come first: their calls end with them. */
  for (int kind = 0; kind < KINDS; kind++) {
    for (size_t i = 0; i < all[kind].count; i++) {
      eq_status status = free_one((enum kind)kind, all[kind].handles[i]);
      EXPECT(status == EQ_OK || status == EQ_ERR_HANDLE);
      EXPECT_STATUS(EQ_ERR_HANDLE, free_one((enum kind)kind, all[kind].handles[i]));
    }
  }
  for (int waited = 0; waited < PATIENCE_MS; waited += 10) {
    pthread_mutex_lock(&count_mutex);
    bool done = ended == started;
    pthread_mutex_unlock(&count_mutex);
    if (done) break;
    usleep(10000);
  }
  usleep(50000); /* Long enough for a terminal event too many. */
  pthread_mutex_lock(&count_mutex);
  EXPECT(started > 0 && ended == started);
  EXPECT(unexpected == 0);
  for (int kind = 0; kind < KINDS; kind++) {
    EXPECT(all[kind].count > 0 && freed[kind] == (long)all[kind].count);
  }
  printf("ok misuse, seed %llu: %ld clients, %ld calls, %ld queues, %ld errors, %ld buffers\n", (unsigned long long)seed,
         freed[CLIENT], freed[CALL], freed[QUEUE], freed[ERROR], freed[BUFFER]);
  pthread_mutex_unlock(&count_mutex);
  for (int kind = 0; kind < KINDS; kind++) free(all[kind].handles);
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
