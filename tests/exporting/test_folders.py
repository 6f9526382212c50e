import json
import stat

import pytest

from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.exporting.folders import RECORD, read_record, whole_folder, write_record
from fasternet_paddle.record import Record

RECORD_OF_TWO = Record(("猫", "dog"), image_size=64, temperature=1.25)


def write(path, outputs="logits", **flags):
    with whole_folder(path, **flags) as folder:
        write_record(RECORD_OF_TWO, folder, outputs)


def test_a_folder_appears_whole_and_carries_the_record(tmp_path):
    with whole_folder(tmp_path / "deep" / "out") as folder:
        write_record(RECORD_OF_TWO, folder, "probabilities")
        assert folder.parent == tmp_path / "deep" and not (tmp_path / "deep" / "out").exists()
    assert read_record(tmp_path / "deep" / "out") == (RECORD_OF_TWO, "probabilities")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]
    assert Record.from_json((tmp_path / "deep" / "out" / RECORD).read_text()) == RECORD_OF_TWO


def test_others_may_read_it(tmp_path):
    (tmp_path / "usual").mkdir()
    (tmp_path / "usual.txt").write_text("")
    write(tmp_path / "out")
    for path, usual in (("out", "usual"), (f"out/{RECORD}", "usual.txt")):
        assert stat.S_IMODE((tmp_path / path).stat().st_mode) == stat.S_IMODE((tmp_path / usual).stat().st_mode)


def test_an_exception_leaves_nothing_new_and_the_old_as_it_was(tmp_path):
    write(tmp_path / "out")
    before = (tmp_path / "out" / RECORD).read_bytes()
    for path in (tmp_path / "out", tmp_path / "new"):
        with pytest.raises(ZeroDivisionError), whole_folder(path, overwrite=True) as folder:
            write_record(RECORD_OF_TWO, folder, "probabilities")
            raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / RECORD).read_bytes() == before


def test_only_an_export_is_replaced_and_only_if_asked(tmp_path):
    write(tmp_path / "out")
    with pytest.raises(FasterNetError, match="holds another export") as caught:
        write(tmp_path / "out")
    assert caught.value.change == ("overwrite", "output")
    write(tmp_path / "out", "probabilities", overwrite=True)
    assert read_record(tmp_path / "out")[1] == "probabilities"
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "only.jpg").write_bytes(b"")
    for path in (tmp_path / "photos", tmp_path / "photos" / "only.jpg"):
        with pytest.raises(FasterNetError, match="no export of this package"):
            write(path, overwrite=True)
    assert (tmp_path / "photos" / "only.jpg").exists()
    (tmp_path / "empty").mkdir()
    write(tmp_path / "empty")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": 2}',
        '{"format": 1, "class_names": ["a"], "image_size": 32, "outputs": "x"}',
        "\udc80",
    ],
)
def test_a_damaged_record_is_one_sentence(tmp_path, text):
    (tmp_path / RECORD).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(FasterNetError, match=RECORD) as caught:
        read_record(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_record_without_the_key_is_of_logits(tmp_path):
    (tmp_path / RECORD).write_text(json.dumps(json.loads(RECORD_OF_TWO.to_json())))
    assert read_record(tmp_path) == (RECORD_OF_TWO, "logits")
