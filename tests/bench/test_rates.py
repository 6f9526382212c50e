"""Rates as table, CSV and bars: each ratio twice, and every round kept."""

import csv

from fasternet_paddle.bench import rates

TWO = {  # (way, settings, figure): images/s, one a round
    ("notebook", "no settings", "a"): [10.0, 20.0, 10.0],
    ("notebook", "X=1", "a"): [20.0, 20.0, 20.0],
    ("ours", "X=1", "a"): [40.0, 100.0, 60.0],
}


def columns(line):
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_each_ratio_is_printed_twice():
    lines = rates.rates_table(TWO).splitlines()
    assert columns(lines[0])[-3:] == ["to", "to no settings", "to same settings"]
    ours = "ours, X=1, a, 60.0, 40.0, 100.0, x5.00 (4.00-6.00), x3.00 (2.00-5.00)"
    assert ", ".join(columns(lines[-1])) == ours


def test_a_way_without_its_base_has_no_ratio():
    """The notebook's way with no settings failed, and another ended after a round."""
    measured = dict(list(TWO.items())[1:]) | {("ours", "X=1", "a"): [40.0]}
    lines = rates.rates_table(measured).splitlines()
    assert columns(lines[-1])[-2:] == ["40.0", "x2.00 (2.00-2.00)"] and "x" not in lines[-1].partition("40.0")[0]


def test_rates_so_far_are_saved_as_they_come(tmp_path):
    save = rates.saving("two", tmp_path, "samples/s")
    for values in ([1.5], [1.5, 2.5]):
        save({("ours", "s"): [{"rates": {"a": value}} for value in values]})
        rows = list(csv.reader((tmp_path / "two.csv").read_text().splitlines()))
        assert rows == [
            ["way", "settings", "figure", "round", "samples/s"],
            *(["ours", "s", "a", str(number + 1), str(value)] for number, value in enumerate(values)),
        ]


def test_a_column_more_is_asked_row_by_row():
    more = ("twice", lambda way, figure, values: f"{way} {figure} {2 * values[0]:.0f}")
    lines = rates.rates_table(TWO, "samples/s", more).splitlines()
    assert columns(lines[0])[3] == "samples/s" and columns(lines[0])[-1] == "twice"
    assert [columns(line)[-1] for line in lines[2:]] == ["notebook a 20", "notebook a 40", "ours a 80"]


def test_rates_are_read_off_the_workers_results():
    results = {("ours", "s"): [{"rates": {"a": 1.0, "b": 2.0}}, {"rates": {"a": 3.0, "b": 4.0}}]}
    assert rates.rates_of(results) == {("ours", "s", "a"): [1.0, 3.0], ("ours", "s", "b"): [2.0, 4.0]}


def test_a_report_prints_and_keeps_every_round(tmp_path, capsys):
    rates.report("two", TWO, tmp_path / "new", ["They agree."], unit="steps/s")
    said = capsys.readouterr().out
    assert said.startswith(rates.rates_table(TWO, "steps/s") + "\nThey agree.\n")
    assert said.splitlines()[-2:] == [str(tmp_path / "new" / name) for name in ("two.csv", "two.png")]
    rows = list(csv.reader((tmp_path / "new" / "two.csv").read_text().splitlines()))
    assert rows[0] == ["way", "settings", "figure", "round", "steps/s"] and len(rows) == 10
    assert rows[-1] == ["ours", "X=1", "a", "3", "60.0"]
    assert (tmp_path / "new" / "two.png").read_bytes().startswith(b"\x89PNG")


def test_bars_stand_at_the_medians():
    axes = rates.draw_rates(TWO, "steps/s").axes[0]
    assert [bar.get_width() for bar in axes.patches] == [10.0, 20.0, 60.0]
    assert axes.get_xlabel() == "steps/s" and axes.get_title() == "a"
    assert len({bar.get_facecolor() for bar in axes.patches}) == 2  # both of the notebook's are grey
