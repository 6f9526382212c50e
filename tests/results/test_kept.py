"""A results file is gone on with: no file twice, none left out, whatever became of the list meanwhile."""

import numpy as np
import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.results.kept import KeptPredictions
from fasternet_paddle.results.predictions import Csv, JsonLines, Prediction

NAMES = ("cat", "dog")


def prediction(path):
    return Prediction(path, NAMES, np.float32([0.75, 0.25]))


def kept(folder, kind=Csv, names=NAMES, resume=True, **settings):
    return KeptPredictions(folder, kind(names, 2), names, resume, **settings)


def written(folder, paths, kind=Csv):
    with kept(folder, kind, resume=False) as file:
        assert list(file.remaining(paths)) == list(range(len(paths)))
        file.append([prediction(path) for path in paths])
        return file.path


@pytest.mark.parametrize("kind", [Csv, JsonLines])
@pytest.mark.parametrize(
    ("done", "given", "todo"),
    [
        (["a", "b"], ["a", "b"], []),
        (["a", "b"], ["a", "b", "c"], [2]),
        (["a", "b"], ["0", "a", "aa", "b"], [0, 2]),  # files that came in between
        (["a", "b", "c"], ["c", "d"], [1]),  # and went
        (["b", "a"], ["a", "b"], []),  # in another order
        (["line\nfeed", "caf\udce9", "a,b"], ["a,b", "caf\udce9", "line\nfeed", "x"], [3]),
        (["below/a"], ["{here}/below/a", "./below/../b"], [1]),  # the same file, said in another way
        ([], ["a", "b"], [0, 1]),
    ],
)
def test_what_has_a_row_is_not_done_again(tmp_path, monkeypatch, kind, done, given, todo):
    monkeypatch.chdir(tmp_path)
    written(".", done, kind)
    given = [name.replace("{here}", str(tmp_path)) for name in given]
    with kept(".", kind, keep_first=2) as file:
        assert list(file.remaining(given)) == todo
        assert [p.path for p in file.first] == done[:2]
        file.append([prediction(given[number]) for number in todo])
        again = KeptPredictions.remaining
    with kept(".", kind) as file:
        assert list(again(file, given)) == []
        assert file.found + file.others == len(done) + len(todo)


@pytest.mark.parametrize("kind", [Csv, JsonLines])
def test_cut_anywhere_the_rows_before_stay(tmp_path, kind):
    paths = ["a", "line\nfeed", 'quo"te', "d"]
    whole = written(tmp_path, paths, kind).read_bytes()
    for size in range(len(whole)):
        path = tmp_path / ("predictions" + kind.suffix)
        path.write_bytes(whole[:size])
        with kept(tmp_path, kind) as file:
            todo = list(file.remaining(paths))
            assert todo == list(range(4 - len(todo), 4))
            file.append([prediction(paths[number]) for number in todo])
        assert path.read_bytes() == whole, size


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.replace(b"0.75", b"0.7.5"), "row 1 of .* is refused: it is damaged"),
        (lambda text: text.replace(b"class_2", b"class_3"), "begun with other settings"),
        (lambda text: text.replace(b"dog", b"fox"), "names the class 'fox', which this network does not know"),
        (lambda text: text.replace(b"\nb,", b"\nz,").replace(b"\na,", b"\ny,"), "none of the 2 files .* is among"),
        (lambda text: bytes(20) + b"\n" + text, "begun with other settings"),
    ],
)
def test_another_file_is_refused_and_left_as_it_is(tmp_path, monkeypatch, change, says):
    monkeypatch.chdir(tmp_path)
    path = written(".", ["a", "b"])
    path.write_bytes(change(path.read_bytes()))
    before = path.read_bytes()
    with kept(".") as file, pytest.raises(FasterNetError, match=says):
        file.remaining(["a", "b"])
    assert path.read_bytes() == before
