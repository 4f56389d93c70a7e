"""The tool that looks into the knowledge base: the person's language first, active entries only, each with its id."""

from __future__ import annotations

import pytest

from bot.records.knowledge import KnowledgeEntry
from bot.testing.llm import Called
from bot.testing.scene import Scene
from tests.scenarios.helpers import ANA
from tests.tools.helpers import call, calls

pytestmark = pytest.mark.scenario

NOTHING = "nothing found: say that you do not know, or try other words once"


def entry(id: str, question: str, answer: str, language: str = "es", *, active: bool = True) -> KnowledgeEntry:
    return KnowledgeEntry(
        id=id, category="billing", question=question, answer=answer, language=language, is_active=active, created_by="op-1"
    )


async def know(scene: Scene, *entries: KnowledgeEntry) -> None:
    await scene.app.store.insert(entries)


async def test_an_entry_is_found_by_its_words_and_cited_by_its_id(scene: Scene) -> None:
    await know(
        scene,
        entry("kb-1", "¿Cómo pago mi factura?", "En la app, en Facturas."),
        entry("kb-2", "¿Cuándo abren?", "De 9 a 18."),
    )
    told = await call(scene, scene.person(ANA), "search_knowledge", words="pagar facturas")
    assert told == "[kb-1] ¿Cómo pago mi factura? En la app, en Facturas."


async def test_the_best_entry_comes_first_and_few_are_told(scene: Scene) -> None:
    await know(scene, entry("best", "Reembolso de una compra", "Tarda cinco días."))
    await know(scene, *(entry(f"kb-{number}", "Otra compra", "El reembolso se pide en la app.") for number in range(9)))
    lines = (await call(scene, scene.person(ANA), "search_knowledge", words="reembolso compra")).split("\n")
    assert lines[0] == "[best] Reembolso de una compra Tarda cinco días."
    assert len(lines) == 3


async def test_the_persons_language_comes_first_however_it_is_spelled_and_another_one_only_if_need_be(scene: Scene) -> None:
    await know(scene, entry("en", "Wifi", "Reset the router.", "english"), entry("es", "Wifi", "Reinicie el router.", "spanish"))
    ana, wifi = scene.person(ANA), Called("search_knowledge", words="wifi")
    assert await calls(scene, ana, wifi, saying="Please help me.") == ["[en] Wifi Reset the router."]
    assert await calls(scene, ana, wifi, saying="Hola, no funciona el wifi.") == ["[es] Wifi Reinicie el router."]
    await know(scene, entry("hi", "Refunds", "Within five days.", "hindi"))
    assert await call(scene, ana, "search_knowledge", words="refunds") == "[hi] Refunds Within five days."


async def test_what_is_switched_off_is_not_found_and_nothing_found_says_so(scene: Scene) -> None:
    await know(scene, entry("old", "Tarifas", "Cien pesos.", active=False), entry("kb", "Horario", "De 9 a 18."))
    ana = scene.person(ANA)
    assert await call(scene, ana, "search_knowledge", words="tarifas") == NOTHING
    assert await call(scene, ana, "search_knowledge", words="vuelos baratos a las islas del norte") == NOTHING


async def test_a_long_entry_is_told_trimmed_and_on_one_line(scene: Scene) -> None:
    await know(scene, entry("long", "Contrato", "Cláusula.\n" * 1000))
    told = await call(scene, scene.person(ANA), "search_knowledge", words="contrato")
    assert told.endswith("…")
    assert "\n" not in told
    assert len(told) < 1500


async def test_words_without_a_letter_find_nothing(scene: Scene) -> None:
    ana = scene.person(ANA)
    assert await call(scene, ana, "search_knowledge", words="¿?") == NOTHING
    assert (await call(scene, ana, "search_knowledge")).startswith("error: search_knowledge.words: is required")


async def test_an_article_is_told_with_its_title_as_the_source(scene: Scene) -> None:
    await scene.app.knowledge.ensure()
    told = await call(scene, scene.person(ANA), "search_knowledge", words="opening hours of the shop")
    assert told.startswith("[hours.en.2] Opening hours: When is the shop open? The shop at Plaza del Faro 12 is open")
