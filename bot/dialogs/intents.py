"""What somebody wants, told without a model: a flow, an article of the knowledge base, or nothing we know of.

The nearest examples vote: those of the flows (`prompts/intents/<language>.yaml`) and those of the articles together, so that each
keeps the other from taking what is not its own. What is near to none of them is out of scope.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from bot.errors import ResourceError
from bot.memory.examples import Examples
from bot.resources import LANGUAGES, read_yaml
from bot.services.knowledge import Knowledge

ARTICLE = "article"
"""The intent of whom an article answers; every other one is a flow's."""
_ARTICLES = f"{ARTICLE}:"

LEAST_CONFIDENCE = 0.2
"""From which on a text is in scope; chosen with tests/dialogs/offline_questions.yaml."""


@dataclass(frozen=True, slots=True)
class IntentGuess:
    """What a text most likely asks for."""

    name: str
    """`open_ticket` and the like, ARTICLE, or empty where nothing is like it at all."""
    confidence: float
    """From 0 to 1, comparable between texts."""
    is_in_scope: bool
    topic: str = ""
    """For an ARTICLE, which one."""


_NOTHING = IntentGuess("", 0.0, is_in_scope=False)


class Intents:
    """Guesses in each of our languages; about a millisecond each."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._built: dict[str, tuple[int, Examples]] = {}

    def of(self, text: str, language: str) -> IntentGuess:
        """The likeliest intent. Articles are known as of the last `Knowledge.refresh`. Raises ResourceError."""
        known = language if language in LANGUAGES else LANGUAGES[0]
        vote = self._examples(known).vote(text)
        if vote is None:
            return _NOTHING
        name, _, topic = vote.name.partition(":")
        return IntentGuess(name, vote.confidence, vote.confidence >= LEAST_CONFIDENCE, topic)

    def _examples(self, language: str) -> Examples:
        generation = self._knowledge.generation
        built = self._built.get(language)
        if built is None or built[0] != generation:
            flows = flow_examples(language)
            texts = [text for said in flows.values() for text in said]
            names = [name for name, said in flows.items() for _ in said]
            asked = self._knowledge.asked(language)
            about = {_ARTICLES + topic: text for topic, text in self._knowledge.about(language).items()}
            built = (
                generation,
                Examples(texts + [text for text, _ in asked], names + [_ARTICLES + topic for _, topic in asked], language, about),
            )
            self._built[language] = built
        return built[1]


@cache
def flow_examples(language: str) -> dict[str, tuple[str, ...]]:
    """What people say who want each flow, one example a line. Raises ResourceError that names the file."""
    file = f"prompts/intents/{language}.yaml"
    flows = read_yaml("prompts", "intents", f"{language}.yaml")
    if not isinstance(flows, dict) or not all(isinstance(said, str) for said in flows.values()):
        raise ResourceError(f"{file}: must be a mapping of names to texts with one example a line")
    return {name: tuple(line.strip() for line in said.splitlines() if line.strip()) for name, said in flows.items()}
