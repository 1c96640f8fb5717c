// What every example of a language shows, in the words of ../transcript.txt. Usage: transcript ADDRESS KEY
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "edgequake.hpp"

using edgequake::Action;
using edgequake::Client;
using edgequake::Error;
using edgequake::ErrorKind;
using edgequake::Event;
using nlohmann::json;

namespace {

std::string address, key;

json request(const std::string &prompt) {
  return {
      {"model", "openai/gpt-4o-mini"},
      {"api_base", address},
      {"api_key", key},
      {"num_retries", 0},
      {"messages", {{{"role", "user"}, {"content", prompt}}}},
  };
}

std::string content(const json &answer) { return answer["choices"][0]["message"]["content"]; }

void completion(const Client &client) {
  std::cout << "completion\n";
  const json answer = json::parse(client.completion(request("Name the capital of France.").dump()));
  std::cout << "  answer: " << content(answer) << "\n";
  std::cout << "  finish reason: " << answer["choices"][0]["finish_reason"].get<std::string>() << "\n";
  std::cout << "  tokens: " << answer["usage"]["prompt_tokens"] << " + " << answer["usage"]["completion_tokens"] << "\n";
}

// By callback: the shortest way from the server to the program.
void stream(const Client &client) {
  std::cout << "stream\n";
  std::string text, reason;
  int pieces = 0;
  auto call = client.stream(request("Describe the sea.").dump(), [&](const Event &event) {
    text += event.text();
    pieces += !event.text().empty();
    if (!event.chunk().empty()) {
      const json chunk = json::parse(event.chunk());
      if (!chunk["choices"].empty() && chunk["choices"][0]["finish_reason"].is_string()) {
        reason = chunk["choices"][0]["finish_reason"];
      }
    }
    return Action::go_on;
  });
  call.wait();
  std::cout << "  text: " << text << "\n  pieces: " << pieces << "\n  finish reason: " << reason << "\n";
}

// From a queue of 64 KiB. While nobody reads it the library reads nothing from the server, which so has to wait.
void backpressure(const Client &client) {
  std::cout << "backpressure\n";
  int pieces = 0;
  std::size_t bytes = 0;
  auto stream = client.stream(request("Recite the encyclopedia.").dump(), 65536);
  for (const Event &event : stream) {
    bytes += event.text().size();
    pieces += !event.text().empty();
    if (!event.text().empty() && pieces == 1) {
      std::cout << "  one piece read; the reader turns to something else\n";
      const json answer = json::parse(client.completion(request("What does the encyclopedia do?").dump()));
      std::cout << "  meanwhile: " << content(answer) << "\n";
    }
  }
  std::cout << "  pieces: " << pieces << "\n  bytes: " << bytes << "\n";
}

void cancel(const Client &client) {
  std::cout << "cancel\n";
  auto stream = client.stream(request("Count to a million.").dump());
  try {
    bool cancelled = false;
    for (const Event &event : stream) {
      if (event.text().empty() || cancelled) continue;
      std::cout << "  first piece: " << event.text() << "\n";
      stream.cancel();
      cancelled = true;
    }
  } catch (const Error &error) {
    std::cout << "  cancelled: " << (error.kind() == ErrorKind::cancelled ? "yes" : error.what()) << "\n";
  }
}

void show(const Client &client, const char *name, const json &wrong, ErrorKind expected) {
  try {
    client.completion(wrong.dump());
    std::cout << "  " << name << ": no error\n";
  } catch (const Error &error) {
    std::cout << "  " << name << ": " << error.name() << ", HTTP status " << error.http_status() << "\n";
    if (error.kind() != expected) std::cout << "    unexpected: " << error.what() << "\n";
    if (error.http_status() != 0) std::cout << "    message: " << error.message() << "\n";
    if (error.retry_after()) std::cout << "    retry after: " << error.retry_after()->count() << " ms\n";
  }
}

void errors(const Client &client) {
  std::cout << "errors\n";
  json nothing = request("");
  nothing.erase("messages");
  // Refused by the library itself, before anything is sent.
  show(client, "no messages", nothing, ErrorKind::bad_request);
  json refused = request("Let me in.");
  refused["api_key"] = "a-key-that-is-refused";
  show(client, "refused key", refused, ErrorKind::authentication);
  show(client, "too many", request("Hurry."), ErrorKind::rate_limit);
}

void embedding(const Client &client) {
  std::cout << "embedding\n";
  json asked = request("");
  asked.erase("messages");
  asked["model"] = "openai/text-embedding-3-small";
  asked["input"] = {"the sea", "a lake"};
  const json answer = json::parse(client.embedding(asked.dump()));
  for (const json &item : answer["data"]) {
    std::cout << "  " << item["index"] << ":";
    for (const json &number : item["embedding"]) {
      char text[32];
      std::snprintf(text, sizeof text, " %.3f", number.get<double>());
      std::cout << text;
    }
    std::cout << "\n";
  }
  std::cout << "  tokens: " << answer["usage"]["total_tokens"] << "\n";
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 3) {
    std::cerr << "usage: transcript ADDRESS KEY\n";
    return 2;
  }
  address = argv[1];
  key = argv[2];
  try {
    const Client client;
    completion(client);
    stream(client);
    backpressure(client);
    cancel(client);
    errors(client);
    embedding(client);
  } catch (const std::exception &error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
