"""litellm's `BudgetManager`: what each user of a program may spend, kept in a file beside the program or by a server.

It counts what the program tells it. Limits that the engine keeps by itself, also for many processes, are quotas: see
:func:`edgequake_litellm.register_quota`.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time

from ._costs import completion_cost, cost_per_token
from ._tokens import token_counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    User = dict[str, Any]

__all__ = ["BudgetManager"]

_FILE = "user_cost.json"
_DAYS = {"daily": 1, "weekly": 7, "monthly": 28, "yearly": 365}
_SECONDS_OF_A_DAY = 24 * 60 * 60
# A server that does not answer keeps nobody waiting for longer.
_TIMEOUT = 60.0


class BudgetManager:
    """What each user may spend and has spent, in US dollars. Safe to be used by many threads.

    `client_type="local"` keeps it in `user_cost.json` in the working directory, which is written with every change.
    `client_type="hosted"` asks a server instead: it posts to `{api_base}/get_budget`, and to `{api_base}/set_budget` with every change.
    """

    def __init__(
        self,
        project_name: str,
        client_type: str = "local",
        api_base: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        if client_type not in ("local", "hosted"):
            raise ValueError(f'`client_type` must be "local" or "hosted", not {client_type!r}')
        self.client_type = client_type
        self.project_name = project_name
        self.api_base = api_base or "https://api.litellm.ai"
        self.headers = headers or {"Content-Type": "application/json"}
        self.user_dict: dict[str, User] = {}
        self._lock = threading.RLock()
        self.load_data()

    def load_data(self) -> None:
        """Reads what was kept. Raises ValueError for a file that is no such record, since to begin anew would forget what was spent."""
        if self.client_type == "local":
            try:
                with open(_FILE, encoding="utf-8") as file:
                    users = json.load(file)
            except FileNotFoundError:
                users = {}
            except ValueError as error:
                raise ValueError(f"{os.path.abspath(_FILE)} is not JSON ({error}): mend it, or remove it") from None
        else:
            answer = self._post("/get_budget", {"project_name": self.project_name})
            # A server that knows no such project says so by an error.
            users = {} if answer.get("status") == "error" else answer.get("data", {})
        if not isinstance(users, dict) or not all(isinstance(user, dict) for user in users.values()):
            where = os.path.abspath(_FILE) if self.client_type == "local" else self.api_base
            raise ValueError(f"{where} has no budgets by user: mend it, or remove it")
        with self._lock:
            self.user_dict = users

    def create_budget(
        self,
        total_budget: float,
        user: str,
        duration: Literal["daily", "weekly", "monthly", "yearly"] | None = None,
        created_at: float | None = None,
    ) -> User:
        """Gives a user a budget, and forgets what the user had spent. `created_at` is a Unix time; without it, now."""
        if duration is not None and duration not in _DAYS:
            raise ValueError(f"`duration` must be one of {', '.join(_DAYS)}, not {duration!r}")
        record: User = {"total_budget": total_budget}
        if duration is not None:
            created_at = time.time() if created_at is None else created_at
            record.update(duration=_DAYS[duration], created_at=created_at, last_updated_at=created_at)
        with self._lock:
            self.user_dict[user] = record
            self._changed()
        return record

    def projected_cost(self, model: str, messages: list[Any], user: str) -> float:
        """What the user will have spent once `messages` were sent; what the answer costs is not known yet."""
        texts = [message["content"] for message in messages]
        if all(isinstance(text, str) for text in texts):
            tokens = token_counter(model=model, text="".join(texts))
        else:
            tokens = token_counter(model=model, messages=messages)
        prompt, _ = cost_per_token(model=model, prompt_tokens=tokens, completion_tokens=0)
        return prompt + self.get_current_cost(user)

    def get_total_budget(self, user: str) -> float:
        """What the user may spend. Like all that follow, raises KeyError for a user without a budget."""
        return self.user_dict[user]["total_budget"]  # type: ignore[no-any-return]

    def update_cost(
        self,
        user: str,
        completion_obj: Any = None,
        model: str | None = None,
        input_text: str | None = None,
        output_text: str | None = None,
    ) -> dict[str, User]:
        """Adds what a call cost: that of a response, or of two texts of a model."""
        if model and input_text and output_text:
            read = token_counter(model=model, messages=[{"role": "user", "content": input_text}])
            written = token_counter(model=model, messages=[{"role": "user", "content": output_text}])
            cost = sum(cost_per_token(model=model, prompt_tokens=read, completion_tokens=written))
        elif completion_obj:
            cost = completion_cost(completion_response=completion_obj)
            model = completion_obj["model"]
        else:
            raise ValueError("give `completion_obj`, a response, or `model`, `input_text` and `output_text`")
        with self._lock:
            record = self.user_dict[user]
            record["current_cost"] = cost + record.get("current_cost", 0)
            models = record.setdefault("model_cost", {})
            models[model] = cost + models.get(model, 0)
            self._changed()
        return {"user": record}

    def get_current_cost(self, user: str) -> float:
        """What the user has spent."""
        return self.user_dict[user].get("current_cost", 0)  # type: ignore[no-any-return]

    def get_model_cost(self, user: str) -> Any:
        """What the user has spent by model, as a dict; 0 before the first call."""
        return self.user_dict[user].get("model_cost", 0)

    def is_valid_user(self, user: str) -> bool:
        """Whether the user has a budget."""
        return user in self.user_dict

    def get_users(self) -> list[str]:
        """The users that have a budget."""
        return list(self.user_dict)

    def reset_cost(self, user: str) -> dict[str, User]:
        """Forgets what the user has spent."""
        with self._lock:
            record = self.user_dict[user]
            record.update(current_cost=0, model_cost={})
            self._changed()
        return {"user": record}

    def reset_on_duration(self, user: str) -> None:
        """Forgets what the user has spent where the budget's duration has passed since it was last forgotten."""
        with self._lock:
            record, now = self.user_dict[user], time.time()
            if now - record["last_updated_at"] >= record["duration"] * _SECONDS_OF_A_DAY:
                record["last_updated_at"] = now
                self.reset_cost(user)

    def update_budget_all_users(self) -> None:
        """:meth:`reset_on_duration` for every user whose budget has a duration."""
        for user in self.get_users():
            if "duration" in self.user_dict[user]:
                self.reset_on_duration(user)

    def save_data(self) -> Any:
        """Writes all budgets now. Another reader sees the old file or the new one, never a part."""
        with self._lock:
            if self.client_type == "local":
                text = json.dumps(self.user_dict, indent=4)
                handle, path = tempfile.mkstemp(prefix=_FILE, dir=os.getcwd())
                try:
                    with open(handle, "w", encoding="utf-8") as file:
                        file.write(text)
                    os.replace(path, _FILE)
                except BaseException:
                    os.unlink(path)
                    raise
                return {"status": "success"}
            record = json.loads(json.dumps(self.user_dict))
        return self._post("/set_budget", {"project_name": self.project_name, "user_dict": record})

    def _changed(self) -> None:
        if self.client_type == "local":
            self.save_data()
        else:
            # A server may be far away.
            threading.Thread(target=self.save_data, name="edgequake-budgets").start()

    def _post(self, path: str, data: Any) -> Any:
        from urllib.request import Request, urlopen

        address = self.api_base + path
        if not address.startswith(("http://", "https://")):
            raise ValueError("`api_base` must begin with http:// or https://")
        request = Request(address, json.dumps(data).encode(), self.headers, method="POST")
        with urlopen(request, timeout=_TIMEOUT) as response:
            return json.load(response)
