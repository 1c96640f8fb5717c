"""litellm's Router, as programs use it. No program of others: the same calls with litellm and with this package."""

from __future__ import annotations

import asyncio

import litellm
from litellm import Router
from litellm.integrations.custom_logger import CustomLogger
from litellm.types.router import Deployment, LiteLLM_Params, RetryPolicy

QUESTION = [{"role": "user", "content": "How are you?"}]


def deployment(address, group="chat", model="openai/gpt-4o", model_id=None, **params):
    made = {
        "model_name": group,
        "litellm_params": {"model": model, "api_base": address, "api_key": "sk-nothing", **params},
    }
    if model_id is not None:
        made["model_info"] = {"id": model_id}
    return made


def router(*deployments, **options):
    return Router(model_list=list(deployments), **{"num_retries": 0, **options})


def two_groups(address, failing="openai/fails-500", **options):
    return router(
        deployment(address, "first", failing, "one"),
        deployment(address, "second", "openai/gpt-4o-mini", "two"),
        **{"fallbacks": [{"first": ["second"]}], **options},
    )


ROUTED = ("x-litellm-model-group", "x-litellm-attempted-retries", "x-litellm-attempted-fallbacks")


def told(response):
    hidden = response._hidden_params
    headers = {name: hidden["additional_headers"].get(name) for name in ROUTED}
    cost = hidden.get("response_cost")
    return [response.model, response.choices[0].message.content, hidden["model_id"], headers, cost and round(cost, 9)]


# Calls -----------------------------------------------------------------------------------------------------------------------


def flow_completion(address):
    return told(router(deployment(address, model_id="one")).completion("chat", QUESTION, temperature=0.3))


async def flow_acompletion(address):
    return told(await router(deployment(address, model_id="one")).acompletion(model="chat", messages=QUESTION))


def flow_stream(address):
    chunks = router(deployment(address)).completion(model="chat", messages=QUESTION, stream=True)
    return [chunk.choices[0].delta.content for chunk in chunks]


async def flow_astream(address):
    stream = await router(deployment(address)).acompletion(model="chat", messages=QUESTION, stream=True)
    return [chunk.choices[0].delta.content async for chunk in stream]


def flow_embedding(address):
    made = router(deployment(address, "vectors", "openai/text-embedding-3-small", "one"))
    response = made.embedding("vectors", ["a", "b"])
    return [response.model, len(response.data), response._hidden_params["model_id"]]


async def flow_aembedding(address):
    made = router(deployment(address, "vectors", "openai/text-embedding-3-small", "one"))
    return len((await made.aembedding("vectors", ["a", "b"], dimensions=3)).data)


def flow_chat_face(address):
    return told(router(deployment(address, model_id="one")).chat.completions.create(QUESTION, model="chat"))


# Arguments -------------------------------------------------------------------------------------------------------------------


def flow_parameters_of_deployments(address):
    made = router(deployment(address, temperature=0.1, max_tokens=7, seed=3, rpm=10, tpm=1000, weight=2, tags=["a"]))
    made.completion("chat", QUESTION, temperature=0.9)


def flow_default_parameters(address):
    made = router(
        deployment(address, temperature=0.1), default_litellm_params={"max_tokens": 5, "metadata": {"team": "red"}}
    )
    made.completion("chat", QUESTION, user="ann")


def flow_key_of_the_call(address):
    router(deployment(address)).completion("chat", QUESTION, api_key="sk-nothing-else")


def flow_prices_of_deployments(address):
    made = deployment(address, model_id="one", input_cost_per_token=0.001, output_cost_per_token=0.002)
    return told(router(made).completion("chat", QUESTION))


def flow_base_model(address):
    made = deployment(address, model="openai/my-own-name", model_id="one")
    made["model_info"]["base_model"] = "openai/gpt-4o"
    return told(router(made).completion("chat", QUESTION))


# Names -----------------------------------------------------------------------------------------------------------------------


def flow_alias(address):
    made = router(
        deployment(address, model_id="one"),
        model_group_alias={"other": "chat", "hid": {"model": "chat", "hidden": True}},
    )
    return [made.get_model_names(), told(made.completion("other", QUESTION)), told(made.completion("hid", QUESTION))]


def flow_wildcard(address):
    made = router(deployment(address, "openai/*", "openai/*", "one"))
    return [told(made.completion("openai/gpt-4o-mini", QUESTION)), made.get_model_names()]


def flow_wildcard_in_the_middle(address):
    made = router(deployment(address, "my-*-model", "openai/*-mini", "one"))
    return told(made.completion("my-gpt-4o-model", QUESTION))


def flow_deployment_id(address):
    made = router(deployment(address, model_id="one"), deployment(address, model="openai/gpt-4o-mini", model_id="two"))
    return told(made.completion("two", QUESTION))


def flow_unknown_group(address):
    return type_of(lambda: router(deployment(address)).completion("nothing", QUESTION))


# Failures --------------------------------------------------------------------------------------------------------------------


def flow_error(address):
    return told(router(deployment(address, model="openai/fails-401")).completion("chat", QUESTION))


def flow_retry(address):
    made = router(deployment(address, model="openai/fails-500"), num_retries=1)
    return told(made.completion("chat", QUESTION))


def flow_retry_of_the_call(address):
    made = router(deployment(address, model="openai/fails-500"))
    return told(made.completion("chat", QUESTION, num_retries=1))


def flow_no_retry_of_a_bad_request(address):
    made = router(deployment(address, model="openai/fails-400"), num_retries=2)
    return told(made.completion("chat", QUESTION))


def flow_retry_policy(address):
    made = router(
        deployment(address, model="openai/fails-500"),
        retry_policy=RetryPolicy(InternalServerErrorRetries=1),
        num_retries=0,
    )
    return told(made.completion("chat", QUESTION))


def flow_fallback(address):
    return told(two_groups(address).completion("first", QUESTION))


async def flow_afallback(address):
    return told(await two_groups(address).acompletion("first", QUESTION))


def flow_fallback_of_a_stream(address):
    stream = two_groups(address).completion("first", QUESTION, stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream)


async def flow_fallback_of_an_astream(address):
    stream = await two_groups(address).acompletion("first", QUESTION, stream=True)
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


def flow_default_fallback(address):
    return told(two_groups(address, fallbacks=[], default_fallbacks=["second"]).completion("first", QUESTION))


def flow_context_window_fallback(address):
    made = two_groups(address, "openai/fails-context", fallbacks=[], context_window_fallbacks=[{"first": ["second"]}])
    return told(made.completion("first", QUESTION))


def flow_fallback_of_the_call(address):
    return told(two_groups(address, fallbacks=[]).completion("first", QUESTION, fallbacks=["second"]))


def flow_fallback_with_arguments(address):
    other = {"model": "second", "temperature": 0.7, "messages": [{"role": "user", "content": "Another question"}]}
    return told(two_groups(address, fallbacks=[]).completion("first", QUESTION, fallbacks=[other]))


def flow_fallbacks_in_a_row(address):
    made = router(
        deployment(address, "a", "openai/fails-500", "one"),
        deployment(address, "b", "openai/fails-429", "two"),
        deployment(address, "c", "openai/gpt-4o", "three"),
        fallbacks=[{"a": ["b", "c"]}],
    )
    response = made.completion("a", QUESTION)
    return [response.model, response._hidden_params["model_id"]]


def flow_fallback_turned_off(address):
    return type_of(lambda: two_groups(address).completion("first", QUESTION, disable_fallbacks=True))


def flow_fallback_fails_too(address):
    made = router(
        deployment(address, "a", "openai/fails-500"),
        deployment(address, "b", "openai/fails-401"),
        fallbacks=[{"a": ["b"]}],
    )
    return type_of(lambda: made.completion("a", QUESTION))


def flow_mocked_fallback(address):
    made = two_groups(address, "openai/gpt-4o")
    return told(made.completion("first", QUESTION, mock_testing_fallbacks=True))


def type_of(function):
    try:
        return told(function())
    except Exception as error:
        return [type(error).__name__, getattr(error, "status_code", None), getattr(error, "llm_provider", None) or ""]


# What a program asks of a router -----------------------------------------------------------------------------------------------


def shown(deployments):
    return [[row["model_name"], row["litellm_params"]["model"], row["model_info"]["id"]] for row in deployments]


def flow_lists(address):
    made = router(
        deployment("http://local", "a"),
        deployment("http://local", "a", "azure/x", api_version="2024-02-01"),
        deployment("http://local", "b", "openai/gpt-4o-mini", "two", rpm=3),
        model_group_alias={"c": "b"},
    )
    return [
        shown(made.model_list),
        shown(made.get_model_list()),
        shown(made.get_model_list("a")),
        shown(made.get_model_list("c")),
        made.get_model_list("nothing"),
        made.get_model_names(),
        made.get_model_ids(),
        made.get_model_ids("b"),
        made.get_model_info("two")["litellm_params"]["rpm"],
        shown(made.get_model_group("two")),
        made.get_deployment("two").litellm_params.model,
        made.get_deployment("three"),
        made.get_deployment_by_model_group_name("b").model_info.id,
        made.get_available_deployment("b")["model_info"]["id"],
        made.has_model_id("two"),
    ]


def flow_group_info(address):
    made = router(deployment(address, rpm=3, tpm=100), deployment(address, model="openai/gpt-4o-mini", rpm=4))
    info = made.get_model_group_info("chat")
    names = "model_group providers max_input_tokens max_output_tokens input_cost_per_token output_cost_per_token mode tpm rpm"
    return [
        {name: getattr(info, name) for name in names.split()},
        info.supports_vision,
        info.supports_function_calling,
        made.get_model_group_info("nothing"),
    ]


def flow_model_info(address):
    made = deployment(address, model_id="one")
    made["model_info"]["max_input_tokens"] = 10
    info = router(made).get_router_model_info(None, "chat", "one")
    return [info["max_input_tokens"], info["max_output_tokens"], info["input_cost_per_token"]]


def flow_deployments_change(address):
    made = router(deployment(address, model_id="one"))
    params = {"model": "openai/gpt-4o-mini", "api_base": address, "api_key": "sk-nothing"}
    two = Deployment(model_name="more", litellm_params=LiteLLM_Params(**params), model_info={"id": "two"})
    added = [made.add_deployment(two) is not None, made.add_deployment(two)]
    answers = [told(made.completion("more", QUESTION))]
    changed = Deployment(
        model_name="more", litellm_params=LiteLLM_Params(**params, temperature=0.4), model_info={"id": "two"}
    )
    made.upsert_deployment(changed)
    answers.append(told(made.completion("more", QUESTION)))
    deleted = made.delete_deployment("one")
    made.set_model_list([deployment(address, "new", model_id="three")])
    return [added, answers, shown([deleted]), made.delete_deployment("one"), made.get_model_names()]


def flow_settings(address):
    made = router(deployment(address), num_retries=3, timeout=9, routing_strategy="least-busy")
    made.update_settings(num_retries=1, routing_strategy="simple-shuffle")
    settings = made.get_settings()
    return {
        name: settings[name]
        for name in ("num_retries", "timeout", "routing_strategy", "retry_after", "model_group_alias")
    }


def flow_wrong_strategy(address):
    return type_of(lambda: router(deployment(address), routing_strategy="best"))


def flow_wrong_fallbacks(address):
    return type_of(lambda: router(deployment(address), fallbacks=["chat"]))


def flow_unknown_provider(address):
    return type_of(lambda: router(deployment(address, model="nobody-knows-this")))


# Several calls -----------------------------------------------------------------------------------------------------------------


async def flow_abatch_completion(address):
    made = router(deployment(address, "a", model_id="one"), deployment(address, "b", model_id="two"))
    answers = await made.abatch_completion(models=["a", "b"], messages=QUESTION)
    return [told(answer) for answer in answers]


async def flow_abatch_one_model(address):
    made = router(deployment(address, model_id="one"))
    answers = await made.abatch_completion_one_model_multiple_requests("chat", [QUESTION, QUESTION])
    return [told(answer) for answer in answers]


async def flow_abatch_fastest(address):
    made = router(deployment(address, "a", model_id="one"))
    answer = await made.abatch_completion_fastest_response("a, a", QUESTION)
    return answer.choices[0].message.content


# The program's own part ----------------------------------------------------------------------------------------------------------


class Mine(litellm.CustomLLM):
    def completion(self, *args, **kwargs):
        if kwargs["model"] == "fails":
            raise litellm.llms.custom_llm.CustomLLMError(status_code=500, message="not today")
        response = kwargs["model_response"]
        response.choices[0].message.content = "Mine."
        response.model = kwargs["model"]
        return response


def flow_custom_provider(address):
    litellm.custom_provider_map = [{"provider": "mine", "custom_handler": Mine()}]
    made = router(
        deployment(address, "own", "mine/m1", "one"),
        deployment(address, "broken", "mine/fails", "two"),
        deployment(address, "chat", "openai/gpt-4o", "three"),
        fallbacks=[{"broken": ["chat"]}, {"chat": ["own"]}],
    )
    answers = [made.completion(group, QUESTION) for group in ("own", "broken", "chat")]
    litellm.custom_provider_map = []
    return [[answer.choices[0].message.content, answer._hidden_params["model_id"]] for answer in answers]


class Recorder(CustomLogger):
    def __init__(self):
        super().__init__()
        self.told = []

    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        metadata = kwargs["litellm_params"]["metadata"]
        if metadata.get("mine") is None:
            return  # litellm tells loggers of calls that were made before they were there.
        payload = kwargs["standard_logging_object"]
        self.told.append(
            {
                **{name: metadata.get(name) for name in ("model_group", "deployment", "deployment_model_name", "mine")},
                "id": metadata["model_info"]["id"],
                "model": kwargs["model"],
                "logged": [payload["model_id"], payload["model_group"], payload["model"]],
            }
        )


async def flow_callbacks(address):
    recorder = Recorder()
    litellm.callbacks = [recorder]
    made = router(deployment(address, model_id="one"), deployment(address, "second", model_id="two"))
    await made.acompletion("chat", QUESTION, metadata={"mine": 1})
    await asyncio.sleep(0.5)
    litellm.callbacks = []
    return recorder.told
