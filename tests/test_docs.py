"""What the README and docs/ say can be followed: links, commands, flags, modules and names are there."""

import ast
import importlib
import re
from pathlib import Path

import pytest

import fasternet_paddle
from tests.layering import FILES

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("README*.md"), *(ROOT / "docs").glob("*.md")])
START_PAGES = ("README.md", "README_CN.md")


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text, language):
    """The code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def prose(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def headings(text):
    return re.findall(r"^(#+) (.*)$", prose(text), re.MULTILINE)


def anchors(text):
    """As GitHub makes them of headings."""
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for _, title in headings(text)}


def links(text):
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", prose(text)) if not target.startswith("http")]


def commands(text):
    """Lines of shell without what follows a comment sign."""
    return [line.partition(" #")[0].strip() for block in blocks(text, "sh") for line in block.splitlines() if line]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in links(page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.is_file(), target
        assert not anchor or anchor in anchors(file.read_text(encoding="utf-8")), target


def test_every_page_is_linked_from_both_start_pages():
    for name in START_PAGES:
        linked = {(ROOT / target).resolve() for target in links(read(name))}
        assert set(PAGES) - {ROOT / name} <= linked


@pytest.mark.parametrize("name", START_PAGES)
def test_a_start_page_is_short(name):
    lines = read(name).splitlines()
    assert len(lines) <= 200 and max(map(len, lines)) <= 120


def test_the_chinese_page_says_what_the_english_one_says():
    english, chinese = map(read, START_PAGES)
    assert [level for level, _ in headings(english)] == [level for level, _ in headings(chinese)]
    assert commands(english) == commands(chinese)
    assert [ast.dump(ast.parse(b)) for b in blocks(english, "python")] == [
        ast.dump(ast.parse(b)) for b in blocks(chinese, "python")
    ]
    assert set(links(english)) - {"README_CN.md"} == set(links(chinese)) - {"README.md"}
    assert english.count("\n|") == chinese.count("\n|")


@pytest.mark.parametrize(
    "cell",
    [
        *(
            "paddle.fluid",
            "paddlex.transforms.MixupImage",
            "paddle.metric.Accuracy",
            "loss.numpy()[0]",
            "train_loss += loss",
        ),
        *("random", "optimizer is saved", "batch accuracies", "1.024", "one epoch late", "ColorJitter", '"Throughout"'),
        *("shown normalised", "work/model"),
    ],
)
def test_what_the_notebook_trips_over_has_a_row(cell):
    """What design and stack name as wrong in the notebook, or as gone, is told with what the package does instead."""
    rows = [line for line in read("docs/notebook.md").splitlines() if line.startswith("|")]
    assert any(cell in row.split("|")[1] for row in rows), cell


def test_the_chinese_page_says_of_gpus_what_the_english_one_says():
    """That none was at hand: not that the package or Paddle could not use one."""
    told = [line for line in read("README_CN.md").splitlines() if "GPU" in line]
    refusing = [
        line for line in told if re.search(r"(不能|无法|不支持)[^，。；]*GPU|GPU[^，。；]*(不能|无法|不支持)", line)
    ]
    assert not refusing
    assert any("手边没有 GPU" in line for line in told)
    assert re.search(r"No GPU has been at hand", read("README.md"))


@pytest.mark.parametrize("name", START_PAGES)
def test_what_is_said_for_ai_studio_brings_no_second_opencv(name):
    """pip would take headless for missing where OpenCV has another name; ``prepare`` does not."""
    (section,) = re.findall(r"^### .*AI Studio.*?(?=^## )", read(name), re.MULTILINE | re.DOTALL)
    said = commands(section)
    assert any("prepare()" in command for command in said)
    assert all("--no-deps" in command for command in said if "pip install" in command)


@pytest.mark.parametrize("name", START_PAGES)
def test_the_table_of_modules_names_every_folder_and_no_file_that_is_not_there(name):
    rows = [line.split("|")[2:4] for line in read(name).splitlines() if line.startswith("| ") and line.count("|") == 4]
    named = {folder.strip(" `/"): re.findall(r"`([a-z_]+)`", files) for folder, files in rows if "/`" in folder}
    every = {module for modules in FILES.values() for module in modules}
    assert {*named, "exporting", "bench"} == set(FILES) - {""}
    for folder, files in named.items():
        assert files and not {file for file in files if file in every} - set(FILES[folder]), folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_take_the_flags_that_are_named(page, capsys):
    text = page.read_text(encoding="utf-8")
    spoken = re.findall(r"`(python -m fasternet_paddle[^`\n]*)`", text)
    for command in [*commands(text), *spoken]:
        if called := re.search(r"python -m fasternet_paddle\.(\w+)(?: ([a-z]+))?", command):
            entry, subject = called.groups()
            module = (
                f"fasternet_paddle.bench.{subject or '__main__'}" if entry == "bench" else f"fasternet_paddle.{entry}"
            )
            flags = re.findall(r"(?<!\S)(--[a-z-]+)", command)
            if flags and flags != ["--help"]:
                for each in (module, *(["fasternet_paddle.train"] if entry == "compare" else [])):
                    with pytest.raises(SystemExit):
                        importlib.import_module(each).main(["--help"])
                assert set(flags) <= set(re.findall(r"--[a-z-]+", capsys.readouterr().out)), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_has_the_targets_that_are_named(page):
    targets = re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE)
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE)) <= set(targets)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_takes_public_names(page):
    for block in blocks(page.read_text(encoding="utf-8"), "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("fasternet_paddle"):
                assert node.module == "fasternet_paddle"
                assert {alias.name for alias in node.names} <= set(fasternet_paddle.__all__)
