//! Language models through libedgequake_ffi, opened at run time: one file to copy, with libloading and serde_json.
//!
//! ```no_run
//! let library = edgequake::Library::open(None)?;
//! let client = library.client()?;
//! let answer = client.completion(&json!({"model": "openai/gpt-4o-mini", "messages": […]}))?;
//! ```
//!
//! Requests and answers are JSON with litellm's names. Everything ends with its owner: dropping a [`Stream`] closes its
//! connection. All types may be shared between threads.

use std::ffi::{c_char, c_void, CStr};
use std::sync::Arc;
use std::time::Duration;
use std::{env, error, fmt, ptr, slice};

use serde_json::Value;

/// The declarations of edgequake.h that this file needs.
mod raw {
    use super::{c_char, c_void};

    pub const ABI_VERSION: u32 = 1;
    pub const EVENT_CHUNK: i32 = 2;
    pub const EVENT_CONTENT: i32 = 3;
    pub const EVENT_REASONING: i32 = 4;
    pub const EVENT_ARGUMENTS: i32 = 5;
    pub const EVENT_DONE: i32 = 8;
    pub const EVENT_FAILED: i32 = 9;
    pub const TEXT_MESSAGE: i32 = 0;
    pub const TEXT_KIND_NAME: i32 = 6;

    /// A handle: a number, never followed.
    pub type Handle = *mut c_void;

    #[repr(C)]
    #[derive(Clone, Copy)]
    pub struct Bytes {
        pub ptr: *const u8,
        pub len: usize,
    }

    #[repr(C)]
    #[derive(Clone, Copy)]
    pub struct Event {
        pub size: u32,
        pub kind: i32,
        pub tag: u64,
        pub index: i32,
        pub slot: i32,
        pub data: Bytes,
        pub text: Bytes,
        pub meta: Bytes,
        pub error: Handle,
        pub call: Handle,
    }

    pub type EventFn = unsafe extern "C" fn(*const Event, *mut c_void) -> i32;

    /// Looks each function up once, when the library is opened.
    macro_rules! functions {
        ($($name:ident: fn($($argument:ty),*) -> $result:ty;)*) => {
            pub struct Functions {
                $(pub $name: unsafe extern "C" fn($($argument),*) -> $result,)*
                /// The functions are valid while it is there.
                _library: libloading::Library,
            }

            impl Functions {
                pub unsafe fn load(library: libloading::Library) -> Result<Self, libloading::Error> {
                    $(let $name = *unsafe { library.get(concat!(stringify!($name), "\0").as_bytes()) }?;)*
                    Ok(Functions { $($name,)* _library: library })
                }
            }
        };
    }

    functions! {
        eq_abi_version: fn() -> u32;
        eq_status_name: fn(i32) -> *const c_char;
        eq_client_new: fn(Bytes, *mut Handle, *mut Handle) -> i32;
        eq_client_free: fn(Handle) -> i32;
        eq_call_start: fn(Handle, Bytes, Bytes, *const Bytes, usize, u64, EventFn, *mut c_void, *mut Handle, *mut Handle) -> i32;
        eq_call_cancel: fn(Handle) -> i32;
        eq_call_free: fn(Handle) -> i32;
        eq_queue_new: fn(usize, *mut Handle, *mut Handle) -> i32;
        eq_queue_free: fn(Handle) -> i32;
        eq_queue_push: fn(*const Event, *mut c_void) -> i32;
        eq_queue_next: fn(Handle, *mut Event, usize, i32, *mut usize) -> i32;
        eq_error_get_kind: fn(Handle) -> i32;
        eq_error_http_status: fn(Handle) -> i32;
        eq_error_retry_after_ms: fn(Handle) -> i64;
        eq_error_get_text: fn(Handle, i32) -> Bytes;
        eq_error_free: fn(Handle) -> i32;
    }
}

/// What went wrong, by litellm's exception class. A kind that a newer library adds is `Unknown`; [`Failure::name`] tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    Unknown = 0,
    BadRequest = 1,
    Authentication = 2,
    PermissionDenied = 3,
    NotFound = 4,
    Timeout = 5,
    UnprocessableEntity = 6,
    RateLimit = 7,
    InternalServer = 8,
    BadGateway = 9,
    ServiceUnavailable = 10,
    Api = 11,
    ApiConnection = 12,
    ApiResponseValidation = 13,
    ContextWindowExceeded = 14,
    ContentPolicyViolation = 15,
    UnsupportedParams = 16,
    Cancelled = 17,
    BudgetExceeded = 18,
    JsonSchemaValidation = 19,
    PaymentRequired = 20,
    ImageFetch = 21,
}

impl ErrorKind {
    fn of(number: i32) -> Self {
        use ErrorKind::*;
        let kinds = [
            BadRequest,
            Authentication,
            PermissionDenied,
            NotFound,
            Timeout,
            UnprocessableEntity,
            RateLimit,
            InternalServer,
            BadGateway,
            ServiceUnavailable,
            Api,
            ApiConnection,
            ApiResponseValidation,
            ContextWindowExceeded,
            ContentPolicyViolation,
            UnsupportedParams,
            Cancelled,
            BudgetExceeded,
            JsonSchemaValidation,
            PaymentRequired,
            ImageFetch,
        ];
        kinds.into_iter().find(|kind| *kind as i32 == number).unwrap_or(Unknown)
    }
}

/// A request that was refused, or a call that failed. No field ever holds a key.
#[derive(Clone, Debug)]
pub struct Failure {
    pub kind: ErrorKind,
    /// The name of litellm's exception class.
    pub name: String,
    pub message: String,
    /// None where the server did not answer.
    pub http_status: Option<u16>,
    /// None where the provider does not say.
    pub retry_after: Option<Duration>,
}

/// What can go wrong here.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    Failure(Box<Failure>),
    /// The library cannot be opened, or is another one.
    Library(String),
    /// A status that no request causes, such as a lack of memory, or a function that does not fit the request.
    Status(String),
    Json(serde_json::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Failure(failure) => write!(f, "{}: {}", failure.name, failure.message),
            Error::Library(what) | Error::Status(what) => f.write_str(what),
            Error::Json(error) => error.fmt(f),
        }
    }
}

impl error::Error for Error {}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Error::Json(error)
    }
}

/// The opened library.
#[derive(Clone)]
pub struct Library(Arc<raw::Functions>);

/// The library that a system installs, by the name that programs of interface 1 know it by.
#[cfg(target_os = "macos")]
const INSTALLED: &str = "libedgequake.1.dylib";
#[cfg(windows)]
const INSTALLED: &str = "edgequake.dll";
#[cfg(not(any(target_os = "macos", windows)))]
const INSTALLED: &str = "libedgequake.so.1";

impl Library {
    /// Opens `path`; without one $EDGEQUAKE_LIBRARY, then what the system's linker finds.
    pub fn open(path: Option<&str>) -> Result<Self, Error> {
        let told = path.map(Into::into).or_else(|| env::var_os("EDGEQUAKE_LIBRARY"));
        let file = told.unwrap_or_else(|| INSTALLED.into());
        // SAFETY: loading runs nothing of the library's; the signatures are those of its header, whose number is compared.
        let functions = unsafe { libloading::Library::new(file).and_then(|library| raw::Functions::load(library)) };
        let functions = functions.map_err(|error| Error::Library(error.to_string()))?;
        match unsafe { (functions.eq_abi_version)() } {
            raw::ABI_VERSION => Ok(Library(Arc::new(functions))),
            other => Err(Error::Library(format!("the library has interface {other}, not {}", raw::ABI_VERSION))),
        }
    }

    /// Connections and threads that calls share: one client is enough for a program.
    pub fn client(&self) -> Result<Client, Error> {
        let handle = self.make(|out, error| unsafe { (self.0.eq_client_new)(given(""), out, error) })?;
        Ok(Client { library: self.clone(), handle: Handle(handle) })
    }

    fn make(&self, function: impl FnOnce(*mut raw::Handle, *mut raw::Handle) -> i32) -> Result<raw::Handle, Error> {
        let (mut out, mut error) = (ptr::null_mut(), ptr::null_mut());
        let status = function(&mut out, &mut error);
        if error.is_null() {
            return self.check(status).map(|()| out);
        }
        let failure = self.failure(error);
        unsafe { (self.0.eq_error_free)(error) };
        Err(failure)
    }

    fn check(&self, status: i32) -> Result<(), Error> {
        if status >= 0 {
            return Ok(());
        }
        // SAFETY: the name of a status is a static string.
        let name = unsafe { CStr::from_ptr((self.0.eq_status_name)(status)) };
        Err(Error::Status(name.to_string_lossy().into_owned()))
    }

    fn failure(&self, error: raw::Handle) -> Error {
        let library = &*self.0;
        // SAFETY: a text lives as long as its error, which the caller has.
        let text = |which| unsafe { read((library.eq_error_get_text)(error, which)) };
        let (kind, status, wait) = unsafe {
            let status = (library.eq_error_http_status)(error);
            ((library.eq_error_get_kind)(error), status, (library.eq_error_retry_after_ms)(error))
        };
        Error::Failure(Box::new(Failure {
            kind: ErrorKind::of(kind),
            name: text(raw::TEXT_KIND_NAME),
            message: text(raw::TEXT_MESSAGE),
            http_status: u16::try_from(status).ok().filter(|status| *status != 0),
            retry_after: u64::try_from(wait).ok().map(Duration::from_millis),
        }))
    }
}

/// A handle, which the library lets any thread use.
struct Handle(raw::Handle);

unsafe impl Send for Handle {}
unsafe impl Sync for Handle {}

/// See [`Library::client`].
pub struct Client {
    library: Library,
    handle: Handle,
}

impl Drop for Client {
    fn drop(&mut self) {
        unsafe { (self.library.0.eq_client_free)(self.handle.0) };
    }
}

impl Client {
    /// One chat completion: the answer is a chat.completion object.
    pub fn completion(&self, request: &Value) -> Result<Value, Error> {
        self.start("completion", request, 0)?.answer()
    }

    pub fn embedding(&self, request: &Value) -> Result<Value, Error> {
        self.start("embedding", request, 0)?.answer()
    }

    /// A streamed chat completion. `capacity` is how many bytes may wait for a slow reader before the provider is held back;
    /// 0 means 1 MiB.
    pub fn stream(&self, request: &Value, capacity: usize) -> Result<Stream, Error> {
        let mut request = request.clone();
        // What is no object is the library's to refuse.
        request.as_object_mut().map(|members| members.insert("stream".to_owned(), true.into()));
        self.start("completion", &request, capacity)
    }

    fn start(&self, operation: &str, request: &Value, capacity: usize) -> Result<Stream, Error> {
        let library = &*self.library.0;
        // A queue of its own: a reader that is slow holds back this call and no other.
        let queue = self.library.make(|out, error| unsafe { (library.eq_queue_new)(capacity, out, error) })?;
        let mut stream = Stream {
            library: self.library.clone(),
            queue: Handle(queue),
            call: Handle(ptr::null_mut()),
            lent: Vec::with_capacity(ROOM),
            at: 0,
            finished: false,
        };
        let body = request.to_string();
        stream.call.0 = self.library.make(|out, error| unsafe {
            let (client, push) = (self.handle.0, library.eq_queue_push);
            (library.eq_call_start)(client, given(operation), given(&body), ptr::null(), 0, 0, push, queue, out, error)
        })?;
        Ok(stream)
    }
}

/// A piece of a stream.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// New content of the choice `index`.
    Text {
        index: i32,
        text: String,
    },
    Reasoning {
        index: i32,
        text: String,
    },
    /// A piece of the arguments of the tool call number `slot`.
    Arguments {
        index: i32,
        slot: i32,
        text: String,
    },
    /// A chat.completion.chunk that is more than one of the above; its content is `text`.
    Chunk {
        text: String,
        chunk: Value,
    },
}

impl Event {
    /// The new content; empty for other pieces.
    pub fn text(&self) -> &str {
        match self {
            Event::Text { text, .. } | Event::Chunk { text, .. } => text,
            _ => "",
        }
    }
}

/// How many events one call of the library may hand out.
const ROOM: usize = 16;

/// A running call, to be iterated over. It ends with an error where the call fails, also when it was cancelled.
pub struct Stream {
    library: Library,
    queue: Handle,
    call: Handle,
    /// What the library lent last, and how much of it has been read.
    lent: Vec<raw::Event>,
    at: usize,
    finished: bool,
}

// SAFETY: the events point to memory of the library's, which any thread may read.
unsafe impl Send for Stream {}

impl Drop for Stream {
    fn drop(&mut self) {
        unsafe {
            (self.library.0.eq_call_free)(self.call.0);
            (self.library.0.eq_queue_free)(self.queue.0);
        }
    }
}

/// Cancels its stream, from any thread.
pub struct Canceller {
    library: Library,
    call: Handle,
}

impl Canceller {
    pub fn cancel(&self) {
        // A call that has ended is no longer known by its handle, which does no harm.
        unsafe { (self.library.0.eq_call_cancel)(self.call.0) };
    }
}

impl Stream {
    /// Whoever reads the stream then gets [`ErrorKind::Cancelled`].
    pub fn canceller(&self) -> Canceller {
        Canceller { library: self.library.clone(), call: Handle(self.call.0) }
    }

    /// What the last event has; where the request asks for a stream that is nothing.
    fn answer(mut self) -> Result<Value, Error> {
        let mut data = String::new();
        while let Some(event) = self.lend()? {
            if self.finished {
                // SAFETY: lent until the next one is asked for.
                data = unsafe { read(event.data) };
            }
        }
        if data.is_empty() {
            return Err(Error::Status("the request asks for a stream: take `stream`".to_owned()));
        }
        Ok(serde_json::from_str(&data)?)
    }

    /// The next event as the library lends it, until the one after it is asked for. None after the last.
    fn lend(&mut self) -> Result<Option<raw::Event>, Error> {
        while self.at == self.lent.len() {
            if self.finished {
                return Ok(None);
            }
            (self.at, self.lent) = (0, Vec::with_capacity(ROOM));
            let mut count = 0;
            // SAFETY: there is room for that many events, and `count` of them have been written.
            let status = unsafe { (self.library.0.eq_queue_next)(self.queue.0, self.lent.as_mut_ptr(), ROOM, -1, &mut count) };
            self.library.check(status)?;
            unsafe { self.lent.set_len(count) };
        }
        let event = self.lent[self.at];
        self.at += 1;
        self.finished = matches!(event.kind, raw::EVENT_DONE | raw::EVENT_FAILED);
        if event.kind == raw::EVENT_FAILED {
            return Err(self.library.failure(event.error));
        }
        Ok(Some(event))
    }

    fn read_on(&mut self) -> Result<Option<Event>, Error> {
        while let Some(event) = self.lend()? {
            let (index, slot) = (event.index, event.slot);
            // SAFETY: lent until the next one is asked for.
            let (text, data) = unsafe { (read(event.text), read(event.data)) };
            return Ok(Some(match event.kind {
                raw::EVENT_CONTENT => Event::Text { index, text },
                raw::EVENT_REASONING => Event::Reasoning { index, text },
                raw::EVENT_ARGUMENTS => Event::Arguments { index, slot, text },
                raw::EVENT_CHUNK => Event::Chunk { text, chunk: serde_json::from_str(&data)? },
                // The opening, the end, and what a newer library may add.
                _ => continue,
            }));
        }
        Ok(None)
    }
}

impl Iterator for Stream {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read_on().transpose()
    }
}

fn given(text: &str) -> raw::Bytes {
    raw::Bytes { ptr: text.as_ptr(), len: text.len() }
}

/// Copies what the library lends, which is to be valid.
unsafe fn read(bytes: raw::Bytes) -> String {
    if bytes.len == 0 {
        return String::new();
    }
    String::from_utf8_lossy(unsafe { slice::from_raw_parts(bytes.ptr, bytes.len) }).into_owned()
}
