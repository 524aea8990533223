"""Explanations and derivations as pages: the renderers of reports make them, whole, in both languages."""

import re
from html.parser import HTMLParser

import pytest

import tidu
from tidu.fronts import explanation_pages
from tidu.text import use_language

DATA = {"x": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 6.5]}
VOID = {"meta", "br", "img", "hr", "link", "input"}


class Balanced(HTMLParser):
    """Raises where an element is closed that is not the last one opened."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def pages():
    run = tidu.fit("y = w*x + b", DATA, lr=0.1, steps=2)
    found = run.explain(1)
    return [explanation_pages.html(found, found.entries), explanation_pages.derivation_in_html(run.derive("w"))]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_page_is_whole_and_fetches_nothing(lang):
    use_language(lang)
    try:
        found = pages()
    finally:
        use_language("en")
    for page in found:
        reader = Balanced()
        reader.feed(page)
        assert reader.open == []
        assert "default-src 'none'" in page
        assert "viewport" in page
        assert (f'lang="{"zh-CN" if lang == "zh" else "en"}"') in page
        assert not re.search(r'(?:src|href)="(?!#|data:)', page)


def test_a_number_leads_to_its_line_of_the_loop():
    page = pages()[0]
    targets = set(re.findall(r'href="#([\w-]+)"', page))
    assert targets
    assert targets <= set(re.findall(r'id="([\w-]+)"', page))


@pytest.mark.parametrize(("lang", "colon"), [("en", ": "), ("zh", "：")])
def test_a_heading_has_one_colon_at_most(lang, colon):
    from tidu.insight.explanation import sections_of

    network = tidu.fit(
        "y = mlp(..., hidden=[3], activation='tanh')", {"a": [0.0, 1.0], "b": [1.0, 1.0], "y": [1.0, 2.0]}, epochs=1
    )
    for run in (tidu.fit("y = w*x + b", DATA, lr=0.1, steps=2, l2=0.1, clip_norm=1.0), network):
        found = run.explain()
        use_language(lang)
        try:
            titles = [section.title for section in sections_of(found, found.entries)]
        finally:
            use_language("en")
        assert titles
        assert all(title.count(colon) <= 1 for title in titles), titles
