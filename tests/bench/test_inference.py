"""``bench inference``: ratios, share of the peak and agreement follow from what the workers return."""

from fasternet_paddle.bench import inference, measuring


def test_inference_reports_what_the_workers_return(monkeypatch, tmp_path, capsys):
    figures = ("model, batch 1", "model, batch 32", "loop, batch 32")

    def answer(function, arguments, environment):
        if function.endswith("measure_peak"):
            return 100.0 if arguments["precision"] == "f32" else 200.0
        fast = {"dygraph": 1.0, "paddle": 4.0}[arguments["engine"]]
        fast *= 2.0 if arguments["precision"] == "bf16" else 1.0
        fast *= 1.6 if "MKL_DEBUG_CPU_TYPE" in environment else 1.0
        logits = [[1.0, 2.0], [3.0, 4.0 + (0.04 if arguments["precision"] == "bf16" else 0.0)]]
        return {"rates": {figure: 10 * fast for figure in figures}, "logits": logits}

    monkeypatch.setattr(measuring, "in_process", answer)
    monkeypatch.setattr(measuring, "own_environment", lambda: {"MKL_DEBUG_CPU_TYPE": "5"})
    monkeypatch.setattr(inference, "has_bf16", lambda: True)
    assert inference.main(["--rounds", "2", "--output", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "measured peak: f32 100 GFLOP/s, bf16 200 GFLOP/s" in out
    assert "x6.40 (6.40-6.40)" in out and "x4.00 (4.00-4.00)" in out  # ours, f32, to no settings and to the same
    share = 2 * 0.334085e9 * 64 / 1e9 / 100  # T0 with ten classes: 334 MMACs
    assert f"{share:.0%}" in out
    assert "ours, bf16 (MKL_DEBUG_CPU_TYPE=5): logits differ from the notebook's by 1.0e-02" in out
    table = (tmp_path / "inference.csv").read_text().splitlines()
    assert table[0] == "way,settings,figure,round,images/s" and len(table) == 1 + 4 * 2 * 3
    assert (tmp_path / "inference.png").stat().st_size > 5000


def test_engines_are_compared_at_the_same_precision_and_figure():
    rates = {
        ("notebook", "s", "model, batch 1"): [10.0, 10.0],
        ("ours, f32", "s", "model, batch 1"): [40.0, 50.0],
        ("ours, bf16", "s", "model, batch 1"): [80.0, 80.0],
        ("ours, f32", "s", "loop, batch 32"): [30.0, 30.0],
        ("timm, compiled, f32", "s", "model, batch 1"): [40.0, 25.0],
        ("openvino, bf16", "s", "model, batch 1"): [160.0, 160.0],
    }
    assert inference.standings(rates) == [
        "model, batch 1: ours, f32 is x1.50 (1.00-2.00) of timm, compiled, f32",
        "model, batch 1: ours, bf16 is x0.50 (0.50-0.50) of openvino, bf16",
    ]


def test_what_auto_took_is_told_once_a_figure():
    result = {"taken": {"model, batch 8": "auto: openvino, f32, cpu, 2 threads"}}
    assert inference.taken({("ours, auto, f32", "s"): [result, result], ("ours, f32", "s"): [{}]}) == [
        "ours, auto, f32, model, batch 8: auto: openvino, f32, cpu, 2 threads"
    ]
    assert [inference.precision_of(way) for way in ("ours, auto, int8", "timm, compiled, bf16", "notebook")] == [
        *("int8", "bf16", "f32")
    ]


def test_wrong_flags_are_one_sentence(capsys):
    for flags, said in ((["--batch", "0"], "batch must name sizes"), (["--variant", "t9"], "unknown variant 't9'")):
        assert inference.main(flags) == 2
        assert said in capsys.readouterr().err
