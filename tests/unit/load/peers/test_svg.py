"""The chart is well-formed, its bars are in proportion, and nothing of a label is markup."""

from xml.etree import ElementTree as ET

import pytest

from bench.peers.svg import WIDTH, Bar, Group, bar_chart

_NS = {"svg": "http://www.w3.org/2000/svg"}


def _bar(label: str, value: float, *, is_own: bool = False) -> Bar:
    return Bar(label, value, value * 0.9, value * 1.1, f"{value:g}", is_own=is_own)


def _drawn(*groups: Group) -> ET.Element:
    return ET.fromstring(bar_chart(groups))


def test_bars_of_a_group_are_in_proportion() -> None:
    chart = _drawn(Group("logins", [_bar("ours", 40, is_own=True), _bar("theirs", 10)]))
    ours, theirs = chart.findall("svg:rect", _NS)
    assert float(ours.attrib["width"]) == pytest.approx(4 * float(theirs.attrib["width"]), rel=0.01)
    assert [bar.attrib["class"] for bar in (ours, theirs)] == ["own", "bar"]


def test_each_group_has_a_scale_of_its_own() -> None:
    chart = _drawn(Group("logins", [_bar("ours", 40)]), Group("reads", [_bar("ours", 4_000)]))
    widths = [bar.attrib["width"] for bar in chart.findall("svg:rect", _NS)]
    assert widths[0] == widths[1]


def test_nothing_is_outside_the_picture() -> None:
    chart = _drawn(*(Group(title, [_bar("ours", 3), _bar("theirs", 0.001)]) for title in "abc"))
    height = float(chart.attrib["height"])
    for line in chart.findall("svg:line", _NS):
        assert 0 < float(line.attrib["x1"]) <= float(line.attrib["x2"]) < WIDTH
    for bar in chart.findall("svg:rect", _NS):
        assert 0 <= float(bar.attrib["y"]) < float(bar.attrib["y"]) + float(bar.attrib["height"]) < height


def test_labels_are_text() -> None:
    label = '<b> & "quotes"'
    chart = _drawn(Group(label, [Bar(label, 1, 1, 1, label)]))
    assert [text.text for text in chart.findall("svg:text", _NS)] == [label] * 3
