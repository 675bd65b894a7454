import Evaluation
import JSON
import Languages
import Rules
import TestSupport
import Testing

/// Registries and tags of images, and the settings about them.
@Suite struct ImageTests {
    private static let ecr = "222222222222.dkr.ecr.eu-west-1.amazonaws.com"
    private static let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    private static let ours = ["PLAYBOOK_OWN_REPOSITORIES": "\(ecr)/shop"]

    /// The findings about an image, by rule id.
    private func findings(_ image: String, _ settings: [String: String] = [:]) throws -> [String: DecidedFinding] {
        var world = World(
            World.deployment.merging([
                "spec": ["template": ["spec": ["containers": [["name": "app", "image": .string(image)]]]]]
            ]))
        world.settings = settings
        world.rules = Catalogue.playbook.rules.filter { ["image-registry", "image-tag"].contains($0.id) }
        return Dictionary(
            try world.decision().findings.map { ($0.rule.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    private func breaks(_ rule: String, _ image: String, _ settings: [String: String] = [:]) throws -> Bool {
        try findings(image, settings)[rule] != nil
    }

    @Test func `an image is reported for each container that uses it, and no other image is`() throws {
        let (bad, good) = ("\(Self.ecr)/shop/web:latest", "\(Self.ecr)/shop/web:1.4.2-9f3c1ab")
        func container(_ name: String, _ image: String) -> Literal { ["name": .string(name), "image": .string(image)] }
        for (first, others) in [(bad, ["one", "three"]), (good, ["two"])] {
            let second = first == bad ? good : bad
            var world = World(
                World.deployment.merging([
                    "spec": [
                        "template": [
                            "spec": [
                                "containers": [container("app", first)],
                                "initContainers": [
                                    container("one", first), container("two", second), container("three", first),
                                ],
                            ]
                        ]
                    ]
                ]))
            world.rules = Catalogue.playbook.rules.filter { $0.id == "image-tag" }
            let paths = try world.decision().findings.map(\.path)
            let expected =
                (first == bad ? ["containers[app].image"] : []) + others.map { "initContainers[\($0)].image" }
            #expect(Set(paths) == Set(expected) && paths.count == expected.count)
        }
    }

    @Test(
        arguments: [
            ("volumes: {a: b}", "volumes is an object, not an array"),
            ("volumes: [a]", "volumes[0] is a string, not an object"),
            ("volumes: [{name: m, image: a}]", "volumes[m].image is a string, not an object"),
            ("volumes: [{name: m, image: {reference: 7}}]", "volumes[m].image.reference is the number 7, not a string"),
        ] as [(String, String)])
    func `a volume's image of the wrong type is reported`(_ yaml: String, _ text: String) throws {
        var world = World(
            World.deployment.merging(["spec": ["template": ["spec": try Literal(yaml: yaml)]]]))
        world.rules = Catalogue.playbook.rules.filter { ["image-registry", "image-tag"].contains($0.id) }
        #expect(try world.decision().findings.map { "\($0.path) \($0.finding.message)" } == [text])
    }

    @Test func `too many image volumes are a finding of each rule that reads images`() throws {
        func deployment(_ count: Int) -> Literal {
            let volumes = (0..<count).map { index -> Literal in
                ["name": .string("v\(index)"), "image": ["reference": .string("\(Self.ecr)/shop/a:1.4.2-9f3c1ab")]]
            }
            return World.deployment.merging(["spec": ["template": ["spec": ["volumes": .array(volumes)]]]])
        }
        #expect(try World(deployment(1000)).decision().findings.isEmpty)
        let findings = try World(deployment(5000)).decision().findings
        #expect(findings.map(\.path) == Array(repeating: "volumes[v1000].image.reference", count: 2))
        #expect(findings.map(\.effect) == [.warn, .deny])
    }

    @Test func `volumes without an image produce no finding`() throws {
        let yaml = "volumes: [{name: a, emptyDir: {}}, {name: b, image: null}, {name: c, image: {reference: null}}]"
        let base = World.deployment.merging(["spec": ["template": ["spec": try Literal(yaml: yaml)]]])
        #expect(try World(base).decision().findings.isEmpty)
    }

    // MARK: Registries

    @Test(arguments: [
        "222222222222.dkr.ecr.eu-west-1.amazonaws.com", "222222222222.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
        "222222222222.dkr.ecr.cn-northwest-1.amazonaws.com.cn", "222222222222.dkr-ecr.ap-southeast-2.on.aws",
        "222222222222.dkr-ecr-fips.us-east-1.on.aws", "222222222222.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
        "000000000000.dkr.ecr.us-east-1.amazonaws.com", "222222222222.dkr.ecr.eusc-de-east-1.amazonaws.eu",
        "602401143452.dkr.ecr.us-west-2.amazonaws.com", "013241004608.dkr.ecr.us-gov-west-1.amazonaws.com",
    ])
    func `each form of an ECR registry host is accepted`(_ host: String) throws {
        #expect(try !breaks("image-registry", "\(host)/shop/web:1.4.2-9f3c1ab"))
        #expect(try !breaks("image-registry", "\(host)/web@\(Self.digest)"))
    }

    @Test(arguments: [
        "222222222222.dkr.ecr.eu-west-1.amazonaws.com.evil.example", "222222222222.dkr.ecr.eu-west-1.amazonaws.com.",
        "222222222222.dkr.ecr.eu-west-1.amazonaws.com.cn.evil.example", "222222222222.dkr.ecr.evil.amazonaws.example",
        "222222222222.dkr.ecr.eu-west-1.evil.amazonaws.com", "evil.222222222222.dkr.ecr.eu-west-1.amazonaws.com",
        "22222222222.dkr.ecr.eu-west-1.amazonaws.com", "2222222222222.dkr.ecr.eu-west-1.amazonaws.com",
        "22222222222a.dkr.ecr.eu-west-1.amazonaws.com", "222222222222.dkr.ecr.eu-west-1.amazonaws.com:443",
        "222222222222.dkr.ecr.eu-west-1.amazonaws-com", "222222222222xdkr.ecr.eu-west-1.amazonaws.com",
        "222222222222.dkr.ecr.eu-west-1.on.aws", "222222222222.dkr-ecr.eu-west-1.amazonaws.com",
        "222222222222.dkr-ecr.eu-west-1.on.aws.example", "222222222222.dkr.ecr..amazonaws.com",
        "222222222222.dkr.ecr.amazonaws.com", "222222222222.dkr.ecr.eu-west-1.AMAZONAWS.com",
        "public.ecr.aws.example", "xpublic.ecr.aws", "docker.io", "index.docker.io", "quay.io", "localhost",
        "localhost:5000", "[::1]:5000", "10.0.0.1:5000",
    ])
    func `a host that only resembles an ECR host is reported`(_ host: String) throws {
        #expect(try breaks("image-registry", "\(host)/shop/web:1.4.2-9f3c1ab"))
    }

    @Test(arguments: [
        "eks", "eks-distro", "eks-distro-build-tooling", "karpenter", "aws-controllers-k8s", "ebs-csi-driver",
        "efs-csi-driver", "csi-components", "aws-observability", "aws-secrets-manager", "aws-ec2", "cloudwatch-agent",
        "xray", "aws-cli", "amazonlinux", "amazoncorretto", "lambda", "neuron", "docker/library",
    ])
    func `on public.ecr.aws, the aliases of AWS are allowed as whole path segments`(_ alias: String) throws {
        for host in ["public.ecr.aws", "ecr-public.aws.com"] {
            #expect(try !breaks("image-registry", "\(host)/\(alias)/app:1.2.3"))
            #expect(try !breaks("image-registry", "\(host)/\(alias)/a/b@\(Self.digest)"))
            for other in ["\(alias)x/app", "x\(alias)/app", alias, "x/\(alias)/app", "\(alias)-x/app"] {
                #expect(try breaks("image-registry", "\(host)/\(other):1.2.3"), "\(other)")
            }
        }
        #expect(try breaks("image-registry", "docker.io/\(alias)/app:1.2.3"))
        #expect(try breaks("image-registry", "quay.io/public.ecr.aws/\(alias)/app:1.2.3"))
    }

    @Test(arguments: [
        ("public.ecr.aws/l6m2t8p7/miner:1.0.0", #"the registry alias "l6m2t8p7" is not one of AWS's"#),
        ("public.ecr.aws/docker/sandbox:1.0.0", #"under "docker" only docker/library/ is allowed"#),
    ])
    func `a finding about public.ecr.aws says why the alias is not allowed and suggests a copy`(
        _ image: String, _ reason: String
    ) throws {
        let decided = try #require(try findings(image)["image-registry"])
        #expect(decided.finding.message.contains("from public.ecr.aws, where anyone can publish"))
        #expect(decided.finding.message.contains(reason))
        #expect(decided.change.block.contains("copy it to your ECR registry"))
    }

    @Test(
        arguments: [
            ("ghcr.io", "ghcr.io/team/app:1.2.3", true), ("ghcr.io", "ghcr.io.example/team/app:1.2.3", false),
            ("ghcr.io/team", "ghcr.io/team/app:1.2.3", true), ("ghcr.io/team", "ghcr.io/teammate/app:1.2.3", false),
            ("ghcr.io/team/app", "ghcr.io/team/app:1.2.3", true), ("ghcr.io/team/app", "ghcr.io/team:1.2.3", false),
            ("host:5000", "host:5000/app:1.2.3", true), ("host:5000", "host:5001/app:1.2.3", false),
            ("docker.io/library", "nginx:1.27.3", true), ("docker.io/library/nginx", "nginx:1.27.3", true),
            ("docker.io/library/nginx", "nginx-evil:1.27.3", false), ("docker.io/nginx", "nginx:1.27.3", false),
            ("docker.io/library", "evil/miner:1.0.0", false), ("docker.io", "index.docker.io/evil/miner:1.0.0", true),
            ("index.docker.io/bitnami", "bitnami/redis:7.2.4", true), ("docker.io/libraryx", "nginx:1.27.3", false),
            ("quay.io , ghcr.io/team,", "ghcr.io/team/app:1.2.3", true),
        ] as [(String, String, Bool)])
    func `PLAYBOOK_REGISTRIES compares whole path segments`(
        _ setting: String, _ image: String, _ isAllowed: Bool
    ) throws {
        #expect(try breaks("image-registry", image, ["PLAYBOOK_REGISTRIES": setting]) == !isAllowed)
    }

    @Test(
        arguments: [
            ("nginx", "docker-hub/library/nginx"), ("nginx:1.27.3", "docker-hub/library/nginx:1.27.3"),
            ("docker.io/library/nginx:1.27.3", "docker-hub/library/nginx:1.27.3"),
            ("index.docker.io/bitnami/redis:7.2.4", "docker-hub/bitnami/redis:7.2.4"),
            ("nginx:1.27.3@\(digest)", "docker-hub/library/nginx:1.27.3@\(digest)"),
            ("nginx@\(digest)", "docker-hub/library/nginx@\(digest)"),
            ("grafana/grafana:11.2.0", "charts/grafana:11.2.0"), ("grafana/loki:3.1.1", "charts/loki:3.1.1"),
            ("grafana/tools/k6:0.53.0", "k6:0.53.0"), ("grafanax/grafana:11.2.0", "docker-hub/grafanax/grafana:11.2.0"),
            ("quay.io/prometheus/prometheus:v2.54.1", "quay/prometheus/prometheus:v2.54.1"),
            ("registry.internal:5000/web:1.0.0", "internal/web:1.0.0"), ("ghcr.io/team/app:1.0.0", nil),
        ] as [(String, String?)])
    func `the pull-through cache with the longest matching prefix is suggested`(
        _ image: String, _ path: String?
    ) throws {
        let ecr = Self.ecr
        let setting =
            "docker.io=\(ecr)/docker-hub,docker.io/grafana=\(ecr)/charts,docker.io/grafana/tools/k6=\(ecr)/k6,quay.io=\(ecr)/quay,registry.internal:5000=\(ecr)/internal"
        let decided = try #require(try findings(image, ["PLAYBOOK_PULL_THROUGH": setting])["image-registry"])
        let place: Pointer = "/spec/template/spec/containers/0/image"
        #expect(decided.finding.edits == (path.map { [.set(place, .string("\(ecr)/\($0)"))] } ?? []))
        if let path { #expect(decided.change.block.contains("\(ecr)/\(path)")) }
    }

    @Test(arguments: [
        ("docker-hub/library/nginx:2", false), ("docker-hub/evil/miner:1", true),
        ("docker-hub/nginx:1", true), ("charts/nginx:1", true),
    ])
    func `moving an image to its pull-through cache keeps its violations existing`(
        _ path: String, _ isDenied: Bool
    ) throws {
        func deployment(_ image: String) -> Literal {
            World.deployment.merging([
                "spec": ["template": ["spec": ["containers": [["name": "app", "image": .string(image)]]]]]
            ])
        }
        var world = World(deployment("nginx:1"))
        world.rules = Catalogue.playbook.rules.filter { ["image-registry", "image-tag"].contains($0.id) }
        let caches = "docker.io=\(Self.ecr)/docker-hub,docker.io/grafana=\(Self.ecr)/charts"
        world.settings = ["PLAYBOOK_PULL_THROUGH": caches, "PLAYBOOK_FIX": "all"]
        // A tag without a full version does not prevent the fix of the registry.
        let image: Pointer = "/spec/template/spec/containers/0/image"
        let cached = "\(Self.ecr)/docker-hub/library/nginx:1"
        #expect(try world.mutation().patch.operations == [.replace(image, .string(cached))])
        #expect(try world.updated(to: deployment("\(Self.ecr)/\(path)")).decision().isDenied == isDenied)
    }

    @Test(
        arguments: [
            ("nginx:1.27.3", "ACCOUNT.dkr.ecr.REGION.amazonaws.com/docker-hub/library/nginx:1.27.3", [:]),
            ("quay.io/a/b@\(digest)", "ACCOUNT.dkr.ecr.REGION.amazonaws.com/quay/a/b@\(digest)", [:]),
            (
                "cgr.dev/chainguard/go:1.23.4", "ACCOUNT.dkr.ecr.REGION.amazonaws.com/chainguard/chainguard/go:1.23.4",
                [:]
            ),
            ("team.azurecr.io/web:1.2.3", "ACCOUNT.dkr.ecr.REGION.amazonaws.com/azure/web:1.2.3", [:]),
            // The account of the team, if a setting names it.
            ("ghcr.io/a/b:1.2.3", "\(ecr)/github/a/b:1.2.3", ["PLAYBOOK_OWN_REPOSITORIES": "quay.io/a,\(ecr)/shop"]),
            ("ghcr.io/a/b:1.2.3", "\(ecr)/github/a/b:1.2.3", ["PLAYBOOK_PULL_THROUGH": "quay.io=\(ecr)/quay"]),
            // Registries that ECR does not cache.
            ("gcr.io/a/b:1.2.3", nil, [:]), ("mcr.microsoft.com/a/b:1.2.3", nil, [:]),
            ("localhost:5000/a:1.2.3", nil, [:]),
            ("azurecr.io.example.com/a:1.2.3", nil, [:]), ("docker.elastic.co/a/b:1.2.3", nil, [:]),
        ] as [(String, String?, [String: String])])
    func `without PLAYBOOK_PULL_THROUGH, the suggestion names the path in an ECR cache, or a copy`(
        _ image: String, _ cached: String?, _ settings: [String: String]
    ) throws {
        let change = try #require(try findings(image, settings)["image-registry"]).change.block
        #expect(change.contains(cached ?? "copy it to your ECR registry"))
        #expect(!change.contains("PLAYBOOK_"))
    }

    @Test(arguments: [
        (
            "web",
            "use a full version of web, or its digest (crane digest web); if you build this image, tag it with its version and commit"
        ),
        ("shop/web", "use a full version of shop/web, or its digest (crane digest shop/web)"),
        ("redis:latest", "use a full version of redis, or its digest (crane digest redis:latest)"),
    ])
    func `an image without a registry and a tag can be one that a build pushes`(_ image: String, _ words: String) throws
    {
        #expect(try findings(image)["image-tag"]?.finding.advice == words)
    }

    @Test func `an image name of 1 MiB produces one line`() throws {
        for image in [String(repeating: "a", count: 1 << 20), "a:" + String(repeating: "-1.2.3", count: 1 << 17)] {
            let decided = try #require(try findings(image)["image-registry"])
            #expect(decided.finding.clause.name == "reference")
            #expect(decided.warning.utf8.count < 4 << 20)
        }
    }

    @Test func `escape sequences in an image name are decoded`() throws {
        let name = Self.ecr + "/shop/web:1.4.2-9f3c1ab"
        for escaped in [name.split(separator: "/").joined(separator: "\\/"), "\\u0032" + name.dropFirst()] {
            let text = #"{"name": "app", "image": "\#(escaped)"}"#
            let document = try Document(parsing: Array(text.utf8))
            withExtendedLifetime(document) { #expect(document.root["image"]?.string == name) }
            let isGood = document.root["image"]?.withContents { bytes in (try? ImageParts(bytes))?.tag != nil }
            #expect(isGood == true)
        }
    }

    // MARK: Tags

    @Test(arguments: [
        "1.4.2-9f3c1ab", "v2.0.0-rc.1-g0a1b2c3d", "1.4.2-118-9f3c1ab", "0.1.0-0000000", "9f3c1ab-1.4.2",
        "g9f3c1ab-v1.4.2", "9f3c1ab-1.4.2-rc.1", "9f3c1ab-1.4.2-118",
        "10.20.30-9f3c1ab9f3c1ab9f3c1ab9f3c1ab9f3c1ab9f3c1",
        "1.4.2-alpha-9f3c1ab", "1.4.2-x.7.z-9f3c1ab", "1.4.2-beta.11-118-9f3c1ab", "1.4.2-1234567",
        "1.4.2_118_9f3c1ab", "1.4.2.118.9f3c1ab", "1.4.2.118-9f3c1ab", "1.4.2.3-9f3c1ab", "1.4.2-rc.01-9f3c1ab",
        "9f3c1ab-118-1.4.2", "9f3c1ab_118_v1.4.2", "sha-9f3c1ab.118.1.4.2-7-arm64",
        "1.4.2-dev.3-9f3c1ab", "1.4.2_9f3c1ab", "1.4.2.9f3c1ab", "1.4.2-sha-9f3c1ab", "1.4.2-9f3c1ab-arm64",
        "v1.4.2-rc.1_sha-9f3c1ab_x86_64", "sha-9f3c1ab-1.4.2-118-amd64",
        "1.0.0-" + String(repeating: "a", count: 114) + "-9f3c1ab",
    ])
    func `a tag with a version and a commit is accepted for the team's own images`(_ tag: String) throws {
        #expect(try !breaks("image-tag", "\(Self.ecr)/shop/web:\(tag)", Self.ours))
    }

    @Test(arguments: [
        "latest", "main", "master", "prod", "staging", "dev", "stable", "1", "1.4", "1.4.2", "v1.4.2", "1.4.2-rc.1",
        "9f3c1ab",
        "1.4-9f3c1ab", "1.4.2.118.3-9f3c1ab", "9f3c1ab-118-7-1.4.2", "1.4.2-9f3c1a", "1.4.2-g9f3c1a", "1.4.2-9f3c1ag",
        "1.4.2-9f3c1ab-linux",
        "01.4.2-9f3c1ab",
        "1.4.2-prod-9f3c1ab", "prod-1.4.2-9f3c1ab", "1.4.2-9f3c1ab-prod", "9f3c1ab-1.4.2-staging", "main-9f3c1ab",
        "1.4.2-main-9f3c1ab", "1.4.2-PROD-9f3c1ab", "1.4.2-Snapshot-9f3c1ab",
        "1.4.2-9f3c1ab9f3c1ab9f3c1ab9f3c1ab9f3c1ab9f3c1ab0", "1.4.2-118", "1.4.2--9f3c1ab",
        "x1.4.2-9f3c1ab", "1.4.2-9f3c1ab-", "1.4.2-rc..1-9f3c1ab", "v-1.4.2-9f3c1ab",
        "vv1.4.2-9f3c1ab", "release-1.4.2-9f3c1ab", "1.4.2-9f3c1ab.",
    ])
    func `other tags are reported for the team's own images`(_ tag: String) throws {
        #expect(try breaks("image-tag", "\(Self.ecr)/shop/web:\(tag)", Self.ours))
    }

    @Test(
        arguments: [
            ("7.2.4", true), ("v7.2.4", true), ("7.2.4-alpine", true), ("7.2.4-alpine3.20", true),
            ("v1.11.3-eksbuild.1", true),
            ("17.0.12_7-jre", true), ("2024.01.05", true), ("8.0.35.1", true), ("3.13.0rc2", true), ("7.2.4-dev", true),
            ("7", false), ("7.2", false), ("v7.2", false), ("7.2-alpine", false), ("alpine", false), ("latest", false),
            ("stable", false), ("stable-7.2.4", false), ("7.2.4-latest", false), ("7.2.4-nightly", false),
            ("7.2.", false),
            ("7.2.x", false), ("20240901", true), ("2024-09-01", true), ("RELEASE.2024-09-01T00-52-20Z", true),
            ("noble-20240901.1", true), ("nightly-20240901", true), ("20241301", false), ("2024-09", false),
            ("120240901", false), ("20240901a", false), ("2024-09.01", false), ("prod", false), ("main", false),
            ("9f3c1ab", false),
        ] as [(String, Bool)])
    func `a tag with a full version is accepted for third-party images`(_ tag: String, _ isGood: Bool) throws {
        #expect(try breaks("image-tag", "quay.io/example/queue:\(tag)") == !isGood)
        #expect(try breaks("image-tag", "602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/a:\(tag)") == !isGood)
        #expect(try breaks("image-tag", "public.ecr.aws/eks/a:\(tag)") == !isGood)
    }

    @Test(
        arguments: [
            ("localhost:5000/app", true), ("host:5000/app:1.2.3", false), ("nginx", true), ("nginx:latest", true),
            ("nginx:latest@\(digest)", false), ("nginx@\(digest)", false), ("Nginx:1.2.3", false),
        ] as [(String, Bool)])
    func `a port is not a tag, and a digest makes the tag optional`(_ image: String, _ isBad: Bool) throws {
        #expect(try breaks("image-tag", image) == isBad)
    }

    @Test(
        arguments: [
            ("*", "anything", true), ("*", "latest", false), ("v*", "v1", true), ("v*", "1", false),
            ("*-*", "a-b", true),
            ("*-*", "ab", false), ("release-{number}", "release-118", true), ("release-{number}", "release-x", false),
            ("release-{number}", "release-118-x", false), ("{semver}", "1.4.2-rc.1", true),
            ("{semver}", "1.4.2-prod", false),
            ("{sha}", "g9f3c1ab", true), ("{sha}", "9f3c1a", false), ("[v]{semver}|{sha}", "v1.0.0", true),
            ("[v]{semver}|{sha}", "9f3c1ab", true), ("[v]{semver}|{sha}", "v9f3c1ab", false), ("a?c", "abc", true),
            ("a?c", "ac", false), ("main-{sha}", "main-9f3c1ab", true), ("a[b]c", "ac", true), ("a[b]c", "abc", true),
            ("a[b]c", "abbc", false), ("a[*]", "a", true), ("{number}.{number}", "2024.10", true),
            ("{number}.{number}", "2024.", false), ("a|b|", "a", nil), ("", "a", nil),
        ] as [(String, String, Bool?)])
    func `PLAYBOOK_IMAGE_TAG_PATTERN replaces the default pattern`(
        _ pattern: String, _ tag: String, _ isGood: Bool?
    ) throws {
        let image = "\(Self.ecr)/shop/web:\(tag)"
        guard let isGood else {
            #expect(throws: SettingsError.self) {
                try breaks("image-tag", image, ["PLAYBOOK_IMAGE_TAG_PATTERN": pattern])
            }
            return
        }
        #expect(try breaks("image-tag", image, ["PLAYBOOK_IMAGE_TAG_PATTERN": pattern]) == !isGood)
    }

    @Test(arguments: [
        "1.4.2", "1.4.2-9f3c1ab", "v2.0.0-rc.1-g0a1b2c3d", "9f3c1ab-1.4.2-7", "main", "1.4.2-rc-7-abcdef0",
    ])
    func `the documented default of PLAYBOOK_IMAGE_TAG_PATTERN has the effect of the default`(_ tag: String) throws {
        let image = "\(Self.ecr)/shop/web:\(tag)"
        let written = try #require(Catalogue.playbook.settings.first { $0.name == "PLAYBOOK_IMAGE_TAG_PATTERN" })
            .defaultText
        #expect(try breaks("image-tag", image) == breaks("image-tag", image, ["PLAYBOOK_IMAGE_TAG_PATTERN": written]))
    }

    @Test func `matching a pattern takes bounded time`() throws {
        let pattern = String(repeating: "*a", count: 99)
        let tag = String(repeating: "a", count: 127) + "b"
        #expect(try breaks("image-tag", "\(Self.ecr)/web:\(tag)", ["PLAYBOOK_IMAGE_TAG_PATTERN": pattern]))
        let nested = String(repeating: "[*][{semver}][{number}]", count: 8)
        #expect(try breaks("image-tag", "\(Self.ecr)/web:\(tag)", ["PLAYBOOK_IMAGE_TAG_PATTERN": nested + "x"]))
        #expect(throws: SettingsError.self) {
            try Settings(environment: ["PLAYBOOK_IMAGE_TAG_PATTERN": String(repeating: "[*]", count: 1 << 18)])
        }
    }

    @Test(
        arguments: [
            ("PLAYBOOK_REGISTRIES", "quay", "at character 1, expected a registry"),
            ("PLAYBOOK_REGISTRIES", "quay.io, https://ghcr.io", "at character 10, expected a registry"),
            ("PLAYBOOK_REGISTRIES", "quay.io/Team", "at character 1, expected a registry"),
            ("PLAYBOOK_REGISTRIES", "ghcr.io/team/app:1.2.3", "at character 1, expected a registry"),
            ("PLAYBOOK_REGISTRIES", "ghcr.io/", "at character 1, expected a registry"),
            ("PLAYBOOK_OWN_REPOSITORIES", "a.example/x,library/nginx", "at character 13, expected a registry"),
            ("PLAYBOOK_PULL_THROUGH", "docker.io", "at character 1, expected an entry such as docker.io="),
            ("PLAYBOOK_PULL_THROUGH", "docker.io=hub", "at character 11, expected a registry"),
            ("PLAYBOOK_PULL_THROUGH", "quay.io=a.example/q, hub=a.example", "at character 22, expected a registry"),
            (
                "PLAYBOOK_PULL_THROUGH", "quay.io=a.example/q,quay.io=b.example/q",
                "at character 21, expected a registry that is not listed yet"
            ),
            (
                "PLAYBOOK_IMAGE_TAG_PATTERN", "v{version}",
                "at character 2, expected {semver}, {sha}, {number}, {arch} or {sep}"
            ),
            ("PLAYBOOK_IMAGE_TAG_PATTERN", "v[1", "at character 4, expected ']'"),
            ("PLAYBOOK_IMAGE_TAG_PATTERN", "v[1[2]]", "at character 4, expected ']'"),
            ("PLAYBOOK_IMAGE_TAG_PATTERN", "v1]", "at character 3, expected a letter"),
            ("PLAYBOOK_IMAGE_TAG_PATTERN", "^v(.+)$", "at character 1, expected a letter"),
            ("PLAYBOOK_IMAGE_TAG_PATTERN", "|a", "at character 1, expected a letter, a digit or a placeholder"),
        ] as [(String, String, String)])
    func `an error in a setting names the character`(_ name: String, _ text: String, _ place: String) {
        let error = #expect(throws: SettingsError.self) { try Settings(environment: [name: text]) }
        #expect(error?.description.contains(place) == true, "\(error?.description ?? "")")
    }

    @Test func `text after the first @ of an image is not quoted, because it may be part of a password`() throws {
        let image = "user:hun@ter2pass9Q@registry.example.com/shop/web:1.2.3"
        let object = World.deployment.merging([
            "spec": ["template": ["spec": ["containers": [["name": "app", "image": .string(image)]]]]]
        ])
        var world = World(object)
        world.rules = [try #require(Catalogue.playbook["image-registry"])]
        let decision = try world.decision()
        #expect(decision.warnings.joined().contains("digest"))
        #expect(!(decision.message + decision.warnings.joined()).contains("ter2pass9Q"))
    }
}
