"""The knowledge base (S5) and the three memories (S3)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from bot.records.base import PII, Index, Part, Record, TextIndex, record
from bot.records.fields import Count


@record(
    "knowledge_base",
    Index("category"),
    Index("language", "is_active"),
    Index("topic"),
    Index("-updated_at"),
    text=TextIndex(("question", "answer", "category")),
)
class KnowledgeEntry(Record):
    """One question and its answer: written by a user, or a section of an article from `knowledge/`."""

    category: Annotated[str, Field(max_length=50, examples=["billing"])]
    question: Annotated[str, Field(min_length=1, examples=["How do I pay?"])]
    answer: Annotated[str, Field(min_length=1, examples=["In the app, under Bills."])]
    language: Annotated[str, Field(max_length=20, examples=["hindi"])]
    created_by: str | None = None
    is_active: bool = True
    topic: str | None = None
    """Name of the article that it is a section of, the same in every language; absent for what a user wrote."""
    title: str | None = None
    """The article's title: what an answer names as its source."""
    tags: list[str] = []
    examples: list[str] = []
    """What people ask in their own words when they need the article; on its first section."""
    content_hash: str | None = None
    """Of what the article said when it was last synced."""


class UserMemoryType(StrEnum):
    USER_MESSAGE = "user_message"
    AGENT_RESPONSE = "agent_response"
    PREFERENCE = "preference"
    INSIGHT = "insight"


class AgentMemoryType(StrEnum):
    PATTERN = "pattern"
    BEST_PRACTICE = "best_practice"
    LEARNING = "learning"


class GlobalMemoryType(StrEnum):
    TREND = "trend"
    INSIGHT = "insight"
    PATTERN = "pattern"


class UserMemoryData(Part):
    conversation_id: str | None = None
    timestamp: datetime | None = None
    importance: Annotated[float | None, Field(ge=1, le=10, examples=[5])] = None
    category: str | None = None


class AgentMemoryData(Part):
    use_count: Count = 0
    success_rate: float | None = None
    category: str | None = None


class GlobalMemoryData(Part):
    industry: str | None = None
    effectiveness_score: float | None = None
    usage_count: Count = 0


@record(
    "user_memory",
    Index("user_id", "-created_at"),
    Index("memory_type"),
    Index("-created_at"),
    vector="embedding",
)
class UserMemory(Record):
    """What is known of one person or user."""

    user_id: str
    memory_type: UserMemoryType
    content: Annotated[str, PII]
    embedding: list[float] = []
    """Empty until it is computed."""
    metadata: UserMemoryData = UserMemoryData()
    agent_name: str | None = None


@record("agent_memory", Index("agent_name"), Index("memory_type"), vector="embedding")
class AgentMemory(Record):
    """What one agent has learnt. Holds no personal data."""

    agent_name: str
    memory_type: AgentMemoryType
    content: str
    embedding: list[float] = []
    metadata: AgentMemoryData = AgentMemoryData()


@record("global_memory", Index("memory_type"), vector="embedding")
class GlobalMemory(Record):
    """What is true for everybody. Holds no personal data."""

    memory_type: GlobalMemoryType
    content: str
    embedding: list[float] = []
    metadata: GlobalMemoryData = GlobalMemoryData()
