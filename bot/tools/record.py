"""Tools on the person's own record."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bot.principal import Strength
from bot.resources import say
from bot.services.masking import masked_email
from bot.tools.base import Result, ToolContext, clip, tool

_LANGUAGES = {"es": "Spanish", "en": "English", "hi": "Hindi"}
_SHOWN = 80
"""Characters of a name that are told: an imported one may be anything."""


@tool(needs=Strength.SIGNED)
async def my_record(context: ToolContext) -> Result:
    """Tells what is on record about the person you are talking to: name, language and e-mail address (masked)."""
    person = await context.services.people.get(context.customer_id)
    name = clip(" ".join(part for part in (person.first_name, person.last_name) if part), _SHOWN)
    language = person.own_language
    known = {
        "name": name,
        "language": _LANGUAGES.get(language, clip(language, _SHOWN)) if language else "",
        "e-mail": masked_email(person.email) if person.email else "",
    }
    return Result("; ".join(f"{field}: {value or 'not known'}" for field, value in known.items()))


async def _ask_change(
    context: ToolContext, first_name: str = "", last_name: str = "", email: str = "", language: str = ""
) -> str:
    """Only an address is asked about: a letter wrong in it, and what we write goes to somebody else."""
    if not email:
        return ""
    given = {"first_name": first_name, "last_name": last_name, "email": email}
    told = (say(context.language, f"field_{field}", value=clip(value, _SHOWN)) for field, value in given.items() if value)
    return say(context.language, "confirm_change_my_record", what="; ".join(told))


@tool(write=True, needs=Strength.SIGNED, confirm=_ask_change)
async def change_my_record(
    context: ToolContext,
    first_name: Annotated[str, Field(description="Their first name.", max_length=60)] = "",
    last_name: Annotated[str, Field(description="Their last name.", max_length=60)] = "",
    email: Annotated[str, Field(description="Their e-mail address, exactly as they write it.", max_length=254)] = "",
    language: Annotated[
        Literal["", "es", "en", "hi"], Field(description="The language they want: es (Spanish), en (English) or hi (Hindi).")
    ] = "",
) -> Result:
    """Corrects the record of the person you are talking to, when they ask for it. Leave out what does not change.

    Before an e-mail address is changed, the system asks for their yes.
    """
    given = {
        "first_name": " ".join(first_name.split()),
        "last_name": " ".join(last_name.split()),
        "email": email.strip(),
        "preferences.language": language,
    }
    changes = {field: value for field, value in given.items() if value}
    if not changes:
        return Result("nothing was changed: say what is to change")
    people, id_ = context.services.people, context.customer_id
    # An address that somebody types is where they want to be written to; it proves nothing.
    after = await people.update(id_, changes, by=context.by, reason="they asked for it", proven=False, unit=context.unit)
    if not context.unit:
        return Result("nothing had to be changed: that is on record already")
    told = {
        "first_name": f"first name: {clip(after.first_name or '', _SHOWN)}",
        "last_name": f"last name: {clip(after.last_name or '', _SHOWN)}",
        "email": f"e-mail: {masked_email(after.email or '')}",
        "preferences.language": f"language: {_LANGUAGES.get(language, language)}",
    }
    return Result("on record now: " + "; ".join(told[field] for field in changes))
