"""The report, read by Python's own HTML parser: nothing from elsewhere, every name escaped, tables in order."""

import base64
import hashlib
import io
import json
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from fasternet_paddle.config import EVALUATION_FILES
from fasternet_paddle.results.classes import measure_classes
from fasternet_paddle.results.outputs import curves, summary, write_results
from fasternet_paddle.results.report import Picture, Report, render_report
from fasternet_paddle.results.wording import WORDS
from tests.results.numbers import made_up

HOSTILE = "<script>alert('x')</script>\" onload='y' {{ 7*7 }} &amp; \udcff \u202egnp.exe"
SHOWN = "<script>alert('x')</script>\" onload='y' {{ 7*7 }} &amp; \ufffd \ufffdgnp.exe"
NAMES = (HOSTILE, "猫", "dog", "कुत्ता", "bird")
LOGITS, LABELS = made_up()
METRICS = measure_classes(LOGITS, LABELS, NAMES, resamples=10)
VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """Tags with their attributes, texts, and rows of tables; fails where a tag is closed that was not opened."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.texts, self.rows, self.open = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th") and "tr" in self.open:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data)
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def picture(name, side=32):
    return Picture(np.full((side, 2 * side, 3), 200, np.uint8), name, NAMES[0], 0.91, NAMES[1], 0.02)


@pytest.fixture(scope="module")
def text():
    curve = Figure()
    curve.add_subplot().plot([1, 2])
    report = Report(
        HOSTILE,
        METRICS,
        measured_on="digits, 300 images",
        chosen_on_these=True,
        test=METRICS,
        curves={"loss": curve},
        worst=(picture(HOSTILE),),
        least_sure=(picture("large.jpg", 400),),
        explanations={HOSTILE: curve},
        damaged=((HOSTILE, HOSTILE),),
        duplicates=(("a.png", "b.png"),),
        usage='load_run("best_model.pdparams")',
        recipe={"epochs": 3, HOSTILE: HOSTILE},
        speed={"loop": "100 images/s"},
        environment={"Python": "3.11"},
    )
    return render_report(report)


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_nothing_comes_from_elsewhere(page, text):
    for tag, attributes in page.tags:
        for name in ("src", "href", "srcset", "action", "data", "poster", "background"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:image/", "#")) or value == "data:,", (tag, name, value)
    assert {tag for tag, _ in page.tags}.isdisjoint({"iframe", "object", "embed", "base", "form"})
    assert sum(tag == "script" for tag, _ in page.tags) == 1
    assert "url(" not in text and "@import" not in text and "http:" not in text and "https:" not in text


def test_the_policy_names_the_one_script(page, text):
    (policy,) = (a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    script = text.partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy and "default-src 'none'" in policy


def test_names_are_escaped_wherever_they_stand(page):
    assert page.texts.count(SHOWN) >= 6
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
    assert any(attributes.get("alt") == SHOWN for tag, attributes in page.tags if tag == "img")


def test_every_place_that_the_menu_names_is_there(page):
    places = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    links = [attributes["href"][1:] for tag, attributes in page.tags if tag == "a"]
    assert set(links) <= places
    everything = "curves classes confusion confusions calibration worst least_sure explanations data usage recipe speed"
    assert links == [*everything.split(), "environment"]


def test_bars_of_classes_are_sorted_the_weakest_first(page):
    widths = [a["style"] for tag, a in page.tags if tag == "i" and "style" in a]
    assert widths == [f"width:{100 * value:.1f}%" for value in sorted(METRICS.classes["f1"])]


def test_the_matrix_holds_every_count(page):
    matrix = METRICS.matrix()
    heads = next(number for number, row in enumerate(page.rows) if row and row[0].startswith("true \\ predicted"))
    for true in range(5):
        row = page.rows[heads + 1 + true]
        assert [int(cell or 0) for cell in row[1:]] == matrix[true].tolist()


def test_both_languages_say_the_same(page):
    spoken = [attributes.get("lang") for tag, attributes in page.tags if tag == "span" and "lang" in attributes]
    assert spoken[::2] == ["en"] * (len(spoken) // 2) and spoken[1::2] == ["zh"] * (len(spoken) // 2)
    for english, chinese in WORDS.values():
        assert english.isascii() and chinese
        assert english.count("{}") == chinese.count("{}")
    page_words = " ".join(page.texts)
    assert "最严重的错误" in page_words and "Top-5 accuracy" in page_words and "最佳轮次" in page_words


def test_pictures_are_thumbnails(page):
    sources = {a["alt"]: a for tag, a in page.tags if tag == "img" and a["alt"] in (SHOWN, "large.jpg")}
    sizes = {}
    for name, attributes in sources.items():
        content = base64.b64decode(attributes["src"].partition(",")[2])
        sizes[name] = Image.open(io.BytesIO(content)).size
    assert sizes["large.jpg"] == (176, 88)
    assert "class" not in sources["large.jpg"]


def test_a_bare_report_has_no_empty_headings():
    page = Page(render_report(Report("bare", recipe={"epochs": 1})))
    assert [tag for tag, _ in page.tags].count("h2") == 1


def test_more_classes_than_the_matrix_holds_are_counted():
    logits, labels = made_up(images=400, classes=130)
    metrics = measure_classes(logits, labels, [f"c{n}" for n in range(130)], resamples=2)
    png = b"\x89PNG"
    page = Page(render_report(Report("many", metrics, figures={"confusion": png, "reliability": png})))
    assert max(map(len, page.rows)) == 101
    assert any("classes left out:" in text for text in page.texts) and any(" 30." in text for text in page.texts)


def test_results_in_a_folder(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (len(LABELS), 8, 8, 3), np.uint8)
    report = Report("run", METRICS)
    paths = write_results(tmp_path, report, LOGITS, LABELS, image_at=images.__getitem__, name_at="{}.png".format)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(EVALUATION_FILES) == sorted(p.name for p in paths)
    values = json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))
    assert values["class_names"] == list(NAMES) and values["top1"] == METRICS.top1
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    files = [text for text in page.texts if text.endswith(".png")]
    wrong = LOGITS.argmax(1) != LABELS
    assert len(files) == 48 and all(wrong[int(name[:-4])] for name in files[:24])
    embedded = [a["src"].partition(",")[2] for tag, a in page.tags if tag == "img"]
    assert base64.b64encode((tmp_path / "confusion.png").read_bytes()).decode() in embedded


def test_summary_and_curves():
    lines = summary(METRICS)
    assert f"top-1: {METRICS.top1:.4f} (95 %: " in lines[0]
    table = next(line for line in lines if "precision" in line).splitlines()[2:]
    assert [float(row.split()[-2]) for row in table] == sorted(round(float(v), 4) for v in METRICS.classes["f1"])
    true, _, count = METRICS.confusions()[0].tolist()
    assert lines[-len(METRICS.confusions()[:10])].endswith(f": {count} of {METRICS.classes['images'][true]}")
    row = {"steps": 9, "epoch": 0, "train_loss": 2.0, "val_loss": 1.5, "train_top1": 0.25, "val_top1": 0.5}
    figures = curves([row, row | {"steps": 18, "epoch": 1, "val_loss": 1.0}])
    assert list(figures["loss"].axes[0].lines[1].get_ydata()) == [1.5, 1.0]
    assert list(figures["acc"].axes[0].lines[0].get_ydata()) == [25.0, 25.0]
    assert curves([]) == {}
