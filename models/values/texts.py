"""The rules for texts of the caller, at every entry point."""

import re

# The maximum length of a key: a reference, a number, a code. PostgreSQL cannot index long texts.
MAX_TEXT = 255
# Python's replacements for bytes that are not UTF-8.
_BYTES_LEFT = re.compile("[\udc80-\udcff]")


def find_text_problem(text: str, longest: int = MAX_TEXT) -> str | None:
    """Return what is wrong with a text that both databases must store, or None if it is valid.

    The message never quotes the text.
    """
    if len(text) > longest:
        return f"has {len(text)} characters; at most {longest} are allowed"
    if "\x00" in text:
        return "contains the character 0, which cannot be stored"
    if text.isascii() or _is_unicode(text):
        return None
    if _BYTES_LEFT.search(text):
        return "is not UTF-8; save the file as UTF-8"
    return "contains half of a character (a lone surrogate), which cannot be stored"


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
