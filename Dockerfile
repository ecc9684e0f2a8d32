# syntax=docker/dockerfile:1

# The image of xpjob, for linux/amd64 and linux/arm64, some 50 MB to pull:
#   docker build --build-arg COMMIT="$(git rev-parse HEAD)" --tag xpjob:0.2.0 .
# k8s/README.md says how to build it for both.
#
# Both stages are Debian 13 with Python 3.13, so what one compiles the other reads. For builds that
# are the same for ever, add the digests: docker buildx imagetools inspect IMAGE.
FROM docker.io/library/python:3.13-slim-trixie AS builder
WORKDIR /src
COPY scripts/requirements.txt scripts/image-files scripts/
COPY xpjob xpjob
RUN scripts/image-files /app /usr/bin/python3

# No shell, no package manager, no tool but Python; Debian's security fixes come with each build.
# (Chainguard's is smaller, but its free tags cannot be pinned to a version of Python.)
FROM gcr.io/distroless/python3-debian13:nonroot
ARG VERSION=0.2.0
ARG COMMIT=""
LABEL org.opencontainers.image.title="xpjob" \
      org.opencontainers.image.description="Tells what a Crossplane platform holds: claims and composite resources, whose, and what is not ready" \
      org.opencontainers.image.source="https://github.com/xpjob/xpjob" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}"
# Said by --version, and in the log when a run starts.
ENV XPJOB_COMMIT="${COMMIT}"
COPY --from=builder /app /app
# By number, so that the kubelet can see that it is not root.
USER 65532:65532
# -I: neither the environment nor the working directory can slip in a module.
ENTRYPOINT ["/app/bin/python", "-I", "-m", "xpjob"]
