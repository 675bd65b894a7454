import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let imageTag = Rule(
        id: "image-tag",
        title: "Images are named by a version that does not change",
        group: .containers,
        section: .containerization,
        rationale: """
            A tag that moves runs other code tomorrow than today, and other code on one node than on the next. A version and a commit \
            say what runs, and one artifact goes through all environments.
            """,
        level: .deny,
        concern: .security,
        scope: .allContainers,
        clauses: [untagged, latest, own, foreign, partial],
        settings: [RuleSettings.ownRepositories, RuleSettings.pullThrough, RuleSettings.tagPattern],
        fault: .image,
        examples: cases,
        check: { (subject, context, findings) throws(CannotJudge) in
            let images = ImageSettings(context)
            for image in try subject.images() {
                try findings.step()
                guard let clause = fault(of: image, images) else { continue }
                // Who looks into a Pod in an incident takes the image that is at hand.
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
        "Where the images are that are built here, whose tags name a version and a commit; unset: ECR holds such images and copies of others, and a full version is enough there."
    )

    static let tagPattern = RuleSetting(
        "PLAYBOOK_IMAGE_TAG_PATTERN",
        .parsed("pattern", written: { $0.text }) { (text) throws(Misplaced) in try TagPattern(parsing: text) },
        default: TagPattern.standard,
        "What the tags of images that are built here look like. `{semver}` is 1.4.2 or 1.4.2-rc.1, `{sha}` 7 to 40 hex digits, `{number}` digits, `{arch}` a processor architecture, `{sep}` one of `-_.`, `*` any text, `?` any character, `[…]` may be left out, `|` stands between alternatives. `latest` is refused whatever it says."
    )
}

private let untagged = Clause("untagged", "each image, of a container or a volume, has a tag or a digest")
private let latest = Clause("latest", "no tag is `latest`")
private let own = Clause(
    "own",
    "the tag of an image that is built here has a version and a commit (`1.4.2-9f3c1ab`, `1.4.2-118-9f3c1ab`, `9f3c1ab-1.4.2`), or is as `PLAYBOOK_IMAGE_TAG_PATTERN` has it; in ECR a full version is enough where `PLAYBOOK_OWN_REPOSITORIES` is unset, since it may be a copy"
)
private let foreign = Clause(
    "foreign", "the tag of any other image is a full version (`7.2.4`, `7.2.4-alpine`) or has a date (`noble-20241118`)"
)
private let partial = Clause(
    "partial", "a version of two numbers (`17.2`) is a hint: its publisher may move it, and a digest does not move")

private func fault(of image: ContainerImage, _ images: ImageSettings) -> Clause? {
    // What is no reference at all is told by `image-registry`.
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

/// The repository.
///
/// Through its cache it is the same image: who goes there as told is not asked for more than before.
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
    case partial: "has the tag \"\(tag)\", which its publisher may move"
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
    case own: return "use a tag like \(images.tagPattern.text), or the digest (crane digest \(text))"
    default: break
    }
    let name = text.prefix(text.count - ((try? ImageReference(text))?.suffix.count ?? 0))
    return "use a full version of \(name), or its digest (crane digest \(text))"
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
    .good("a release candidate, as git describes it", app("\(ecr)/shop/web:v2.0.0-rc.1-g0a1b2c3d")),
    .good("the commits since the version between them", app("\(ecr)/shop/web:1.4.2-118-9f3c1ab")),
    .good("the commit first", app("\(ecr)/shop/web:9f3c1ab-1.4.2"), settings: ours),
    .good("Helm's underscore for a plus", app("\(ecr)/shop/web:1.4.2_9f3c1ab"), settings: ours),
    .good("dots alone", app("\(ecr)/shop/web:1.4.2.9f3c1ab"), settings: ours),
    .good("a commit that says what it is", app("\(ecr)/shop/web:1.4.2-sha-9f3c1ab"), settings: ours),
    .good("an architecture behind it", app("\(ecr)/shop/web:v1.4.2-9f3c1ab-arm64"), settings: ours),
    .good("the commit first, and an architecture", app("\(ecr)/shop/web:sha-9f3c1ab_1.4.2_x86_64"), settings: ours),
    .good("a digest", app("\(ecr)/shop/web@\(digest)")),
    .good("a digest says it, whatever the tag", app("\(ecr)/shop/web:main@\(digest)")),
    .good("a volume of a version and a commit", volume("\(ecr)/shop/models:1.4.2-9f3c1ab")),
    .good("a full version of somebody else's", app("redis:7.2.4"), settings: elsewhere),
    .good("a full version and what it is built on", app("redis:7.2.4-alpine"), settings: elsewhere),
    .good(
        "an add-on of EKS", app("602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/coredns:v1.11.3-eksbuild.1")),
    .good(
        "what a cache holds is somebody else's", app("\(ecr)/docker-hub/library/redis:7.2.4"),
        settings: ["PLAYBOOK_PULL_THROUGH": "docker.io=\(ecr)/docker-hub"]),
    .good(
        "a pattern of one's own", app("\(ecr)/shop/web:release-118"),
        settings: ["PLAYBOOK_IMAGE_TAG_PATTERN": "release-{number}"]),
    bad("no tag", untagged, "\(ecr)/shop/web"),
    bad("a port is no tag", untagged, "localhost:5000/web", settings: elsewhere),
    bad("latest", latest, "\(ecr)/shop/web:latest"),
    bad(
        "latest, whatever the pattern", latest, "\(ecr)/shop/web:latest", settings: ["PLAYBOOK_IMAGE_TAG_PATTERN": "*"]),
    bad("a branch", own, "\(ecr)/shop/web:main"),
    bad("an environment", own, "\(ecr)/shop/web:prod"),
    bad("an environment beside version and commit", own, "\(ecr)/shop/web:1.4.2-prod-9f3c1ab"),
    bad("a version without a commit", own, "\(ecr)/shop/web:1.4.2", settings: ours),
    .good("a version without a commit, which may be a copy of somebody else's", app("\(ecr)/nginx:1.27.3-alpine")),
    .good("a copy of what is named by its date", app("\(ecr)/ubuntu:noble-20241118.1")),
    bad("half a version of a copy", partial, "\(ecr)/postgres:17.2", isHint: true),
    bad("a version for an environment", own, "\(ecr)/shop/web:1.4.2-prod"),
    bad("a branch's date", own, "\(ecr)/shop/web:main-20241118"),
    bad("a commit without a version", own, "\(ecr)/shop/web:9f3c1ab"),
    bad("six digits are no commit", own, "\(ecr)/shop/web:1.4.2-9f3c1a", settings: ours),
    bad(
        "forty-one digits are none either", own, "\(ecr)/shop/web:1.4.2-9f3c1ab9f3c1ab9f3c1ab9f3c1ab9f3c1ab9f3c1a",
        settings: ours),
    bad("half a version", partial, "redis:7.2", settings: elsewhere, isHint: true),
    bad(
        "half a version and what it is built on", partial, "postgres:17.2-alpine3.20", settings: elsewhere, isHint: true
    ),
    bad("one number", foreign, "postgres:17", settings: elsewhere),
    bad("one number and what it is built on", foreign, "postgres:17-alpine3.20", settings: elsewhere),
    bad("a word", foreign, "redis:alpine", settings: elsewhere),
    bad("a month is no date", foreign, "redis:2024-11", settings: elsewhere),
    .good("a date", app("docker.io/example/clock:2024-11-18"), settings: elsewhere),
    .good(
        "a release by its date and time", app("quay.io/minio/minio:RELEASE.2024-11-07T00-52-20Z"), settings: elsewhere),
    .good("a nightly build of one night", app("docker.io/example/clock:nightly-20241118"), settings: elsewhere),
    bad("a version that moves on", foreign, "redis:7.2.4-nightly", settings: elsewhere),
    bad(
        "an image of somebody else's, where one's own are named", foreign, "\(ecr)/mirror/redis:7", settings: ours),
    bad(
        "a tag beside the pattern of one's own", own, "\(ecr)/shop/web:1.4.2-9f3c1ab",
        settings: ["PLAYBOOK_IMAGE_TAG_PATTERN": "release-{number}", "PLAYBOOK_OWN_REPOSITORIES": "\(ecr)/shop"]),
    bad("another image without a version", latest, "\(ecr)/shop/miner:latest", before: "\(ecr)/shop/web:latest"),
    .bad(
        "an init container", own, at: "initContainers[migrate].image",
        "initContainers: [{name: migrate, image: '\(ecr)/shop/web:staging'}]"),
    .bad(
        "a sidecar", untagged, at: "initContainers[proxy].image",
        "initContainers: [{name: proxy, restartPolicy: Always, image: \(ecr)/shop/proxy}]"),
    .bad("a volume's image", latest, at: "volumes[models].image.reference", volume("\(ecr)/shop/models:latest")),
    .bad(
        "another image of a volume", latest, at: "volumes[models].image.reference",
        volume("\(ecr)/shop/models:latest"), before: volume("\(ecr)/shop/other:latest")),
    .bad(
        "an ephemeral container", latest, at: "ephemeralContainers[debugger].image",
        "ephemeralContainers: [{name: debugger, image: '\(ecr)/tools/shell:latest'}]", request: .debug, isHint: true),
]
