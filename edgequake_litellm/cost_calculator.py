"""litellm.cost_calculator: where programs import what calls cost from."""

from __future__ import annotations

from ._costs import completion_cost, cost_per_token, response_cost_calculator

__all__ = ["completion_cost", "cost_per_token", "response_cost_calculator"]
