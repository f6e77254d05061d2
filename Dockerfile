# heldout in a container, from the package index alone:
#   docker build --tag heldout .
#   docker run --rm --volume "$PWD:/work" --user "$(id -u):$(id -g)" heldout run images/ --models efficientnet_lite0
# PyTorch comes as the package index has it, on Linux with CUDA (`docker run --gpus all`) and some 5 GB. Without CUDA:
# --build-arg TORCH_INDEX=ADDRESS, where ADDRESS is that of PyTorch's own wheels for processors, as its page tells it.
FROM python:3.12-slim

# Another index that torch and torchvision are taken from.
ARG TORCH_INDEX=""
# Extras to install, comma-separated: onnx,paper,saliency
ARG EXTRAS=onnx

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 HELDOUT_CACHE=/cache

COPY pyproject.toml README.md LICENSE /source/
COPY src /source/src
RUN if [ -n "$TORCH_INDEX" ]; then python -m pip install --index-url "$TORCH_INDEX" torch torchvision; fi \
    && python -m pip install "/source[$EXTRAS]" \
    && rm -r /source \
    && useradd --create-home --uid 1000 heldout \
    && mkdir /cache /work \
    && chown heldout /work \
    && chmod a+rwx,+t /cache

USER heldout
VOLUME ["/cache"]
WORKDIR /work
ENTRYPOINT ["heldout"]
CMD ["--help"]
