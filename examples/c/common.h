/* What the examples share: text in, text out, and one way to give up.
 *
 * Each example takes the address of a server that speaks OpenAI's protocol, and optionally a key and a model:
 *
 *     complete http://127.0.0.1:8080/v1 sk-… gpt-4o-mini
 *
 * Without an address OpenAI's own is used; without a key the library takes OPENAI_API_KEY from the environment.
 */
#ifndef EXAMPLES_COMMON_H
#define EXAMPLES_COMMON_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edgequake.h"

static inline eq_bytes text(const char *string) {
  eq_bytes bytes = {(const uint8_t *)string, strlen(string)};
  return bytes;
}

/* An eq_bytes has no NUL at its end, so printf's %s cannot print it. */
static inline void print(FILE *file, eq_bytes bytes) {
  if (bytes.len > 0) fwrite(bytes.ptr, 1, bytes.len, file);
  fflush(file);
}

static inline void print_error(const eq_error *error) {
  print(stderr, eq_error_get_text(error, EQ_TEXT_KIND_NAME));
  fprintf(stderr, " (HTTP status %d): ", (int)eq_error_http_status(error));
  print(stderr, eq_error_get_text(error, EQ_TEXT_MESSAGE));
  fprintf(stderr, "\n");
}

/* Ends the program when a function has failed. An error object says more than its status; there may be none. It is given by its
 * address, because C may evaluate the arguments of `check("…", eq_…(…, &error), &error)` in either order. */
static inline void check(const char *what, eq_status status, eq_error **error) {
  if (status == EQ_OK) return;
  fprintf(stderr, "%s: %s\n", what, eq_status_name(status));
  if (error != NULL && *error != NULL) {
    print_error(*error);
    eq_error_free(*error);
  }
  exit(EXIT_FAILURE);
}

static inline bool is_last(const eq_event *event) {
  return event->kind == EQ_EVENT_DONE || event->kind == EQ_EVENT_FAILED;
}

/* Writes `string` as a JSON string and returns the end of what it wrote. A character becomes six at most. */
static inline char *json_string(char *out, const char *string) {
  *out++ = '"';
  for (; *string != '\0'; string++) {
    unsigned char byte = (unsigned char)*string;
    if (byte == '"' || byte == '\\') *out++ = '\\';
    if (byte < 0x20) {
      out += sprintf(out, "\\u%04x", byte);
    } else {
      *out++ = (char)byte;
    }
  }
  *out++ = '"';
  *out = '\0';
  return out;
}

/* One member of a JSON object, behind the ones before it; nothing where there is no value. */
static inline char *json_member(char *out, const char *key, const char *value) {
  if (value == NULL) return out;
  out += sprintf(out, ",\"%s\":", key);
  return json_string(out, value);
}

/* The request of a chat completion, as JSON that the caller frees. It has litellm's names. */
static inline char *chat_request(int argc, char **argv, const char *prompt, bool stream) {
  const char *address = argc > 1 ? argv[1] : NULL;
  const char *key = argc > 2 ? argv[2] : NULL;
  const char *name = argc > 3 ? argv[3] : "gpt-4o-mini";
  size_t room = 6 * (strlen(prompt) + strlen(name) + (address ? strlen(address) : 0) + (key ? strlen(key) : 0)) + 256;
  char *request = malloc(room);
  if (request == NULL) exit(EXIT_FAILURE);

  char *out = request;
  out += sprintf(out, "{\"messages\":[{\"role\":\"user\",\"content\":");
  out = json_string(out, prompt);
  out += sprintf(out, "}],\"stream\":%s", stream ? "true" : "false");
  out = json_member(out, "custom_llm_provider", "openai");
  out = json_member(out, "model", name);
  out = json_member(out, "api_base", address);
  out = json_member(out, "api_key", key);
  sprintf(out, "}");
  return request;
}

#endif
