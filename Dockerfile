# The image: one binary that includes the Swift runtime and libyaml, on libc and libssl, with a non-root user. `scripts/image` writes the
# same image without Docker. To build it for both platforms:
#
#   docker buildx build --platform linux/amd64,linux/arm64 --push \
#     --build-arg VERSION=0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" \
#     --build-arg SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" \
#     -t 111122223333.dkr.ecr.eu-west-1.amazonaws.com/playbook:0.1.0-"$(git rev-parse --short=12 HEAD)" .
#
# Builds are reproducible: two builds of a commit have the same layers. The binary contains no paths or times, and the date of the files is
# that of the commit. Renovate updates the digests of the base images (renovate.json).
ARG SWIFT=swift:6.3-bookworm@sha256:7060a792f4cd9eaa0d00826d941cec00ab8d252d33b8b28bc8e105f51f2dba73
ARG BASE=gcr.io/distroless/cc-debian12:nonroot@sha256:9dac0a79194e45a7da0158a9c6da57b217585af0786db3845d1f0ec1a0dd182f

FROM ${SWIFT} AS build
WORKDIR /src
# The libraries come first, because they change less often than the sources.
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        binutils gcc libc6-dev libssl-dev libyaml-dev pkg-config python3 \
    && rm -rf /var/lib/apt/lists/*
COPY Package.swift ./
COPY Sources Sources
COPY Tests Tests
COPY LICENSE ./
COPY scripts/build scripts/prepare scripts/sbom scripts/sbom.py scripts/version scripts/
ARG SOURCE_DATE_EPOCH=0
ARG REVISION=unknown
RUN binary=$(BUILD_COMMIT=$(printf %.12s "$REVISION") scripts/build) \
    && install -D -m 0555 "$binary" /root-of-image/usr/bin/playbook \
    && install -D -m 0444 LICENSE /root-of-image/usr/share/doc/playbook/LICENSE \
    && scripts/sbom /tmp/spdx.json /root-of-image/usr/share/doc/playbook/THIRD-PARTY \
    && find /root-of-image -exec touch --date="@${SOURCE_DATE_EPOCH}" {} +

# Has libc6, libssl3, libstdc++6, libgcc-s1 and CA certificates, and no shell.
FROM ${BASE}
ARG VERSION=0.1.0
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
