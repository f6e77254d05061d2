#!/usr/bin/env bash
# All that only an NVIDIA card can show, in under 8 minutes: bash benchmarks/gpu.sh [OUT]
# Needs a Python with torch for CUDA and this package's dependencies; no network. PYTHON=python by default.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-gpu}
python=${PYTHON:-python}
export PYTHONPATH=src
mkdir -p "$out"
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv | tee "$out/card.csv"
$python -m pytest -q -m gpu -p no:cacheprovider tests | tee "$out/tests.txt"
timeout 150 $python benchmarks/speed_gpu.py --json "$out/resnet34.json"
timeout 90 $python benchmarks/speed_gpu.py --augment mirror --json "$out/resnet34-mirror.json"
timeout 90 $python benchmarks/speed_gpu.py --model efficientnet_lite0 --json "$out/lite0.json"
