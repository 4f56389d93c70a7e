"""Which agent takes a conversation: the same answer to the same question, and always one."""

from __future__ import annotations

import random

import pytest

from bot.dialogs.prompts import Agent
from bot.dialogs.router import Router
from bot.dialogs.scenery import Colleague
from bot.errors import ResourceError
from bot.records.conversations import ChannelName, ConversationKind
from bot.records.users import Role

pytestmark = pytest.mark.unit


def agent(
    name: str,
    kinds: str = "customer",
    *,
    handoffs: str = "",
    channels: str = "",
    roles: str = "",
    skills: str = "",
    languages: str = "",
) -> Agent:
    """One that is described by its name; the rest are words."""
    return Agent(
        *(name, f"does {name}", (), "", "", ""),
        handoffs=tuple(handoffs.split()),
        kinds=tuple(kinds.split()),
        channels=tuple(channels.split()),
        roles=tuple(roles.split()),
        skills=tuple(skills.split()),
        languages=tuple(languages.split()),
    )


def router(*agents: Agent) -> Router:
    return Router({one.name: one for one in agents})


HOUSE = (
    agent("support", "customer call", skills="support billing", handoffs="sales"),
    agent("sales", "customer call", skills="sales", handoffs="support closer"),
    agent("closer", ""),
    agent("caller", "call", channels="voice"),
    agent("collector", "customer", channels="whatsapp", skills="billing"),
    agent("devanagari", "customer", languages="hi"),
    agent("colleague", "assistant", roles="admin agent"),
    agent("campaigner", "assistant", roles="manager", channels="web"),
    agent("boss", "assistant", roles="admin", skills="reports"),
)

TABLE = [
    # kind, channel, role, skill, language -> agent
    ("customer", "whatsapp", "", "", "", "collector"),  # the only one made for this channel
    ("customer", "web", "", "", "", "support"),
    ("customer", "web", "", "", "es", "support"),
    ("customer", "web", "", "", "hi", "devanagari"),
    ("customer", "web", "", "sales", "hi", "sales"),  # a skill weighs more than a language
    ("customer", "web", "", "sales", "", "sales"),
    ("customer", "whatsapp", "", "sales", "", "sales"),  # and more than a channel
    ("customer", "web", "", "Billing ", "", "support"),
    ("customer", "whatsapp", "", "billing", "", "collector"),
    ("customer", "web", "", "plumbing", "es", "support"),  # nobody can: still somebody answers
    ("customer", "web", "", "plumbing", "hi", "devanagari"),  # one with no skills is not one for others only
    ("customer", "web", "admin", "", "", "support"),
    ("call", "voice", "", "", "", "caller"),
    ("call", "voice", "", "sales", "", "sales"),
    ("call", "whatsapp", "", "", "", "support"),  # caller is for voice only
    ("assistant", "web", "admin", "", "", "boss"),  # equal to colleague: by name
    ("assistant", "web", "admin", "reports", "", "boss"),
    ("assistant", "web", "agent", "", "", "colleague"),
    ("assistant", "web", "agent", "reports", "", "colleague"),  # a skill opens no other role's agent
    ("assistant", "web", "manager", "", "", "campaigner"),
    ("assistant", "console", "manager", "", "", "campaigner"),  # for another channel, but nobody else is there
]


@pytest.mark.parametrize(("kind", "channel", "role", "skill", "language", "name"), TABLE)
def test_the_agent_that_fits_best_is_first(kind: str, channel: str, role: str, skill: str, language: str, name: str) -> None:
    assert router(*HOUSE).first(kind, channel, role, skill, language).name == name


def test_the_answer_does_not_depend_on_the_order_in_which_files_are_found() -> None:
    for seed in range(20):
        shuffled = random.Random(seed).sample(HOUSE, len(HOUSE))
        for kind, channel, role, skill, language, name in TABLE:
            assert router(*shuffled).first(kind, channel, role, skill, language).name == name


def test_every_customer_and_every_caller_has_an_agent_whatever_is_asked() -> None:
    odd = router(agent("only", channels="web", skills="x", languages="hi"))
    for kind in (ConversationKind.CUSTOMER, ConversationKind.CALL):
        for channel in ChannelName:
            for skill in ("", "x", "y"):
                for language in ("", "es", "hi"):
                    assert odd.first(kind, channel, "", skill, language).name == "only"


def test_between_equals_support_comes_first_and_then_the_name_decides() -> None:
    assert router(agent("alpha"), agent("support")).first("customer", "web").name == "support"
    assert router(agent("beta"), agent("alpha")).first("customer", "web").name == "alpha"


def test_a_user_whose_role_has_no_agent_is_told_so_and_given_nobody_elses() -> None:
    for role in set(Role) - {Role.ADMIN, Role.AGENT, Role.MANAGER}:
        with pytest.raises(ResourceError, match=f"no agent is for assistant conversations of role '{role}'"):
            router(*HOUSE).first("assistant", "web", role)
    with pytest.raises(ResourceError, match="role ''"):
        router(*HOUSE).first("assistant", "web")


def test_without_an_agent_for_customers_there_is_no_router() -> None:
    with pytest.raises(ResourceError, match="no agent is for customers"):
        router(agent("colleague", "assistant"))


def test_an_agent_is_found_by_its_name_and_one_whose_file_is_gone_by_the_first() -> None:
    house = router(*HOUSE)
    assert house.named("sales", "customer", "web").name == "sales"
    assert house.named("closer", "customer", "web").name == "closer"
    assert house.named("gone", "customer", "web").name == "support"
    assert house.named("gone", "assistant", "web", "agent").name == "colleague"


def test_a_name_leads_to_no_agent_of_another_kind_or_role() -> None:
    house = router(*HOUSE)
    assert house.named("colleague", "customer", "web").name == "support"
    assert house.named("boss", "assistant", "web", "agent").name == "colleague"
    assert house.named("support", "assistant", "web", "agent").name == "colleague"


def test_an_agent_hands_only_to_those_it_names_and_that_are_there() -> None:
    house = router(*HOUSE, agent("lost", handoffs="gone lost"))
    assert house.may_hand("support", "sales")
    assert not house.may_hand("support", "closer")
    assert not house.may_hand("closer", "support")
    assert not house.may_hand("lost", "gone")
    assert not house.may_hand("lost", "lost")
    assert not house.may_hand("gone", "support")
    assert house.colleagues("sales") == (Colleague("support", "does support"), Colleague("closer", "does closer"))
    assert house.colleagues("gone") == ()


def test_it_tells_which_agent_has_which_skill() -> None:
    assert router(*HOUSE).skills() == {
        "billing": ("support", "collector"),
        "reports": ("boss",),
        "sales": ("sales",),
        "support": ("support",),
    }


def test_a_house_in_order_has_no_problems() -> None:
    assert router(*HOUSE).problems() == []


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (agent("vain", "customer", channels="web", handoffs="vain"), "prompts/agents/vain.md: hands to itself"),
        (agent("idle", ""), "prompts/agents/idle.md: nobody can reach this agent"),
        (agent("second"), "prompts/agents/second.md: nobody can reach this agent"),  # support is always first
        (
            agent("leaky", skills="leaks", handoffs="colleague"),
            "prompts/agents/leaky.md: hands to colleague, which is not for customer conversations; add the kind",
        ),
    ],
)
def test_what_is_wrong_between_agents_is_told_with_the_file(more: Agent, told: str) -> None:
    (problem,) = router(*HOUSE, more).problems()
    assert str(problem).startswith(told)


def test_two_that_only_hand_to_each_other_are_reached_by_nobody() -> None:
    found = router(*HOUSE, agent("left", "", handoffs="right"), agent("right", "", handoffs="left")).problems()
    assert [problem.file for problem in found] == ["prompts/agents/left.md", "prompts/agents/right.md"]
