"""JSON Schemas in the form that OpenAI's API calls strict: every object closed, every property required."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Schema = dict[str, Any]


def strict(schema: Schema) -> Schema:
    """`schema`, a pydantic class's own, made strict in place, with the result that openai's package has for it.

    Raises TypeError where a reference leads nowhere.
    """
    _close(schema, schema, ())
    return schema


def _close(schema: Any, root: Schema, inside: tuple[str, ...]) -> None:
    """Closes `schema` and what it holds. `inside` are the references that it was put in the place of."""
    if not isinstance(schema, dict):  # `true` and `false` are schemas too
        return
    for name in ("$defs", "definitions"):
        for definition in schema.get(name, {}).values():
            _close(definition, root, inside)
    if schema.get("type") == "object":
        schema.setdefault("additionalProperties", False)
    properties = schema.get("properties")
    if isinstance(properties, dict):
        schema["required"] = list(properties)
        for item in properties.values():
            _close(item, root, inside)
    _close(schema.get("items"), root, inside)
    for variant in schema.get("anyOf", ()):
        _close(variant, root, inside)
    parts = schema.get("allOf")
    if isinstance(parts, list):
        for part in parts:
            _close(part, root, inside)
        if len(parts) == 1:
            del schema["allOf"]
            schema.update(parts[0])
    if schema.get("default", ...) is None:
        # Strict schemas know no defaults; a nullable property says enough.
        del schema["default"]
    reference = schema.get("$ref")
    if reference is None or len(schema) == 1:
        return
    # A reference must stand alone.
    if reference in inside:
        # What it means holds it again and could be written out without end: the remarks beside it go.
        schema.clear()
        schema["$ref"] = reference
        return
    # What it means takes its place, and what stood beside it wins.
    meaning = _resolve(reference, root)
    del schema["$ref"]
    for name, value in meaning.items():
        schema.setdefault(name, value)
    _close(schema, root, (*inside, reference))


def _resolve(reference: str, root: Schema) -> Schema:
    """A copy of the part of `root` that `reference` points to."""
    from copy import deepcopy

    found: Any = root
    for step in reference[1:].strip("/").split("/") if reference.startswith("#") else [reference]:
        key = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, dict) or key not in found:
            raise TypeError(f"`response_format` has a JSON Schema whose reference {reference} leads nowhere")
        found = found[key]
    made: Schema = deepcopy(found)
    return made
