"""What every response object can do: the behaviour of litellm's pydantic models, without pydantic.

An object's public fields live in its ``__dict__``, so that attribute access is as fast as Python makes it and a decoded JSON
object becomes a response by moving its values. A class says what is special about it:

``_fields``    the declared fields, in the order of a dump; anything else in ``__dict__`` is an extra and comes after them
``_required``  the declared fields without a default
``_defaults``  declared fields that can be read although nobody set them; absent from a dump under ``exclude_unset``
``_nested``    the class of a field whose value arrives as a dict, or as a list of dicts
``_private``   slots that travel with a copy and a pickle but are neither fields nor dumped

An optional field of litellm that is in none of these is *absent* until set: reading it raises ``AttributeError``.
"""

from __future__ import annotations

from . import interop, pydantic_face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, ClassVar, TypeVar

    Fields = dict[str, Any]
    Memo = dict[int, Any]
    M = TypeVar("M", bound="Model")

_ATOMS = frozenset((str, int, float, bool, type(None)))
_classes: dict[str, type[Model]] = {}


class Options:
    """The arguments of one ``model_dump`` that hold for the whole tree."""

    __slots__ = ("as_json", "exclude_defaults", "exclude_none", "exclude_unset", "fallback")

    def __init__(
        self,
        mode: str = "python",
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        fallback: Callable[[Any], Any] | None = None,
    ) -> None:
        self.as_json = mode == "json"
        self.exclude_unset = exclude_unset
        self.exclude_defaults = exclude_defaults
        self.exclude_none = exclude_none
        self.fallback = fallback


class Model:
    """Base of the response objects. Not thread-safe for writers, like any Python object with attributes."""

    __module__ = "litellm.types.utils"

    _fields: ClassVar[tuple[str, ...]] = ()
    _required: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[Fields] = {}
    _nested: ClassVar[Fields] = {}
    _private: ClassVar[tuple[str, ...]] = ()

    model_config: ClassVar[Fields] = {"extra": "allow"}
    __pydantic_serializer__ = interop.SerializerAttribute()
    # pydantic reads these two where it compares one of its models with one of these.
    __pydantic_generic_metadata__: ClassVar[Fields] = {"origin": None, "args": (), "parameters": ()}
    __pydantic_private__: ClassVar[None] = None

    if not TYPE_CHECKING:

        @property
        def __class__(self) -> Any:
            return pydantic_face.class_of(self)

        @__class__.setter
        def __class__(self, cls: Any) -> None:
            object.__dict__["__class__"].__set__(self, cls)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, default in cls.__dict__.get("_defaults", {}).items():
            setattr(cls, name, default)
        if cls.__module__.startswith("litellm."):
            _classes[cls.__name__] = cls

    def __init__(self, **data: Any) -> None:
        for name in self._required:
            if name not in data:
                raise interop.invalid(type(self).__name__, "missing", name, data)
        for name in self._nested:
            if name in data:
                data[name] = self._adopt(name, data[name])
        self.__dict__.update(data)

    @classmethod
    def _adopt(cls, name: str, value: Any) -> Any:
        """`value` as the field `name` keeps it: a dict becomes the object that the class declares for the field."""
        kind = cls._nested.get(name)
        if kind is None or value is None:
            return value
        if isinstance(value, list):
            return [kind(**item) if isinstance(item, dict) else item for item in value]
        return kind(**value) if isinstance(value, dict) else value

    # Reading -----------------------------------------------------------------------------------------------------------

    def _items(self, unset: bool = True) -> Iterator[tuple[str, Any]]:
        """Names and values in the order of a dump; with `unset`, those of fields that only have their default as well."""
        own, fields = self.__dict__, self._fields
        for name in fields:
            if name in own:
                yield name, own[name]
            elif unset and name in self._defaults:
                yield name, self._defaults[name]
        for name, value in own.items():
            if name not in fields and not name.startswith("_"):
                yield name, value

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return self._items()

    def __repr__(self) -> str:
        return "{}({})".format(type(self).__name__, ", ".join("{}={!r}".format(*item) for item in self._items()))

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other) or not isinstance(other, Model):
            return NotImplemented
        return self.__dict__ == other.__dict__ or dict(self._items()) == dict(other._items())

    __hash__ = None  # type: ignore[assignment]  # mutable, as pydantic's models are

    # Dumping -----------------------------------------------------------------------------------------------------------

    def model_dump(
        self,
        *,
        mode: str = "python",
        include: Any = None,
        exclude: Any = None,
        context: Any = None,
        by_alias: bool | None = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        round_trip: bool = False,
        warnings: Any = True,
        fallback: Callable[[Any], Any] | None = None,
        serialize_as_any: bool = False,
        **_: Any,
    ) -> Fields:
        """The object and everything in it as plain dicts and lists, in pydantic's order and under its arguments.

        `mode="json"` makes every value one that JSON has, by `fallback` where nothing else fits.
        """
        options = Options(mode, exclude_unset, exclude_defaults, exclude_none, fallback)
        return self._export(options, include, exclude)

    def _export(self, options: Options, include: Any = None, exclude: Any = None) -> Fields:
        out = {}
        for name, value in self._items(not options.exclude_unset):
            inner = outer = None
            if include is not None or exclude is not None:
                keep, inner, outer = _select(name, include, exclude)
                if not keep:
                    continue
            if value is None and options.exclude_none:
                continue
            if options.exclude_defaults and name not in self._required and name in self._fields and value is None:
                continue
            out[name] = value if type(value) in _ATOMS else _export(value, options, inner, outer)
        return out

    def model_dump_json(
        self, *, indent: int | None = None, ensure_ascii: bool = False, fallback: Any = None, **kwargs: Any
    ) -> str:
        """The dump as JSON text; compact without `indent`. NaN and infinities become null, as in pydantic."""
        kwargs["mode"] = "json"
        return _to_json(self.model_dump(fallback=fallback, **kwargs), indent, ensure_ascii)

    def dict(self, **kwargs: Any) -> Fields:
        """pydantic 1's name of `model_dump`; fields that nobody set are always part of it."""
        kwargs.setdefault("exclude_unset", False)
        return self.model_dump(**kwargs)

    def json(self, **kwargs: Any) -> Any:
        """pydantic 1's name of `model_dump_json`. litellm's responses override it with one that answers a dict."""
        kwargs.setdefault("exclude_unset", False)
        return self.model_dump_json(**kwargs)

    def to_dict(
        self, *, mode: str = "python", use_api_names: bool = True, exclude_unset: bool = True, **kwargs: Any
    ) -> Any:
        """openai's name of `model_dump`, without the fields that nobody set."""
        return self.model_dump(mode=mode, exclude_unset=exclude_unset, **kwargs)

    def to_json(
        self, *, indent: int | None = 2, use_api_names: bool = True, exclude_unset: bool = True, **kwargs: Any
    ) -> str:
        """openai's name of `model_dump_json`, indented and without the fields that nobody set."""
        return self.model_dump_json(indent=indent, exclude_unset=exclude_unset, **kwargs)

    # Making ------------------------------------------------------------------------------------------------------------

    @classmethod
    def model_validate(cls: type[M], obj: Any, **_: Any) -> M:
        """`obj` itself when it is one of these, or a new object from a mapping."""
        if isinstance(obj, cls):
            return obj
        if interop.is_mapping(obj):
            return cls(**obj)
        raise interop.invalid(cls.__name__, "model_type", None, obj, class_name=cls.__name__)

    @classmethod
    def model_validate_json(cls: type[M], json_data: str | bytes | bytearray, **_: Any) -> M:
        import json

        return cls.model_validate(json.loads(json_data))

    parse_obj = model_validate
    parse_raw = model_validate_json

    @classmethod
    def model_construct(cls: type[M], _fields_set: Any = None, **values: Any) -> M:
        """An object with just these values: nothing is checked, nothing is made of them."""
        self = cls.__new__(cls)
        self.__dict__.update(
            {name: values.get(name) for name in cls._fields if name in values or name in cls._required}
        )
        self.__dict__.update(values)
        return self

    construct = model_construct

    def model_copy(self: M, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> M:
        """A copy, deep on request, with the fields of `update` put in unchecked."""
        made = self.__deepcopy__() if deep else self.__copy__()
        if update:
            made.__dict__.update(update)
        return made

    def copy(self: M, *, include: Any = None, exclude: Any = None, update: Any = None, deep: bool = False) -> M:
        """pydantic 1's name of `model_copy`, with a choice of fields."""
        made = self.model_copy(deep=deep)
        if include is not None or exclude is not None:
            for name in [name for name, _ in made._items(False) if not _select(name, include, exclude)[0]]:
                del made.__dict__[name]
        if update:
            made.__dict__.update(update)
        return made

    def __copy__(self: M) -> M:
        made: M = _restore(type(self), dict(self.__dict__), self._private_state())
        return made

    def __deepcopy__(self: M, memo: Memo | None = None) -> M:
        from copy import deepcopy

        memo = {} if memo is None else memo
        made: M = _restore(type(self), {}, deepcopy(self._private_state(), memo))
        memo[id(self)] = made
        made.__dict__.update(deepcopy(self.__dict__, memo))
        return made

    def _private_state(self) -> Fields:
        return {name: getattr(self, name) for name in self._private if hasattr(self, name)}

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        cls = type(self)
        ours = _classes.get(cls.__name__) is cls
        if ours and interop.is_litellm():
            # Under litellm's names: caches of programs accept nothing else in what they read back.
            return restore_response, (cls.__name__, self.__dict__, self._plain_private_state())
        # By name where the class is one of ours: its `__module__` is litellm's, which a reader need not have.
        return _restore, (cls.__name__ if ours else cls, self.__dict__, self._private_state())

    def _plain_private_state(self) -> Fields:
        """The private state with no object of this package in it."""
        return self._private_state()

    def __setstate__(self, state: Fields) -> None:
        """Takes the state of a pickle that litellm itself has written, for caches that outlive the change of the package."""
        self.__dict__.update(state["__dict__"])
        self.__dict__.update(state.get("__pydantic_extra__") or {})
        for name in ("_hidden_params", "_response_headers"):
            value = (state.get("__pydantic_private__") or {}).get(name)
            if value is not None:
                setattr(self, name, value)

    # What programs ask a pydantic model about itself ---------------------------------------------------------------------

    @property
    def model_extra(self) -> Fields:
        return {name: value for name, value in self._items(False) if name not in self._fields}

    __pydantic_extra__ = model_extra

    @property
    def model_fields_set(self) -> set[str]:
        return {name for name, _ in self._items(False)}

    __pydantic_fields_set__ = model_fields_set
    model_fields = interop.FieldsAttribute()
    __pydantic_fields__ = model_fields

    @classmethod
    def model_json_schema(cls, *_: Any, **__: Any) -> Fields:
        return {
            "title": cls.__name__,
            "type": "object",
            "properties": {name: {"title": name.replace("_", " ").title()} for name in cls._fields},
            "required": list(cls._required),
            "additionalProperties": True,
        }

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        return interop.core_schema(cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Fields:
        return cls.model_json_schema()


class Items(Model):
    """Adds ``obj["field"]`` and ``obj.get("field")``. An unknown key raises AttributeError, as it does in litellm."""

    def get(self, key: str, default: Any = None) -> Any:
        return getattr(self, key, default)

    def __getitem__(self, key: str) -> Any:
        return getattr(self, key)


class MutableItems(Items):
    """Adds ``obj["field"] = value`` as well."""

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self, key, value)


class Contains(Model):
    """Adds ``"field" in obj``: whether the attribute can be read."""

    def __contains__(self, key: str) -> bool:
        return hasattr(self, key)


class Forgiving(Model):
    """Deleting a field that is not there does nothing."""

    def __delattr__(self, name: str) -> None:
        self.__dict__.pop(name, None)


class DictJson(Model):
    """``json()`` answers the dict of ``model_dump()``: what litellm's responses do, whatever the name says."""

    def json(self, **kwargs: Any) -> Any:
        return self.model_dump()


def _restore(key: str | type[Any], fields: dict[str, Any], private: dict[str, Any]) -> Any:
    """Makes an object from its state. Pickles name this function: its module, name and arguments are kept for them."""
    cls: Any = _classes[key] if isinstance(key, str) else key
    made = cls.__new__(cls)
    made.__dict__.update(fields)
    for name, value in private.items():
        setattr(made, name, value)
    return made


def restore_response(key: str, fields: dict[str, Any], private: dict[str, Any]) -> Any:
    """`_restore`, as pickles name it that are written and read under the name litellm."""
    return _restore(key, fields, private)


restore_response.__module__ = Model.__module__


def _select(key: Any, include: Any, exclude: Any) -> tuple[bool, Any, Any]:
    """Whether pydantic's `include` and `exclude` keep `key`, and what they say of the inside of its value."""
    inner = outer = None
    if exclude is not None and key in exclude:
        outer = exclude[key] if isinstance(exclude, dict) else True
        if outer is True or outer is ...:
            return False, None, None
    if include is not None:
        if key not in include:
            return False, None, None
        inner = include[key] if isinstance(include, dict) else None
        if inner is True or inner is ...:
            inner = None
    return True, inner, outer or None


def _select_item(index: int, count: int, chosen: Any) -> Any:
    """What `include` or `exclude` of a list says of the item `index`, in the form that `_select` reads."""
    if chosen is None:
        return None
    if not isinstance(chosen, dict):
        return {index} if index in chosen or index - count in chosen or "__all__" in chosen else set()
    for key in (index, index - count, "__all__"):
        if key in chosen:
            return {index: chosen[key]}
    return {}


def _export(value: Any, options: Options, include: Any = None, exclude: Any = None) -> Any:
    """A value inside a model, as `model_dump` gives it."""
    if type(value) in _ATOMS:
        return value
    if isinstance(value, Model):
        return value._export(options, include, exclude)
    if isinstance(value, dict):
        if include is None and exclude is None:
            return {name: item if type(item) in _ATOMS else _export(item, options) for name, item in value.items()}
        chosen = [(name, item, _select(name, include, exclude)) for name, item in value.items()]
        return {name: _export(item, options, inner, outer) for name, item, (keep, inner, outer) in chosen if keep}
    if isinstance(value, (list, tuple)):
        made = []
        for index, item in enumerate(value):
            inner = outer = None
            if include is not None or exclude is not None:
                some = _select_item(index, len(value), include), _select_item(index, len(value), exclude)
                keep, inner, outer = _select(index, *some)
                if not keep:
                    continue
            made.append(item if type(item) in _ATOMS else _export(item, options, inner, outer))
        return tuple(made) if isinstance(value, tuple) and not options.as_json else made
    return interop.export_foreign(value, options, _export)


def _to_json(value: Any, indent: int | None, ensure_ascii: bool) -> str:
    import json

    separators = (",", ":") if indent is None else (",", ": ")
    try:
        return json.dumps(value, indent=indent, ensure_ascii=ensure_ascii, separators=separators, allow_nan=False)
    except ValueError:  # a number that JSON has not
        return json.dumps(_finite(value), indent=indent, ensure_ascii=ensure_ascii, separators=separators)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if value - value == 0.0 else None
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list) else value
