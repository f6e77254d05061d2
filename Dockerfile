# heldout in a container, from the package index alone:
#   docker build --tag heldout .
#   docker run --rm --volume "$PWD:/work" --user "$(id -u):$(id -g)" heldout run images/ --models efficientnet_lite0
# PyTorch comes without CUDA. With it: --build-arg TORCH=pypi, and `docker run --gpus all`.
FROM python:3.12-slim

# An address of wheels of PyTorch, or `pypi` for those of the package index, which bring CUDA.
ARG TORCH=https://download.pytorch.org/whl/cpu
# Extras to install, comma-separated: onnx,paper,saliency
ARG EXTRAS=onnx

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 HELDOUT_CACHE=/cache

COPY pyproject.toml README.md LICENSE /source/
COPY src /source/src
RUN if [ "$TORCH" != pypi ]; then python -m pip install --index-url "$TORCH" torch torchvision; fi \
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
