"""What a file is, is told by its content; its name is made harmless."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.services.media_types import (
    ALLOWED,
    DOCX,
    HEAD,
    JPEG,
    M4A,
    MOST_NAME,
    MP3,
    MP4,
    OGG,
    PDF,
    PNG,
    TAIL,
    TEXT,
    WEBP,
    XLSX,
    MediaType,
    harmless,
    sniff,
)
from tests.services import media_samples as samples

pytestmark = pytest.mark.unit

OFFICE = samples.office("word/document.xml")


def told(data: bytes) -> MediaType | None:
    return sniff(data[:HEAD], data[-TAIL:])


@pytest.mark.parametrize(
    ("data", "type_"),
    [
        (samples.PNG, PNG),
        (samples.JPEG, JPEG),
        (samples.PDF, PDF),
        (samples.TEXT, TEXT),
        (b"RIFF\x10\0\0\0WEBPVP8 ", WEBP),
        (b"ID3\x04\0\0", MP3),
        (b"OggS\0\x02" + bytes(22) + b"OpusHead", OGG),
        (b"\0\0\0\x1cftypM4A \0\0", M4A),
        (b"\0\0\0\x1cftypisom\0\0", MP4),
        (OFFICE, DOCX),
        (samples.office("xl/workbook.xml"), XLSX),
    ],
)
def test_a_kind_that_is_taken_is_known_by_its_content(data: bytes, type_: MediaType) -> None:
    assert told(data) is type_


@pytest.mark.parametrize(
    "data",
    [
        b"<!doctype html><script>alert(1)</script>",
        b"\xef\xbb\xbf \n<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"<?xml version='1.0'?><x/>",
        b"MZ\x90\0\x03",
        b"\x7fELF\x02\x01\x01\0",
        b"PK\x03\x04 any archive",
        samples.office("word/document.xml", "word/vbaProject.bin"),
        b"\0\0\0\x1cftypheic\0\0",
        b"OggS\0\x02" + bytes(40),
        b"RIFF\x10\0\0\0AVI LIST",
        bytes(64),
        b"words, and then\0a byte that is none",
        b"\xff\xfe<\0s\0v\0g\0",
        b"",
    ],
)
def test_what_is_not_on_the_list_is_not_taken(data: bytes) -> None:
    assert told(data) is None


@given(st.integers(0, 3), st.sampled_from("añकि😀\n"), st.integers(TAIL - 8, TAIL + 8))
def test_text_is_text_wherever_its_beginning_and_end_are_cut(shift: int, character: str, length: int) -> None:
    data = ("a" * shift + "b" + character * length).encode()
    assert told(data) is TEXT
    assert told(data + b"\xc3") is None


@given(st.text(max_size=300), st.sampled_from(sorted(ALLOWED, key=lambda type_: type_.mime_type)))
def test_no_name_does_any_harm(name: str, type_: MediaType) -> None:
    shown = harmless(name, type_)
    assert 0 < len(shown) <= MOST_NAME
    assert not set(shown) & set('/\\<>:"|?*\0\r\n')
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in shown)
    assert not shown.startswith((".", " "))
    assert shown.rpartition(".")[2].lower() in type_.extensions
    assert harmless(shown, type_) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd.png"),
        ("C:\\Users\\Ana\\photo.PNG", "photo.PNG"),
        ("invoice.pdf.exe", "invoice.pdf.exe.png"),
        ("cod\u202egnp.exe", "codgnp.exe.png"),
        ("a\r\nSet-Cookie: x=1.png", "aSet-Cookie x=1.png"),
        ("", "file.png"),
        (".png", "png.png"),
        ("...", "file.png"),
        ("año 2026 नमस्ते.png", "año 2026 नमस्ते.png"),
        ("x" * 400 + ".png", "x" * 116 + ".png"),
    ],
)
def test_names_that_were_tried_elsewhere(name: str, shown: str) -> None:
    assert harmless(name, PNG) == shown
