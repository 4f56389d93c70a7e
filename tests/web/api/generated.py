"""Values for what an OpenAPI document describes: right ones, and nearly right ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
MOMENTS = st.one_of(
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
    st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-01-16T10:00:00Z", "2026-02-30", "now"]),
)
JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)


class Generator:
    """Makes values by JSON schemas; `known` are ids that mean something here, by the first word of a path."""

    def __init__(self, document: Mapping[str, Any], known: Mapping[str, Sequence[str]]) -> None:
        self._document = document
        self._own = known
        self._known = st.sampled_from(sorted({one for some in known.values() for one in some}))

    def operations(self) -> list[tuple[str, str, Mapping[str, Any]]]:
        """Method, path and what the document says of each."""
        paths = self._document["paths"].items()
        return [(method.upper(), path, told) for path, there in paths for method, told in there.items()]

    def path_value(self, subject: str) -> st.SearchStrategy[str]:
        """Mostly the id of something that is there."""
        own = st.sampled_from(self._own[subject]) if subject in self._own else self._known
        return st.one_of(own, own, own, own, self._known, TEXTS.filter(lambda text: text not in ("", ".", "..")))

    def value(self, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
        """What the schema allows; as far as this test needs it."""
        if "$ref" in schema:
            return self.value(self._document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
        if branches := schema.get("anyOf") or schema.get("oneOf"):
            return st.one_of(*map(self.value, branches))
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        return self._of_type(schema)

    def _of_type(self, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
        match schema.get("type"):
            case "string":
                return self._text(schema)
            case "integer":
                return st.integers(schema.get("minimum"), schema.get("maximum"))
            case "number":
                return st.floats(schema.get("minimum"), schema.get("maximum"), allow_nan=False, allow_infinity=False)
            case "boolean":
                return st.booleans()
            case "null":
                return st.none()
            case "array":
                return st.lists(self.value(schema.get("items", {})), min_size=schema.get("minItems", 0), max_size=4)
            case "object":
                return self._object(schema)
        return JUNK

    def _text(self, schema: Mapping[str, Any]) -> st.SearchStrategy[str]:
        if schema.get("format") == "date-time":
            return MOMENTS
        if "pattern" in schema:
            return st.from_regex(schema["pattern"], fullmatch=True)
        least = schema.get("minLength", 0)
        examples = st.sampled_from([*schema.get("examples", ["some words"])])
        return st.one_of(self._known, examples, TEXTS.filter(lambda text: len(text) >= least))

    def _object(self, schema: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
        own, needed = schema.get("properties"), set(schema.get("required", ()))
        if own is None:
            return st.dictionaries(TEXTS, self.value(schema.get("additionalProperties") or {}), max_size=3)
        fields = {name: self.value(field) for name, field in own.items()}
        return st.fixed_dictionaries(
            {name: made for name, made in fields.items() if name in needed},
            optional={name: made for name, made in fields.items() if name not in needed},
        )

    @st.composite
    @staticmethod
    def spoiled(draw: st.DrawFn, right: st.SearchStrategy[Any]) -> Any:
        """Mostly a right value; now and then one field is wrong, there is one too many, or all of it is something else."""
        value, how = draw(right), draw(st.integers(0, 11))
        if how == 0:
            return draw(JUNK)
        if how == 1 and isinstance(value, dict) and value:
            return {**value, draw(st.sampled_from(sorted(value))): draw(JUNK)}
        if how == 2 and isinstance(value, dict):
            return {**value, draw(TEXTS): draw(JUNK)}
        return value
