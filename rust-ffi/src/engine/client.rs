//! A client: its threads, its connections, its retry buckets; and the start of a call.

use std::borrow::Cow;
use std::collections::hash_map::DefaultHasher;
use std::collections::HashSet;
use std::future::Future;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex};

use serde_json::value::{to_raw_value, RawValue};
use tokio::runtime::Runtime;

use super::cache::{self, Cache, Question, Session};
use super::call::{self, Call, Job, Signer, Wire};
use super::control::Control;
use super::environment;
use super::error::{Error, ErrorKind, Result};
use super::event::Sink;
use super::fallback::Listed;
use super::id;
use super::json;
use super::limits::Limits;
use super::log;
use super::mock::Mock;
use super::objects::Objects;
use super::observe::Observer;
use super::plan::{Asked, Course, Governed, Once, Plan, Ready, Run, Store, Way};
use super::query;
use super::quota;
use super::remote::{Hosts, Reader};
use super::request::Request;
use super::retry::{retries_of, Buckets};
use super::route::{self, Route};
use super::router::{Routed, Router};
use super::secrets::Secrets;
use super::telemetry;
use super::threads;
use super::tokens::Tokens;
use super::transport::{header_map, Tls, Transport, Verify};
use crate::edgequake;
use crate::wire::{self, rewrite, Operation};

enum Threads {
    NotYet,
    Running(Runtime),
    Closed,
}

pub struct Client {
    /// Threads that move bytes; 1 carries some ten thousand calls a second.
    worker_threads: usize,
    threads: Mutex<Threads>,
    transport: Transport,
    pub(super) objects: Objects,
    pub(super) buckets: Buckets,
    pub(super) tokens: Tokens,
    /// The crate's providers, whose connections live on this client's threads.
    providers: edgequake::Pool,
    /// Hosts that were already warned of for taking a key without encryption.
    plain_hosts: Mutex<HashSet<String>>,
}

impl Client {
    /// Costs nothing yet: threads start with the first call. `config` is empty or a JSON object: `worker_threads` (0 is the default, 1) and
    /// what [`Objects::configure`] takes. Unknown keys are refused: a mistyped limit would silently not apply.
    pub fn new(config: &[u8]) -> Result<Arc<Client>> {
        let wrong = |mut e: Error| {
            e.message = format!("the client's configuration is wrong: {}", e.message);
            e
        };
        let config = if config.is_empty() { &b"{}"[..] } else { config };
        let mut config = Request::parse(config).map_err(wrong)?;
        let worker_threads = config.count("worker_threads").map_err(wrong)?.unwrap_or(0);
        config.fields.shift_remove("worker_threads");
        let objects = Objects::default();
        objects.configure(&config.fields).map_err(wrong)?;
        Ok(Arc::new(Client {
            worker_threads: worker_threads as usize,
            threads: Mutex::new(Threads::NotYet),
            objects,
            transport: Transport::default(),
            buckets: Buckets::default(),
            tokens: Tokens::default(),
            providers: edgequake::Pool::default(),
            plain_hosts: Mutex::default(),
        }))
    }

    /// Answers a question: those about the client itself here, all others by [`query::ask`].
    ///
    /// - `prometheus`: the metrics of this client, as a text that Prometheus reads. Needs `telemetry: {"prometheus": true}`.
    /// - `telemetry_flush` {timeout}: exports what has ended, for as many seconds as `timeout` says at most (default 5), and answers
    ///   {flushed, sent, dropped}: whether all was tried, and how many spans were exported and dropped so far. It waits; no other does.
    /// - `configure` {KIND: {NAME: {…} or null}}: sets what the client has by name, see [`Objects::configure`]; answers null.
    /// - `router_state` {router}: {router, deployments: [{id, group, model, healthy, cooldown_until, in_flight, requests, tokens, latency,
    ///   time_to_first_token, failures, answered, failed}]}. `requests` and `tokens` are those of this minute, `failures` those since the last
    ///   success, `cooldown_until` is a Unix time.
    /// - `router_choose` {router, model, and what else a request has, without}: {id, group, model} of the deployment that the request would take
    ///   now; of the ids in `without` only where there is no other.
    /// - `router_began` {router, deployment}, `router_ended` {router, deployment, seconds, prompt_tokens, completion_tokens, error: {kind,
    ///   status_code}}: a call of a deployment that the program makes itself counts like any other. `kind` is the name of litellm's class; an
    ///   error without a known kind or a status says nothing of the deployment. Both answer null, and the second must follow the first.
    /// - `cache_key` {cache, operation, request}: the key under which the answer to a request is kept.
    /// - `cache_get`, `cache_put`, `cache_remove`, `cache_clear`, `cache_ping`: see [`cache::NAMES`].
    pub fn ask(self: &Arc<Self>, name: &str, request: &[u8]) -> Result<Vec<u8>> {
        match name {
            "configure" => {
                Request::parse(request)?;
                // A request does without what is null; here it says what to remove.
                let config = serde_json::from_slice(request).map_err(|e| Error::bad_request(e.to_string()))?;
                self.objects.configure(&config)?;
                Ok(b"null".to_vec())
            }
            "router_state" => self.router(&Request::parse(request)?)?.state(),
            "router_choose" => {
                let question = Request::parse(request)?;
                let asked = Asked::new(Operation::Completion, request, &[]);
                self.router(&question)?.choice(&asked, &question, question.is_stream()?)
            }
            "router_began" | "router_ended" => {
                let question = Request::parse(request)?;
                let router = self.router(&question)?;
                if name == "router_began" { router.began(&question) } else { router.ended(&question) }?;
                Ok(b"null".to_vec())
            }
            "prometheus" | "telemetry_flush" => telemetry::ask(self.objects.telemetry.load_full(), name, request),
            _ if name == "cache_key" || cache::NAMES.contains(&name) => self.ask_cache(name, request),
            _ => query::ask(name, request),
        }
    }

    fn router(&self, question: &Request<'_>) -> Result<Arc<Router>> {
        let name = question.str("router")?.ok_or_else(|| Error::bad_request("`router` is missing: give the name of a router"))?;
        self.objects.routers.find("router", &name)
    }

    /// Checks the request and sets it going. An error here means that nothing was sent and no event follows.
    ///
    /// `attachments` are binary inputs that the request names by their number.
    pub fn start(
        self: &Arc<Self>,
        operation: &str,
        request: &[u8],
        attachments: &[&[u8]],
        sink: Arc<dyn Sink>,
        control: Arc<Control>,
    ) -> Result<()> {
        match self.plan(operation, request, attachments)? {
            Plan::Ready(ready) => {
                if matches!(*self.threads(), Threads::Closed) {
                    return Err(closed());
                }
                call::hand_over(ready, &*sink);
                Ok(())
            }
            Plan::Run(run) => self.spawn(|| call::run(self.clone(), run, sink, control)),
        }
    }

    /// Cancels what runs and gives the threads back, without waiting for them. What telemetry has still to export gets a moment
    /// ([`telemetry::CLOSING`]); what it does not manage goes on behind. Calls that are started afterwards fail.
    pub fn close(&self) {
        if let Threads::Running(runtime) = std::mem::replace(&mut *self.threads(), Threads::Closed) {
            // Every task is dropped, and so sends its terminal event.
            runtime.shutdown_background();
        }
        if let Some(telemetry) = self.objects.telemetry.swap(None) {
            telemetry.flush(telemetry::CLOSING);
        }
    }

    /// Makes the task only when there are threads for it: a task promises a terminal event, a refusal promises none.
    fn spawn<T: Future<Output = ()> + Send + 'static>(&self, task: impl FnOnce() -> T) -> Result<()> {
        let mut threads = self.threads();
        if let Threads::NotYet = *threads {
            *threads = Threads::Running(self.start_threads()?);
        }
        match &*threads {
            Threads::Running(runtime) => {
                runtime.spawn(task());
                Ok(())
            }
            _ => Err(closed()),
        }
    }

    fn start_threads(&self) -> Result<Runtime> {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(self.worker_threads.max(1))
            // Name lookups are the only blocking work; each takes a thread for as long as the resolver needs.
            .max_blocking_threads(64)
            .thread_name("edgequake")
            .thread_stack_size(threads::stack_size())
            .enable_all()
            .build()
            .map_err(|e| Error::new(ErrorKind::InternalServer, format!("no threads for the client: {e}")))
    }

    fn threads(&self) -> std::sync::MutexGuard<'_, Threads> {
        self.threads.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// What the request goes through.
    fn plan(&self, operation: &str, text: &[u8], attachments: &[&[u8]]) -> Result<Plan> {
        let operation = operation_of(operation)?;
        let request = Request { attachments: attachments.to_vec(), ..Request::parse(text)? };
        let watch = self.objects.telemetry.load().as_ref().map(|telemetry| telemetry.watch(operation, &request));
        let planned = self.planned(operation, text, attachments, &request);
        let Some(mut watch) = watch else { return planned };
        match planned {
            Ok(plan) => plan.watched(watch),
            Err(error) => {
                watch.failed(&error);
                Err(error)
            }
        }
    }

    fn planned(&self, operation: Operation, text: &[u8], attachments: &[&[u8]], request: &Request<'_>) -> Result<Plan> {
        let mut store = match cache::of(&self.objects.caches, request)? {
            Some(cache) => self.session(cache, operation, request)?,
            None => None,
        };
        if let Some((route, answer, meta)) = store.as_ref().and_then(Session::ready) {
            return Ok(Plan::Ready(Ready { route, answer, meta, observers: Vec::new() }));
        }
        let router = request.str("router")?.map(|name| self.objects.routers.find("router", &name)).transpose()?;
        let gate = quota::gate(&self.objects.quotas, request, router.as_ref().and_then(|router| router.quota()))?;
        let course = self.course(operation, request, router)?;
        if course.is_none() && gate.is_none() && store.is_none() {
            return Ok(self.prepare(operation, request)?.into());
        }
        if let (Some(session), Some(_)) = (&mut store, &course) {
            session.may_be_answered_by_others();
        }
        let limits = Limits::of(request)?;
        let once = || Course { candidates: Box::new(Once), observers: Vec::new(), total: limits.total };
        let Course { candidates, mut observers, total } = course.unwrap_or_else(once);
        let (gates, watches): (Vec<_>, Vec<_>) = gate.into_iter().unzip();
        observers.extend(watches);
        observers.extend(store.as_ref().and_then(Session::observer));
        let governed = Governed {
            asked: Asked::new(operation, text, attachments),
            route: asked_for(request)?,
            stream: operation.streams() && request.is_stream()?,
            limits: Limits { total, ..limits },
            store: store.map(|session| Box::new(session) as Box<dyn Store>),
            gates,
            candidates,
        };
        Ok(Plan::Run(Run { way: Way::Governed(Box::new(governed)), observers }))
    }

    /// What leads a request through several calls; None for the usual request, which is one call.
    fn course(&self, operation: Operation, request: &Request<'_>, router: Option<Arc<Router>>) -> Result<Option<Course>> {
        if let Some(router) = router {
            return Ok(Some(Routed::course(router, &self.objects.quotas, request, operation.streams() && request.is_stream()?)?));
        }
        Listed::course(request)
    }

    /// What a cache does for a request, if it has anything to do with it.
    fn session(&self, cache: Arc<Cache>, operation: Operation, request: &Request<'_>) -> Result<Option<Session>> {
        if let Some(name) = request.str("router")? {
            let among = self.objects.routers.find("router", &name)?.among(request);
            let group = request.str("model")?.unwrap_or_default();
            return Session::new(cache, operation, request, asked_for(request)?, Some((&group, &among)));
        }
        Session::new(cache, operation, request, destination(operation, request)?, None)
    }

    /// Answers a question to a cache, which may have to wait: not to be asked by the client's own threads.
    fn ask_cache(self: &Arc<Self>, name: &str, request: &[u8]) -> Result<Vec<u8>> {
        let request = Request::parse(request)?;
        if name == "cache_key" {
            let operation = request.str("operation")?.unwrap_or_default();
            let operation = operation_of(&operation)?;
            let asked = request.raw("request").and_then(json::read::<&RawValue>);
            let asked = Request::parse(asked.map_or("{}", RawValue::get).as_bytes())?;
            return cache::key(&self.objects.caches, &request, operation, &asked, &destination(operation, &asked)?);
        }
        let question = Question::new(&self.objects.caches, name, &request)?;
        if tokio::runtime::Handle::try_current().is_ok() {
            return Err(Error::bad_request(format!("{name} may wait: it cannot be asked from a callback of this library")));
        }
        let (send, receive) = std::sync::mpsc::sync_channel(1);
        self.spawn(|| async move {
            let _ = send.send(question.answer().await);
        })?;
        receive.recv().unwrap_or_else(|_| Err(closed()))
    }

    /// One call of a request, checked and ready to be sent.
    pub(super) fn prepare(&self, operation: Operation, given: &Request<'_>) -> Result<Call> {
        let named = named(operation, given)?;
        let named = named.as_deref();
        let rewritten = rewrite::rewrite(operation, given, || {
            let asked = named.map(|model| with_model(given, model));
            provider_of(asked.as_ref().unwrap_or(given))
        })?;
        let other = if rewritten.is_empty() { None } else { Some(given.with(&rewritten)) };
        let request = other.as_ref().unwrap_or(given);
        let stream = operation.streams() && request.is_stream()?;
        let limits = Limits::of(request)?;
        let retries = retries_of(request)?;
        if operation.keeper().is_some() {
            environment::refuse_names(request)?;
            let route = route::resolve_keeper(request)?;
            return self.prepare_wire(operation, route, request, limits, retries);
        }
        let named = named.map(|model| with_model(request, model));
        let asked = named.as_ref().unwrap_or(request);
        if let Some(mock) = Mock::of(operation, asked, &limits)? {
            let route = mock.route();
            return Ok(Call::new(route, stream, limits, 0, 0, Secrets::default(), Job::Mock(mock)));
        }
        let model = edgequake::model_of(request)?;
        let of_the_crate = model.as_deref().map(|model| model.split_once('/').unwrap_or((model, "")));
        environment::refuse_names(asked).map_err(|error| match of_the_crate {
            Some((provider, name)) => error.at(provider, name),
            None => error,
        })?;
        if let (Some(model), Some((provider, name))) = (&model, of_the_crate) {
            let route = Route {
                provider: provider.to_owned(),
                model: name.to_owned(),
                api_base: request.str("api_base")?.unwrap_or_default().into_owned(),
                api_key: None,
            };
            if operation == Operation::Rerank && provider == edgequake::rerank::PROVIDER {
                let job = edgequake::rerank::Local::prepare(name, request).map_err(|e| e.at(provider, name))?;
                return Ok(Call::new(route, false, limits, 0, 0, Secrets::default(), Job::Local(job)));
            }
            let job = edgequake::prepare(&self.providers, operation, model, request).map_err(|e| e.at(provider, name))?;
            let secrets = Secrets::of(request, &route)?;
            return Ok(Call::new(route, stream, limits, 0, 0, secrets, Job::Edgequake(job)));
        }
        let route = wire::reroute(operation, route::resolve(asked)?);
        self.prepare_wire(operation, route, request, limits, retries)
    }

    fn prepare_wire(
        &self,
        operation: Operation,
        route: Route,
        request: &Request<'_>,
        limits: Limits,
        retries: u32,
    ) -> Result<Call> {
        let at = |error: Error| error.at(&route.provider, &route.model);
        let mut http = wire::prepare(operation, &route, request).map_err(at)?;
        if retries > 0 && !http.headers.iter().any(|(name, _)| name == "idempotency-key") {
            // The same for every attempt: a provider that honours it never works (or bills) twice.
            http.headers.push(("idempotency-key".to_owned(), id::unique("eq-")));
        }
        let url = reqwest::Url::parse(&http.url).map_err(|_| at(Error::bad_request("`api_base` is not an address")))?;
        self.warn_of_plain_http(&url, &http.headers);
        let tls = Tls { verify: verify(request)?, certificate: certificate(request)? };
        let client = self.transport.client(limits.connect, &tls).map_err(at)?;
        let mut out = reqwest::Request::new(http.method, url);
        *out.headers_mut() = header_map(&http.headers).map_err(at)?;
        let bucket = bucket(out.url(), &http.headers);
        let secrets = Secrets::of(request, &route)?;
        secrets.add_headers(&route, &http.headers);
        let signer = http.credentials.map(|credentials| Signer { credentials, headers: http.headers, body: http.body.clone() });
        if !http.body.is_empty() {
            *out.body_mut() = Some(http.body.into());
        }
        let files = if http.remotes.is_empty() {
            None
        } else {
            let proves_names = tls.verify != Verify::Off;
            // A client's certificate is for the provider alone.
            let http_client = self.transport.client(limits.connect, &Tls { certificate: None, ..tls }).map_err(at)?;
            let reader = Reader { http: http_client, proves_names, hosts: Hosts::of(request)? };
            Some(Box::new((http.remotes, reader)))
        };
        let wire = Wire { client, request: out, signer, files, more: http.more, job: http.job, decode: http.decode };
        let mut call = Call::new(route, http.stream, limits, retries, bucket, secrets, Job::Wire(Box::new(wire)));
        // What is told of single attempts is below warnings.
        if log::is_on(log::Level::Info) {
            let given = request.str("litellm_call_id").ok().flatten();
            call.id = Some(given.map_or_else(|| id::unique(""), Cow::into_owned).into_boxed_str());
        }
        Ok(call)
    }

    /// A key over http:// works (people run vLLM in private networks), with one warning for each host.
    fn warn_of_plain_http(&self, url: &reqwest::Url, headers: &[(String, String)]) {
        let host = url.host_str().unwrap_or_default();
        let loopback = host == "localhost"
            || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        if url.scheme() != "http" || loopback || !headers.iter().any(|(name, _)| super::transport::is_secret(name)) {
            return;
        }
        let first = self.plain_hosts.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(host.to_owned());
        if first {
            log::record(log::Level::Warning, || {
                let fields = serde_json::json!({ "host": host }).to_string();
                (format!("the key for {host} travels without encryption: its address begins with http://"), fields)
            });
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // The last owner may be one of the runtime's own threads, which must not wait for itself.
        self.close();
    }
}

/// The provider of a call, on whichever road it goes.
fn provider_of(request: &Request<'_>) -> Result<String> {
    match edgequake::model_of(request)? {
        Some(model) => Ok(model.split('/').next().unwrap_or_default().to_owned()),
        None => Ok(route::resolve_name(request)?.provider),
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Cancelled, "the client was closed")
}

/// What a request names, as far as that is known before a call is chosen.
fn asked_for(request: &Request<'_>) -> Result<Route> {
    let model = request.str("model")?.unwrap_or_default().into_owned();
    Ok(Route { provider: String::new(), model, api_base: String::new(), api_key: None })
}

fn operation_of(name: &str) -> Result<Operation> {
    Operation::from_name(name).ok_or_else(|| Error::bad_request(format!("{name:?} is not an operation of this library")))
}

/// Whom a request asks, as far as it can be told before the call is prepared, and without a key.
fn destination(operation: Operation, request: &Request<'_>) -> Result<Route> {
    let named = named(operation, request)?;
    let named = named.as_deref().map(|model| with_model(request, model));
    let request = named.as_ref().unwrap_or(request);
    if Mock::is_asked(request)? {
        return route::resolve_name(request);
    }
    if let Some(model) = edgequake::model_of(request)? {
        let (provider, name) = model.split_once('/').unwrap_or((model.as_ref(), ""));
        let api_base = request.str("api_base")?.unwrap_or_default().into_owned();
        return Ok(Route { provider: provider.to_owned(), model: name.to_owned(), api_base, api_key: None });
    }
    Ok(wire::reroute(operation, route::resolve_address(request)?))
}

/// The model of a request that names none, where the operation has a default.
fn named(operation: Operation, request: &Request<'_>) -> Result<Option<Box<RawValue>>> {
    let model = operation.default_model().filter(|_| !request.has("model"));
    model.map(|model| to_raw_value(model).map_err(|e| Error::new(ErrorKind::InternalServer, e.to_string()))).transpose()
}

/// The request with a model in it: what finds the way, while the request itself is sent as it came.
fn with_model<'r>(request: &Request<'r>, model: &'r RawValue) -> Request<'r> {
    let mut fields = request.fields.clone();
    fields.insert("model".to_owned(), model);
    Request { fields, settings: request.settings.clone(), attachments: Vec::new() }
}

/// litellm's `ssl_verify`: true, false, or the path of a PEM file; from the call, the settings or `SSL_VERIFY`.
fn verify(request: &Request<'_>) -> Result<Verify> {
    let raw = request.raw("ssl_verify").or_else(|| request.setting_raw("ssl_verify"));
    let text = match raw {
        Some(raw) => match raw.get() {
            "true" => return Ok(Verify::System),
            "false" => return Ok(Verify::Off),
            _ => super::request::string("ssl_verify", raw)?.into_owned(),
        },
        None => match std::env::var("SSL_VERIFY") {
            Ok(text) => text,
            Err(_) => return Ok(Verify::System),
        },
    };
    Ok(match text.trim().to_ascii_lowercase().as_str() {
        "" | "true" | "1" => Verify::System,
        "false" | "0" => Verify::Off,
        _ => Verify::File(text),
    })
}

/// litellm's `ssl_certificate`: a PEM file with the certificate by which this client proves who it is, and its key; from the settings or
/// `SSL_CERTIFICATE`.
fn certificate(request: &Request<'_>) -> Result<Option<String>> {
    let given = request.setting_str("ssl_certificate")?.map(std::borrow::Cow::into_owned);
    Ok(given.or_else(|| std::env::var("SSL_CERTIFICATE").ok().filter(|path| !path.is_empty())))
}

/// Names the retry bucket of (host, credentials).
fn bucket(url: &reqwest::Url, headers: &[(String, String)]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (url.host_str(), url.port()).hash(&mut hasher);
    headers.iter().filter(|(name, _)| super::transport::is_secret(name)).for_each(|header| header.hash(&mut hasher));
    hasher.finish()
}
