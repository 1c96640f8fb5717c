/**
 * Language models through libedgequake_ffi, with koffi: one file to copy.
 *
 *     const client = new Client();
 *     const answer = await client.completion({ model: "openai/gpt-4o-mini", messages: [{ role: "user", content: "Hello" }] });
 *
 * Requests have litellm's names. A running call costs no thread: Node's own event loop watches its queue's descriptor.
 */
import koffi from "koffi";

const ABI_VERSION = 1;
const INSTALLED =
  { darwin: "libedgequake.1.dylib", win32: "edgequake.dll" }[process.platform as string] ?? "libedgequake.so.1";
const [CHUNK, CONTENT, REASONING, ARGUMENTS, DONE, FAILED] = [2, 3, 4, 5, 8, 9];
const TIMEOUT = 1;
/** How many events one call of the library may hand out. */
const ROOM = 16;

/** A handle, or the address of bytes that the library lends. */
type Pointer = bigint | null;
type Bytes = { ptr: Pointer; len: number | bigint };
type RawEvent = { kind: number; index: number; slot: number; data: Bytes; text: Bytes; error: Pointer };

const bytes = koffi.struct({ ptr: "const uint8_t *", len: "size_t" });
const event = koffi.struct({
  size: "uint32_t",
  kind: "int32_t",
  tag: "uint64_t",
  index: "int32_t",
  slot: "int32_t",
  data: bytes,
  text: bytes,
  meta: bytes,
  error: "void *",
  call: "void *",
});
const out = koffi.out(koffi.pointer("void *"));

function open(path: string) {
  const library = koffi.load(path);
  const version: number = library.func("eq_abi_version", "uint32_t", [])();
  if (version !== ABI_VERSION) throw new Error(`${path} has interface ${version}; this file is for ${ABI_VERSION}`);
  return {
    statusName: library.func("eq_status_name", "str", ["int32_t"]),
    clientNew: library.func("eq_client_new", "int32_t", [bytes, out, out]),
    clientFree: library.func("eq_client_free", "int32_t", ["void *"]),
    callStart: library.func("eq_call_start", "int32_t", [
      ...["void *", bytes, bytes, "void *", "size_t", "uint64_t", "void *", "void *"],
      ...[out, out],
    ]),
    callCancel: library.func("eq_call_cancel", "int32_t", ["void *"]),
    callFree: library.func("eq_call_free", "int32_t", ["void *"]),
    queueNew: library.func("eq_queue_new", "int32_t", ["size_t", out, out]),
    queueFree: library.func("eq_queue_free", "int32_t", ["void *"]),
    queueDescriptor: library.func("eq_queue_descriptor", "int32_t", ["void *", koffi.out(koffi.pointer("intptr_t"))]),
    queueNext: library.func("eq_queue_next", "int32_t", [
      ...["void *", koffi.pointer(event), "size_t", "int32_t"],
      koffi.out(koffi.pointer("size_t")),
    ]),
    /** Its address: the library calls it by itself, JavaScript is never called from a foreign thread. */
    queuePush: library.symbol("eq_queue_push"),
    errorJson: library.func("eq_error_json", bytes, ["void *"]),
    errorFree: library.func("eq_error_free", "int32_t", ["void *"]),
  };
}
type Library = ReturnType<typeof open>;

/** What went wrong, by litellm's exception class. A newer library may have more. */
export type ErrorKind =
  | "BadRequestError"
  | "AuthenticationError"
  | "PermissionDeniedError"
  | "NotFoundError"
  | "Timeout"
  | "UnprocessableEntityError"
  | "RateLimitError"
  | "InternalServerError"
  | "BadGatewayError"
  | "ServiceUnavailableError"
  | "APIError"
  | "APIConnectionError"
  | "APIResponseValidationError"
  | "ContextWindowExceededError"
  | "ContentPolicyViolationError"
  | "UnsupportedParamsError"
  | "Cancelled"
  | "BudgetExceededError"
  | "JSONSchemaValidationError"
  | "PaymentRequiredError"
  | "ImageFetchError";

/** What the library tells of an error; docs/architecture.md lists it all. No field ever holds a key. */
export type ErrorDetails = {
  kind: ErrorKind;
  message: string;
  /** null where the server did not answer. */
  http_status: number | null;
  /** null where the provider does not say. */
  retry_after_ms: number | null;
  [name: string]: unknown;
};

/** A request that was refused, or a call that failed. A call that its AbortSignal ended throws the signal's reason instead. */
export class EdgequakeError extends Error {
  readonly kind: ErrorKind;
  readonly httpStatus: number | null;
  readonly retryAfterMs: number | null;

  constructor(readonly details: ErrorDetails) {
    super(details.message);
    this.name = this.kind = details.kind;
    this.httpStatus = details.http_status;
    this.retryAfterMs = details.retry_after_ms;
  }
}

/** A piece of a stream. Mostly one of the texts is all that is new. */
export type Piece = {
  /** New content. */
  text: string;
  reasoning: string;
  /** A piece of the arguments of the tool call number `slot`. */
  arguments: string;
  slot: number;
  /** The choice. */
  index: number;
  /** The chat.completion.chunk, where it is more than a text. */
  chunk?: any;
};

export type Request = { [name: string]: unknown };
export type Options = { signal?: AbortSignal };
export type StreamOptions = Options & {
  /** How many bytes may wait for a slow reader before the provider is held back; 1 MiB without it. */
  capacity?: number;
};

/** Connections and threads that calls share: one is enough for a program. */
export class Client {
  readonly #library: Library;
  readonly #handle: Pointer;

  /** `path` is that of libedgequake_ffi; without it $EDGEQUAKE_LIBRARY, then what the system finds. */
  constructor(path = process.env["EDGEQUAKE_LIBRARY"] ?? INSTALLED) {
    this.#library = open(path);
    this.#handle = make(this.#library, (client, error) => this.#library.clientNew(given(""), client, error));
  }

  /** One chat completion: the answer is a chat.completion object. */
  async completion(request: Request, options: Options = {}): Promise<any> {
    return this.#answer("completion", request, options);
  }

  async embedding(request: Request, options: Options = {}): Promise<any> {
    return this.#answer("embedding", request, options);
  }

  /** A streamed chat completion. Leaving the `for await` early, or aborting the signal, ends the call and its connection. */
  async *stream(request: Request, { signal, capacity = 0 }: StreamOptions = {}): AsyncGenerator<Piece, void, void> {
    const call = new Call(this.#library, this.#handle, "completion", { ...request, stream: true }, capacity, signal);
    try {
      for await (const event of call.events()) {
        const { kind, index, slot } = event;
        if (kind !== CHUNK && kind !== CONTENT && kind !== REASONING && kind !== ARGUMENTS) continue;
        const text = read(event.text);
        yield {
          text: kind === CHUNK || kind === CONTENT ? text : "",
          reasoning: kind === REASONING ? text : "",
          arguments: kind === ARGUMENTS ? text : "",
          slot,
          index,
          ...(kind === CHUNK && { chunk: JSON.parse(read(event.data)) }),
        };
      }
    } finally {
      call.free();
    }
  }

  /** Cancels what still runs. */
  close(): void {
    this.#library.clientFree(this.#handle);
  }

  async #answer(operation: string, request: Request, { signal }: Options): Promise<any> {
    const call = new Call(this.#library, this.#handle, operation, request, 0, signal);
    try {
      for await (const event of call.events()) {
        if (event.kind !== DONE) continue;
        const data = read(event.data);
        if (data === "") throw new TypeError("the request asks for a stream: take stream()");
        return JSON.parse(data);
      }
    } finally {
      call.free();
    }
  }
}

/** A running call and its queue. */
class Call {
  readonly #library: Library;
  readonly #signal: AbortSignal | undefined;
  // A queue of its own: a reader that is slow holds back this call and no other.
  readonly #queue: Pointer;
  readonly #call: Pointer = null;
  readonly #cancel = () => this.#library.callCancel(this.#call);

  constructor(
    library: Library,
    client: Pointer,
    operation: string,
    request: Request,
    capacity: number,
    signal: AbortSignal | undefined,
  ) {
    signal?.throwIfAborted();
    this.#library = library;
    this.#signal = signal;
    this.#queue = make(library, (queue, error) => library.queueNew(capacity, queue, error));
    try {
      const [name, body] = [given(operation), given(JSON.stringify(request))];
      this.#call = make(library, (call, error) =>
        library.callStart(client, name, body, null, 0, 0, library.queuePush, this.#queue, call, error),
      );
    } catch (error) {
      this.free();
      throw error;
    }
    signal?.addEventListener("abort", this.#cancel);
  }

  /** The events as the library lends them: each is to be read before the next is asked for. */
  async *events(): AsyncGenerator<RawEvent, void, void> {
    const library = this.#library;
    const descriptor = [0];
    check(library, library.queueDescriptor(this.#queue, descriptor));
    const doorbell = koffi.node.poll(Number(descriptor[0]), () => {});
    doorbell.stop();
    const room = koffi.alloc(event, ROOM);
    try {
      for (;;) {
        const count = [0];
        const status: number = library.queueNext(this.#queue, room, ROOM, 0, count);
        check(library, status);
        if (status === TIMEOUT) {
          // Watched only while somebody waits: it stays readable until the queue is empty.
          await new Promise<void>((resolve) => doorbell.start(() => resolve()));
          doorbell.stop();
          continue;
        }
        for (const one of koffi.decode(room, koffi.array(event, Number(count[0]))) as RawEvent[]) {
          if (one.kind === FAILED) {
            this.#signal?.throwIfAborted();
            throw failure(library, one.error);
          }
          yield one;
          if (one.kind === DONE) return;
        }
      }
    } finally {
      koffi.free(room);
      doorbell.close();
    }
  }

  /** Ends the call where it still runs. */
  free(): void {
    this.#signal?.removeEventListener("abort", this.#cancel);
    this.#library.callFree(this.#call);
    this.#library.queueFree(this.#queue);
  }
}

/** Calls a function whose last two parameters are `out` and `error`. */
function make(library: Library, call: (made: Pointer[], error: Pointer[]) => number): Pointer {
  const made: Pointer[] = [null];
  const error: Pointer[] = [null];
  const status = call(made, error);
  if (error[0]) {
    try {
      throw failure(library, error[0]);
    } finally {
      library.errorFree(error[0]);
    }
  }
  check(library, status);
  return made[0] ?? null;
}

/** A negative status without an error is a wrong program, or a lack of memory. */
function check(library: Library, status: number): void {
  if (status < 0) throw new Error(`edgequake: ${library.statusName(status)}`);
}

function failure(library: Library, error: Pointer): EdgequakeError {
  return new EdgequakeError(JSON.parse(read(library.errorJson(error))));
}

function given(text: string): { ptr: Buffer; len: number } {
  const ptr = Buffer.from(text);
  return { ptr, len: ptr.length };
}

/** Copies what the library lends. */
function read({ ptr, len }: Bytes): string {
  return len ? Buffer.from(koffi.view(ptr, Number(len))).toString() : "";
}
