"""`BudgetManager`, and `max_budget`, what the whole program may spend."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from pathlib import Path
from typing import Any, Iterator

import pytest

import edgequake_litellm as litellm
from edgequake_litellm.budget_manager import BudgetManager as SameClass

from .conftest import MESSAGES

ANSWER = "hello"


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> litellm.BudgetManager:
    monkeypatch.chdir(tmp_path)
    return litellm.BudgetManager("project")


@pytest.fixture
def max_budget() -> Iterator[None]:
    yield
    for name in ("max_budget", "_current_cost"):
        if name in vars(litellm):
            delattr(litellm, name)


def call(**more: Any) -> Any:
    return litellm.completion("openai/gpt-4o", MESSAGES, mock_response=ANSWER, **more)


def cost(response: Any) -> float:
    return litellm.completion_cost(response)


# The whole program --------------------------------------------------------------------------------------------------------


def test_a_program_stops_when_its_budget_is_spent(max_budget):
    one = cost(call())
    assert litellm._current_cost == 0.0, "nothing is counted where nothing is limited"
    litellm.max_budget = one * 1.5
    call()
    assert litellm._current_cost == pytest.approx(one)
    call()
    with pytest.raises(litellm.BudgetExceededError) as caught:
        call()
    assert (caught.value.current_cost, caught.value.max_budget) == (litellm._current_cost, litellm.max_budget)
    assert str(caught.value) == f"Budget has been exceeded! Current cost: {2 * one}, Max budget: {1.5 * one}"
    litellm._current_cost = 0.0
    call()


def test_streams_and_coroutines_spend_too(max_budget):
    litellm.max_budget = 100
    for _ in call(stream=True):
        pass
    streamed = litellm._current_cost
    assert streamed > 0

    async def both() -> None:
        await litellm.acompletion("openai/gpt-4o", MESSAGES, mock_response=ANSWER)
        async for _ in await litellm.acompletion("openai/gpt-4o", MESSAGES, mock_response=ANSWER, stream=True):
            pass
        litellm.max_budget = litellm._current_cost / 2
        with pytest.raises(litellm.BudgetExceededError):
            await litellm.acompletion("openai/gpt-4o", MESSAGES, mock_response=ANSWER)

    asyncio.run(both())
    spent, litellm.max_budget = litellm._current_cost, 0.0
    assert spent == pytest.approx(2 * streamed + cost(call()))


def test_many_threads_count_every_call(max_budget):
    one = cost(call())
    litellm.max_budget = 1000
    threads = [threading.Thread(target=lambda: [call() for _ in range(20)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert litellm._current_cost == pytest.approx(160 * one)


# BudgetManager ------------------------------------------------------------------------------------------------------------


def test_the_manager_keeps_what_users_may_spend(manager):
    assert SameClass is litellm.BudgetManager
    assert manager.create_budget(10.0, "ann") == {"total_budget": 10.0}
    assert (manager.get_total_budget("ann"), manager.get_current_cost("ann"), manager.get_model_cost("ann")) == (
        10.0,
        0,
        0,
    )
    assert manager.is_valid_user("ann")
    assert not manager.is_valid_user("bob")
    response = call()
    record = manager.update_cost("ann", completion_obj=response)["user"]
    assert record["current_cost"] == pytest.approx(cost(response))
    assert manager.get_model_cost("ann") == {response["model"]: pytest.approx(cost(response))}
    manager.update_cost("ann", model="gpt-4o", input_text="Hello", output_text="Hello there")
    assert set(manager.get_model_cost("ann")) == {response["model"], "gpt-4o"}
    projected = manager.projected_cost("gpt-4o", [{"role": "user", "content": "Hello there"}], "ann")
    assert projected == pytest.approx(manager.get_current_cost("ann") + 2 * 2.5e-6)
    again = litellm.BudgetManager("project")
    assert again.user_dict == manager.user_dict
    assert again.get_users() == ["ann"]
    assert manager.reset_cost("ann") == {"user": {"total_budget": 10.0, "current_cost": 0, "model_cost": {}}}
    assert litellm.BudgetManager("project").get_current_cost("ann") == 0


def test_a_budget_with_a_duration_begins_anew(manager):
    day = 24 * 60 * 60
    manager.create_budget(1.0, "old", "weekly", created_at=1.0)
    manager.create_budget(1.0, "new", "monthly")
    manager.create_budget(1.0, "for ever")
    for user in manager.get_users():
        manager.update_cost(user, completion_obj=call())
    manager.update_budget_all_users()
    assert manager.get_current_cost("old") == 0
    assert manager.user_dict["old"]["last_updated_at"] > 7 * day
    assert manager.get_current_cost("new") > 0
    assert manager.get_current_cost("for ever") > 0
    assert [manager.user_dict[user].get("duration") for user in manager.get_users()] == [7, 28, None]


def test_wrong_use_is_told(manager, tmp_path):
    with pytest.raises(ValueError, match="daily, weekly, monthly, yearly"):
        manager.create_budget(1.0, "ann", "hourly")
    assert not manager.is_valid_user("ann")
    with pytest.raises(KeyError):
        manager.get_total_budget("ann")
    manager.create_budget(1.0, "ann")
    with pytest.raises(ValueError, match="completion_obj"):
        manager.update_cost("ann")
    with pytest.raises(ValueError, match="client_type"):
        litellm.BudgetManager("project", client_type="cloud")
    for broken in ("{", "[]", '{"ann": 1}'):
        (tmp_path / "user_cost.json").write_text(broken)
        with pytest.raises(ValueError, match=r"user_cost\.json"):
            litellm.BudgetManager("project")


def test_threads_lose_no_cost_and_leave_no_broken_file(manager, tmp_path):
    manager.create_budget(1.0, "ann")
    response = call()
    threads = [
        threading.Thread(target=lambda: [manager.update_cost("ann", completion_obj=response) for _ in range(25)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        json.loads((tmp_path / "user_cost.json").read_text())
    assert manager.get_current_cost("ann") == pytest.approx(100 * cost(response))
    assert litellm.BudgetManager("project").user_dict == manager.user_dict
    assert os.listdir(tmp_path) == ["user_cost.json"]


def test_a_hosted_manager_asks_its_server(local_provider):
    answers = {"status": "success", "data": {"ann": {"total_budget": 5.0}}}
    local_provider.raw(json.dumps(answers))
    manager = litellm.BudgetManager("project", client_type="hosted", api_base=local_provider.origin)
    assert manager.get_total_budget("ann") == 5.0
    local_provider.raw('{"status": "success"}')
    manager.create_budget(2.0, "bob")
    assert local_provider.wait_requests(2)
    first, second = local_provider.requests
    assert (first.path, first.json) == ("/get_budget", {"project_name": "project"})
    assert (second.path, second.json["project_name"]) == ("/set_budget", "project")
    assert second.json["user_dict"] == {"ann": {"total_budget": 5.0}, "bob": {"total_budget": 2.0}}


def test_an_answer_from_a_cache_costs_nothing(local_provider, monkeypatch):
    monkeypatch.setattr(litellm, "cache", litellm.Cache(), raising=False)
    monkeypatch.setattr(litellm, "max_budget", 1.0)
    monkeypatch.setattr(litellm, "_current_cost", 0.0, raising=False)
    call = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "hi"}], "api_key": "key"}
    costs = []
    for _ in range(3):
        litellm.completion(**call, api_base=local_provider.base_url)
        costs.append(litellm._current_cost)
    assert costs[0] > 0
    assert costs == costs[:1] * 3
