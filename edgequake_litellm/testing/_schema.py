"""A JSON value that a JSON Schema accepts: the local provider's arguments for tools and its structured outputs."""

from __future__ import annotations

import math
import re
from typing import Any, Dict, List, Mapping, Optional, Sequence
from urllib.parse import unquote

Schema = Any  # An object, or true or false.

_MAX_DEPTH = 48
# Keywords that ask for what is not made here. A value that might break the schema is never handed out.
_UNSUPPORTED = ("not", "if", "contains", "dependentRequired", "dependentSchemas", "propertyNames", "uniqueItems")
_FORMATS = {
    "date-time": "2024-01-31T12:00:00Z",
    "date": "2024-01-31",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
# Tried in turn for a `pattern`, after what the prompt and the property's name offer.
_PATTERN_CANDIDATES = (
    "a", "A", "0", "1", "ab", "AB", "abc", "ABC", "Abc", "123", "1234", "12345", "A1", "a1", "ab-12", "AB-123",
    "ABC-123", "ABC123", "1.0", "1.0.0", "#ffffff", "+15555550100", "555-0100", "@name", "/a", *_FORMATS.values(),
)  # fmt: skip
_CAPITALISED = re.compile(r"[^\W\d_a-z]\w*(?:[ -][^\W\d_a-z]\w*)*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


class UnsupportedSchema(ValueError):
    """A schema asks for something that no value is made for here."""


class Hints:
    """What a prompt offers to fill a schema with: its names (``Paris``) and numbers in order, and words for an enum."""

    def __init__(self, prompt: str = "") -> None:
        self.prompt = prompt.lower()
        self._numbers: List[float] = [float(number) for number in _NUMBER.findall(prompt)]
        self._names: List[str] = []
        for match in _CAPITALISED.finditer(prompt):
            before = prompt[: match.start()].rstrip("\"'“‘( \n\t")
            # A capital letter at the start of a sentence says nothing.
            if before and before[-1] not in ".!?:":
                self._names.append(match[0])

    def names(self, word: str) -> Sequence[str]:
        return [*self._names, word]

    def used_name(self, name: str) -> None:
        if name in self._names:
            self._names.remove(name)

    def next_number(self) -> Optional[float]:
        return self._numbers.pop(0) if self._numbers else None

    def mentions(self, value: Any) -> bool:
        return isinstance(value, str) and re.search(rf"\b{re.escape(value.lower())}\b", self.prompt) is not None


def instance(schema: Schema, hints: Optional[Hints] = None) -> Any:
    """A value that ``schema`` accepts, the same for the same schema and hints.

    Raises :class:`UnsupportedSchema` where it cannot make one.
    """
    try:
        return _Maker(schema, hints or Hints()).make(schema, "value", 0)
    except UnsupportedSchema:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnsupportedSchema(f"the schema is not a JSON Schema: {error}") from error


class _Maker:
    def __init__(self, root: Schema, hints: Hints) -> None:
        self.root = root
        self.hints = hints

    def make(self, schema: Schema, name: str, depth: int) -> Any:
        schema = self.resolve(schema, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            if not schema["enum"]:
                raise UnsupportedSchema(f"the enum of {name!r} is empty")
            return next((value for value in schema["enum"] if self.hints.mentions(value)), schema["enum"][0])
        if "default" in schema:
            return schema["default"]
        if schema.get("examples"):
            return schema["examples"][0]
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self.make(self.first_alternative(schema, schema[key], depth), name, depth + 1)
        kind = self.kind(schema)
        if kind == "object":
            return self.make_object(schema, depth)
        if kind == "array":
            return self.make_array(schema, name, depth)
        if kind == "string":
            return self.make_string(schema, name)
        if kind in ("integer", "number"):
            return self.make_number(schema, kind == "integer")
        return {"boolean": True, "null": None}[kind]

    def resolve(self, schema: Schema, depth: int) -> Dict[str, Any]:
        """``schema`` as an object, with ``$ref`` followed and ``allOf`` merged in."""
        if depth > _MAX_DEPTH:
            raise UnsupportedSchema("the schema demands a value that is nested without end")
        if schema is True:
            return {}
        if not isinstance(schema, Mapping):
            raise UnsupportedSchema("a schema that is not an object accepts nothing")
        merged = dict(schema)
        for _ in range(_MAX_DEPTH):
            if "$ref" in merged:
                merged = _merge(self.lookup(merged.pop("$ref")), merged)
            elif "allOf" in merged:
                for part in merged.pop("allOf"):
                    merged = _merge(merged, self.resolve(part, depth + 1))
            else:
                break
        else:
            raise UnsupportedSchema("a $ref leads back to itself")
        for key in _UNSUPPORTED:
            if merged.get(key) not in (None, False):
                raise UnsupportedSchema(f"the schema keyword {key!r} is not supported")
        return merged

    def lookup(self, reference: Any) -> Mapping[str, Any]:
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise UnsupportedSchema(f"the $ref {reference!r} points outside of the schema")
        found: Any = self.root
        for step in filter(None, unquote(reference[1:]).split("/")):
            key = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, Mapping) and key in found:
                found = found[key]
            elif isinstance(found, list) and key.isdigit() and int(key) < len(found):
                found = found[int(key)]
            else:
                raise UnsupportedSchema(f"the $ref {reference!r} points nowhere")
        if not isinstance(found, Mapping):
            raise UnsupportedSchema(f"the $ref {reference!r} does not point to a schema")
        return found

    def first_alternative(self, schema: Dict[str, Any], alternatives: Sequence[Schema], depth: int) -> Schema:
        rest = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}
        resolved = [self.resolve(alternative, depth + 1) for alternative in alternatives]
        # Deep down an alternative that may go deeper is left for one that ends; else null is left for one that says more.
        order = sorted(resolved, key=lambda part: (depth > 6 and _nests(part), part.get("type") == "null"))
        if not order:
            raise UnsupportedSchema("anyOf and oneOf need an alternative")
        return _merge(rest, order[0])

    @staticmethod
    def kind(schema: Mapping[str, Any]) -> str:
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next((each for each in kind if each != "null"), "null")
        if kind is None:
            if "properties" in schema or "required" in schema:
                return "object"
            if "items" in schema or "prefixItems" in schema:
                return "array"
            return "number" if any(key in schema for key in ("minimum", "maximum", "multipleOf")) else "string"
        if kind not in ("object", "array", "string", "integer", "number", "boolean", "null"):
            raise UnsupportedSchema(f"{kind!r} is not a type of JSON Schema")
        return str(kind)

    def make_object(self, schema: Mapping[str, Any], depth: int) -> Dict[str, Any]:
        properties = schema.get("properties") or {}
        required = schema.get("required") or ([] if depth > 6 else list(properties))
        made = {name: self.make(properties.get(name, True), name, depth + 1) for name in properties if name in required}
        for name in required:
            if name not in made:
                made[name] = self.make(schema.get("additionalProperties", True) or {}, name, depth + 1)
        missing = schema.get("minProperties", 0) - len(made)
        for number in range(max(missing, 0)):
            made[f"key_{number + 1}"] = self.make(schema.get("additionalProperties", True), "value", depth + 1)
        return made

    def make_array(self, schema: Mapping[str, Any], name: str, depth: int) -> List[Any]:
        prefix = schema.get("prefixItems") or []
        least = schema.get("minItems", 0)
        wanted = max(least, min(schema.get("maxItems", math.inf), len(prefix) or (0 if depth > 6 else 1)))
        items = [self.make(part, name, depth + 1) for part in prefix[: int(wanted)]]
        singular = name[:-1] if name.endswith("s") and len(name) > 3 else name
        while len(items) < wanted:
            items.append(self.make(schema.get("items", True), singular, depth + 1))
        return items

    def make_string(self, schema: Mapping[str, Any], name: str) -> str:
        least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
        pattern, kind = schema.get("pattern"), schema.get("format")
        if kind in _FORMATS:
            candidates: Sequence[str] = [_FORMATS[kind]]
        else:
            candidates = self.hints.names(name)
            if pattern is None:
                candidates = [_fit(candidate, least, most) for candidate in candidates]
            else:
                candidates = [*candidates, *_PATTERN_CANDIDATES]
        for candidate in candidates:
            if least <= len(candidate) <= most and (pattern is None or _matches(pattern, candidate)):
                self.hints.used_name(candidate)
                return candidate
        raise UnsupportedSchema(f"no string was found for {name!r} that fits its pattern, format and length")

    def make_number(self, schema: Mapping[str, Any], integer: bool) -> float:
        low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
        above, below = schema.get("exclusiveMinimum", -math.inf), schema.get("exclusiveMaximum", math.inf)
        step = schema.get("multipleOf") or (1 if integer else 0)
        lowest, highest = max(low, above), min(high, below)

        def accepted(value: float) -> bool:
            whole = not integer or value == int(value)
            multiple = not step or math.isclose(round(value / step) * step, value, rel_tol=1e-12, abs_tol=1e-12)
            return whole and multiple and low <= value <= high and above < value < below

        hint = self.hints.next_number()
        candidates: List[float] = [1, 0] if hint is None else [hint, 1, 0]
        unit = step or 1
        for bound in (lowest, highest):
            if not math.isinf(bound):
                nearest = math.floor(bound / unit)
                candidates += [bound, *((nearest + offset) * unit for offset in (0, 1, -1, 2))]
        if not math.isinf(lowest) and not math.isinf(highest):
            candidates.append((lowest + highest) / 2)
        for value in candidates:
            if accepted(value):
                return int(value) if value == int(value) else value
        raise UnsupportedSchema("no number was found between the bounds of the schema")


def _merge(first: Mapping[str, Any], second: Mapping[str, Any]) -> Dict[str, Any]:
    merged = {**first, **second}
    for key in ("properties", "$defs"):
        if key in first and key in second:
            merged[key] = {**first[key], **second[key]}
    if "required" in first and "required" in second:
        merged["required"] = list(dict.fromkeys([*first["required"], *second["required"]]))
    return merged


def _nests(schema: Mapping[str, Any]) -> bool:
    return any(key in schema for key in ("properties", "items", "prefixItems", "anyOf", "oneOf"))


def _fit(text: str, least: float, most: float) -> str:
    if len(text) < least:
        text = (text + "_") * (int(least) // (len(text) + 1) + 1)
        text = text[: int(least)]
    return text if len(text) <= most else text[: int(most)]


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error as error:
        raise UnsupportedSchema(f"the pattern {pattern!r} is not one that Python reads: {error}") from None
