"""A validation error as people read it: one line with the record, the field, the rule and a valid example."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

_SHOWN = 40
"""A wrong value longer than this is not repeated."""


def sentence(name: str, error: ValidationError, kind: type[BaseModel] | None) -> str:
    """The first thing that is wrong, and how many more there are."""
    by_path: dict[tuple[int | str, ...], list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        by_path.setdefault(_path_of(details), []).append(details)
    path, wrong = next(iter(by_path.items()))
    where = ".".join((name, *(str(part) for part in path)))
    rules = list(dict.fromkeys(_rule(details, kind, path) for details in wrong))
    rule = " or ".join([rules[0], *(later.removeprefix("must be ") for later in rules[1:])])
    found = _field_at(kind, path)
    example = _example(found) if found is not None and wrong[0]["type"] not in _SELF_EVIDENT else ""
    more = f" (and {len(by_path) - 1} more)" if len(by_path) > 1 else ""
    return f"{where}: {rule}{f'; for example {example}' if example else ''}{more}"


def _path_of(details: ErrorDetails) -> tuple[int | str, ...]:
    loc = details["loc"]
    if details["type"] == "extra_forbidden":  # its name is what somebody made up, and may look like anything
        return (*_without_union_tags(loc[:-1]), loc[-1])
    return _without_union_tags(loc)


def _without_union_tags(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Pydantic names the branch of a union as if it were a field; people have no use for it."""
    return tuple(part for part in loc if part not in _TAGS and "[" not in str(part))


_TAGS = frozenset({"str", "int", "float", "bool", "datetime", "constrained-str", "constrained-float", "enum"})
_SELF_EVIDENT = frozenset({"extra_forbidden", "enum", "bool_parsing", "bool_type", "value_error", "too_long"})
"""Kinds of errors whose rule needs no example, or whose example would stand beside the point."""


def _count(number: Any, one: str) -> str:
    return f"{number} {one}" if number == 1 else f"{number} {one}s"


def _size(details: ErrorDetails) -> str:
    try:
        return f" (it has {len(details['input'])})"
    except TypeError:
        return ""


def _given(details: ErrorDetails) -> str:
    """The wrong value, where it is short and of the sort that names nobody."""
    value = details["input"]
    is_plain = isinstance(value, (str, int, float, Decimal)) and len(str(value)) <= _SHOWN
    return f" (it is {value!s})" if is_plain and not isinstance(value, str) else ""


def _limit(word: str, key: str) -> Callable[[ErrorDetails, Mapping[str, Any]], str]:
    return lambda details, context: f"{word} {context[key]}{_given(details)}"


_RULES: dict[str, Callable[[ErrorDetails, Mapping[str, Any]], str]] = {
    "missing": lambda *_: "is required",
    "string_too_long": lambda details, context: f"at most {_count(context['max_length'], 'character')}{_size(details)}",
    "string_too_short": lambda details, context: f"at least {_count(context['min_length'], 'character')}{_size(details)}",
    "string_type": lambda *_: "must be text",
    "string_pattern_mismatch": lambda *_: "does not have the right form",
    "too_long": lambda details, context: f"at most {context['max_length']} entries{_size(details)}",
    "too_short": lambda details, context: f"at least {context['min_length']} entries{_size(details)}",
    "greater_than_equal": _limit("at least", "ge"),
    "less_than_equal": _limit("at most", "le"),
    "greater_than": _limit("more than", "gt"),
    "less_than": _limit("less than", "lt"),
    "decimal_max_places": lambda _, context: f"at most {_count(context['decimal_places'], 'decimal place')}",
    "decimal_max_digits": lambda _, context: f"at most {_count(context['max_digits'], 'digit')} in all",
    "decimal_whole_digits": lambda _, context: f"at most {_count(context['whole_digits'], 'digit')} before the point",
    "finite_number": lambda *_: "must be a finite number",
    "extra_forbidden": lambda *_: "there is no such field",
    "value_error": lambda details, context: str(context.get("error", details["msg"])),
}
_BY_BEGINNING = {
    "int": "must be a whole number",
    "float": "must be a number",
    "decimal": "must be a number",
    "bool": "must be true or false",
    "datetime": "must be a date and time",
    "date": "must be a date",
    "dict": "must be a mapping of names to values",
    "model": "must be a mapping of names to values",
    "list": "must be a list",
}


def _rule(details: ErrorDetails, kind: type[BaseModel] | None, path: Sequence[int | str]) -> str:
    type_, context = details["type"], details.get("ctx", {})
    if details["input"] is None and type_ != "extra_forbidden":
        return "is required"
    if type_ == "extra_forbidden":
        return "there is no such field" + _did_you_mean(kind, path)
    if type_ == "enum":
        return f"must be one of {context['expected'].replace(chr(39), '').replace(' or ', ', ')}"
    if type_ in _RULES:
        return _RULES[type_](details, context)
    plain = _BY_BEGINNING.get(type_.partition("_")[0])
    return plain or details["msg"]


def _did_you_mean(kind: type[BaseModel] | None, path: Sequence[int | str]) -> str:
    holder = _model_of(kind, path[:-1])
    if holder is None:
        return ""
    names = [info.alias or name for name, info in holder.model_fields.items()]
    close = get_close_matches(str(path[-1]), names, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _field_at(kind: type[BaseModel] | None, path: Sequence[int | str]) -> FieldInfo | None:
    """The declared field at a path of stored or Python names; of a list's or a mapping's element, the field that holds it."""
    holder = _model_of(kind, path[:-1])
    if holder is None or not path:
        return None
    if isinstance(path[-1], int):
        return _field_at(kind, path[:-1])
    named = _named(holder, str(path[-1]))
    return named if named is not None else _field_at(kind, path[:-1])


def _named(model: type[BaseModel], key: str) -> FieldInfo | None:
    return next((info for name, info in model.model_fields.items() if key in (name, info.alias)), None)


def _model_of(kind: type[BaseModel] | None, path: Sequence[int | str]) -> type[BaseModel] | None:
    for part in path:
        if kind is None:
            return None
        if isinstance(part, str):
            info = _named(kind, part)
            kind = _first_model(info.annotation) if info is not None else kind
    return kind


def _first_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _first_model(inner)) is not None), None)


_PLAIN: dict[Any, str] = {
    int: "3",
    float: "2.5",
    Decimal: "12.50",
    bool: "true",
    datetime: "2026-01-15T10:00:00Z",
    date: "2026-01-15",
}


def _example(info: FieldInfo) -> str:
    """What the field declares as an example, or one that its type lets us give."""
    if info.examples:
        return repr(info.examples[0]) if isinstance(info.examples[0], str) else str(info.examples[0])
    return _example_of(info.annotation)


def _example_of(annotation: Any) -> str:
    if get_origin(annotation) is Annotated:
        for mark in get_args(annotation)[1:]:
            if isinstance(mark, FieldInfo) and mark.examples:
                return repr(mark.examples[0])
        return _example_of(get_args(annotation)[0])
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(str(member.value) for member in annotation)
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    inner = [one for one in get_args(annotation) if one is not type(None)]
    return _example_of(inner[0]) if inner else ""
