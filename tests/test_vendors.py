"""Which model answers, by what the settings say."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable

from bot import vendors
from bot.breakers import Breakers, BreakerState, Tolerance
from bot.channels.voice.speech import Keeps
from bot.config import Settings, load_settings, setting_names
from bot.dialogs import langchain_model
from bot.dialogs.llm import Model, finish
from bot.errors import SettingsError, SpeechError
from bot.services.status import State
from bot.testing.clock import ManualClock
from bot.testing.llm import Said
from bot.testing.model_contract import QUESTION
from bot.testing.openai import FakeOpenAI, Fault
from bot.testing.openai_audio import AudioFault

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing set, and no .env in the working directory."""
    for name in setting_names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def model_of(settings: Settings) -> Model:
    model = vendors.model_of(settings, ManualClock())
    assert model is not None
    return model


def test_without_a_setting_there_is_no_model() -> None:
    assert vendors.model_of(load_settings(), ManualClock()) is None


@pytest.mark.parametrize(("has_espeak", "voice"), [(True, "espeak-ng"), (False, "silence")])
async def test_without_a_speech_server_this_machine_speaks_if_it_can_and_hears_what_is_scripted(
    has_espeak: bool, voice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if has_espeak:
        (tmp_path / "espeak-ng").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    speech = vendors.speech_of(load_settings(OPENAI_SPEECH_MODEL="tts", OPENAI_TRANSCRIPTION_MODEL="ears"), ManualClock())
    assert (speech.voice.name, speech.recogniser.name) == (voice, "scripted")
    assert isinstance(speech.voice, Keeps) is has_espeak  # nobody keeps silence
    await speech.close()


async def test_a_speech_server_speaks_and_hears_and_fixed_sentences_are_kept_in_the_data_directory(tmp_path: Path) -> None:
    async with FakeOpenAI() as server:
        server.audio.hears = "hola"
        more = {"OPENAI_SPEECH_MODEL": "tts", "OPENAI_SPEECH_VOICE": "nova", "OPENAI_TRANSCRIPTION_MODEL": "ears"}
        speech = vendors.speech_of(load_settings(OPENAI_BASE_URL=server.url, BOT_DATA_DIR=str(tmp_path), **more), ManualClock())
        assert isinstance(speech.voice, Keeps)
        sound = b"".join([piece async for piece in speech.voice.kept("Hola, buenos días.", "es")])
        listening = speech.recogniser.listen("es")
        listening.feed(sound)
        assert (await listening.finish()).text == "hola"
        await speech.close()
    assert [spoken.voice for spoken in server.audio.spoken] == ["nova"]
    assert [heard.fields["model"] for heard in server.audio.heard] == ["ears"]
    assert len(list((tmp_path / "speech").iterdir())) == 1


async def test_a_speech_server_that_fails_is_left_alone_by_all_calls_of_the_process(tmp_path: Path) -> None:
    breakers = Breakers(ManualClock(), tolerance=Tolerance(failures=1))
    async with FakeOpenAI() as server:
        server.audio.will_speak(AudioFault.status(503))
        settings = load_settings(OPENAI_BASE_URL=server.url, OPENAI_SPEECH_MODEL="tts", BOT_DATA_DIR=str(tmp_path))
        speech = vendors.speech_of(settings, ManualClock(), breakers)
        with pytest.raises(SpeechError):
            _ = [piece async for piece in speech.voice.speak("Hola", "es")]
        await speech.close()
    assert breakers.states() == {"speech": BreakerState.OPEN}


async def test_the_fallback_model_is_asked_on_the_same_server_when_the_first_one_fails() -> None:
    async with FakeOpenAI(Fault.status(401), Said("Yes.")) as server:
        more = {"OPENAI_MODEL": "big", "OPENAI_FALLBACK_MODEL": "small", "OPENAI_CONTEXT_TOKENS": "9000"}
        settings = load_settings(OPENAI_BASE_URL=server.url, **more)
        model = model_of(settings)
        assert (await finish(model, QUESTION)).text == "Yes."
        await model.close()
    assert [request.body["model"] for request in server.requests] == ["big", "small"]
    assert [choice.context for choice in vendors.choices_of(settings)] == [9000, 9000]


async def test_each_model_is_tried_by_itself_when_the_vendors_are_asked() -> None:
    async with FakeOpenAI(Fault.status(404), Said("ok")) as server:
        found = await vendors.ask_vendors(load_settings(OPENAI_BASE_URL=server.url, OPENAI_FALLBACK_MODEL="small"))
    assert [(finding.name, finding.state) for finding in found] == [
        ("model gpt-4o-mini, live", State.WRONG),
        ("model small, live", State.ON),
    ]


def test_langchain_that_is_not_installed_is_one_line_that_names_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "bot.dialogs.langchain_model", raising=False)
    monkeypatch.setitem(sys.modules, "langchain.chat_models", None)
    with pytest.raises(SettingsError, match=r"^LANGCHAIN_MODEL needs langchain.*pip install 'switchboard\[langchain\]'"):
        vendors.model_of(load_settings(LANGCHAIN_MODEL="xai:grok"), ManualClock())


def test_a_provider_that_is_not_installed_is_one_line_that_names_the_fix() -> None:
    with pytest.raises(SettingsError, match=r"^LANGCHAIN_MODEL: .*pip install langchain-xai"):
        vendors.model_of(load_settings(LANGCHAIN_MODEL="xai:grok"), ManualClock())


async def test_a_chat_model_of_langchain_answers_by_setting_and_finds_its_key_in_the_env_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))  # what is put there is gone after the test
    Path(".env").write_text("LANGCHAIN_MODEL=fake:grok\nSOME_VENDORS_KEY=abc\n")
    monkeypatch.setattr(langchain_model, "init_chat_model", keyed_chat)
    step = await finish(model_of(load_settings()), QUESTION)
    assert (step.text, step.model) == ("fake:grok with abc", "fake:grok")


class Keyed(FakeListChatModel):
    """A chat model of LangChain that takes tools."""

    def bind_tools(self, tools: Any, **_: Any) -> Runnable[Any, AIMessage]:
        return self


def keyed_chat(name: str, **options: Any) -> Keyed:
    """Stands in for LangChain's own choice of a provider's package, none of which is installed here."""
    assert options == {"max_tokens": 1024}
    return Keyed(responses=[f"{name} with {os.environ['SOME_VENDORS_KEY']}"])


def without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    load = vendors._load

    def fails(module: str) -> Any:
        if module == "bot.traces":
            raise ModuleNotFoundError("No module named 'opentelemetry'", name="opentelemetry")
        return load(module)

    monkeypatch.setattr(vendors, "_load", fails)


async def test_without_an_endpoint_nothing_is_traced_and_opentelemetry_is_not_even_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without_the_extra(monkeypatch)
    meter = vendors.meter_of(load_settings(), ManualClock())
    assert type(meter).__name__ == "PrometheusMeter"
    assert vendors.tracing(load_settings()).state is State.OFF


async def test_with_an_endpoint_turns_are_traced_and_it_is_shown_without_its_password() -> None:
    settings = load_settings(OTEL_EXPORTER_OTLP_ENDPOINT="http://user:hush@127.0.0.1:9")
    meter = vendors.meter_of(settings, ManualClock())
    assert type(meter).__name__ == "TracingMeter"
    await meter.close()
    found = vendors.tracing(settings)
    assert (found.state, found.detail) == (State.ON, "to http://127.0.0.1:9")


async def test_an_endpoint_without_the_extra_is_wrong_with_the_fix_and_everything_else_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without_the_extra(monkeypatch)
    settings = load_settings(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318")
    found = vendors.tracing(settings)
    assert found.state is State.WRONG
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in found.detail
    assert "switchboard[tracing]" in found.fix
    assert type(vendors.meter_of(settings, ManualClock())).__name__ == "PrometheusMeter"
