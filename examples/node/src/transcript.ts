/** What every example of a language shows, in the words of ../transcript.txt. Usage: node dist/transcript.js ADDRESS KEY */
import { Client, EdgequakeError, type ErrorKind, type Request } from "./edgequake.js";

const [address, key] = process.argv.slice(2);

function request(prompt: string): Request {
  return {
    model: "openai/gpt-4o-mini",
    api_base: address,
    api_key: key,
    num_retries: 0,
    messages: [{ role: "user", content: prompt }],
  };
}

function withoutMessages({ messages, ...others }: Request): Request {
  return others;
}

async function completion(client: Client): Promise<void> {
  console.log("completion");
  const { choices, usage } = await client.completion(request("Name the capital of France."));
  console.log(`  answer: ${choices[0].message.content}`);
  console.log(`  finish reason: ${choices[0].finish_reason}`);
  console.log(`  tokens: ${usage.prompt_tokens} + ${usage.completion_tokens}`);
}

async function stream(client: Client): Promise<void> {
  console.log("stream");
  let [text, pieces, reason] = ["", 0, ""];
  for await (const piece of client.stream(request("Describe the sea."))) {
    text += piece.text;
    pieces += piece.text ? 1 : 0;
    reason = piece.chunk?.choices[0]?.finish_reason ?? reason;
  }
  console.log(`  text: ${text}\n  pieces: ${pieces}\n  finish reason: ${reason}`);
}

/** A queue of 64 KiB. While nobody reads it the library reads nothing from the server, which so has to wait. */
async function backpressure(client: Client): Promise<void> {
  console.log("backpressure");
  let [pieces, bytes] = [0, 0];
  for await (const { text } of client.stream(request("Recite the encyclopedia."), { capacity: 65536 })) {
    if (!text) continue;
    pieces += 1;
    bytes += Buffer.byteLength(text);
    if (pieces === 1) {
      console.log("  one piece read; the reader turns to something else");
      const answer = await client.completion(request("What does the encyclopedia do?"));
      console.log(`  meanwhile: ${answer.choices[0].message.content}`);
    }
  }
  console.log(`  pieces: ${pieces}\n  bytes: ${bytes}`);
}

async function cancel(client: Client): Promise<void> {
  console.log("cancel");
  const controller = new AbortController();
  try {
    for await (const { text } of client.stream(request("Count to a million."), { signal: controller.signal })) {
      if (!text || controller.signal.aborted) continue;
      console.log(`  first piece: ${text}`);
      controller.abort();
    }
  } catch (error) {
    console.log(`  cancelled: ${error === controller.signal.reason ? "yes" : error}`);
  }
}

async function show(client: Client, name: string, wrong: Request, expected: ErrorKind): Promise<void> {
  try {
    await client.completion(wrong);
    console.log(`  ${name}: no error`);
  } catch (error) {
    if (!(error instanceof EdgequakeError)) throw error;
    console.log(`  ${name}: ${error.name}, HTTP status ${error.httpStatus ?? 0}`);
    if (error.kind !== expected) console.log(`    unexpected: ${error}`);
    if (error.httpStatus) console.log(`    message: ${error.message}`);
    if (error.retryAfterMs !== null) console.log(`    retry after: ${error.retryAfterMs} ms`);
  }
}

async function errors(client: Client): Promise<void> {
  console.log("errors");
  // Refused by the library itself, before anything is sent.
  await show(client, "no messages", withoutMessages(request("")), "BadRequestError");
  await show(client, "refused key", { ...request("Let me in."), api_key: "a-key-that-is-refused" }, "AuthenticationError");
  await show(client, "too many", request("Hurry."), "RateLimitError");
}

async function embedding(client: Client): Promise<void> {
  console.log("embedding");
  const asked = { ...withoutMessages(request("")), model: "openai/text-embedding-3-small" };
  const { data, usage } = await client.embedding({ ...asked, input: ["the sea", "a lake"] });
  for (const item of data as { index: number; embedding: number[] }[]) {
    console.log(`  ${item.index}: ${item.embedding.map((number) => number.toFixed(3)).join(" ")}`);
  }
  console.log(`  tokens: ${usage.total_tokens}`);
}

if (!address || !key) {
  console.error("usage: node dist/transcript.js ADDRESS KEY");
  process.exit(2);
}
const client = new Client();
await completion(client);
await stream(client);
await backpressure(client);
await cancel(client);
await errors(client);
await embedding(client);
client.close();
