# Every target makes .venv first, from the lock, where it is missing or older than the lock.
# ARGS go to the command behind a target:   make train ARGS="--epochs 5 --seed 7"
# PYTHON is what .venv is made with:        make train PYTHON=python3.12

PYTHON ?= python3
ARGS ?=
WEIGHTS ?= work/model/best_model.pdparams
# FasterNet-T0 on scikit-learn's 1,797 handwritten digits: no download, minutes on two cores.
TRAIN_FLAGS = --dataset digits --image-size 32 --batch-size 32 --epochs 15 --num-workers 1 --overwrite
EXPLAIN_FLAGS = --weights $(WEIGHTS) --index 3 7

# What `make lock` pins by hand. interpretdl stands here and in no extra: its own pins cannot be installed (setup.cfg).
PADDLE_VERSION = 3.3.1
INTERPRETDL_VERSION = 0.8.0

# What tests exports: tools that .venv cannot hold, each in .venv-NAME, from requirements-NAME.txt.
TOOLS = paddlex peers timm
# On PyPI torch and torchvision come with CUDA's libraries; a pair built for the CPU does as well where pip finds one.
TORCH_VERSION = 2.13.0

SHELL = /bin/sh
VENV = .venv
STAMP = $(VENV)/.stamp
# Marks a set-up that has begun: .stamp takes its place at the end, so an interrupted one never counts as complete.
BEGUN = $(VENV)/.incomplete
RUN = $(VENV)/bin/python
INSTALL = -m pip --disable-pip-version-check install --no-deps $(if $(CI),--quiet)
PIP = $(RUN) $(INSTALL)

# Paddle's wheels load the system's libgomp, which a bare Debian or Ubuntu lacks; the set-up then links the copy that
# scikit-learn's wheel brings into this folder. Elsewhere the folder does not exist and the variable changes nothing.
export LD_LIBRARY_PATH := $(LD_LIBRARY_PATH:%=%:)$(CURDIR)/$(VENV)/lib/openmp$(TOOLS:%=:$(CURDIR)/.venv-%/lib/openmp)

define LINK_OPENMP
$(1)/bin/python -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null || [ "$$(uname)" != Linux ] \
|| { mkdir -p $(1)/lib/openmp && cd $(1)/lib/openmp \
&& ln -sf ../python3.*/site-packages/scikit_learn.libs/libgomp-*.so* libgomp.so.1; }
endef

COMPILE = "$$tools/bin/uv" pip compile --quiet --universal --python-version 3.10 --python "$$tools/bin/python" \
	--no-python-downloads --no-annotate --custom-compile-command 'make lock' $(ARGS)
PEERS_NEED = paddlepaddle==$(PADDLE_VERSION) pytest

define CHECK_PYTHON
import sys; (3, 10) <= sys.version_info[:2] <= (3, 13) or sys.exit( \
"This project needs Python 3.10 to 3.13 and $(PYTHON) is %d.%d: install one of them or name it, \
as in make train PYTHON=python3.12" % sys.version_info[:2]); \
import importlib.util; importlib.util.find_spec("ensurepip") or sys.exit( \
"$(PYTHON) cannot make virtual environments: install its venv module \
(on Debian and Ubuntu: sudo apt-get install python3-venv)")
endef

.PHONY: help train explain test lint notebooks bench soak paddlex peers onnxruntime openvino fast timm lock clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'

train: $(STAMP) ## train FasterNet-T0 on handwritten digits, into work/model (replaces the previous run)
	@$(RUN) -m fasternet_paddle.train $(TRAIN_FLAGS) $(ARGS)

explain: $(WEIGHTS) $(STAMP) ## explain two predictions of the model that `make train` left, into work/lime
	@$(RUN) -m fasternet_paddle.explain $(EXPLAIN_FLAGS) $(ARGS)

test: $(STAMP) ## run every test, a file in one of two processes (at most 10 minutes on two cores)
	@$(RUN) -m pytest -n 2 --dist loadfile $(ARGS)

lint: $(STAMP) ## check style and format (ruff)
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .

notebooks: $(STAMP) ## execute every cell of both notebooks; the repository stays as it is
	@$(RUN) -m tests.run_notebooks $(ARGS)

bench: $(STAMP) ## measure on this machine: ARGS names the subject
	@$(RUN) -m fasternet_paddle.bench $(ARGS)

soak: $(STAMP) ## for hours: kill runs and resume them, of several processes too, ask one predictor in many threads, feed readers hostile files
	@FASTERNET_SOAK=1 $(RUN) -m pytest tests/files tests/runs/test_checkpoints.py tests/training/test_resuming.py tests/test_hostile_entries.py tests/weights/test_recognise.py tests/inference/test_serving.py tests/data/test_soak_folders.py tests/integration/test_faults.py $(ARGS)

paddlex: .venv-paddlex/.stamp ## test exports with PaddleX itself, its server included, in an environment of its own
	@FASTERNET_TOOLS=paddlex .venv-paddlex/bin/python -m pytest tests/integration/test_paddlex.py $(ARGS)

peers: onnxruntime openvino fast timm ## test exports with ONNX Runtime, OpenVINO and timm, and the engines, in environments of their own

onnxruntime: .venv-peers/.stamp ## test exports with ONNX Runtime alone
	@FASTERNET_TOOLS=onnxruntime .venv-peers/bin/python -m pytest tests/integration/test_onnxruntime.py $(ARGS)

openvino: .venv-peers/.stamp ## test exports with OpenVINO alone
	@FASTERNET_TOOLS=openvino .venv-peers/bin/python -m pytest tests/integration/test_openvino.py $(ARGS)

fast: .venv-peers/.stamp ## test the engines openvino, onnxruntime and auto, and int8 (the extra fast)
	@FASTERNET_TOOLS=fast .venv-peers/bin/python -m pytest tests/integration/test_fast.py $(ARGS)

timm: .venv-timm/.stamp ## test exports with timm alone (PyTorch: 6 GB)
	@FASTERNET_TOOLS=timm .venv-timm/bin/python -m pytest tests/integration/test_timm.py $(ARGS)

lock: ## remake requirements*.txt, keeping pins that still fit (ARGS=--upgrade: the newest releases)
	@$(PYTHON) -c '$(CHECK_PYTHON)'
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && $(PYTHON) -m venv "$$tools" \
	&& "$$tools/bin/python" -m pip --disable-pip-version-check install --quiet uv \
	&& printf '%s\n' interpretdl==$(INTERPRETDL_VERSION) paddlepaddle==$(PADDLE_VERSION) \
	| $(COMPILE) --no-emit-package paddlepaddle --no-emit-package opencv-python \
	--extra cpu --extra explain --extra test --extra dev --output-file requirements.txt setup.cfg - \
	&& printf '%s\n' 'opencv-python-headless ; sys_platform == "never"' > "$$tools/contrib" \
	&& printf '%s\n' $(PEERS_NEED) | $(COMPILE) --override "$$tools/contrib" --no-emit-package opencv-python-headless \
	--extra paddlex --output-file requirements-paddlex.txt setup.cfg - \
	&& printf '%s\n' $(PEERS_NEED) | $(COMPILE) --extra onnx --extra openvino \
	--output-file requirements-peers.txt setup.cfg - \
	&& printf '%s\n' $(PEERS_NEED) torch==$(TORCH_VERSION) | $(COMPILE) --extra timm \
	--output-file requirements-timm.txt setup.cfg -
	@printf '%s\n' '-r requirements.txt' paddlepaddle==$(PADDLE_VERSION) > requirements-cpu.txt

clean: ## remove caches and build leftovers (neither .venv nor work/)
	rm -rf build dist *.egg-info .hypothesis .pytest_cache .ruff_cache
	find fasternet_paddle tests -name __pycache__ -prune -exec rm -rf {} +

$(WEIGHTS):
	@echo "$@ is missing: run make train first, or name another file as in make explain WEIGHTS=FILE" >&2; exit 1

$(STAMP): requirements.txt requirements-cpu.txt setup.cfg pyproject.toml
	@if [ -e $(VENV) ] && [ ! -e $(STAMP) ] && [ ! -e $(BEGUN) ]; then \
	  echo "$(VENV) was not made by this Makefile: remove it, or run touch $(STAMP) to use it as it is" >&2; exit 1; fi
	@if [ -e $(STAMP) ] && $(RUN) -c '' 2>/dev/null; then mv $(STAMP) $(BEGUN); else \
	  command -v "$(PYTHON)" >/dev/null || { echo "This project needs Python 3.10 to 3.13 and there is no $(PYTHON):" \
	    "install one of them (on Debian and Ubuntu: sudo apt-get install python3 python3-venv)" >&2; exit 1; }; \
	  $(PYTHON) -c '$(CHECK_PYTHON)' && rm -rf $(VENV) && mkdir $(VENV) && touch $(BEGUN) && $(PYTHON) -m venv $(VENV); fi
	@echo "Installing the locked packages into $(VENV) (about 1.5 GB, a minute or two)"
	@$(PIP) -r requirements-cpu.txt
	@$(PIP) --no-build-isolation -e .
	@$(call LINK_OPENMP,$(VENV))
	@mv $(BEGUN) $(STAMP) && touch $(STAMP)

.venv-%/.stamp: requirements-%.txt setup.cfg pyproject.toml
	@$(PYTHON) -c '$(CHECK_PYTHON)'
	@echo "Installing the locked packages of $* into .venv-$*"
	@rm -rf .venv-$* && $(PYTHON) -m venv .venv-$*
	@.venv-$*/bin/python $(INSTALL) -r requirements-$*.txt
	@.venv-$*/bin/python $(INSTALL) --no-build-isolation -e .
	@$(call LINK_OPENMP,.venv-$*)
	@touch $@
