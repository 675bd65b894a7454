import Evaluation
import JSON
import Kubernetes
import Languages

extension Rule {
    static let imageRegistry = Rule(
        id: "image-registry",
        title: "Images come from ECR",
        group: .containers,
        section: .containerization,
        rationale: """
            Pulls from ECR do not depend on Docker Hub's availability and rate limits, and ECR scans the images. Anyone can \
            publish on public.ecr.aws, so only AWS's images and Docker Official Images are allowed there; use a pull-through \
            cache for other registries.
            """,
        level: .warn,
        concern: .security,
        scope: .allContainers,
        clauses: [ImageRegistryClause.reference, ImageRegistryClause.registry],
        settings: [RuleSettings.registries, RuleSettings.pullThrough],
        fault: .image,
        fix: .changes(
            "With `PLAYBOOK_PULL_THROUGH`: replaces the registry with its cache; path, tag and digest are kept."
        ),
        examples: imageRegistryExamples,
        check: { (subject, context, findings) throws(CannotEvaluate) in
            let images = ImageSettings(context)
            for image in try subject.images() where !images.allows(image) {
                try findings.step()
                report(image.text, images, findings)
            }
        }
    )
}

extension RuleSettings {
    static let registries: RuleSetting<[RepositoryPrefix]> = RuleSetting(
        "PLAYBOOK_REGISTRIES",
        .parsedList("registries or paths in them") { (text) throws(Misplaced) in try RepositoryPrefix(parsing: text) },
        default: [],
        "Registries and paths that are allowed in addition to ECR: `quay.io`, `ghcr.io/team`, an alias of the public gallery (`public.ecr.aws/bitnami`). Docker Official Images are in `docker.io/library`."
    )

    static let pullThrough = RuleSetting(
        "PLAYBOOK_PULL_THROUGH",
        .parsed("REGISTRY=CACHE, separated by commas", written: { $0.text }) { (text) throws(Misplaced) in
            try PullThrough(parsing: text)
        }, default: PullThrough([]),
        "Registries and their pull-through caches in ECR: `docker.io=ACCOUNT.dkr.ecr.REGION.amazonaws.com/docker-hub`. Images of these registries must come from the cache; the fix renames them. The longest matching prefix is used."
    )
}

/// The clauses of `image-registry`.
enum ImageRegistryClause {
    static let reference = Clause(
        "reference",
        "each image reference, of a container or a volume (`volumes[].image.reference`), is valid")
    static let registry = Clause(
        "registry",
        "each image comes from one of `PLAYBOOK_REGISTRIES`; or from its cache, if `PLAYBOOK_PULL_THROUGH` has one; or else from ECR, a registry of EKS add-ons, or one of AWS's aliases or `docker/library/` on public.ecr.aws"
    )
}

private func report(_ image: Value, _ images: ImageSettings, _ findings: FindingCollector) {
    let (field, text) = (Field(image), image.text)
    let reference: ImageReference
    do throws(ImageReference.Malformed) {
        reference = try ImageReference(text)
    } catch {
        findings.add(ImageRegistryClause.reference, at: field, "is invalid: \(error)", choice: text) {
            $0.advice = "use the form REGISTRY/REPOSITORY:TAG"
        }
        return
    }
    let registry = reference.registry
    lazy var cached = images.pullThrough.rewritten(text)
    lazy var reason =
        cached != nil
        ? "; use its pull-through cache"
        : PublicGallery.refusal(of: reference).map { ", \($0)" } ?? "; use ECR or an allowed registry"
    findings.add(
        ImageRegistryClause.registry, at: field, "comes from \(registry)\(reason)",
        set: cached.map { .string($0) }, choice: reference.name
    ) {
        $0.isFixable = cached != nil
        if cached == nil { $0.advice = advice(reference, isBare: !text.contains { "/:@".contains($0) }, images) }
    }
}

/// Returns the suggested source of the image.
///
/// No cache is suggested for an image of the public gallery that is not allowed. A name alone is often that of an image which a
/// build pushes.
private func advice(_ reference: ImageReference, isBare: Bool, _ images: ImageSettings) -> String {
    guard let cache = reference.registry.cacheName, PublicGallery.refusal(of: reference) == nil else {
        return "copy it to your ECR registry, and use the copy"
    }
    let host = images.host ?? "ACCOUNT.dkr.ecr.REGION.amazonaws.com"
    let copy =
        "use a copy in ECR, for example a pull-through cache: \(host)/\(cache)/\(reference.repository)\(reference.suffix)"
    return isBare ? "if you build this image, use its full name in ECR; if not, \(copy)" : copy
}

extension String {
    /// The name of the registry's cache in AWS's examples; nil for a registry that ECR does not cache (Amazon ECR User Guide,
    /// "Sync an upstream registry").
    fileprivate var cacheName: String? {
        switch self {
        case "docker.io": "docker-hub"
        case "ghcr.io": "github"
        case "quay.io": "quay"
        case "registry.k8s.io": "kubernetes"
        case "registry.gitlab.com": "gitlab"
        case "cgr.dev": "chainguard"
        case "public.ecr.aws", "ecr-public.aws.com": "ecr-public"
        default: hasSuffix(".azurecr.io") ? "azure" : nil
        }
    }
}
