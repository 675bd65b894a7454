# The image: one binary that includes the Swift runtime, on libc and libssl, with a non-root user. To build it for both platforms:
#
#   docker buildx build --platform linux/amd64,linux/arm64 --push \
#     --build-arg VERSION=0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" \
#     --build-arg SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" \
#     -t 111122223333.dkr.ecr.eu-west-1.amazonaws.com/playbook:0.1.0-"$(git rev-parse --short HEAD)" .
#
# Builds are reproducible: two builds of a commit with the same base images have the same layers. The binary contains no paths or times,
# and the date of the files is that of the commit. To pin the base images, pass them by digest (IMAGE@sha256:…).
ARG SWIFT=swift:6.3-bookworm
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM ${SWIFT} AS build
WORKDIR /src
# The libraries come first, because they change less often than the sources.
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev libssl-dev libyaml-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
COPY Package.swift ./
COPY Sources Sources
COPY Tests Tests
COPY scripts/build scripts/prepare scripts/
ARG SOURCE_DATE_EPOCH=0
ARG REVISION=unknown
# libyaml is the only library that is not in the base image.
RUN binary=$(BUILD_COMMIT=$REVISION scripts/build) \
    && library=$(realpath "$(ldd "$binary" | awk '/libyaml/ {print $3}')") \
    && install -D -m 0555 "$binary" /root-of-image/usr/bin/playbook \
    && install -D -m 0444 "$library" "/root-of-image$(dirname "$library")/libyaml-0.so.2" \
    && find /root-of-image -exec touch --date="@${SOURCE_DATE_EPOCH}" {} +

# Has libc6, libssl3, libstdc++6 and libgcc-s1, and no shell. It must be Debian 12 like the build stage, because the binary needs the same libc.
FROM ${BASE}
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG SOURCE=https://playbook.superinc.com
LABEL org.opencontainers.image.title="playbook" \
      org.opencontainers.image.description="Admission webhook that enforces an AWS/EKS architecture playbook" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
COPY --from=build /root-of-image /
# Numeric, so that Kubernetes can verify runAsNonRoot.
USER 65532:65532
EXPOSE 8443 8080
# Kubernetes checks the health with probes (deploy/base/deployment.yaml), so there is no HEALTHCHECK.
ENTRYPOINT ["/usr/bin/playbook"]
CMD ["serve"]
