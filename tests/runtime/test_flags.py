"""Flags that entries share: flat on the command line, typed once, and what is not given overrides nothing."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fasternet_paddle.config import TrainConfig
from fasternet_paddle.evaluate import EvaluateFlags
from fasternet_paddle.explain import ExplainFlags
from fasternet_paddle.runtime import cli
from fasternet_paddle.runtime.flags import DataFlags, EngineFlags, LoadingFlags, NetworkFlags, override

SHARED = (NetworkFlags, DataFlags, EngineFlags)
WHO = {"prog": "entry", "description": "Something."}


@dataclass(frozen=True)
class Flags:
    """Flags of an entry to come."""

    network: NetworkFlags = field(default_factory=NetworkFlags)
    inference: EngineFlags = field(default_factory=EngineFlags)
    seed: int = 0


def test_they_are_flat_on_the_command_line():
    flags = cli.parse(Flags, ["--weights", "a.pdparams", "--mixer", "conv", "--engine", "dygraph"], **WHO)
    assert flags.network == NetworkFlags(Path("a.pdparams"), mixer="conv")
    assert flags.inference == EngineFlags(engine="dygraph") and flags.seed == 0


@pytest.mark.parametrize("entry", [EvaluateFlags, ExplainFlags])
def test_entries_take_them_and_type_none_of_them_again(entry, capsys):
    kinds = {one.default_factory for one in dataclasses.fields(entry) if one.default_factory is not dataclasses.MISSING}
    assert kinds - {LoadingFlags} == set(SHARED)  # which evaluate takes alone
    shared = {one.name for kind in SHARED for one in dataclasses.fields(kind)}
    assert not shared & {one.name for one in dataclasses.fields(entry)}
    with pytest.raises(SystemExit):
        cli.parse(entry, ["--help"], **WHO)
    said = capsys.readouterr().out
    assert all(f"--{name.replace('_', '-')} " in said for name in shared)


def test_only_what_is_given_overrides():
    config = TrainConfig(dataset="digits", data_path="there", device="cpu", seed=7)
    assert override(config, DataFlags(), EngineFlags(), Flags(seed=7)) == config
    changed = override(config, DataFlags(data_path="here"), EngineFlags(device="gpu:1"))
    assert changed == dataclasses.replace(config, data_path="here", device="gpu:1")
