"""Every error of Switchboard, drawn as one tree.

    BotError
    ├── SettingsError            a setting is missing or wrong; names it and the fix
    ├── ResourceError            a prompt, an utterance or an article of ours is missing or broken
    ├── StoreError
    │   ├── Conflict             somebody else changed it first
    │   │   ├── FenceLost        this worker no longer holds the lane; its work is void
    │   │   ├── EpochMoved       the conversation changed hands meanwhile
    │   │   └── Taken            an operator holds it; says who
    │   ├── Duplicate            a unique key is taken
    │   ├── UnindexedQuery       no declared index serves this query
    │   ├── StoreUnavailable     disk full, read-only, locked, unreachable        (retryable)
    │   ├── DataInUse            another process works on this data directory
    │   └── DataTooNew           written by a newer version; left untouched
    ├── RecordError              a record breaks its own rules
    ├── Overloaded               too much waits or is in hand already                 (retryable)
    ├── ServiceError             a use case says no
    │   ├── NotFound
    │   ├── MoveRefused          this status cannot follow that one
    │   ├── SignInRefused        not with this address and this password
    │   ├── PasswordRefused      it cannot be a password; says why
    │   ├── FileTooLarge         it has more bytes than are taken
    │   ├── FileRefused          a file of no kind that is taken
    │   └── LimitReached         too often in a short time; says for how long to wait
    ├── ChannelError
    │   ├── BadSignature         not signed by the vendor
    │   ├── BadPayload           a body that cannot be read
    │   ├── SendDelayed          try again later                                  (retryable)
    │   │   └── VendorLeftAlone  it failed too often; not even tried              (retryable)
    │   ├── SendRefused          the vendor will never take this one
    │   └── SendUnconfirmed      it may or may not have gone out
    ├── PostFailed               a webhook's server did not take it                   (retryable)
    ├── SpeechError              nothing could be spoken or understood
    ├── ModelError
    │   ├── ModelUnavailable     down, slow, over its limits                      (retryable)
    │   ├── ModelRejected        our request or key is wrong
    │   └── ModelBroken          it answered something that cannot be used
    └── ToolError                told to the model; the turn goes on

The docstring of a class is its message when none is given, so no error is ever blank.
"""

from __future__ import annotations

from enum import StrEnum


class BotError(Exception):
    """Something went wrong."""

    retryable = False
    """Whether the same thing, tried again later, may well succeed."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (self.__doc__ or "").strip().splitlines()[0])


class SettingsError(BotError):
    """A setting is missing or wrong."""


class ResourceError(BotError):
    """A prompt, an utterance or an article of ours is missing or broken."""


class StoreError(BotError):
    """The store could not do it."""


class Conflict(StoreError):
    """Somebody else changed it first."""


class FenceLost(Conflict):
    """This worker no longer holds the lane; its work is void."""


class EpochMoved(Conflict):
    """The conversation changed hands meanwhile."""


class Taken(Conflict):
    """Another operator holds the conversation."""

    def __init__(self, message: str = "", *, holder: str = "", name: str = "") -> None:
        super().__init__(message)
        self.holder = holder
        """The user's id."""
        self.name = name
        """As they are called."""


class Duplicate(StoreError):
    """A unique key is taken."""

    def __init__(self, message: str = "", *, collection: str = "", key: str = "") -> None:
        super().__init__(message or f"{collection}: {key} is taken already")
        self.collection = collection
        self.key = key


class UnindexedQuery(StoreError):
    """No declared index serves this query."""


class StoreUnavailable(StoreError):
    """The store cannot be reached or written right now."""

    retryable = True


class DataInUse(StoreError):
    """Another process works on this data directory."""


class DataTooNew(StoreError):
    """This data was written by a newer version; it was left untouched."""


class RecordError(BotError):
    """A record breaks its own rules."""


class Overloaded(BotError):
    """Too much is waiting already; try again in a moment."""

    retryable = True


class ServiceError(BotError):
    """That cannot be done."""

    def __init__(self, message: str = "", *, why: str = "") -> None:
        super().__init__(message)
        self.why = why
        """A name for the reason, where pages say it in other languages."""


class NotFound(ServiceError):
    """There is no such record."""


class MoveRefused(ServiceError):
    """This status cannot follow that one."""


class SignInRefused(ServiceError):
    """Nobody can sign in with this address and this password."""


class PasswordRefused(ServiceError):
    """This cannot be a password."""


class FileTooLarge(ServiceError):
    """The file has more bytes than are taken."""


class FileRefused(ServiceError):
    """This is no kind of file that is taken."""


class LimitReached(ServiceError):
    """That was done too often in a short time."""

    def __init__(self, message: str = "", *, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait
        """Seconds until it can be done again."""


class PostFailed(BotError):
    """The server did not take it."""

    retryable = True


class ChannelError(BotError):
    """The channel could not do it."""


class BadSignature(ChannelError):
    """Not signed by the vendor."""


class BadPayload(ChannelError):
    """A body that cannot be read."""


class Reach(StrEnum):
    """Whom a failed send tells something about."""

    MESSAGE = "message"
    """This one only."""
    PERSON = "person"
    """All that is sent to this person from there: too much."""
    SENDER = "sender"
    """All that is sent from this end of ours: too much."""
    VENDOR = "vendor"
    """All that is sent: the vendor is away, or our account with it is not in order."""


class SendError(ChannelError):
    """A reply was not sent."""

    def __init__(self, message: str = "", *, code: str = "", wait: float = 0.0, reach: Reach = Reach.MESSAGE) -> None:
        super().__init__(message)
        self.reach = reach
        self.code = code
        """The vendor's own error code, as text; empty when there was none."""
        self.wait = wait
        """Seconds the vendor asks us to wait at least; 0 leaves it to us."""


class SendDelayed(SendError):
    """Not sent; try again later."""

    retryable = True


class VendorLeftAlone(SendDelayed):
    """The vendor failed too often and is left alone for a while; it was not even tried."""


class SendRefused(SendError):
    """The vendor will never take this one."""


class SendUnconfirmed(SendError):
    """It may or may not have gone out."""


class SpeechError(BotError):
    """Nothing could be spoken or understood: a speech server is down, slow, or refuses."""

    def __init__(self, message: str = "", *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status that its server answered with; 0 where there was none."""


class ModelError(BotError):
    """The model did not answer."""

    def __init__(self, message: str = "", *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status that its server answered with; 0 where there was none."""
        self.model = ""
        """The model that was asked; set where one is chosen (`bot.dialogs.resilient`)."""
        self.partial = ""
        """What it had said until then; set by whoever collected the words (`bot.dialogs.llm.finish`)."""


class ModelUnavailable(ModelError):
    """The model is down, slow or over its limits."""

    retryable = True


class ModelRejected(ModelError):
    """The model's server rejected our request."""


class ModelBroken(ModelError):
    """The model answered something that cannot be used."""


class ToolError(BotError):
    """The tool could not do it."""


NOT_DONE = "error: "
"""How the text begins that the model is told of a call that was not done."""
