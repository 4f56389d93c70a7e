"""Texts with blanks: Jinja in a sandbox, what texts may include, and all that is wrong with them before anybody fills them in."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

from jinja2 import DictLoader, StrictUndefined, TemplateError, meta, nodes
from jinja2.sandbox import SandboxedEnvironment

from bot.dialogs.scenery import BLANKS, Colleague, Someone, data
from bot.services.hours import Opening

PARTIALS = "prompts/partials"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a file."""

    file: str
    what: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.file}: {self.what}{f'; {self.fix}' if self.fix else ''}"


def nearest(name: str, among: Iterable[str]) -> str:
    """The fix for a name that does not exist: the real one most like it, or all there are."""
    known = sorted(among)
    like = get_close_matches(name, known, 1, 0.5)
    if like:
        return f"did you mean {like[0]}?"
    return f"there are {', '.join(known)}" if known else "there are none"


def environment(partials: Mapping[str, str]) -> SandboxedEnvironment:
    """Where prompts are compiled: they see their blanks and these partials; no other name leads anywhere."""
    jinja = SandboxedEnvironment(
        loader=DictLoader(partials),
        undefined=StrictUndefined,
        autoescape=False,
        auto_reload=False,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters["data"] = data
    return jinja


class Partials:
    """What prompts may include: the files of one folder, read once. No other name leads anywhere."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = {name: text.strip() + "\n" for name, text in texts.items()}
        self.jinja = environment(self._texts)
        self._broken: frozenset[str] = frozenset()

    def problems(self) -> list[Problem]:
        """All that is wrong with the partials themselves."""
        found = {name: self._own_problems(name) for name in self._texts}
        self._broken = frozenset(name for name, problems in found.items() if problems)
        return [problem for problems in found.values() for problem in problems]

    def _own_problems(self, name: str) -> list[Problem]:
        where = f"{PARTIALS}/{name}"
        problems = self.problems_of(where, self._texts[name])
        if not problems and name in self._covers(self._texts[name]):
            problems.append(Problem(where, "includes itself, by way of what it includes", "take one of the includes out"))
        return problems

    def problems_of(self, where: str, text: str) -> list[Problem]:
        """What can be seen in a text without filling it in: includes and blanks that do not exist, broken syntax."""
        try:
            tree = self.jinja.parse(text)
            return [*self._wrong_includes(where, tree), *_wrong_blanks(where, tree)]
        except TemplateError as error:
            return [Problem(where, line(error))]

    def _wrong_includes(self, where: str, tree: nodes.Template) -> Iterator[Problem]:
        for name in meta.find_referenced_templates(tree):
            if name is None:
                yield Problem(where, "includes a file whose name is not written out", "write the file's name in quotes")
            elif name not in self._texts:
                yield Problem(where, f"there is no partial {name!r}", nearest(name, self._texts))

    def is_broken(self, text: str) -> bool:
        """Whether something that a text includes cannot be used."""
        return not self._broken.isdisjoint(self._covers(text))

    def hash(self, text: str, prompt: str) -> str:
        """12 hexadecimal digits over a text and all that its prompt includes."""
        digest = hashlib.sha256(text.encode())
        for name in sorted(self._covers(prompt)):
            digest.update(f"\0{name}\0{self._texts[name]}".encode())
        return digest.hexdigest()[:12]

    def _covers(self, text: str) -> set[str]:
        """The names of all that a text includes, also by way of others."""
        covered: set[str] = set()
        waiting = [text]
        while waiting:
            new = self._includes(waiting.pop()) - covered
            covered |= new
            waiting.extend(self._texts[name] for name in new)
        return covered

    def _includes(self, text: str) -> set[str]:
        try:
            names = set(meta.find_referenced_templates(self.jinja.parse(text)))
        except TemplateError:
            return set()
        return {name for name in names if name is not None and name in self._texts}


def _wrong_blanks(where: str, tree: nodes.Template) -> Iterator[Problem]:
    """Names that nothing fills in, also those behind a dot, in every branch."""
    for name in sorted(meta.find_undeclared_variables(tree) - set(BLANKS)):
        yield Problem(where, f"nothing fills in {name!r}", nearest(name, BLANKS))
    parts = {**_PARTS, **dict.fromkeys(_colleagues(tree), _names(Colleague))}
    for node in tree.find_all(nodes.Getattr):
        part = node.node.name if isinstance(node.node, nodes.Name) else ""
        if part in parts and node.attr not in parts[part]:
            yield Problem(where, f"nothing fills in '{part}.{node.attr}'", nearest(node.attr, parts[part]))


def _colleagues(tree: nodes.Template) -> Iterator[str]:
    """What a loop over the colleagues calls one of them."""
    for loop in tree.find_all(nodes.For):
        if isinstance(loop.iter, nodes.Name) and loop.iter.name == "colleagues" and isinstance(loop.target, nodes.Name):
            yield loop.target.name


def _names(part: type[Any]) -> Collection[str]:
    return [one.name for one in fields(part)]


_PARTS: Mapping[str, Collection[str]] = {"person": _names(Someone), "hours": _names(Opening)}
"""Blanks that have blanks of their own."""


def line(error: Exception) -> str:
    """What an error says, on one line."""
    return " ".join(str(error).split())
