# The image: one binary with the Swift runtime in it, on libc and libssl, and a user that is not root. Built for both platforms by:
#
#   docker buildx build --platform linux/amd64,linux/arm64 --push \
#     --build-arg VERSION=0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" \
#     --build-arg SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" \
#     -t 111122223333.dkr.ecr.eu-west-1.amazonaws.com/playbook:0.1.0-"$(git rev-parse --short HEAD)" .
#
# Two builds of a commit with the same bases give the same layers: the compiler's version is the base's, no path or time gets into
# the binary, and the file's date is the commit's. Give the bases by digest (IMAGE@sha256:…) to hold them still as well.
ARG SWIFT=swift:6.3-bookworm
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM ${SWIFT} AS build
WORKDIR /src
# The libraries first: they change less often than the sources do.
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev libssl-dev libyaml-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
COPY Package.swift ./
COPY Sources Sources
COPY Tests Tests
COPY scripts/build scripts/prepare scripts/
ARG SOURCE_DATE_EPOCH=0
ARG REVISION=unknown
# libyaml is the one library that the base has not.
RUN binary=$(BUILD_COMMIT=$REVISION scripts/build) \
    && library=$(realpath "$(ldd "$binary" | awk '/libyaml/ {print $3}')") \
    && install -D -m 0555 "$binary" /root-of-image/usr/bin/playbook \
    && install -D -m 0444 "$library" "/root-of-image$(dirname "$library")/libyaml-0.so.2" \
    && find /root-of-image -exec touch --date="@${SOURCE_DATE_EPOCH}" {} +

# libc6, libssl3, libstdc++6 and libgcc-s1, and no shell (Debian 12, as the stage above: the binary wants the same libc).
FROM ${BASE}
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG SOURCE=https://playbook.superinc.com
LABEL org.opencontainers.image.title="playbook" \
      org.opencontainers.image.description="Admission webhook that holds an AWS/EKS architecture playbook" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
COPY --from=build /root-of-image /
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
EXPOSE 8443 8080
# Health is asked for by Kubernetes' probes (deploy/base/deployment.yaml), not by a HEALTHCHECK.
ENTRYPOINT ["/usr/bin/playbook"]
CMD ["serve"]
