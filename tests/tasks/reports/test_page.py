"""The page about a batch."""

from html.parser import HTMLParser
from typing import Any

import pytest

from order_factory.models.database.engine import reading
from order_factory.tasks.batches.records import read_batch
from order_factory.tasks.reports.page import write_page
from tests.support.report_batches import Batch

NASTY = "<script>alert(1)</script>"


class Page(HTMLParser):
    """A page as a browser parses it: its elements, their attributes, and its text."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, Any]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.style = ""
        self.feed(text)
        self.close()
        assert self.open == []
        self.said = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.open += [] if tag == "meta" else [tag]

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open:
            self.style += data
        else:
            self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def page_of(tmp_path):
    def page(batch, **own):
        own = {"report_path": str(tmp_path / "night.csv"), **own}
        with reading() as db:
            result = read_batch(db, batch.id).model_copy(update=own)
            write_page(db, batch.id, result, tmp_path / "out" / "night.html")
        return Page((tmp_path / "out" / "night.html").read_text(encoding="utf-8"))

    return page


def test_shows_the_outcome_of_a_batch(shop, page_of):
    batch = Batch(shop, orders_count=5, status="in_progress")
    batch.add_copy(0, 2)
    batch.add_copy(0, 2, errors_count=1)
    batch.add_failed("SKU MUG: 5 wanted, 3 in stock", "SKU CAP: 2 wanted, 0 in stock", number="A7")
    batch.add_failed("SKU MUG: 9 wanted, 3 in stock", began=7_202, ended=7_204)
    batch.add_pending()

    page = page_of(batch, seconds=2.0, copied_in_this_run=1)

    texts = [
        "Batch of order copies · in progress night ",
        "2 of 5 orders copied, 1 of them in part; 2 failed; 1 not finished.",
        "5 orders 2 copied 2 failed 1 unfinished 4.0 s at work 1.0 orders per second",
        "From 2026-01-15 12:00:00 UTC to 2026-01-15 14:00:04 UTC",
        "nothing under way for 2 h 0 min, from 2026-01-15 12:00:02 UTC to 2026-01-15 14:00:02 UTC",
        "Which says line_items out_of_stock 3 2 A7 SKU MUG: 5 wanted, 3 in stock",
        "Selection orders.csv",
        "Started 2026-01-15 12:00:00 UTC",
        "Last run 1 order in 2.0 s, 0.500 orders per second",
        "All times are UTC.",
    ]
    assert [words for words in texts if words not in page.said] == []


@pytest.mark.parametrize("finished", [False, True])
def test_the_page_loads_no_other_files(shop, page_of, finished):
    batch = Batch(shop, orders_count=1)
    if finished:
        batch.add_failed("the order has no line item")
    else:
        batch.add_pending()

    page = page_of(batch)

    tags = {tag for tag, _ in page.elements}
    assert tags.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "base"})
    assert [a["href"] for a in page.all("a")] == ["night.csv"]
    assert [name for _, attributes in page.elements for name in attributes if "src" in name] == []
    assert "url(" not in page.style
    assert "@import" not in page.style
    assert ("Orders committed over time" in page.said) == finished
    assert ("No order had an error." in page.said) != finished


def test_texts_of_the_shop_or_caller_are_escaped(shop, page_of):
    batch = Batch(shop, NASTY, selection=f'"{NASTY}', orders_count=1)
    batch.add_failed(f"SKU {NASTY}: 5 wanted, 3 in stock", number=f"N'{NASTY}")

    page = page_of(batch, report_path=f'out/a b#"{NASTY.replace("/", "")}.csv')

    assert page.all("script") == []
    assert page.said.count(NASTY) == 5
    assert [a["href"] for a in page.all("a")] == [
        "a%20b%23%22%3Cscript%3Ealert%281%29%3Cscript%3E.csv"
    ]


def test_the_bars_are_the_transactions(shop, page_of):
    batch = Batch(shop, orders_count=3)
    batch.add_copy(0, 10)
    batch.add_copy(10, 40)
    batch.add_copy(10, 40)

    page = page_of(batch)

    bars = [attributes for attributes in page.all("rect") if "class" not in attributes]
    assert [(float(bar["y"]), float(bar["height"])) for bar in bars] == [(50, 50), (0, 100)]
    assert [float(bar["x"]) + float(bar["width"]) for bar in bars] == [25, 100]
    assert "12:00:40 UTC: 2 orders committed" in page.said
    assert "Each bar is a transaction" in page.said
    assert "2 transactions, 0.075 orders per second on average" in page.said


def test_many_transactions_share_bars(shop, page_of, monkeypatch):
    monkeypatch.setattr("order_factory.tasks.reports.throughput.MOST_COMMITS", 2)
    batch = Batch(shop, orders_count=3)
    for ended in (1, 2, 40):
        batch.add_copy(0, ended)

    page = page_of(batch)

    assert "Each bar holds the transactions that committed within 40.0 s" in page.said
    assert "12:00:40 UTC: 3 orders committed by 3 transactions until then" in page.said


def test_the_times_of_a_short_batch_differ(shop, page_of):
    batch = Batch(shop, orders_count=1)
    batch.add_copy(0, 0.3)

    text = page_of(batch).said

    assert "12:00:00.000 12:00:00.075 12:00:00.150 12:00:00.225 12:00:00.300" in text


def test_an_empty_batch_has_a_page(shop, page_of):
    page = page_of(Batch(shop), report_path=None)

    assert "0 of 0 orders copied." in page.said
    assert page.all("a") == []
