"""Restore or refuse texts that a spreadsheet has changed."""

import re

# ="00123" keeps the zeros in Excel. '-1004 and '00123 are texts, in our own reports too.
_FORMULA_TEXT = re.compile(r'="((?:[^"]|"")*)"')
_QUOTED_TEXT = re.compile(r"'(?=[-+=@\d\t\r'])")
_QUOTED_FORMULA = re.compile(r"'(?=[-+=@\t\r])")
_SHORTENED = re.compile(r"[-+]?\d(?:[.,]\d+)?[eE]\+\d{2,}")
_DECIMAL = re.compile(r"[-+]?\d+[.,]0+")


def unquote_spreadsheet_text(text: str) -> str:
    """Return the text inside ="text", or after an apostrophe before a number or a sign."""
    match = _FORMULA_TEXT.fullmatch(text)
    if match is not None:
        return match[1].replace('""', '"')
    return _QUOTED_TEXT.sub("", text, count=1) if _QUOTED_TEXT.match(text) else text


def unquote_formula(text: str) -> str:
    """Return the text after an apostrophe before a sign, as our own CSV files have it."""
    return text[1:] if _QUOTED_FORMULA.match(text) else text


def find_shortened_problem(text: str) -> str | None:
    """Return the problem of a text that lost digits in a spreadsheet, such as 1.23E+11, or None."""
    if _SHORTENED.fullmatch(text) is None:
        return None
    return "looks like a number that a spreadsheet has shortened; format the column as text"


def find_decimal_problem(text: str) -> str | None:
    """Return the problem of a key that became a decimal number, such as 1001.0, or None."""
    if _DECIMAL.fullmatch(text) is None:
        return None
    whole = re.split(r"[.,]", text)[0]
    return f"is {text}, a decimal number made of a text; write {whole}, and format it as text"
