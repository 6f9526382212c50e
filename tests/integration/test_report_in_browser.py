"""``report.html`` in Chromium: tables sort, the language turns, nothing complains, nothing is fetched.

Not part of ``make test``, since it needs a browser; ``.ci/run`` installs one.
"""

import numpy as np
import pytest

from fasternet_paddle.results.answers import least_sure, worst_mistakes
from fasternet_paddle.results.classes import measure_classes
from fasternet_paddle.results.report import Picture, Report, write_report
from tests.integration.chromium import Browser

COLUMN = "[...document.querySelectorAll('#class-table tbody tr')].map(row => row.cells[{}].{})"
HEAD = "document.querySelectorAll('#class-table th button')[{}].click()"


@pytest.fixture(scope="module")
def browser():
    with Browser() as opened:
        yield opened


@pytest.fixture(scope="module", params=[2, 100])
def page(request, browser, tmp_path_factory):
    """The report on 2 or 100 classes, hostile and Chinese names among them, opened in the browser."""
    classes, generator = request.param, np.random.default_rng(0)
    names = [f"class {number}" for number in range(classes)]
    names[0], names[1] = "<img src='https://example.com/x.png' onerror=alert(1)>", "金毛寻回犬</script><script>alert(2)"
    labels = generator.integers(0, classes, 600)
    logits = generator.normal(size=(600, classes)).astype(np.float32)
    logits[np.arange(600), labels] += 2
    pixels = generator.integers(0, 256, (32, 32, 3), np.uint8)

    def picture(number):
        answer = names[logits[number].argmax()]
        return Picture(pixels, f"{number}\" onload='alert(3)'.png", answer, 0.5, names[labels[number]])

    report = Report(
        "Report <b>of</b> a run",
        measure_classes(logits, labels, names, resamples=20),
        worst=[picture(number) for number in worst_mistakes(logits, labels)],
        least_sure=[picture(number) for number in least_sure(logits, labels)],
        damaged=[("broken.jpg", "<i>it is damaged</i>")],
        recipe={"epochs": 3},
    )
    browser.requests.clear()
    browser.complaints.clear()
    path = write_report(tmp_path_factory.mktemp("report") / "report.html", report)
    browser.open(path.as_uri())
    return path


@pytest.mark.parametrize(("column", "key"), [(1, "dataset.value"), (4, "dataset.value"), (0, "textContent")])
def test_a_click_sorts_and_the_next_one_turns_it_round(page, browser, column, key):
    browser.run(HEAD.format(2))  # by another column first
    browser.run(HEAD.format(column))
    values = browser.run(COLUMN.format(column, key))
    browser.run(HEAD.format(column))
    turned = browser.run(COLUMN.format(column, key))
    if key == "textContent":
        wanted = browser.run(f"{COLUMN.format(column, key)}.sort(new Intl.Collator('en', {{numeric: true}}).compare)")
        assert values == wanted and turned == wanted[::-1]
    else:
        numbers = [float(value) for value in values]
        assert numbers == sorted(numbers, reverse=True)
        assert [float(value) for value in turned] == numbers[::-1] or len(set(numbers)) < len(numbers)
        assert [float(value) for value in turned] == sorted(numbers)
    sorts = "[...document.querySelectorAll('#class-table th')].map(th => th.getAttribute('aria-sort'))"
    assert [sort for sort in browser.run(sorts) if sort] == ["descending" if key == "textContent" else "ascending"]


def test_the_matrix_takes_another_order_and_keeps_its_numbers(page, browser):
    read = "[...document.querySelectorAll('#matrix tbody tr')].map(r => [...r.cells].map(c => c.textContent))"
    heads = "[...document.querySelectorAll('#matrix thead th')].slice(1).map(th => th.title)"

    def cells():
        columns, rows = browser.run(heads), browser.run(read)
        named = {(row[0], column): cell for row in rows for column, cell in zip(columns, row[1:], strict=True)}
        assert columns == [row[0] for row in rows], "the diagonal is where rows and columns agree"
        return columns, named

    given, before = cells()
    select = "document.getElementById('matrix-order')"
    for order in ("recall", "mistakes", "class", "as_given"):
        browser.run(f"{select}.value = '{order}'; {select}.dispatchEvent(new Event('change'))")
        columns, after = cells()
        assert after == before, order
        if order in ("recall", "mistakes"):
            rows = f"[...document.querySelectorAll('#matrix tbody tr')].map(row => Number(row.dataset.{order}))"
            assert browser.run(rows) == sorted(browser.run(rows), reverse=order == "mistakes")
    assert columns == given
    said = "(document.querySelector('#matrix tbody td').dispatchEvent(new MouseEvent('mouseover', {bubbles: true})), "
    assert "onerror=alert(1)" in browser.run(said + "document.getElementById('matrix-said').textContent)")


def test_the_language_turns(page, browser):
    shown = "[...document.querySelectorAll('h2 span')].filter(s => s.offsetParent !== null).map(s => s.textContent)"
    assert "Worst mistakes" in browser.run(shown) and "最严重的错误" not in browser.run(shown)
    browser.run("document.querySelector('button.language').click()")
    assert "最严重的错误" in browser.run(shown) and "Worst mistakes" not in browser.run(shown)
    browser.run("document.querySelector('button.language').click()")
    assert "Worst mistakes" in browser.run(shown)


def test_nothing_complains_and_nothing_is_fetched(page, browser):
    fetched = [address for address in browser.requests if not address.startswith("data:")]
    assert fetched == [page.as_uri()]
    assert browser.complaints == []
    broken = "[...document.images].filter(image => !image.complete || !image.naturalWidth).length"
    assert browser.run(broken) == 0 and browser.run("document.images.length") > 20
    assert browser.run("document.title") == "Report <b>of</b> a run"
    assert browser.run("document.documentElement.scrollWidth <= window.innerWidth"), "the page scrolls sideways"


def test_the_policy_refuses_a_script_and_an_address(page, browser):
    """The witness of the test above: what would come from elsewhere is refused, and a complaint is heard."""
    browser.run("{const s = document.createElement('script'); s.text = 'window.ran = 1'; document.body.append(s)}")
    browser.run("{const i = new Image(); i.src = 'https://example.com/x.png'; document.body.append(i)}")
    assert browser.run("window.ran") is None
    assert browser.complaints
    browser.complaints.clear()
