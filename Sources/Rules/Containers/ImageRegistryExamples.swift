import Evaluation

private let ecr = "222222222222.dkr.ecr.eu-west-1.amazonaws.com"
private let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

private func app(_ image: String) -> String { "containers: [{name: app, image: '\(image)'}]" }

private func volume(_ image: String) -> String { "volumes: [{name: models, image: {reference: '\(image)'}}]" }

private let caches = [
    "PLAYBOOK_PULL_THROUGH": "docker.io=\(ecr)/docker-hub, docker.io/grafana=\(ecr)/grafana, quay.io=\(ecr)/quay",
    "PLAYBOOK_FIX": "all",
]

private func bad(
    _ name: String, _ yaml: String, at path: String = "containers[app].image", before: String? = nil,
    request: Example.Request = .apply, settings: [String: String] = [:], isFixed: Bool = false
) -> Example {
    .bad(
        name, ImageRegistryClause.registry, at: path, yaml, before: before, request: request, settings: settings,
        isFixed: isFixed)
}

let imageRegistryExamples: [Example] =
    allowed + refused + pulledThrough + [
        .bad(
            "an uppercase repository name", ImageRegistryClause.reference, at: "containers[app].image",
            app("\(ecr)/Shop/web:1.4.2-9f3c1ab")),
        .bad(
            "an image volume with an invalid reference", ImageRegistryClause.reference,
            at: "volumes[models].image.reference",
            volume("\(ecr)/Shop/models:1.4.2-9f3c1ab")),
        .bad("an empty image reference", ImageRegistryClause.reference, at: "containers[app].image", app("")),
    ]

private let allowed: [Example] = [
    .good("an ECR image", app("\(ecr)/shop/web:1.4.2-9f3c1ab")),
    .good("an ECR FIPS host", app("222222222222.dkr.ecr-fips.us-east-1.amazonaws.com/shop/web:1.4.2-9f3c1ab")),
    .good("an ECR host in China", app("222222222222.dkr.ecr.cn-north-1.amazonaws.com.cn/shop/web:1.4.2-9f3c1ab")),
    .good("an ECR dual-stack host", app("222222222222.dkr-ecr.eu-west-1.on.aws/shop/web:1.4.2-9f3c1ab")),
    .good("an AWS image in the public gallery", app("public.ecr.aws/karpenter/controller:1.0.6")),
    .good("a Docker Official Image in the public gallery", app("public.ecr.aws/docker/library/redis:7.2.4")),
    .good(
        "an allowed alias of the public gallery", app("public.ecr.aws/bitnami/redis:7.2.4"),
        settings: ["PLAYBOOK_REGISTRIES": "public.ecr.aws/bitnami"]),
    .good("an image volume from ECR", volume("\(ecr)/shop/models:1.4.2-9f3c1ab")),
    .good("an image volume without a reference", "volumes: [{name: models, image: {pullPolicy: Always}}]"),
    .good(
        "an EKS add-on",
        app("602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/aws-ebs-csi-driver:v1.35.0-eksbuild.1")),
    .good(
        "an allowed registry", app("quay.io/prometheus/node-exporter:v1.8.2"),
        settings: ["PLAYBOOK_REGISTRIES": "quay.io/prometheus, ghcr.io/team"]),
    .good(
        "a Docker Official Image, with docker.io/library allowed", app("redis:7.2.4-alpine"),
        settings: ["PLAYBOOK_REGISTRIES": "docker.io/library"]),
    .good("an image from a pull-through cache", app("\(ecr)/docker-hub/library/redis:7.2.4"), settings: caches),
]

private let refused: [Example] = [
    bad("a Docker Hub image with a short name", app("nginx:1.27.3")),
    bad("a registry with a port", app("registry.internal:5000/shop/web:1.4.2-9f3c1ab")),
    bad("a registry on localhost", app("localhost/web:1.4.2-9f3c1ab")),
    bad("a host that starts like an ECR host", app("\(ecr).example.com/shop/web:1.4.2-9f3c1ab")),
    bad("an ECR host name in the path", app("example.com/\(ecr)/web:1.4.2-9f3c1ab")),
    bad("an ECR host with a port", app("\(ecr):8443/shop/web:1.4.2-9f3c1ab")),
    bad("an account ID with 11 digits", app("22222222222.dkr.ecr.eu-west-1.amazonaws.com/web:1.4.2-9f3c1ab")),
    bad("an alias of the public gallery that is not from AWS", app("public.ecr.aws/l6m2t8p7/docker-2048:1.2.3")),
    bad("an alias that starts like an AWS alias", app("public.ecr.aws/eks-distro-mirror/etcd:3.5.16")),
    bad(
        "an image under docker but not docker/library in the public gallery", app("public.ecr.aws/docker/sandbox:1.0.0")
    ),
    bad("another registry, with a digest", app("quay.io/example/queue@\(digest)")),
    bad(
        "a path that starts like an allowed path", app("ghcr.io/teammate/web:1.4.2"),
        settings: ["PLAYBOOK_REGISTRIES": "ghcr.io/team"]),
    bad(
        "an init container", "initContainers: [{name: migrate, image: 'flyway/flyway:10.17.0'}]",
        at: "initContainers[migrate].image"),
    bad(
        "a sidecar", "initContainers: [{name: proxy, restartPolicy: Always, image: 'envoyproxy/envoy:v1.31.0'}]",
        at: "initContainers[proxy].image"),
    bad(
        "an ephemeral container", "ephemeralContainers: [{name: debugger, image: 'busybox:1.36.1'}]",
        at: "ephemeralContainers[debugger].image", request: .debug),
    bad(
        "an image volume", volume("docker.io/evil/miner:1.0.0"), at: "volumes[models].image.reference"),
    bad(
        "a changed image volume", volume("docker.io/evil/miner:1.0.0"), at: "volumes[models].image.reference",
        before: volume("docker.io/example/models:1.0.0")),
    bad(
        "a changed image", app("evil/miner:latest"), before: app("nginx:latest")),
]

private let pulledThrough: [Example] = [
    bad(
        "a Docker Official Image with a cache", app("redis:7.2.4"), settings: caches, isFixed: true),
    bad(
        "an image with a tag and a digest, with a cache",
        app("quay.io/prometheus/node-exporter:v1.8.2@\(digest)"), settings: caches, isFixed: true),
    bad("two caches with matching prefixes", app("grafana/grafana:11.2.0"), settings: caches, isFixed: true),
    bad(
        "an image of the public gallery with a cache", app("public.ecr.aws/docker/library/redis:7.2.4"),
        settings: ["PLAYBOOK_PULL_THROUGH": "public.ecr.aws=\(ecr)/ecr-public", "PLAYBOOK_FIX": "image-registry"],
        isFixed: true),
    bad(
        "an image volume with a cache", volume("quay.io/example/models:1.0.0"),
        at: "volumes[models].image.reference", settings: caches, isFixed: true),
    bad("a registry without a cache", app("ghcr.io/example/logger:1.2.3"), settings: caches),
]
