"""Configs: what was written comes back, and damaged ones as PyYAML reads them."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fasternet_paddle.config import config_from
from fasternet_paddle.errors import FasterNetError
from fasternet_paddle.files.configs import read_yaml
from tests.files.damage import cases, damaged, read_or_refused

CONFIGS = [
    b"a: 1\nb: [x, 2.5, null]\nc:\n  d: {e: true}\n  f: 'g'\n",
    b"a: &x 1\nb: |\n  text\n",
    b"{a: [1, 1e3], ? b : c}\n",
]


def test_a_config(file):
    values = {"name": "t0", "rates": [1e-3, 2], "nested": {"a": None, "b": [True, "数"], 3: "x"}, "empty": {}}
    assert read_yaml(file(yaml.safe_dump(values, allow_unicode=True).encode())) == values
    assert read_yaml(file(yaml.safe_dump(values).encode("utf-16"))) == values
    assert read_yaml(file(b"a: &x 1\n")) == {"a": 1}  # an anchor alone unfolds to nothing


@cases(150)
@given(content=damaged(CONFIGS) | st.text("ab:-[]{}&*!|>'\"#%@?,~ \n\t0159.<", max_size=60).map(str.encode))
def test_damaged_configs_are_read_as_yaml_reads_them(file, content):
    result = read_or_refused(read_yaml, file(content))
    if result is not None:
        assert repr(result) == repr(yaml.safe_load(content))


@pytest.mark.parametrize("text", ["1e-3", "1E-3", "+1e-3", "1.0e-3", "0.001", ".1e-2"])
def test_a_number_is_a_number(file, text):
    """YAML 1.1, which PyYAML reads, takes 1e-3 for text."""
    values = read_yaml(file(f"learning_rate: {text}\nwork_path: 1e-3\n".encode()))
    config = config_from(values, "it")
    assert config.learning_rate == 0.001 and config.work_path == "1e-3"  # a name stays a name


def test_text_is_no_number(file):
    for text in ("1e", "e-3", "1e-3x", "one", "'0x1'"):
        with pytest.raises(FasterNetError, match="learning_rate must be a number"):
            config_from(read_yaml(file(f"learning_rate: {text}\n".encode())), "it")
