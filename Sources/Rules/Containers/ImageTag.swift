import Evaluation
import JSON
import Kubernetes
import Languages

extension Rule {
    static let imageTag = Rule(
        id: "image-tag",
        title: "Images have a full version tag or a digest",
        group: .containers,
        section: .containerization,
        rationale: """
            A mutable tag can run different code after a restart or on another node, without a rollout. A version and a commit \
            identify the code, and the same image goes through all environments.
            """,
        level: .deny,
        concern: .security,
        scope: .allContainers,
        clauses: [untagged, latest, own, foreign, partial],
        settings: [RuleSettings.ownRepositories, RuleSettings.pullThrough, RuleSettings.tagPattern],
        fault: .image,
        examples: cases,
        check: { (subject, context, findings) throws(CannotEvaluate) in
            let images = ImageSettings(context)
            for image in try subject.images() {
                try findings.step()
                guard let clause = fault(of: image, images) else { continue }
                // In an incident, an ephemeral container uses the image at hand.
                let isHint = clause == partial || image.isEphemeral
                findings.add(
                    clause, at: Field(image.text), message(clause, image, images), choice: choice(image, images),
                    traits: .init(isHint: isHint)
                ) { $0.advice = advice(clause, image, images) }
            }
        }
    )
}

extension RuleSettings {
    static let ownRepositories: RuleSetting<[RepositoryPrefix]> = RuleSetting(
        "PLAYBOOK_OWN_REPOSITORIES",
        .parsedList("registries or paths in them") { (text) throws(Misplaced) in try RepositoryPrefix(parsing: text) },
        default: [],
        "Repositories of images that are built here, whose tags need a version and a commit; unset: an image in ECR can be a copy, and a full version is enough."
    )

    static let tagPattern = RuleSetting(
        "PLAYBOOK_IMAGE_TAG_PATTERN",
        .parsed("pattern", written: { $0.text }) { (text) throws(Misplaced) in try TagPattern(parsing: text) },
        default: TagPattern.standard,
        "Pattern for the tags of images that are built here. `{semver}` matches 1.4.2 or 1.4.2-rc.1, `{sha}` 7 to 40 hex digits, `{number}` digits, `{arch}` a processor architecture, `{sep}` one of `-_.`, `*` any text, `?` any character; `[…]` is optional, `|` separates alternatives. The tag `latest` is never allowed."
    )
}

private let untagged = Clause("untagged", "each image of a container or a volume has a tag or a digest")
private let latest = Clause("latest", "no image has the tag `latest`")
private let own = Clause(
    "own",
    "the tag of an image that is built here matches `PLAYBOOK_IMAGE_TAG_PATTERN`, by default a version and a commit (`1.4.2-9f3c1ab`, `1.4.2-118-9f3c1ab`, `9f3c1ab-1.4.2`); in ECR a full version is enough if `PLAYBOOK_OWN_REPOSITORIES` is unset, because the image can be a copy"
)
private let foreign = Clause(
    "foreign",
    "the tag of any other image is a full version (`7.2.4`, `7.2.4-alpine`) or contains a date (`noble-20241118`)"
)
private let partial = Clause(
    "partial",
    "a version has three numbers: a tag such as `17.2` gives a hint, because its publisher can move it; a digest cannot be moved"
)

private func fault(of image: ContainerImage, _ images: ImageSettings) -> Clause? {
    // Invalid references are reported by `image-registry`.
    guard let parts = image.parts, parts.digest == nil else { return nil }
    guard let range = parts.tag else { return untagged }
    return image.text.withContents { text in
        if text.isSame("latest", in: range) { return latest }
        let tag = text.extracting(range)
        let origin = images.origin(of: image)
        if origin != .foreign, images.tagPattern.matches(tag) { return nil }
        if origin == .own { return own }
        return switch tag.version(isMirror: origin == .ownOrMirror) {
        case .full: nil
        case .partial: partial
        case .none: origin == .foreign ? foreign : own
        }
    }
}

/// Returns the image's repository in its upstream registry.
///
/// An image and its copy in a cache are the same, so that moving to the cache is not a new violation.
private func choice(_ image: ContainerImage, _ images: ImageSettings) -> String? {
    (try? ImageReference(image.text.text)).map { images.pullThrough.origin(of: $0.name) }
}

private func message(_ clause: Clause, _ image: ContainerImage, _ images: ImageSettings) -> String {
    let tag = (try? ImageReference(image.text.text))?.tag ?? ""
    return switch clause {
    case untagged: "has no tag (defaults to \"latest\")"
    case latest: "uses the mutable tag \"latest\""
    case own where images.tagPattern == .standard: "has the tag \"\(tag)\", which is not a version with a commit"
    case own: "has the tag \"\(tag)\", which does not match PLAYBOOK_IMAGE_TAG_PATTERN"
    case partial: "has the tag \"\(tag)\", which usually moves to each patch release"
    default: "has the tag \"\(tag)\", which is not a full version"
    }
}

private func advice(_ clause: Clause, _ image: ContainerImage, _ images: ImageSettings) -> String {
    let text = image.text.text
    switch clause {
    case partial: return "pin it to its digest: \(text)@$(crane digest \(text))"
    case untagged, latest: break
    case own where images.tagPattern == .standard:
        return "tag it with its version and commit (VERSION-COMMIT), or use its digest (crane digest \(text))"
    case own: return "use a tag that matches \(images.tagPattern.text), or the digest (crane digest \(text))"
    default: break
    }
    let name = text.prefix(text.count - ((try? ImageReference(text))?.suffix.count ?? 0))
    let version = "use a full version of \(name), or its digest (crane digest \(text))"
    // A name alone is often that of an image which a build pushes.
    return name == text && !text.contains("/")
        ? "\(version); if you build this image, tag it with its version and commit" : version
}

private let ecr = "222222222222.dkr.ecr.eu-west-1.amazonaws.com"
private let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

private func app(_ image: String) -> String { "containers: [{name: app, image: '\(image)'}]" }

private func volume(_ image: String) -> String { "volumes: [{name: models, image: {reference: '\(image)'}}]" }

private let elsewhere = ["PLAYBOOK_REGISTRIES": "docker.io,quay.io,localhost:5000"]
private let ours = ["PLAYBOOK_OWN_REPOSITORIES": "\(ecr)/shop"]

private func bad(
    _ name: String, _ clause: Clause, _ image: String, before: String? = nil, settings: [String: String] = [:],
    isHint: Bool = false
) -> Example {
    .bad(
        name, clause, at: "containers[app].image", app(image), before: before.map(app), settings: settings,
        isHint: isHint)
}

private let cases: [Example] = [
    .good("a version and a commit", app("\(ecr)/shop/web:1.4.2-9f3c1ab")),
    .good("a release candidate in the format of git describe", app("\(ecr)/shop/web:v2.0.0-rc.1-g0a1b2c3d")),
    .good("a commit count between version and commit", app("\(ecr)/shop/web:1.4.2-118-9f3c1ab")),
    .good("a commit before the version", app("\(ecr)/shop/web:9f3c1ab-1.4.2"), settings: ours),
    .good("an underscore as the separator", app("\(ecr)/shop/web:1.4.2_9f3c1ab"), settings: ours),
    .good("dots as the separators", app("\(ecr)/shop/web:1.4.2.9f3c1ab"), settings: ours),
    .good("underscores around the commit count", app("\(ecr)/shop/web:1.4.2_118_9f3c1ab"), settings: ours),
    .good("dots around the commit count", app("\(ecr)/shop/web:1.4.2.118.9f3c1ab"), settings: ours),
    .good("a dot and a hyphen around the commit count", app("\(ecr)/shop/web:1.4.2.118-9f3c1ab"), settings: ours),
    .good("a commit count after the commit", app("\(ecr)/shop/web:9f3c1ab-118-1.4.2"), settings: ours),
    .good("a commit with a prefix", app("\(ecr)/shop/web:1.4.2-sha-9f3c1ab"), settings: ours),
    .good("an architecture suffix", app("\(ecr)/shop/web:v1.4.2-9f3c1ab-arm64"), settings: ours),
    .good(
        "a commit before the version, and an architecture suffix", app("\(ecr)/shop/web:sha-9f3c1ab_1.4.2_x86_64"),
        settings: ours),
    .good("a digest", app("\(ecr)/shop/web@\(digest)")),
    .good("a branch and a digest", app("\(ecr)/shop/web:main@\(digest)")),
    .good("an image volume with a version and a commit", volume("\(ecr)/shop/models:1.4.2-9f3c1ab")),
    .good("a full version of a third-party image", app("redis:7.2.4"), settings: elsewhere),
    .good("a full version and a variant of a third-party image", app("redis:7.2.4-alpine"), settings: elsewhere),
    .good(
        "an EKS add-on", app("602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/coredns:v1.11.3-eksbuild.1")),
    .good(
        "a full version of an image from a pull-through cache", app("\(ecr)/docker-hub/library/redis:7.2.4"),
        settings: ["PLAYBOOK_PULL_THROUGH": "docker.io=\(ecr)/docker-hub"]),
    .good(
        "a tag that matches a custom pattern", app("\(ecr)/shop/web:release-118"),
        settings: ["PLAYBOOK_IMAGE_TAG_PATTERN": "release-{number}"]),
    bad("no tag", untagged, "\(ecr)/shop/web"),
    bad("a registry port without a tag", untagged, "localhost:5000/web", settings: elsewhere),
    bad("latest", latest, "\(ecr)/shop/web:latest"),
    bad(
        "latest, with a pattern that matches every tag", latest, "\(ecr)/shop/web:latest",
        settings: ["PLAYBOOK_IMAGE_TAG_PATTERN": "*"]),
    bad("a branch", own, "\(ecr)/shop/web:main"),
    bad("an environment", own, "\(ecr)/shop/web:prod"),
    bad("an environment between version and commit", own, "\(ecr)/shop/web:1.4.2-prod-9f3c1ab"),
    bad(
        "an environment in upper case between version and commit", own, "\(ecr)/shop/web:1.4.2-PROD-9f3c1ab",
        settings: ours),
    bad("a snapshot with a commit", own, "\(ecr)/shop/web:1.4.2-SNAPSHOT-9f3c1ab", settings: ours),
    bad("two numbers between version and commit", own, "\(ecr)/shop/web:1.4.2.118.7.9f3c1ab", settings: ours),
    bad("a version without a commit", own, "\(ecr)/shop/web:1.4.2", settings: ours),
    .good("a version without a commit of an image in ECR, which can be a copy", app("\(ecr)/nginx:1.27.3-alpine")),
    .good("a date of an image in ECR, which can be a copy", app("\(ecr)/ubuntu:noble-20241118.1")),
    bad("a partial version of an image in ECR", partial, "\(ecr)/postgres:17.2", isHint: true),
    bad("a version and an environment", own, "\(ecr)/shop/web:1.4.2-prod"),
    bad("a version and an environment in upper case", own, "\(ecr)/shop/web:1.4.2-PROD"),
    bad("a version and an environment with a capital", own, "\(ecr)/shop/web:1.4.2-Staging"),
    bad("a version and Latest", own, "\(ecr)/shop/web:1.4.2-Latest"),
    bad("a branch and a date", own, "\(ecr)/shop/web:main-20241118"),
    bad("a commit without a version", own, "\(ecr)/shop/web:9f3c1ab"),
    bad("a commit of 6 digits", own, "\(ecr)/shop/web:1.4.2-9f3c1a", settings: ours),
    bad(
        "a commit of 41 digits", own, "\(ecr)/shop/web:1.4.2-9f3c1ab9f3c1ab9f3c1ab9f3c1ab9f3c1ab9f3c1a",
        settings: ours),
    bad("a partial version", partial, "redis:7.2", settings: elsewhere, isHint: true),
    bad(
        "a partial version and a variant", partial, "postgres:17.2-alpine3.20", settings: elsewhere, isHint: true
    ),
    bad("a major version", foreign, "postgres:17", settings: elsewhere),
    bad("a major version and a variant", foreign, "postgres:17-alpine3.20", settings: elsewhere),
    bad("a variant without a version", foreign, "redis:alpine", settings: elsewhere),
    bad("a month without a day", foreign, "redis:2024-11", settings: elsewhere),
    .good("a date", app("docker.io/example/clock:2024-11-18"), settings: elsewhere),
    .good(
        "a release date and time", app("quay.io/minio/minio:RELEASE.2024-11-07T00-52-20Z"), settings: elsewhere),
    .good("a nightly build with a date", app("docker.io/example/clock:nightly-20241118"), settings: elsewhere),
    bad("a nightly build of a version", foreign, "redis:7.2.4-nightly", settings: elsewhere),
    bad("a snapshot of a version", foreign, "redis:7.2.4-SNAPSHOT", settings: elsewhere),
    bad(
        "a third-party image, with PLAYBOOK_OWN_REPOSITORIES set", foreign, "\(ecr)/mirror/redis:7", settings: ours),
    bad(
        "a tag that does not match a custom pattern", own, "\(ecr)/shop/web:1.4.2-9f3c1ab",
        settings: ["PLAYBOOK_IMAGE_TAG_PATTERN": "release-{number}", "PLAYBOOK_OWN_REPOSITORIES": "\(ecr)/shop"]),
    bad("a changed image with latest", latest, "\(ecr)/shop/miner:latest", before: "\(ecr)/shop/web:latest"),
    .bad(
        "an init container", own, at: "initContainers[migrate].image",
        "initContainers: [{name: migrate, image: '\(ecr)/shop/web:staging'}]"),
    .bad(
        "a sidecar", untagged, at: "initContainers[proxy].image",
        "initContainers: [{name: proxy, restartPolicy: Always, image: \(ecr)/shop/proxy}]"),
    .bad(
        "an image volume with latest", latest, at: "volumes[models].image.reference",
        volume("\(ecr)/shop/models:latest")),
    .bad(
        "a changed image volume with latest", latest, at: "volumes[models].image.reference",
        volume("\(ecr)/shop/models:latest"), before: volume("\(ecr)/shop/other:latest")),
    .bad(
        "an ephemeral container", latest, at: "ephemeralContainers[debugger].image",
        "ephemeralContainers: [{name: debugger, image: '\(ecr)/tools/shell:latest'}]", request: .debug, isHint: true),
]
